//! Lines of logs as rows with named columns: access logs, logfmt, syslog.
//!
//! Each function appends the row of one line and its newline. What is no record of the format is a bad row, whole.

mod access;
mod logfmt;
mod syslog;

pub(crate) use access::{COMBINED, COMMON, access};
pub(crate) use logfmt::{Names, logfmt};
pub(crate) use syslog::{SYSLOG, Syslog};

/// Appends `,"name":`, without the comma for the first member. `name` needs no escapes.
fn key(out: &mut Vec<u8>, name: &str) {
    let first = matches!(out.last(), None | Some(b'\n'));
    out.push(if first { b'{' } else { b',' });
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a member whose value is text, or null for none.
fn member(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    key(out, name);
    match value {
        Some(text) => st_row::write_string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a member whose value is an instant in microseconds, or null for none.
fn instant(out: &mut Vec<u8>, name: &str, micros: Option<i64>) {
    key(out, name);
    match micros {
        Some(micros) => {
            out.push(b'"');
            st_time::write_iso(out, micros, st_time::Zone::UTC);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a member whose value is a number, or null for none.
fn number(out: &mut Vec<u8>, name: &str, value: Option<i64>) {
    key(out, name);
    match value {
        Some(value) => st_row::write_i64(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// The text, unless it is the dash that stands for nothing.
fn given(text: &str) -> Option<&str> {
    (text != "-").then_some(text)
}

/// The number of the month, from 1, that these three letters name.
fn month(name: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let place = NAMES.iter().position(|known| *known == name)?;
    u32::try_from(place + 1).ok()
}

/// A number of exactly these digits, and no sign.
fn digits(text: &str) -> Option<u32> {
    let only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    only.then(|| text.parse().ok()).flatten()
}

/// Microseconds of a time of day, `13:55:36`.
fn time_of_day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute) = (digits(text.get(..2)?)?, digits(text.get(3..5)?)?);
    let second = digits(text.get(6..)?)?;
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then(|| i64::from(hour * 3600 + minute * 60 + second) * st_time::SECOND)
}
