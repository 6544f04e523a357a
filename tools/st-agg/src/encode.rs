//! Values as bytes that say when two values are one group, and that compare as the values do.
//!
//! A group's key is such bytes: they are hashed and compared without being read, sorting them sorts the groups as Spark
//! would, and they can be read back. Each value begins with its kind, and none is the beginning of another.

use std::borrow::Cow;

use memchr::memchr;
use st_expr::{Decimal, Interval, Type, Value};

const NULL: u8 = 0x01;
const FALSE: u8 = 0x02;
const TRUE: u8 = 0x03;
const NUMBER: u8 = 0x10;
const DOUBLE: u8 = 0x11;
const DECIMAL: u8 = 0x12;
const DATE: u8 = 0x20;
const TIMESTAMP: u8 = 0x21;
const INTERVAL: u8 = 0x22;
const TEXT: u8 = 0x30;
const BINARY: u8 = 0x31;
const ARRAY: u8 = 0x40;
const STRUCT: u8 = 0x41;
const MAP: u8 = 0x42;
/// Ends an array, a struct or a map; less than any kind, so that the shorter one comes first.
const END: u8 = 0x00;

/// What stands behind a number's double.
const AS_DOUBLE: u8 = 0;
const AS_INTEGER: u8 = 1;
/// An integer that no double equals; its own digits follow.
const AS_LONG: u8 = 2;

/// Integers up to here are their own double.
const EXACT: u64 = 1 << 53;

/// Appends `value`. Numbers that are equal are equal here, whether written `1` or `1.0`; the zeros are one, all NaN are one.
pub fn encode(out: &mut Vec<u8>, value: &Value<'_>) {
    put(out, value, false);
}

/// Appends `value` so that it reads back as it was, `1.0` as a double and `-0.0` with its sign: for values that are kept
/// rather than compared.
pub fn keep(out: &mut Vec<u8>, value: &Value<'_>) {
    put(out, value, true);
}

fn put(out: &mut Vec<u8>, value: &Value<'_>, exact: bool) {
    match value {
        Value::Null => out.push(NULL),
        Value::Boolean(false) => out.push(FALSE),
        Value::Boolean(true) => out.push(TRUE),
        Value::Integer(number) => integer(out, *number),
        Value::Double(number) if exact => {
            out.push(DOUBLE);
            out.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        Value::Double(number) => double(out, *number),
        Value::Decimal(number) => {
            out.push(DECIMAL);
            out.extend_from_slice(&ordered_f64(number.to_double()).to_be_bytes());
            out.extend_from_slice(&(number.unscaled ^ i128::MIN).to_be_bytes());
            out.push(number.scale);
        }
        Value::String(string) => text(out, string.as_bytes()),
        Value::Binary(bytes) => escaped(out, BINARY, bytes),
        Value::Date(days) => {
            out.push(DATE);
            out.extend_from_slice(&(days ^ i32::MIN).to_be_bytes());
        }
        Value::Timestamp(micros) => timestamp(out, *micros),
        Value::Interval(interval) => {
            out.push(INTERVAL);
            out.extend_from_slice(&(interval.months ^ i32::MIN).to_be_bytes());
            out.extend_from_slice(&(interval.days ^ i32::MIN).to_be_bytes());
            out.extend_from_slice(&(interval.micros ^ i64::MIN).to_be_bytes());
        }
        Value::Array(elements) => {
            out.push(ARRAY);
            elements.iter().for_each(|element| put(out, element, exact));
            out.push(END);
        }
        Value::Struct(fields) => {
            out.push(STRUCT);
            for (name, value) in fields {
                text(out, name.as_bytes());
                put(out, value, exact);
            }
            out.push(END);
        }
        Value::Map(entries) => {
            out.push(MAP);
            // Two maps are one group whatever the order of their entries.
            let mut pairs: Vec<Vec<u8>> = entries
                .iter()
                .map(|(key, value)| {
                    let mut pair = Vec::new();
                    put(&mut pair, key, exact);
                    put(&mut pair, value, exact);
                    pair
                })
                .collect();
            pairs.sort();
            pairs.iter().for_each(|pair| out.extend_from_slice(pair));
            out.push(END);
        }
    }
}

/// Appends an integer.
#[inline]
pub fn integer(out: &mut Vec<u8>, number: i64) {
    out.push(NUMBER);
    out.extend_from_slice(&ordered_f64(number as f64).to_be_bytes());
    if number.unsigned_abs() <= EXACT {
        out.push(AS_INTEGER);
    } else {
        out.push(AS_LONG);
        out.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
    }
}

/// Appends a double; a whole one as the integer it equals.
fn double(out: &mut Vec<u8>, number: f64) {
    if number.fract() == 0.0 && number.abs() <= EXACT as f64 {
        return integer(out, number as i64);
    }
    out.push(NUMBER);
    let number = if number.is_nan() { f64::NAN } else { number };
    out.extend_from_slice(&ordered_f64(number).to_be_bytes());
    out.push(AS_DOUBLE);
}

/// Appends an instant.
#[inline]
pub fn timestamp(out: &mut Vec<u8>, micros: i64) {
    out.push(TIMESTAMP);
    out.extend_from_slice(&(micros ^ i64::MIN).to_be_bytes());
}

/// Appends text, given in UTF-8.
#[inline]
fn text(out: &mut Vec<u8>, text: &[u8]) {
    escaped(out, TEXT, text);
}

/// Appends a text that holds no zero.
#[inline]
pub fn clean_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(TEXT);
    out.extend_from_slice(text);
    out.extend_from_slice(&[0, 0]);
}

