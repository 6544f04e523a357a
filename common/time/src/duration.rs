//! Durations: Spark's interval text (`1 hour 30 minutes`) and short forms (`1h30m`).

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

use crate::{DAY, HOUR, MINUTE, SECOND};

/// A length of time. Months and days are kept apart from microseconds, since their lengths differ: `1 month` after
/// January 31 is February's last day, `1 day` may have 23 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    /// Months; a year is twelve.
    pub months: i32,
    /// Days; a week is seven.
    pub days: i32,
    /// Microseconds; an hour is 3,600,000,000.
    pub micros: i64,
}

/// Unit names: long, short forms, and what one is. The short forms are ours; `m` is minutes.
const UNITS: [(&str, &[&str], Part); 9] = [
    ("year", &["y"], Part::Months(12)),
    ("month", &["mon"], Part::Months(1)),
    ("week", &["w"], Part::Days(7)),
    ("day", &["d"], Part::Days(1)),
    ("hour", &["h", "hr", "hrs"], Part::Micros(HOUR)),
    ("minute", &["m", "min", "mins"], Part::Micros(MINUTE)),
    ("second", &["s", "sec", "secs"], Part::Micros(SECOND)),
    ("millisecond", &["ms"], Part::Micros(1000)),
    ("microsecond", &["us", "µs"], Part::Micros(1)),
];

#[derive(Clone, Copy)]
enum Part {
    Months(i32),
    Days(i32),
    Micros(i64),
}

impl Duration {
    /// A duration of so many microseconds.
    pub const fn from_micros(micros: i64) -> Duration {
        Duration {
            months: 0,
            days: 0,
            micros,
        }
    }

    /// Its length in microseconds, a day being 24 hours; `None` with months, whose length is not fixed, or if it does not fit.
    /// This is what a window's size, a slide and a trigger need.
    pub fn as_micros(&self) -> Option<i64> {
        if self.months != 0 {
            return None;
        }
        (self.days as i64)
            .checked_mul(DAY)?
            .checked_add(self.micros)
    }

    /// Its length in microseconds, a month being 31 days, as Spark takes the delay of a watermark; saturating.
    pub fn as_micros_watermark(&self) -> i64 {
        let days = self.months as i64 * 31 + self.days as i64;
        days.saturating_mul(DAY).saturating_add(self.micros)
    }

    /// The same length the other way.
    pub fn negated(&self) -> Option<Duration> {
        Some(Duration {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    /// True if it has no length.
    pub fn is_zero(&self) -> bool {
        *self == Duration::default()
    }

    fn add(&mut self, negative: bool, whole: i64, micros: i64, part: Part) -> Option<()> {
        let whole = if negative { -whole } else { whole };
        match part {
            Part::Months(n) => {
                let more = i32::try_from(whole.checked_mul(n as i64)?).ok()?;
                self.months = self.months.checked_add(more)?;
            }
            Part::Days(n) => {
                let more = i32::try_from(whole.checked_mul(n as i64)?).ok()?;
                self.days = self.days.checked_add(more)?;
            }
            Part::Micros(n) => {
                let more =
                    whole
                        .checked_mul(n)?
                        .checked_add(if negative { -micros } else { micros })?;
                self.micros = self.micros.checked_add(more)?;
            }
        }
        Some(())
    }
}

impl FromStr for Duration {
    type Err = anyhow::Error;

    /// Numbers with units, in any order, with or without spaces, upper or lower case, after an optional `interval`. Only
    /// seconds take a fraction (at most nine digits; those past microseconds are cut).
    fn from_str(text: &str) -> Result<Duration> {
        const LIKE: &str = "write it like '10 minutes', '1 hour 30 minutes' or '10m'";
        let lower = text.trim().to_lowercase();
        let mut rest = match lower.strip_prefix("interval") {
            Some(after) if after.is_empty() || after.starts_with(char::is_whitespace) => {
                after.trim_start()
            }
            _ => lower.as_str(),
        };
        if rest.is_empty() {
            bail!("'{text}': no duration: {LIKE}");
        }
        let mut duration = Duration::default();
        while !rest.is_empty() {
            let negative = rest.starts_with('-');
            rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start();
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (whole, after) = rest.split_at(digits);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => {
                    let end = after
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(after.len());
                    (Some(&after[..end]), &after[end..])
                }
                None => (None, after),
            };
            if whole.is_empty() && fraction.is_none_or(str::is_empty) {
                bail!("'{text}': expected a number at '{rest}': {LIKE}");
            }
            let after = after.trim_start();
            let end = after
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(after.len());
            let name = &after[..end];
            if name.is_empty() {
                bail!("'{text}': a number without a unit: {LIKE}");
            }
            let Some((long, _, part)) = UNITS.iter().find(|(long, short, _)| {
                name == *long || name.strip_suffix('s') == Some(long) || short.contains(&name)
            }) else {
                bail!("'{text}': unknown unit '{name}': {LIKE}");
            };
            if fraction.is_some() && *long != "second" {
                bail!("'{text}': only seconds take a fraction: {LIKE}");
            }
            let fraction = fraction.unwrap_or("");
            let whole = if whole.is_empty() {
                Ok(0)
            } else {
                whole.parse()
            };
            let added = match whole {
                Ok(whole) if fraction.len() <= 9 => {
                    duration.add(negative, whole, fraction_micros(fraction), *part)
                }
                _ => None,
            };
            if added.is_none() {
                bail!("'{text}': the number before '{name}' is too long: {LIKE}");
            }
            rest = after[end..].trim_start();
        }
        Ok(duration)
    }
}

fn fraction_micros(digits: &str) -> i64 {
    (0..6).fold(0, |n, i| {
        n * 10 + digits.as_bytes().get(i).map_or(0, |b| (b - b'0') as i64)
    })
}

impl fmt::Display for Duration {
    /// The canonical text, which reads back as the same duration: `1 hour 30 minutes`, `-1 day`, `0 seconds`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let mut part = |n: i64, unit: &str| {
            if n != 0 {
                parts.push(format!("{n} {unit}{}", if n.abs() == 1 { "" } else { "s" }));
            }
        };
        part((self.months / 12) as i64, "year");
        part((self.months % 12) as i64, "month");
        part(self.days as i64, "day");
        part(self.micros / HOUR, "hour");
        part(self.micros / MINUTE % 60, "minute");
        let rest = self.micros % MINUTE;
        if rest % SECOND == 0 {
            part(rest / SECOND, "second");
        } else if rest.abs() < SECOND && rest % 1000 == 0 {
            part(rest / 1000, "millisecond");
        } else if rest.abs() < 1000 {
            part(rest, "microsecond");
        } else {
            let sign = if rest < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:06}", rest.abs() / SECOND, rest.abs() % SECOND);
            parts.push(format!("{} seconds", text.trim_end_matches('0')));
        }
        if parts.is_empty() {
            f.write_str("0 seconds")
        } else {
            f.write_str(&parts.join(" "))
        }
    }
}
