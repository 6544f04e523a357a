//! Instants to text by a pattern (`date_format`, `from_unixtime`).

use std::fmt::Write as _;
use std::str::FromStr;

use anyhow::Result;
use chrono::{DateTime, TimeZone};

use super::{Field, Item, OffsetForm, Sign, compile::compile, names};
use crate::write::digits;
use crate::{Parts, SECOND, Zone, day_of_year, days_of, iso_weekday, parts_of, quarter};

/// A pattern to write by.
#[derive(Debug, Clone, PartialEq)]
pub struct WritePattern {
    items: Vec<Item>,
}

impl FromStr for WritePattern {
    type Err = anyhow::Error;

    /// Compiles a pattern; refuses what Spark refuses, with its reason.
    fn from_str(pattern: &str) -> Result<WritePattern> {
        Ok(WritePattern {
            items: compile(pattern, false)?,
        })
    }
}

impl WritePattern {
    /// Appends the instant as the clock of `zone` shows it.
    pub fn write(&self, out: &mut Vec<u8>, micros: i64, zone: Zone) {
        let moment = Moment {
            micros,
            zone,
            parts: parts_of(micros, zone),
        };
        moment.write(out, &self.items);
    }
}

struct Moment {
    micros: i64,
    zone: Zone,
    parts: Parts,
}

impl Moment {
    fn write(&self, out: &mut Vec<u8>, items: &[Item]) {
        for item in items {
            match item {
                Item::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Item::Number {
                    field, min, sign, ..
                } => number(out, self.value(*field), *min, *sign),
                Item::TwoDigitYear { field, .. } => digits(out, self.value(*field).abs() % 100, 2),
                Item::Fraction { max, .. } => {
                    let start = out.len();
                    digits(out, self.parts.micro as i64 * 1000, 9);
                    out.truncate(start + max);
                }
                Item::Name { field, full } => {
                    out.extend_from_slice(
                        names::name(*field, self.value(*field), *full)
                            .unwrap_or("")
                            .as_bytes(),
                    );
                }
                Item::Offset { form, zero } => offset(out, self.parts.offset, *form, zero),
                Item::LocalizedOffset { full } => localized(out, self.parts.offset, *full),
                Item::ZoneId => out.extend_from_slice(self.zone.to_string().as_bytes()),
                Item::ZoneName => self.zone_name(out),
                Item::Optional(inner) => self.write(out, inner),
            }
        }
    }

    fn value(&self, field: Field) -> i64 {
        let Parts {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self.parts;
        let hour = hour as i64;
        let days = || days_of(year, month as u32, day as u32).unwrap_or(0);
        match field {
            Field::Era => i64::from(year > 0),
            Field::Year => year as i64,
            Field::YearOfEra => {
                if year > 0 {
                    year as i64
                } else {
                    1 - year as i64
                }
            }
            Field::Quarter => quarter(month) as i64,
            Field::Month => month as i64,
            Field::Day => day as i64,
            Field::DayOfYear => day_of_year(days()) as i64,
            Field::Weekday => iso_weekday(days()) as i64,
            Field::AlignedDay => (day as i64 - 1) % 7 + 1,
            Field::Half => hour / 12,
            Field::Hour => hour,
            Field::ClockHour => {
                if hour == 0 {
                    24
                } else {
                    hour
                }
            }
            Field::HourOfHalf => hour % 12,
            Field::ClockHourOfHalf => {
                if hour % 12 == 0 {
                    12
                } else {
                    hour % 12
                }
            }
            Field::Minute => minute as i64,
            Field::Second => second as i64,
        }
    }

    /// The zone's abbreviation; where it has none, its offset from Greenwich.
    fn zone_name(&self, out: &mut Vec<u8>) {
        let Zone::Named(tz) = self.zone else {
            return out.extend_from_slice(self.zone.to_string().as_bytes());
        };
        let name = DateTime::from_timestamp(self.micros.div_euclid(SECOND), 0)
            .map(|utc| {
                tz.from_utc_datetime(&utc.naive_utc())
                    .format("%Z")
                    .to_string()
            })
            .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
        match name {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => localized(out, self.parts.offset, true),
        }
    }
}

fn number(out: &mut Vec<u8>, value: i64, min: usize, sign: Sign) {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{}", value.unsigned_abs());
    if value < 0 {
        out.push(b'-');
    } else if sign == Sign::ExceedsPad && text.len() > min {
        out.push(b'+');
    }
    out.extend(std::iter::repeat_n(b'0', min.saturating_sub(text.len())));
    out.extend_from_slice(text.as_bytes());
}

fn offset(out: &mut Vec<u8>, offset: i32, form: OffsetForm, zero: &str) {
    let (hours, minutes, seconds) = (
        offset.abs() / 3600,
        offset.abs() / 60 % 60,
        offset.abs() % 60,
    );
    let shown = [hours > 0, minutes > 0, form.seconds && seconds > 0];
    // Less than what the form shows is nothing.
    if !shown.contains(&true) {
        return out.extend_from_slice(zero.as_bytes());
    }
    out.push(if offset < 0 { b'-' } else { b'+' });
    digits(out, hours as i64, 2);
    let mut part = |value: i32, always: bool| {
        if always || value > 0 {
            if form.colon {
                out.push(b':');
            }
            digits(out, value as i64, 2);
        }
    };
    part(minutes, form.minutes);
    if form.seconds {
        part(seconds, false);
    }
}

fn localized(out: &mut Vec<u8>, offset: i32, full: bool) {
    out.extend_from_slice(b"GMT");
    if offset == 0 {
        return;
    }
    let (hours, minutes, seconds) = (
        offset.abs() / 3600,
        offset.abs() / 60 % 60,
        offset.abs() % 60,
    );
    out.push(if offset < 0 { b'-' } else { b'+' });
    digits(out, hours as i64, if full || hours > 9 { 2 } else { 1 });
    if full || minutes > 0 || seconds > 0 {
        out.push(b':');
        digits(out, minutes as i64, 2);
    }
    if seconds > 0 {
        out.push(b':');
        digits(out, seconds as i64, 2);
    }
}