/// Bytes up to a zero; a zero within them is followed by 0xff.
#[inline]
fn escaped(out: &mut Vec<u8>, kind: u8, mut bytes: &[u8]) {
    out.push(kind);
    while let Some(at) = memchr(0, bytes) {
        out.extend_from_slice(&bytes[..at]);
        out.extend_from_slice(&[0, 0xff]);
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
    out.extend_from_slice(&[0, 0]);
}

/// The bits of a double so that they compare, as unsigned, as the doubles do; the sign of NaN is positive.
fn ordered_f64(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn from_ordered_f64(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 {
        bits & !(1 << 63)
    } else {
        !bits
    })
}

/// Reads the first value of `bytes`, and leaves them behind it. `None` if they were not written by [`encode`].
pub fn decode<'b>(bytes: &mut &'b [u8]) -> Option<Value<'b>> {
    let kind = take::<1>(bytes)?[0];
    Some(match kind {
        NULL => Value::Null,
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        NUMBER => {
            let number = from_ordered_f64(u64::from_be_bytes(take(bytes)?));
            match take::<1>(bytes)?[0] {
                AS_DOUBLE => Value::Double(number),
                AS_INTEGER => Value::Integer(number as i64),
                _ => Value::Integer(i64::from_be_bytes(take(bytes)?) ^ i64::MIN),
            }
        }
        DOUBLE => Value::Double(f64::from_bits(u64::from_be_bytes(take(bytes)?))),
        DECIMAL => {
            take::<8>(bytes)?;
            let unscaled = i128::from_be_bytes(take(bytes)?) ^ i128::MIN;
            Value::Decimal(Decimal {
                unscaled,
                scale: take::<1>(bytes)?[0],
            })
        }
        DATE => Value::Date(i32::from_be_bytes(take(bytes)?) ^ i32::MIN),
        TIMESTAMP => Value::Timestamp(i64::from_be_bytes(take(bytes)?) ^ i64::MIN),
        INTERVAL => Value::Interval(Interval {
            months: i32::from_be_bytes(take(bytes)?) ^ i32::MIN,
            days: i32::from_be_bytes(take(bytes)?) ^ i32::MIN,
            micros: i64::from_be_bytes(take(bytes)?) ^ i64::MIN,
        }),
        TEXT => Value::String(string(unescaped(bytes)?)?),
        BINARY => Value::Binary(unescaped(bytes)?),
        ARRAY => {
            let mut elements = Vec::new();
            while !ended(bytes)? {
                elements.push(decode(bytes)?);
            }
            Value::Array(elements)
        }
        STRUCT => {
            let mut fields = Vec::new();
            while !ended(bytes)? {
                take::<1>(bytes)?;
                fields.push((string(unescaped(bytes)?)?, decode(bytes)?));
            }
            Value::Struct(fields)
        }
        MAP => {
            let mut entries = Vec::new();
            while !ended(bytes)? {
                entries.push((decode(bytes)?, decode(bytes)?));
            }
            Value::Map(entries)
        }
        _ => return None,
    })
}

