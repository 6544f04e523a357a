//! Values in the state file: JSON that tells types apart, so that a value reads back as it was.
//!
//! Null, booleans, integers, text, and arrays stand as themselves; a double always has a point or an exponent; all else is an
//! object with its type as the only key: `{"timestamp":"2025-01-15T10:30:00.000Z"}`, `{"decimal":"12.30"}`.

use std::borrow::Cow;

use st_checkpoint::exact;
use st_expr::{Decimal, Interval, Value};
use st_row::{Kind, elements_of, fields_of, unescape, write_string};
use st_time::Zone;

/// Appends a value.
pub fn write(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => st_row::write_i64(out, *number),
        Value::Double(number) => {
            // The special ones are written as text, which must not read back as text.
            if number.is_finite() && (*number != 0.0 || number.is_sign_positive()) {
                exact::push_f64(out, *number);
            } else {
                tagged(out, "double", |out| exact::push_f64(out, *number));
            }
        }
        Value::Decimal(number) => tagged(out, "decimal", |out| {
            exact::push_decimal(out, number.unscaled, number.scale)
        }),
        Value::String(text) => write_string(out, text),
        Value::Binary(bytes) => tagged(out, "binary", |out| write_hex(out, bytes)),
        Value::Date(days) => tagged(out, "date", |out| st_row::write_i64(out, i64::from(*days))),
        Value::Timestamp(micros) => tagged(out, "timestamp", |out| write_instant(out, *micros)),
        Value::Interval(interval) => tagged(out, "interval", |out| {
            list(
                out,
                [
                    interval.months.into(),
                    interval.days.into(),
                    interval.micros,
                ],
                |out, n| {
                    st_row::write_i64(out, n);
                },
            )
        }),
        Value::Array(elements) => list(out, elements, write),
        Value::Map(entries) => tagged(out, "map", |out| {
            list(out, entries, |out, (key, value)| {
                list(out, [key, value], write)
            });
        }),
        Value::Struct(fields) => tagged(out, "struct", |out| {
            list(out, fields, |out, (name, value)| {
                out.push(b'[');
                write_string(out, name);
                out.push(b',');
                write(out, value);
                out.push(b']');
            });
        }),
    }
}

fn tagged(out: &mut Vec<u8>, kind: &str, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":");
    body(out);
    out.push(b'}');
}

/// Appends a JSON array whose elements `write` appends.
pub fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Appends an instant as text.
pub fn write_instant(out: &mut Vec<u8>, micros: i64) {
    out.push(b'"');
    st_time::write_iso(out, micros, Zone::UTC);
    out.push(b'"');
}

/// Reads an instant.
pub fn read_instant(raw: &[u8]) -> Option<i64> {
    st_time::parse_timestamp(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?, Zone::UTC)
}

/// Appends bytes as text of hexadecimal digits.
pub fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Reads bytes from hexadecimal digits.
pub fn read_hex(raw: &[u8]) -> Option<Vec<u8>> {
    let digits = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?))
        .collect()
}

/// Reads what [`write`] wrote; `None` if it is something else.
pub fn read(raw: &[u8]) -> Option<Value<'static>> {
    Some(match Kind::of(raw)? {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Boolean(raw == b"true"),
        Kind::Integer => Value::Integer(st_row::parse_i64(raw)?),
        Kind::Fraction => Value::Double(exact::parse_f64(raw).ok()?),
        Kind::String => Value::String(Cow::Owned(unescape(raw).ok()?.into_owned())),
        Kind::Array => Value::Array(items(raw, read)?),
        Kind::Object => {
            let (key, value) = fields_of(raw).next()?.ok()?;
            match key {
                b"\"double\"" => Value::Double(exact::parse_f64(value).ok()?),
                b"\"decimal\"" => {
                    let (unscaled, scale) = exact::parse_decimal(value).ok()?;
                    Value::Decimal(Decimal { unscaled, scale })
                }
                b"\"binary\"" => Value::Binary(Cow::Owned(read_hex(value)?)),
                b"\"date\"" => Value::Date(i32::try_from(st_row::parse_i64(value)?).ok()?),
                b"\"timestamp\"" => Value::Timestamp(read_instant(value)?),
                b"\"interval\"" => match items(value, st_row::parse_i64)?.as_slice() {
                    [months, days, micros] => Value::Interval(Interval {
                        months: i32::try_from(*months).ok()?,
                        days: i32::try_from(*days).ok()?,
                        micros: *micros,
                    }),
                    _ => return None,
                },
                b"\"map\"" => Value::Map(items(value, |pair| {
                    let [key, value] = <[Value<'_>; 2]>::try_from(items(pair, read)?).ok()?;
                    Some((key, value))
                })?),
                b"\"struct\"" => Value::Struct(items(value, |pair| {
                    let mut parts = elements_of(pair);
                    let name = unescape(parts.next()?.ok()?).ok()?.into_owned();
                    Some((Cow::Owned(name), read(parts.next()?.ok()?)?))
                })?),
                _ => return None,
            }
        }
    })
}

/// The elements of a JSON array, each read by `read`; `None` if one cannot be read.
pub fn items<T>(raw: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<T>> {
    elements_of(raw)
        .map(|element| read(element.ok()?))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_as_it_was() {
        let values = [
            (Value::Null, "null"),
            (Value::Boolean(true), "true"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Double(3.0), "3.0"),
            (Value::Double(1e300), "1e300"),
            (Value::Double(-0.0), r#"{"double":"-0.0"}"#),
            (Value::Double(f64::NAN), r#"{"double":"NaN"}"#),
            (Value::String("NaN \"x\"\n".into()), r#""NaN \"x\"\n""#),
            (
                Value::Decimal(Decimal {
                    unscaled: -1230,
                    scale: 2,
                }),
                r#"{"decimal":"-12.30"}"#,
            ),
            (
                Value::Binary(Cow::Borrowed(&[0, 255])),
                r#"{"binary":"00ff"}"#,
            ),
            (Value::Date(-3), r#"{"date":-3}"#),
            (
                Value::Timestamp(1_736_937_000_000_001),
                r#"{"timestamp":"2025-01-15T10:30:00.000001Z"}"#,
            ),
            (
                Value::Interval(Interval {
                    months: 1,
                    days: -2,
                    micros: 3,
                }),
                r#"{"interval":[1,-2,3]}"#,
            ),
            (
                Value::Array(vec![Value::Null, Value::Double(0.5)]),
                "[null,0.5]",
            ),
            (
                Value::Map(vec![(Value::Integer(1), Value::Null)]),
                r#"{"map":[[1,null]]}"#,
            ),
            (
                Value::Struct(vec![("a b".into(), Value::Date(1))]),
                r#"{"struct":[["a b",{"date":1}]]}"#,
            ),
        ];
        for (value, expected) in values {
            let mut out = Vec::new();
            write(&mut out, &value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
            assert_eq!(format!("{:?}", read(&out).unwrap()), format!("{value:?}"));
        }
    }

    #[test]
    fn foreign_text_is_no_value() {
        for raw in [
            "",
            "{}",
            r#"{"odd":1}"#,
            r#"{"binary":"0"}"#,
            r#"{"interval":[1]}"#,
            "12345678901234567890",
        ] {
            assert!(read(raw.as_bytes()).is_none(), "{raw}");
        }
    }
}
