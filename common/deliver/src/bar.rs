//! How far inputs of known size are read, as a bar with the time that is left.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use st_monitor::Bytes;

use crate::report::read;

/// Characters of the progress bar.
const BAR: usize = 20;
/// Before this an estimate of the time left says nothing.
pub const SURE: Duration = Duration::from_secs(1);

/// What each source has read of an input of known size, as it or its batches told.
#[derive(Default)]
pub struct Reading(BTreeMap<String, Option<Bytes>>);

impl Reading {
    /// Takes `{"done": …, "total": …}` of a batch; none is an input without an end.
    pub fn note(&mut self, source: &str, told: Option<&Value>) {
        let bytes = |told: &Value| {
            let number = |name| told.get(name)?.as_u64();
            Some(Bytes {
                done: number("done")?,
                total: number("total")?,
            })
        };
        self.further(source, told.and_then(bytes));
    }

    /// A source tells of itself now and then, and a batch may have come since: what is further is newer.
    pub fn further(&mut self, source: &str, told: Option<Bytes>) {
        let known = self.0.get(source).copied().flatten();
        let further = told.into_iter().chain(known);
        let further = further.max_by_key(|bytes| bytes.done);
        self.0.insert(source.to_string(), further);
    }

    /// How much all sources have read; none if one of them has no end.
    pub fn all(&self) -> Option<Bytes> {
        read(self.0.values().copied())
    }
}

/// `[#####     ]  50%, 12 s left;`: how much is read, and when the rest will be if it goes on like this.
pub fn bar(bytes: Bytes, since: Duration) -> String {
    let Bytes { done, total } = bytes;
    let share = if total == 0 {
        1.0
    } else {
        (done as f64 / total as f64).min(1.0)
    };
    let filled = (share * BAR as f64) as usize;
    let percent = (share * 100.0) as u64;
    let left = match share {
        share if share >= 1.0 => "all read".to_string(),
        share if share > 0.0 && since >= SURE => {
            let seconds = since.as_secs_f64() * (1.0 - share) / share;
            format!("{} left", span(seconds.ceil() as u64))
        }
        _ => "begins".to_string(),
    };
    format!(
        "[{}{}] {percent:>3}%, {left};",
        "#".repeat(filled),
        " ".repeat(BAR - filled)
    )
}

/// Seconds as a person reads them: `12 s`, `3 min 5 s`, `2 h 10 min`.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_the_share_and_the_time_left() {
        let at = |done: u64, seconds: u64| {
            let bytes = Bytes { done, total: 200 };
            bar(bytes, Duration::from_secs(seconds))
        };
        assert_eq!(at(0, 0), "[                    ]   0%, begins;");
        // A quarter in 10 seconds: three quarters in 30.
        assert_eq!(at(50, 10), "[#####               ]  25%, 30 s left;");
        assert_eq!(at(1, 60), "[                    ]   0%, 3 h 19 min left;");
        assert_eq!(at(200, 10), "[####################] 100%, all read;");
        assert_eq!(span(185), "3 min 5 s");
    }

    #[test]
    fn several_sources_are_one_bar() {
        let mut reading = Reading::default();
        assert_eq!(reading.all(), None);
        let bytes = |done, total| Some(Bytes { done, total });
        reading.further("a", bytes(10, 10));
        reading.further("b", bytes(50, 990));
        // An older message.
        reading.further("b", bytes(20, 990));
        assert_eq!(reading.all(), bytes(60, 1000));
        reading.further("endless", None);
        assert_eq!(reading.all(), None);
    }
}
