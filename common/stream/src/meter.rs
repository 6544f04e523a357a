//! Where a stage's time goes: from one barrier to the next, waiting taken off.

use std::time::{Duration, Instant};

use crate::marker::Times;

/// Runs from barrier to barrier.
pub(crate) struct Meter {
    since: Instant,
}

impl Meter {
    pub(crate) fn start() -> Meter {
        Meter {
            since: Instant::now(),
        }
    }

    /// A barrier: the time since the one before, of which so long was spent waiting for input and for output, and so long on
    /// closing the batch.
    pub(crate) fn lap(
        &mut self,
        wait_in: Duration,
        wait_out: Duration,
        barrier: Duration,
    ) -> Times {
        let now = Instant::now();
        let all = now - self.since;
        self.since = now;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Times {
            busy: micros(all.saturating_sub(wait_in).saturating_sub(wait_out)),
            wait_in: micros(wait_in),
            wait_out: micros(wait_out),
            barrier: micros(barrier),
        }
    }
}
