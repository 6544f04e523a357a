//! Text to instants by a pattern (`to_timestamp`, `unix_timestamp`).

use std::str::FromStr;

use anyhow::Result;

use super::{Field, Item, Next, Sign, compile::compile, names, zones};
use crate::{Parts, Zone, day_of_year, days_in_month, days_of, from_parts};

/// A pattern to read by.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPattern {
    items: Vec<Item>,
}

impl FromStr for ReadPattern {
    type Err = anyhow::Error;

    /// Compiles a pattern; refuses what Spark refuses, with its reason.
    fn from_str(pattern: &str) -> Result<ReadPattern> {
        Ok(ReadPattern {
            items: compile(pattern, true)?,
        })
    }
}

impl ReadPattern {
    /// The instant that all of `text` names; `zone` is that of a text without one. What the pattern leaves open is
    /// 1970-01-01 00:00:00. `None` if the text does not fit or names no instant. (For a date, take
    /// [`crate::date_of`] of it: Spark's `to_date` does the same.)
    pub fn read(&self, text: &str, zone: Zone) -> Option<i64> {
        let mut found = Found::default();
        let end = found.items(&self.items, text, 0)?;
        if end == text.len() {
            found.resolve(zone)
        } else {
            None
        }
    }
}

const FIELDS: usize = 16;

/// What has been read; two readings of one field must agree.
#[derive(Debug, Clone, Default)]
struct Found {
    values: [Option<i64>; FIELDS],
    nanos: Option<i64>,
    offset: Option<i32>,
    zone: Option<Zone>,
}

