//! Timestamps and dates as text: on the wire, and as a cast to STRING shows them.

use crate::civil::civil_of_wide;
use crate::{DAY, SECOND, Zone, civil_of};

/// Appends the wire form: `2025-01-15T10:30:00.000Z`, with six digits when there is more than milliseconds, so that nothing
/// is lost; in a zone other than UTC with its offset (`+01:00`).
pub fn write_iso(out: &mut Vec<u8>, micros: i64, zone: Zone) {
    let offset = zone.offset_at(micros);
    let fraction = write_clock(out, micros, offset, b'T');
    out.push(b'.');
    if fraction % 1000 == 0 {
        digits(out, fraction / 1000, 3)
    } else {
        digits(out, fraction, 6)
    }
    write_offset(out, offset);
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
    let date = civil_of(days);
    year(out, date.year);
    out.push(b'-');
    digits(out, date.month as i64, 2);
    out.push(b'-');
    digits(out, date.day as i64, 2);
}

/// Appends date and time to the second; returns the microseconds left.
fn write_clock(out: &mut Vec<u8>, micros: i64, offset: i32, between: u8) -> i64 {
    // In seconds, as the local reading of the last instants does not fit in microseconds.
    let seconds = micros.div_euclid(SECOND) + offset as i64;
    let date = civil_of_wide(seconds.div_euclid(DAY / SECOND));
    let second = seconds.rem_euclid(DAY / SECOND);
    year(out, date.year);
    let fields = [
        (b'-', date.month as i64),
        (b'-', date.day as i64),
        (between, second / 3600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ];
    for (separator, value) in fields {
        out.push(separator);
        digits(out, value, 2);
    }
    micros.rem_euclid(SECOND)
}

/// Four digits at least; a sign before year 0 and past 9999.
fn year(out: &mut Vec<u8>, year: i32) {
    if year < 0 {
        out.push(b'-');
    } else if year > 9999 {
        out.push(b'+');
    }
    let year = year.unsigned_abs() as i64;
    let width = if year > 999_999 {
        7
    } else if year > 99_999 {
        6
    } else if year > 9_999 {
        5
    } else {
        4
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
