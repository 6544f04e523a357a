//! A field as its declared type, by Spark's CSV rules (`UnivocityParser`): what does not fit is null.

use st_expr::{Decimal, Type, Value, write_json};
use st_time::Zone;

use crate::times::Times;

/// Appends the JSON value of a field that is not empty; false if it does not fit its type, and so is null. Times and dates
/// keep their spelling, unless it is one of their own; what they mean is the business of whoever reads the column.
pub(crate) fn write(out: &mut Vec<u8>, text: &str, kind: &Type, times: &Times) -> bool {
    let fits = match kind {
        Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => {
            integer(out, text, kind.integer_range())
        }
        Type::Float | Type::Double => double(out, text),
        Type::Decimal { precision, scale } => match Decimal::parse_as(text, *precision, *scale) {
            Some(number) if text.trim() == text => {
                write_json(out, &Value::Decimal(number), Zone::UTC);
                true
            }
            _ => false,
        },
        Type::Boolean if text.eq_ignore_ascii_case("true") => put(out, b"true"),
        Type::Boolean if text.eq_ignore_ascii_case("false") => put(out, b"false"),
        Type::Boolean => false,
        Type::Date => match &times.date {
            Some(by) => times.write_date(out, text, by),
            None => kept(out, text, st_time::parse_date(text.as_bytes()).is_some()),
        },
        Type::Timestamp => match &times.timestamp {
            Some(by) => times.write_timestamp(out, text, by),
            None => {
                let instant = st_time::parse_timestamp(text.as_bytes(), times.zone);
                kept(out, text, instant.is_some())
            }
        },
        _ => kept(out, text, true),
    };
    if !fits {
        put(out, b"null");
    }
    fits
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.extend_from_slice(bytes);
    true
}

fn kept(out: &mut Vec<u8>, text: &str, fits: bool) -> bool {
    if fits {
        st_row::write_string(out, text);
    }
    fits
}

/// Digits with an optional sign, and nothing else.
fn integer(out: &mut Vec<u8>, text: &str, (least, greatest): (i64, i64)) -> bool {
    match text.parse::<i64>() {
        Ok(value) if (least..=greatest).contains(&value) => {
            st_row::write_i64(out, value);
            true
        }
        _ => false,
    }
}

/// Java's `Double.parseDouble`, and Spark's names of what is no number. What is a JSON number already keeps its digits.
fn double(out: &mut Vec<u8>, text: &str) -> bool {
    let text = text.trim_matches(|c: char| c <= ' ');
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let has_digits_only = digits
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    let value = match text {
        "NaN" => Some(f64::NAN),
        "Inf" | "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Inf" | "-Infinity" => Some(f64::NEG_INFINITY),
        _ if has_digits_only => digits.parse::<f64>().ok(),
        _ => None,
    };
    match value {
        Some(value) if value.is_finite() && is_json_number(text.as_bytes()) => {
            put(out, text.as_bytes())
        }
        Some(value) => {
            write_json(out, &Value::Double(value), Zone::UTC);
            true
        }
        None => false,
    }
}

/// Of a text that reads as a double: whether JSON writes it so too.
fn is_json_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let fraction_begins = match digits.get(whole) {
        Some(b'.') => digits.get(whole + 1).is_some_and(u8::is_ascii_digit),
        Some(b'e' | b'E') | None => true,
        Some(_) => false,
    };
    whole > 0 && (whole == 1 || digits[0] != b'0') && fraction_begins
}
