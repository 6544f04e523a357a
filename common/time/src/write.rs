//! Timestamps and dates as text: on the wire, and as a cast to STRING shows them.

use crate::civil::{Civil, civil_of_wide};
use crate::{DAY, SECOND, Zone, civil_of};

/// Appends the wire form: `2025-01-15T10:30:00.000Z`, with six digits when there is more than milliseconds, so that nothing
/// is lost; in a zone other than UTC with its offset (`+01:00`).
pub fn write_iso(out: &mut Vec<u8>, micros: i64, zone: Zone) {
    let offset = zone.offset_at(micros);
    if offset == 0
        && let Some(text) = common(micros)
    {
        return out.extend_from_slice(&text);
    }
    let fraction = write_clock(out, micros, offset, b'T');
    if fraction % 1000 == 0 {
        let millis = (fraction / 1000) as u32;
        let [tens, ones] = pair(millis % 100);
        out.extend_from_slice(&[b'.', b'0' + (millis / 100) as u8, tens, ones]);
    } else {
        out.push(b'.');
        digits(out, fraction, 6)
    }
    write_offset(out, offset);
}

/// The wire form in UTC of most instants: from 1970 on, without a sign, in whole milliseconds. In one piece, as to append many takes longer.
fn common(micros: i64) -> Option<[u8; 24]> {
    /// The day after 9999-12-31.
    const END: u64 = 2_932_897;
    let micros = u64::try_from(micros).ok()?;
    let (millis, day_millis) = (micros / 1000, DAY as u64 / 1000);
    let day = millis / day_millis;
    if micros % 1000 != 0 || day >= END {
        return None;
    }
    let date = civil_of_wide(day as i64);
    let (year, clock) = (date.year as u32, (millis % day_millis) as u32);
    let (seconds, millis) = (clock / 1000, clock % 1000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (at, value) in [
        (0, year / 100),
        (2, year % 100),
        (5, date.month.into()),
        (8, date.day.into()),
        (11, seconds / 3600),
        (14, seconds / 60 % 60),
        (17, seconds % 60),
        (20, millis / 10),
    ] {
        [text[at], text[at + 1]] = pair(value);
    }
    text[22] = b'0' + (millis % 10) as u8;
    Some(text)
}

/// Appends Spark's form: `2025-01-15 10:30:00`, then the fraction without trailing zeros if there is one.
pub fn write_spark(out: &mut Vec<u8>, micros: i64, zone: Zone) {
    let fraction = write_clock(out, micros, zone.offset_at(micros), b' ');
    if fraction != 0 {
        out.push(b'.');
        digits(out, fraction, 6);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends `2025-01-15`.
pub fn write_date(out: &mut Vec<u8>, days: i32) {
    write_civil(out, civil_of(days));
}

fn write_civil(out: &mut Vec<u8>, date: Civil) {
    year(out, date.year);
    let [m, n] = pair(date.month.into());
    let [d, e] = pair(date.day.into());
    out.extend_from_slice(&[b'-', m, n, b'-', d, e]);
}

/// Appends date and time to the second; returns the microseconds left.
fn write_clock(out: &mut Vec<u8>, micros: i64, offset: i32, between: u8) -> i64 {
    // In seconds, as the local reading of the last instants does not fit in microseconds.
    let seconds = micros.div_euclid(SECOND) + offset as i64;
    write_civil(out, civil_of_wide(seconds.div_euclid(DAY / SECOND)));
    let second = seconds.rem_euclid(DAY / SECOND) as u32;
    let [h, i] = pair(second / 3600);
    let [k, l] = pair(second / 60 % 60);
    let [s, t] = pair(second % 60);
    out.extend_from_slice(&[between, h, i, b':', k, l, b':', s, t]);
    micros.rem_euclid(SECOND)
}

/// The digits of a number below 100.
#[inline(always)]
fn pair(value: u32) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

/// Four digits at least; a sign before year 0 and past 9999, which few rows have.
fn year(out: &mut Vec<u8>, year: i32) {
    if let 0..=9999 = year {
        let ([a, b], [c, d]) = (pair(year as u32 / 100), pair(year as u32 % 100));
        return out.extend_from_slice(&[a, b, c, d]);
    }
    if year < 0 {
        out.push(b'-');
    } else if year > 9999 {
        out.push(b'+');
    }
    let year = year.unsigned_abs() as i64;
    let width = match year {
        1_000_000.. => 7,
        100_000.. => 6,
        10_000.. => 5,
        _ => 4,
    };
    digits(out, year, width);
}

/// Appends the last `width` digits of `value`.
pub(crate) fn digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = value;
    for place in out[start..].iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// `Z` or `+01:00`, with seconds where an old local time has them.
pub(crate) fn write_offset(out: &mut Vec<u8>, offset: i32) {
    if offset == 0 {
        out.push(b'Z');
    } else {
        out.extend_from_slice(Zone::Fixed(offset).to_string().as_bytes());
    }
}