/// The value as one of the type that was declared: where whole doubles were encoded as the integers they equal.
pub fn restore<'v>(value: Value<'v>, kind: &Type) -> Value<'v> {
    match (value, kind) {
        (Value::Integer(number), Type::Double | Type::Float) => Value::Double(number as f64),
        (Value::Array(elements), Type::Array(kind)) => Value::Array(
            elements
                .into_iter()
                .map(|element| restore(element, kind))
                .collect(),
        ),
        (Value::Struct(fields), Type::Struct(kinds)) if fields.len() == kinds.len() => {
            Value::Struct(
                fields
                    .into_iter()
                    .zip(kinds)
                    .map(|((name, value), field)| (name, restore(value, &field.kind)))
                    .collect(),
            )
        }
        (value, _) => value,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// Passes over the end of a container, if it stands here.
fn ended(bytes: &mut &[u8]) -> Option<bool> {
    let (first, rest) = bytes.split_first()?;
    let end = *first == END;
    if end {
        *bytes = rest;
    }
    Some(end)
}

fn unescaped<'b>(bytes: &mut &'b [u8]) -> Option<Cow<'b, [u8]>> {
    let mut owned: Option<Vec<u8>> = None;
    loop {
        let at = memchr(0, bytes)?;
        let (part, rest) = bytes.split_at(at);
        let zero = rest.get(1)? == &0xff;
        *bytes = rest.get(2..)?;
        if !zero && owned.is_none() {
            return Some(Cow::Borrowed(part));
        }
        let whole = owned.get_or_insert_default();
        whole.extend_from_slice(part);
        if !zero {
            return owned.map(Cow::Owned);
        }
        whole.push(0);
    }
}

fn string(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    Some(match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use st_expr::compare::total as compare;

    fn bytes(value: &Value<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, value);
        out
    }

    fn samples() -> Vec<Value<'static>> {
        let text = |t: &str| Value::String(Cow::Owned(t.to_string()));
        let mut samples = vec![
            Value::Null,
            Value::Boolean(false),
            Value::Boolean(true),
            Value::Date(-1),
            Value::Date(20_000),
            Value::Timestamp(i64::MIN),
            Value::Timestamp(1_700_000_000_000_000),
            Value::Interval(Interval {
                months: -1,
                days: 2,
                micros: 3,
            }),
            Value::Binary(Cow::Borrowed(&[0, 1, 255])),
            Value::Array(vec![]),
            Value::Array(vec![Value::Integer(1)]),
            Value::Array(vec![Value::Integer(1), Value::Null]),
            Value::Struct(vec![
                ("a".into(), text("x")),
                ("b".into(), Value::Double(0.5)),
            ]),
            Value::Map(vec![(text("k"), Value::Integer(1))]),
        ];
        samples.extend(["", "a", "a\0", "a\0b", "aa", "é", "\u{10ffff}"].map(text));
        samples.extend(
            [
                i64::MIN,
                -9_007_199_254_740_993,
                -7,
                0,
                1,
                9_007_199_254_740_993,
                i64::MAX,
            ]
            .map(Value::Integer),
        );
        samples.extend(
            [
                f64::NEG_INFINITY,
                -1.5,
                1e-300,
                0.5,
                1e300,
                f64::INFINITY,
                f64::NAN,
            ]
            .map(Value::Double),
        );
        samples
    }

    #[test]
    fn what_is_written_reads_back() {
        for value in samples() {
            let encoded = bytes(&value);
            let mut rest = encoded.as_slice();
            let back = decode(&mut rest).unwrap();
            assert!(rest.is_empty(), "{value:?}");
            assert!(compare(&value, &back).is_eq(), "{value:?} {back:?}");
        }
    }

    #[test]
    fn bytes_compare_as_the_values_do() {
        let samples = samples();
        for a in &samples {
            for b in &samples {
                let same = std::mem::discriminant(a) == std::mem::discriminant(b);
                let numbers = |v: &Value| matches!(v, Value::Integer(_) | Value::Double(_));
                if same || numbers(a) && numbers(b) {
                    assert_eq!(bytes(a).cmp(&bytes(b)), compare(a, b), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn equal_numbers_are_one_group() {
        assert_eq!(bytes(&Value::Integer(1)), bytes(&Value::Double(1.0)));
        assert_eq!(bytes(&Value::Double(-0.0)), bytes(&Value::Double(0.0)));
        assert_eq!(
            bytes(&Value::Double(f64::NAN)),
            bytes(&Value::Double(-f64::NAN))
        );
        assert_ne!(
            bytes(&Value::Integer(i64::MAX)),
            bytes(&Value::Integer(i64::MAX - 1))
        );
    }

    #[test]
    fn kept_doubles_keep_their_bits() {
        for number in [1.0, -0.0, 0.1, f64::NAN] {
            let mut out = Vec::new();
            keep(&mut out, &Value::Array(vec![Value::Double(number)]));
            let Some(Value::Array(back)) = decode(&mut out.as_slice()) else {
                panic!("no array")
            };
            assert!(matches!(back[0], Value::Double(n) if n.to_bits() == number.to_bits()));
        }
    }

    #[test]
    fn foreign_bytes_are_no_value() {
        for bytes in [&b""[..], b"\x99", b"\x30abc", b"\x10\0", b"\x40\x01"] {
            assert!(decode(&mut &bytes[..]).is_none(), "{bytes:?}");
        }
    }
}
