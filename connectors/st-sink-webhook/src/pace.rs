//! A limit on requests: evenly spaced, so that a burst waits instead of being refused.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// At most so many requests in a time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// Reads `1/s`, `30/m`, `500/h`, or with the units spelled out.
    pub fn parse(text: &str) -> Result<Pace> {
        let mend = || anyhow!("`{text}` is not a rate such as 1/s, 30/m or 500/h");
        let (count, unit) = text.split_once('/').ok_or_else(mend)?;
        let count: u32 = count.trim().parse().map_err(|_| mend())?;
        let unit = match unit.trim() {
            "s" | "second" => 1,
            "m" | "minute" => 60,
            "h" | "hour" => 3600,
            _ => return Err(mend()),
        };
        if count == 0 {
            return Err(mend());
        }
        Ok(Pace {
            interval: Duration::from_secs(unit) / count,
            next: None,
        })
    }

    /// How long the next request must wait when it is `now`; it is counted as sent then.
    pub fn turn(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.interval);
        at - now
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_burst_is_spread_and_idle_time_is_not_saved_up() {
        let mut pace = Pace::parse("2/s").unwrap();
        let start = Instant::now();
        let half = Duration::from_millis(500);
        assert_eq!(pace.turn(start), Duration::ZERO);
        assert_eq!(pace.turn(start), half);
        assert_eq!(pace.turn(start + half), half);
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.turn(later), Duration::ZERO);
        assert_eq!(pace.turn(later), half);
    }

    #[test]
    fn what_is_no_rate_is_named() {
        for text in ["", "5", "0/s", "1/d", "x/s", "-1/s"] {
            assert!(Pace::parse(text).is_err(), "{text}");
        }
    }
}
