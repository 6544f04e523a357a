//! How long rows were under way: over one batch, and in a histogram over the run.
//!
//! A source notes when each block of bytes went out; a block counts with its bytes, from then to its batch's delivery. A batch
//! has few blocks, so that its percentiles are taken from themselves: a histogram costs as much for three delays as for millions.

use hdrhistogram::Histogram;
use st_monitor::Latency;

/// Digits that are exact over the run. A third one makes looking for percentiles eight times as long, in every batch.
const DIGITS: u8 = 2;

/// The delays of the open batch and of the run.
pub struct Delays {
    /// Microseconds, and bytes.
    batch: Vec<(u64, u64)>,
    run: Option<Histogram<u64>>,
}

impl Delays {
    /// None yet.
    pub fn new() -> Delays {
        Delays {
            batch: Vec::new(),
            // It grows as needed; two digits are within what the crate takes.
            run: Histogram::new(DIGITS).ok(),
        }
    }

    /// A batch begins.
    pub fn begin(&mut self) {
        self.batch.clear();
    }

    /// A block of so many bytes took so many microseconds.
    pub fn note(&mut self, micros: i64, bytes: u64) {
        // A delay of less than nothing is a clock that was set back.
        let micros = u64::try_from(micros).unwrap_or(0);
        self.batch.push((micros, bytes));
        if let Some(run) = &mut self.run {
            // A histogram that cannot grow any more leaves a delay out; it is for people.
            let _ = run.record_n(micros, bytes);
        }
    }

    /// Over the batch; none without rows.
    pub fn batch(&mut self) -> Option<Latency> {
        self.batch.sort_unstable();
        let blocks = &self.batch;
        let all: u64 = blocks.iter().map(|(_, bytes)| bytes).sum();
        let within = |share: f64| {
            let wanted = (all as f64 * share).ceil() as u64;
            let mut seen = 0;
            let mut found = blocks.iter().skip_while(|(_, bytes)| {
                seen += bytes;
                seen < wanted
            });
            found.next().map_or(0, |(micros, _)| *micros)
        };
        (all > 0).then(|| latency(within))
    }

    /// Over the run; none without rows.
    pub fn run(&self) -> Option<Latency> {
        let run = self.run.as_ref().filter(|run| !run.is_empty())?;
        Some(latency(|share| run.value_at_quantile(share)))
    }
}

/// `within`: how many microseconds this share of the bytes took at most.
fn latency(within: impl Fn(f64) -> u64) -> Latency {
    let millis = |share: f64| within(share) as f64 / 1000.0;
    Latency {
        p50: millis(0.50),
        p95: millis(0.95),
        p99: millis(0.99),
        max: millis(1.0),
    }
}

impl Default for Delays {
    fn default() -> Delays {
        Delays::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blocks_count_with_their_bytes() {
        let mut delays = Delays::new();
        assert_eq!(delays.batch(), None);
        delays.note(10_000, 90);
        delays.note(50_000, 9);
        delays.note(100_000, 1);
        let batch = delays.batch().unwrap();
        // Of a hundred bytes 90 took 10 ms, the next nine 50 ms, the last one 100 ms.
        let wanted = Latency {
            p50: 10.0,
            p95: 50.0,
            p99: 50.0,
            max: 100.0,
        };
        assert_eq!(batch, wanted);
        delays.begin();
        assert_eq!(delays.batch(), None);
        // Over the run two digits are exact.
        let run = delays.run().unwrap();
        for (told, exact) in [
            (run.p50, 10.0),
            (run.p95, 50.0),
            (run.p99, 50.0),
            (run.max, 100.0),
        ] {
            assert!((told / exact - 1.0).abs() < 0.01, "{run:?}");
        }
    }
}
