//! The order of the queries.

use std::cmp::Ordering;

use clap::ValueEnum;
use st_monitor::Status;

use crate::figures::{Seen, lag, state};

/// By what: the one started first, by name, the fastest, the slowest by its 99th percentile, the one furthest behind, the one
/// with most state, the failed ones; each comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    Started,
    Name,
    Rate,
    Latency,
    Lag,
    State,
    Status,
}

const ALL: [Order; 7] = [
    Order::Started,
    Order::Name,
    Order::Rate,
    Order::Latency,
    Order::Lag,
    Order::State,
    Order::Status,
];

impl Order {
    /// The order `steps` further on, round and round.
    pub fn step(self, steps: isize) -> Order {
        let place = ALL.iter().position(|order| *order == self).unwrap_or(0);
        let next = (place as isize + steps).rem_euclid(ALL.len() as isize);
        ALL[next as usize]
    }

    /// Its word, as `--sort` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Order::Started => "started",
            Order::Name => "name",
            Order::Rate => "rate",
            Order::Latency => "latency",
            Order::Lag => "lag",
            Order::State => "state",
            Order::Status => "status",
        }
    }

    /// Puts queries that are ordered by their start into this order; equal ones stay as they are.
    pub fn sort(self, seen: &mut [Seen], reversed: bool) {
        seen.sort_by(|a, b| {
            let order = self.compare(a, b);
            if reversed { order.reverse() } else { order }
        });
    }

    fn compare(self, a: &Seen, b: &Seen) -> Ordering {
        let greatest = |of: fn(&Seen) -> f64| of(b).total_cmp(&of(a));
        match self {
            Order::Started => (&a.query.started, &a.query.id).cmp(&(&b.query.started, &b.query.id)),
            Order::Name => a.name().cmp(&b.name()),
            Order::Rate => greatest(|seen| {
                let rate = seen.last().and_then(|last| last.processed_rows_per_second);
                rate.unwrap_or(-1.0)
            }),
            Order::Latency => greatest(|seen| {
                let latency = seen.last().and_then(|last| last.st.latency_ms);
                latency.map_or(-1.0, |latency| latency.p99)
            }),
            // A watermark may be ahead of the clock; none at all comes last.
            Order::Lag => greatest(|seen| seen.last().and_then(lag).unwrap_or(f64::NEG_INFINITY)),
            Order::State => greatest(|seen| {
                let state = seen.last().and_then(state);
                state.map_or(-1.0, |(_, bytes)| bytes as f64)
            }),
            Order::Status => rank(&a.query.status).cmp(&rank(&b.query.status)),
        }
    }
}

fn rank(status: &Status) -> u8 {
    match status {
        Status::Failed(_) | Status::Unreadable(_) => 0,
        Status::Processing(_) => 1,
        Status::Waiting | Status::Trigger => 2,
        Status::Stopped | Status::Sinkless => 3,
    }
}
