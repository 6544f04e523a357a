//! Text to timestamps and dates, by the rules of Spark's casts (`SparkDateTimeUtils.parseTimestampString`, `stringToDate`).
//!
//! One difference: Spark completes a time without a date (`T12:30`) with the day of its wall clock. Here it is no timestamp,
//! since a replay must read the same as the first run.

use crate::civil::{days_of, days_of_wide};
use crate::zone::find_zone;
use crate::{DAY, SECOND, Zone};

/// The instant a text names; `zone` is that of a text without one. Digits past microseconds are cut. `None` if it is no
/// timestamp or beyond the range of microseconds.
pub fn parse_timestamp(text: &[u8], zone: Zone) -> Option<i64> {
    if let Some((local, utc)) = fixed_layout(text) {
        return if utc { Some(local) } else { zone.to_utc(local) };
    }
    any_layout(text, zone)
}

/// Eight characters at a time, the first one lowest.
#[inline(always)]
fn word(text: &[u8], at: usize) -> Option<u64> {
    let bytes = text.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*bytes))
}

/// In each byte the value of two digits, its own and the next one's, where `digits` has `0xff` for each of them. `None` if one is
/// no digit.
#[inline(always)]
fn pairs(word: u64, digits: u64) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let values = (word ^ ZEROS) & digits;
    let beyond = values.wrapping_add(0x7676_7676_7676_7676) | values;
    (beyond & 0x8080_8080_8080_8080 == 0).then(|| values * 10 + (values >> 8))
}

/// `YYYY-MM-DDTHH:MM:SS[.fraction][Z]`, with a `T` or a space: what nearly every row has. Returns the local reading and
/// whether it had a `Z`.
#[inline]
fn fixed_layout(text: &[u8]) -> Option<(i64, bool)> {
    let (head, tail) = text.split_at_checked(19)?;
    // `YYYY-MM-`, `DDTHH:MM`, `HH:MM:SS`
    let (date, middle, clock) = (word(head, 0)?, word(head, 8)?, word(head, 11)?);
    let dashes = date & 0xff00_00ff_0000_0000 == u64::from_le_bytes(*b"\0\0\0\0-\0\0-");
    let colons = clock & 0x0000_ff00_00ff_0000 == u64::from_le_bytes(*b"\0\0:\0\0:\0\0");
    if !dashes || !colons || !matches!(head[10], b'T' | b' ') {
        return None;
    }
    let date = pairs(date, 0x00ff_ff00_ffff_ffff)?.to_le_bytes();
    let day = pairs(middle, 0xffff)?.to_le_bytes()[0];
    let clock = pairs(clock, 0xffff_00ff_ff00_ffff)?.to_le_bytes();
    let (hour, minute, second) = (clock[0], clock[3], clock[6]);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (tail, utc) = match tail {
        [rest @ .., b'Z'] => (rest, true),
        _ => (tail, false),
    };
    let fraction = match tail {
        [] => 0,
        [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            micros_of(digits)
        }
        _ => return None,
    };
    let year = i32::from(date[0]) * 100 + i32::from(date[2]);
    let days = i64::from(days_of(year, date[5].into(), day.into())?);
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some((days * DAY + seconds * SECOND + fraction, utc))
}

/// The digits after a point, as microseconds, cut.
fn micros_of(digits: &[u8]) -> i64 {
    const MISSING: [i64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let shown = &digits[..digits.len().min(6)];
    let number = shown.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    number * MISSING[shown.len()]
}

/// Spark trims white space and control characters.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    let blank = |b: &u8| *b <= b' ' || *b == 0x7f;
    while let [first, rest @ ..] = text {
        if !blank(first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !blank(last) {
            break;
        }
        text = rest;
    }
    text
}

/// A number of `min` to `max` digits at the front; returns it and the rest.
fn number(text: &[u8], min: usize, max: usize) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits < min || digits > max {
        return None;
    }
    let value = text[..digits]
        .iter()
        .fold(0, |n, b| n * 10 + (b - b'0') as i64);
    Some((value, &text[digits..]))
}

/// Sign, year, and up to two more parts: what both readers begin with. `parts` tells how many were read.
struct Head<'a> {
    date: [i64; 3],
    parts: usize,
    rest: &'a [u8],
}

fn head(text: &[u8], year_digits: usize) -> Option<Head<'_>> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let (year, mut rest) = number(text, 4, year_digits)?;
    let mut head = Head {
        date: [sign * year, 1, 1],
        parts: 1,
        rest,
    };
    while head.parts < 3 {
        let [b'-', after @ ..] = rest else { break };
        (head.date[head.parts], rest) = number(after, 1, 2)?;
        head.parts += 1;
    }
    head.rest = rest;
    Some(head)
}

fn any_layout(text: &[u8], zone: Zone) -> Option<i64> {
    let head = head(trim(text), 6)?;
    let mut clock = [0i64; 3];
    let mut fraction = 0;
    let mut own = None;
    if let [separator, after @ ..] = head.rest {
        if head.parts < 3 || !matches!(separator, b' ' | b'T') {
            return None;
        }
        let mut rest;
        (clock[0], rest) = number(after, 1, 2)?;
        for part in &mut clock[1..] {
            match rest {
                [] => break,
                [b':', after @ ..] => (*part, rest) = number(after, 1, 2)?,
                // Only a time with seconds can have a zone.
                _ => return None,
            }
        }
        if let [b'.', after @ ..] = rest {
            let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
            fraction = micros_of(&after[..digits]);
            rest = &after[digits..];
        }
        if !rest.is_empty() {
            own = Some(find_zone(std::str::from_utf8(rest).ok()?.trim())?);
        }
    }
    let [year, month, day] = head.date;
    let [hour, minute, second] = clock;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    days_of(year as i32, month as u32, day as u32)?;
    let seconds = days_of_wide(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    // Seconds first: the earliest microseconds do not begin a second that fits.
    let local = seconds as i128 * SECOND as i128 + fraction as i128;
    match i64::try_from(local) {
        Ok(local) => own.unwrap_or(zone).to_utc(local),
        Err(_) => None,
    }
}

/// The date a text begins with; after a full date anything may follow a space or a `T` (`2025-01-15 junk`). `None` if it is
/// no date.
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let head = head(trim(text), 7)?;
    match head.rest {
        [] => {}
        [b' ' | b'T', ..] if head.parts == 3 => {}
        _ => return None,
    }
    days_of(
        head.date[0] as i32,
        head.date[1] as u32,
        head.date[2] as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text one byte away from those of the fixed layout, and some that are two away.
    #[test]
    fn the_fixed_layout_is_read_as_any_other() {
        let texts: [&[u8]; 5] = [
            b"2025-01-15T10:30:00.123Z",
            b"2024-02-29 23:59:59",
            b"0001-12-31T00:00:00.1234567Z",
            b"9999-06-07 08:09:10.5",
            b"1969-12-31T23:59:59.999999",
        ];
        let mut fixed = 0;
        for text in texts {
            for at in 0..text.len() {
                for byte in 0..=255 {
                    let mut other = text.to_vec();
                    other[at] = byte;
                    other[(7 * at + usize::from(byte)) % 8] = b'0' + byte % 10;
                    for text in [other, {
                        let mut one = text.to_vec();
                        one[at] = byte;
                        one
                    }] {
                        if let Some((local, _)) = fixed_layout(&text) {
                            assert_eq!(Some(local), any_layout(&text, Zone::UTC), "{text:?}");
                            fixed += 1;
                        }
                    }
                }
            }
            assert!(fixed_layout(text).is_some());
        }
        assert!(fixed > 1000);
    }
}
