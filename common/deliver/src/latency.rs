//! How long rows were under way: histograms over one batch and over the run.
//!
//! A source notes when each block of bytes went out; a block counts with its bytes, from then to its batch's delivery.

use hdrhistogram::Histogram;
use st_monitor::Latency;

/// Digits that are exact.
const DIGITS: u8 = 3;

/// The delays of the open batch and of the run.
pub struct Delays {
    batch: Option<Histogram<u64>>,
    run: Option<Histogram<u64>>,
}

impl Delays {
    /// None yet.
    pub fn new() -> Delays {
        // They grow as needed; three digits are within what the crate takes.
        let new = || Histogram::new(DIGITS).ok();
        Delays {
            batch: new(),
            run: new(),
        }
    }

    /// A batch begins.
    pub fn begin(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.reset();
        }
    }

    /// A block of so many bytes took so many microseconds.
    pub fn note(&mut self, micros: i64, bytes: u64) {
        // A delay of less than nothing is a clock that was set back.
        let micros = u64::try_from(micros).unwrap_or(0);
        for histogram in [&mut self.batch, &mut self.run].into_iter().flatten() {
            // A histogram that cannot grow any more leaves a delay out; it is for people.
            let _ = histogram.record_n(micros, bytes);
        }
    }

    /// Over the batch; none without rows.
    pub fn batch(&self) -> Option<Latency> {
        percentiles(self.batch.as_ref()?)
    }

    /// Over the run; none without rows.
    pub fn run(&self) -> Option<Latency> {
        percentiles(self.run.as_ref()?)
    }
}

impl Default for Delays {
    fn default() -> Delays {
        Delays::new()
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Option<Latency> {
    let millis = |micros: u64| micros as f64 / 1000.0;
    (!histogram.is_empty()).then(|| Latency {
        p50: millis(histogram.value_at_quantile(0.50)),
        p95: millis(histogram.value_at_quantile(0.95)),
        p99: millis(histogram.value_at_quantile(0.99)),
        max: millis(histogram.max()),
    })
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
        // Of a hundred bytes 90 took 10 ms, the next nine 50 ms, the last one 100 ms; three digits are exact.
        assert!((batch.p50 - 10.0).abs() < 0.05, "{batch:?}");
        assert!((batch.p95 - 50.0).abs() < 0.1, "{batch:?}");
        assert!((batch.p99 - 50.0).abs() < 0.1, "{batch:?}");
        assert!((batch.max - 100.0).abs() < 0.1, "{batch:?}");
        delays.begin();
        assert_eq!(delays.batch(), None);
        assert_eq!(delays.run(), Some(batch));
    }
}
