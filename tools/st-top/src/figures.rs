//! A query as it is shown: the figures of its reports.

use std::rc::Rc;

use st_monitor::{Progress, Query};
use st_time::{Zone, parse_timestamp};

use crate::load::Load;

/// A query at a look.
pub struct Seen {
    /// The query.
    pub query: Query,
    /// For each of its sinks the reports kept, oldest first.
    pub histories: Vec<Rc<[Progress]>>,
}

impl Seen {
    /// Its name, else what it reads.
    pub fn name(&self) -> String {
        self.query.title()
    }

    /// The sink that is furthest behind.
    pub fn slowest(&self) -> usize {
        let last = self.query.last_progress();
        let sinks = self.query.sinks.iter();
        sinks
            .map(|sink| sink.last.as_ref())
            .position(|of| match (of, last) {
                (Some(of), Some(last)) => std::ptr::eq(of, last),
                _ => false,
            })
            .unwrap_or(0)
    }

    /// The reports of that sink.
    pub fn reports(&self) -> &[Progress] {
        self.histories
            .get(self.slowest())
            .map_or(&[], |reports| reports)
    }

    /// Its last report.
    pub fn last(&self) -> Option<&Progress> {
        self.reports().last()
    }

    /// Who waits for whom there.
    pub fn load(&self) -> Load {
        Load::over(self.reports())
    }
}

/// How many seconds the watermark was behind the clock when the batch began.
pub fn lag(report: &Progress) -> Option<f64> {
    let micros = |text: &str| parse_timestamp(text.as_bytes(), Zone::UTC);
    let mark = micros(report.st.watermark.as_deref()?)?;
    Some((micros(&report.timestamp)? - mark) as f64 / 1e6)
}

/// Keys held by all stateful operators, and bytes; none if there is no such operator.
pub fn state(report: &Progress) -> Option<(u64, u64)> {
    report.state_operators.iter().fold(None, |sum, operator| {
        let (rows, bytes) = sum.unwrap_or((0u64, 0u64));
        Some((
            rows.saturating_add(operator.num_rows_total),
            bytes.saturating_add(operator.memory_used_bytes),
        ))
    })
}