impl Found {
    fn get(&self, field: Field) -> Option<i64> {
        self.values[field as usize]
    }

    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let place = &mut self.values[field as usize];
        match *place {
            Some(before) => (before == value).then_some(()),
            None => {
                *place = Some(value);
                Some(())
            }
        }
    }

    /// Reads `items` at `at`; the position after them.
    fn items(&mut self, items: &[Item], text: &str, mut at: usize) -> Option<usize> {
        for item in items {
            at = self.item(item, text, at)?;
        }
        Some(at)
    }

    fn item(&mut self, item: &Item, text: &str, at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        match item {
            Item::Literal(literal) => {
                let mut chars = rest.chars();
                for c in literal.chars() {
                    let read = chars.next()?;
                    if c != read && !c.to_lowercase().eq(read.to_lowercase()) {
                        return None;
                    }
                }
                Some(text.len() - chars.as_str().len())
            }
            Item::Number {
                field,
                min,
                max,
                sign,
                next,
            } => {
                let (value, length) = number(rest, *min, *max, *sign, *next)?;
                self.set(*field, value)?;
                Some(at + length)
            }
            Item::TwoDigitYear { field, next } => {
                let (value, length) = number(rest, 2, 2, Sign::Never, *next)?;
                self.set(*field, 2000 + value)?;
                Some(at + length)
            }
            Item::Fraction { min, max, next } => {
                let digits = run(rest.as_bytes(), 0, *min, *max, *next)?;
                let nanos = (0..9).fold(0, |n, i| {
                    n * 10
                        + rest.as_bytes()[..digits]
                            .get(i)
                            .map_or(0, |b| (b - b'0') as i64)
                });
                if self
                    .nanos
                    .replace(nanos)
                    .is_some_and(|before| before != nanos)
                {
                    return None;
                }
                Some(at + digits)
            }
            Item::Name { field, full } => {
                let (value, length) = names::find(*field, rest, *full)?;
                self.set(*field, value)?;
                Some(at + length)
            }
            Item::Offset { form, zero } => {
                let (offset, length) = zones::offset(rest, *form, zero)?;
                self.set_offset(offset)?;
                Some(at + length)
            }
            Item::LocalizedOffset { full } => {
                let (offset, length) = zones::localized(rest, *full)?;
                self.set_offset(offset)?;
                Some(at + length)
            }
            Item::ZoneId => self.zone_id(rest, false).map(|length| at + length),
            Item::ZoneName => self.zone_id(rest, true).map(|length| at + length),
            Item::Optional(inner) => {
                let mut attempt = self.clone();
                match attempt.items(inner, text, at) {
                    Some(end) => {
                        *self = attempt;
                        Some(end)
                    }
                    None => Some(at),
                }
            }
        }
    }

    fn set_offset(&mut self, offset: i32) -> Option<()> {
        match self.offset {
            Some(before) => (before == offset).then_some(()),
            None => {
                self.offset = Some(offset);
                Some(())
            }
        }
    }

    /// Reads the zone at the front; the length of its text.
    fn zone_id(&mut self, text: &str, named: bool) -> Option<usize> {
        let (zone, length) = zones::zone(text, named)?;
        match self.zone.replace(zone) {
            Some(before) if before != zone => None,
            _ => Some(length),
        }
    }

    fn resolve(&self, zone: Zone) -> Option<i64> {
        let (year, month, day) = self.date()?;
        let hour = self.hour()?;
        let minute = self.in_range(Field::Minute, 0, 59)?.unwrap_or(0);
        let second = self.in_range(Field::Second, 0, 59)?.unwrap_or(0);
        let micro = (self.nanos.unwrap_or(0) / 1000) as u32;
        let parts = Parts {
            year,
            month,
            day,
            hour: hour as u8,
            minute: minute as u8,
            second: second as u8,
            micro,
            offset: 0,
        };
        let zone = self.zone.or(self.offset.map(Zone::Fixed)).unwrap_or(zone);
        from_parts(&parts, zone)
    }

    /// The field's value if it was read; `None` if it is out of range.
    fn in_range(&self, field: Field, least: i64, most: i64) -> Option<Option<i64>> {
        match self.get(field) {
            Some(value) if value < least || value > most => None,
            value => Some(value),
        }
    }

    fn date(&self) -> Option<(i32, u8, u8)> {
        let mut year = self.get(Field::Year);
        if let Some(of_era) = self.in_range(Field::YearOfEra, 1, 999_999_999)? {
            // Without an era, a strict reader leaves the year open.
            if let Some(era) = self.get(Field::Era) {
                year = Some(if era == 1 { of_era } else { 1 - of_era });
            }
        }
        let year_read = year.is_some();
        let year = i32::try_from(year.unwrap_or(1970)).ok()?;
        let month = self.in_range(Field::Month, 1, 12)?;
        let day = self.in_range(Field::Day, 1, 31)?;
        if let Some(of_year) = self.in_range(Field::DayOfYear, 1, 366)? {
            let found = days_of(year, 1, 1)?.checked_add(of_year as i32 - 1)?;
            let date = crate::civil_of(found);
            if date.year != year {
                return None;
            }
            // A month and day beside it must name the same date.
            if year_read {
                if let (Some(month), Some(day)) = (month, day) {
                    let other = days_of(year, month as u32, day as u32)?;
                    return (day_of_year(other) as i64 == of_year)
                        .then_some((date.year, date.month, date.day));
                }
                if month.is_some_and(|m| m != date.month as i64)
                    || day.is_some_and(|d| d != date.day as i64)
                {
                    return None;
                }
            }
            return Some((date.year, date.month, date.day));
        }
        let (month, day) = (month.unwrap_or(1) as u8, day.unwrap_or(1) as u8);
        (day <= days_in_month(year, month)).then_some((year, month, day))
    }

    /// The hour of the day, from whichever hours were read; they must agree.
    fn hour(&self) -> Option<i64> {
        let hour = self.in_range(Field::Hour, 0, 23)?;
        let clock = self.in_range(Field::ClockHour, 1, 24)?.map(|h| h % 24);
        let of_half = self.in_range(Field::HourOfHalf, 0, 11)?;
        let clock_of_half = self
            .in_range(Field::ClockHourOfHalf, 1, 12)?
            .map(|h| h % 12);
        let half = self.get(Field::Half);
        let agree = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        };
        let hour = agree(hour, clock)?;
        let of_half = agree(of_half, clock_of_half)?;
        match (hour, of_half, half) {
            (Some(hour), of_half, half) => {
                let fits =
                    of_half.is_none_or(|h| h == hour % 12) && half.is_none_or(|h| h == hour / 12);
                fits.then_some(hour)
            }
            (None, Some(of_half), half) => Some(of_half + 12 * half.unwrap_or(0)),
            (None, None, half) => Some(12 * half.unwrap_or(0)),
        }
    }
}

/// Length of the run of digits at `from`: at least `min`, at most `max`, leaving what the next numbers need.
fn run(text: &[u8], from: usize, min: usize, max: usize, next: Next) -> Option<usize> {
    let leave = match next {
        Next::Free => 0,
        Next::Leave(digits) => digits,
    };
    let digits = text[from..]
        .iter()
        .take(max + leave)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let digits = if leave > 0 {
        digits.saturating_sub(leave).max(min).min(digits)
    } else {
        digits
    };
    (digits >= min).then_some(digits)
}

/// A number at the front: its value and length.
fn number(text: &str, min: usize, max: usize, sign: Sign, next: Next) -> Option<(i64, usize)> {
    let bytes = text.as_bytes();
    let (negative, plus) = match bytes.first()? {
        b'-' if sign != Sign::Never => (true, false),
        b'+' if sign == Sign::ExceedsPad => (false, true),
        _ => (false, false),
    };
    let from = usize::from(negative || plus);
    let digits = run(bytes, from, min, max, next)?;
    let end = from + digits;
    let value: i64 = text.get(from..end)?.parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    // A plus says that there are more digits than the pattern has letters; without it there may not be.
    if sign == Sign::ExceedsPad && !negative && plus != (digits > min) {
        return None;
    }
    Some((if negative { -value } else { value }, end))
}
