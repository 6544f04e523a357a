//! Time zones: a fixed offset or a place, with `java.time`'s rules where a local time is missing or double.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, anyhow};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::civil::{civil_of_wide, days_of_wide};
use crate::{DAY, SECOND, is_leap};

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Seconds east of UTC, at most 18 hours either way.
    Fixed(i32),
    /// A place of the IANA database.
    Named(Tz),
}

/// The tables end in 2099 while the rules go on: a later year keeps the clock of an earlier one that is as long and begins
/// on the same weekday. Before the calendar type's first year every zone has its oldest offset.
fn like_known(seconds: i64) -> i64 {
    /// 2098-01-01 and 262000 years before the epoch.
    const KNOWN: std::ops::Range<i64> = -8_267_000_000_000..4_039_372_800;
    if seconds < KNOWN.end {
        return seconds.max(KNOWN.start);
    }
    let year = civil_of_wide(seconds.div_euclid(86_400)).year;
    let start = |year: i32| days_of_wide(year as i64, 1, 1);
    let like =
        (2070..2098).find(|&y| is_leap(y) == is_leap(year) && (start(y) - start(year)) % 7 == 0);
    seconds + (start(like.unwrap_or(2097)) - start(year)) * 86_400
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone::Fixed(0);

    /// Seconds east of UTC at an instant.
    pub fn offset_at(self, micros: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => offset,
            Zone::Named(tz) => {
                let seconds = like_known(micros.div_euclid(SECOND));
                let Some(utc) = DateTime::from_timestamp(seconds, 0) else {
                    return 0;
                };
                tz.offset_from_utc_datetime(&utc.naive_utc())
                    .fix()
                    .local_minus_utc()
            }
        }
    }

    /// The local reading of an instant: microseconds since 1970-01-01T00:00:00 on the wall clock of the zone.
    #[inline]
    pub fn to_local(self, micros: i64) -> i64 {
        match self {
            Zone::UTC => micros,
            _ => micros.saturating_add(self.offset_at(micros) as i64 * SECOND),
        }
    }

    /// The instant of a local reading. A reading the clock skips is moved forward by what is skipped; of one that occurs
    /// twice the earlier instant is taken (`java.time.ZonedDateTime.ofLocal`). `None` if it does not fit.
    #[inline]
    pub fn to_utc(self, local: i64) -> Option<i64> {
        match self {
            Zone::UTC => Some(local),
            Zone::Fixed(offset) => local.checked_sub(offset as i64 * SECOND),
            Zone::Named(_) => {
                // The offsets in force before and after any change that is near.
                let before = self.offset_at(local.saturating_sub(DAY));
                let early = local.checked_sub(before as i64 * SECOND)?;
                if self.offset_at(early) == before {
                    return Some(early);
                }
                let after = self.offset_at(local.saturating_add(DAY));
                let late = local.checked_sub(after as i64 * SECOND)?;
                Some(if self.offset_at(late) == after {
                    late
                } else {
                    early
                })
            }
        }
    }

    /// As [`Zone::to_utc`], but a reading that is good at `offset` keeps it (`ofLocal` with a preferred offset).
    pub(crate) fn to_utc_near(self, local: i64, offset: i32) -> Option<i64> {
        let near = local.checked_sub(offset as i64 * SECOND)?;
        if self.offset_at(near) == offset {
            Some(near)
        } else {
            self.to_utc(local)
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Zone::UTC
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Zone::UTC => f.write_str("UTC"),
            Zone::Fixed(offset) => {
                let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.abs());
                write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
                if seconds % 60 != 0 {
                    write!(f, ":{:02}", seconds % 60)
                } else {
                    Ok(())
                }
            }
            Zone::Named(tz) => f.write_str(tz.name()),
        }
    }
}

impl FromStr for Zone {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Zone> {
        parse_zone(text)
    }
}

/// Reads a zone as Spark does: a place (`Europe/Paris`), an offset (`+01:00`, `-8`, `+0530`), `Z`, `UTC`, `GMT` or `UT`, alone
/// or with an offset, or one of Java's short ids (`PST`).
pub fn parse_zone(text: &str) -> Result<Zone> {
    let text = text.trim();
    find_zone(text).ok_or_else(|| {
        anyhow!("'{text}': no such time zone: write it like 'UTC', 'Europe/Paris' or '+01:00'")
    })
}

pub(crate) fn find_zone(text: &str) -> Option<Zone> {
    if matches!(text, "Z" | "UTC" | "UT" | "GMT" | "Etc/UTC") {
        return Some(Zone::UTC);
    }
    let offset = ["UTC", "GMT", "UT"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    if offset.starts_with(['+', '-']) {
        return parse_offset(offset).map(Zone::Fixed);
    }
    if let Some((_, zone)) = SHORT_IDS.iter().find(|(id, _)| *id == text) {
        return find_zone(zone);
    }
    // Java knows places by their exact names only.
    match text {
        "ROC" => None,
        _ => text.parse().ok().map(Zone::Named),
    }
}

/// Seconds of `+h`, `+hh`, `+h:mm`, `+hh:mm`, `+hh:m`, `+hhmm`, `+hh:mm:ss` or `+hhmmss`; at most 18 hours.
pub(crate) fn parse_offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = &text.as_bytes()[1..];
    if !rest.iter().all(|b| b.is_ascii_digit() || *b == b':') {
        return None;
    }
    let number = |part: &[u8]| part.iter().fold(0i32, |n, b| n * 10 + (b - b'0') as i32);
    let (h, m, s) = if rest.contains(&b':') {
        let parts: Vec<&[u8]> = rest.split(|&b| b == b':').collect();
        let fits = match parts.as_slice() {
            [h, m] => (1..=2).contains(&h.len()) && (1..=2).contains(&m.len()),
            [h, m, s] => (1..=2).contains(&h.len()) && m.len() == 2 && s.len() == 2,
            _ => false,
        };
        if !fits {
            return None;
        }
        (
            number(parts[0]),
            number(parts[1]),
            parts.get(2).map_or(0, |s| number(s)),
        )
    } else {
        match rest.len() {
            1 | 2 => (number(rest), 0, 0),
            4 => (number(&rest[..2]), number(&rest[2..]), 0),
            6 => (number(&rest[..2]), number(&rest[2..4]), number(&rest[4..])),
            _ => return None,
        }
    };
    let seconds = h * 3600 + m * 60 + s;
    (m < 60 && s < 60 && seconds <= 18 * 3600).then_some(sign * seconds)
}

/// `java.time.ZoneId.SHORT_IDS`.
const SHORT_IDS: [(&str, &str); 28] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
    ("EST", "-05:00"),
    ("MST", "-07:00"),
    ("HST", "-10:00"),
];
