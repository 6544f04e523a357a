//! When a batch is cut by the clock: at whole multiples of the interval since 1970, as Spark's `ProcessingTimeExecutor` does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// A processing-time trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    micros: i64,
}

impl Trigger {
    /// A trigger every `interval` (Spark's text or the short form). Must be positive.
    pub fn parse(text: &str) -> Result<Trigger> {
        let micros = crate::cli::duration(text)?.as_micros() as i64;
        if micros <= 0 {
            bail!("a trigger must be longer than nothing, such as '10 seconds'");
        }
        Ok(Trigger { micros })
    }

    /// The trigger's length.
    pub fn interval(&self) -> Duration {
        Duration::from_micros(self.micros as u64)
    }

    /// The next moment after now at which a batch is cut.
    pub fn next(&self) -> Instant {
        Instant::now() + self.until_next(crate::clock::now())
    }

    /// How long after `now` (microseconds since 1970) the next batch is cut.
    fn until_next(&self, now: i64) -> Duration {
        let next = now.div_euclid(self.micros) * self.micros + self.micros;
        Duration::from_micros((next - now) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_aligned_to_the_epoch() {
        let trigger = Trigger { micros: 10_000_000 };
        assert_eq!(trigger.until_next(1_000_000_000), Duration::from_secs(10));
        assert_eq!(
            trigger.until_next(1_003_500_000),
            Duration::from_millis(6500)
        );
        assert_eq!(trigger.until_next(-1), Duration::from_micros(1));
    }
}
