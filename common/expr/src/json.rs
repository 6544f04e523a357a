//! Values to and from JSON: what a row's raw value is as a declared type, and how a result is written into a row.

use crate::number::{float, write_double};
use crate::{Decimal, Type, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use st_row::{
    Kind, Short, elements_of, fields_of, parse_f64, parse_i64, short_number, unescape, write_string,
};
use st_time::Zone;
use std::borrow::Cow;

/// Appends a value as JSON. Timestamps are ISO-8601 in `zone` (the wire's is UTC), decimals plain numbers, binary base64,
/// NaN and the infinities strings, as Spark's JSON writer has them. Null members of structs are written.
pub fn write_json(out: &mut Vec<u8>, value: &Value<'_>, zone: Zone) {
    write(out, value, zone, true);
}

/// The same without the null members of structs: `to_json`, and what Spark's JSON files look like.
pub fn write_json_without_nulls(out: &mut Vec<u8>, value: &Value<'_>, zone: Zone) {
    write(out, value, zone, false);
}

fn write(out: &mut Vec<u8>, value: &Value<'_>, zone: Zone, nulls: bool) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(x) => out.extend_from_slice(if *x { b"true" } else { b"false" }),
        Value::Integer(x) => out.extend_from_slice(itoa::Buffer::new().format(*x).as_bytes()),
        Value::Double(x) if x.is_finite() => write_double(out, *x),
        Value::Double(x) => {
            out.push(b'"');
            write_double(out, *x);
            out.push(b'"');
        }
        Value::Decimal(x) => out.extend_from_slice(x.to_string().as_bytes()),
        Value::String(x) => write_string(out, x),
        Value::Binary(x) => write_string(out, &BASE64.encode(x)),
        Value::Date(x) => {
            out.push(b'"');
            st_time::write_date(out, *x);
            out.push(b'"');
        }
        Value::Timestamp(x) => {
            out.push(b'"');
            st_time::write_iso(out, *x, zone);
            out.push(b'"');
        }
        Value::Interval(x) => write_string(out, &x.to_string()),
        Value::Array(x) => {
            out.push(b'[');
            for (i, x) in x.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, x, zone, nulls);
            }
            out.push(b']');
        }
        Value::Map(x) => {
            let entries = x
                .iter()
                .map(|(key, value)| (key.borrowed().into_text(zone), value));
            object(out, entries, zone, nulls);
        }
        Value::Struct(x) => {
            let members = x.iter().filter(|(_, value)| nulls || !value.is_null());
            object(
                out,
                members.map(|(key, value)| (Cow::Borrowed(&**key), value)),
                zone,
                nulls,
            );
        }
    }
}

fn object<'v>(
    out: &mut Vec<u8>,
    members: impl Iterator<Item = (Cow<'v, str>, &'v Value<'v>)>,
    zone: Zone,
    nulls: bool,
) {
    out.push(b'{');
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(out, &key);
        out.push(b':');
        write(out, value, zone, nulls);
    }
    out.push(b'}');
}

/// Reads a raw JSON value as a declared type, by the permissive rules of Spark's JSON reader (`JacksonParser`): what does
/// not fit is null, in that value alone. Unlike Spark's, a number is no TIMESTAMP: its unit is not known.
#[inline]
pub fn read_json<'r>(raw: &'r [u8], kind: &Type, zone: Zone) -> Value<'r> {
    if matches!(kind, Type::Any) {
        match short_number(raw) {
            Some(Short::Integer(value)) => return Value::Integer(value),
            Some(Short::Fraction(value)) => return Value::Double(value),
            None => {}
        }
    }
    read(raw, kind, zone).unwrap_or(Value::Null)
}

fn read<'r>(raw: &'r [u8], kind: &Type, zone: Zone) -> Option<Value<'r>> {
    let found = Kind::of(raw)?;
    if found == Kind::Null {
        return None;
    }
    match (kind, found) {
        (Type::Any, _) => Some(read_any(raw, found)),
        (Type::Boolean, Kind::Bool) => Some(Value::Boolean(raw[0] == b't')),
        (Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt, Kind::Integer) => {
            let (least, greatest) = kind.integer_range();
            parse_i64(raw)
                .filter(|x| (least..=greatest).contains(x))
                .map(Value::Integer)
        }
        (Type::Float | Type::Double, _) => {
            let number = match found {
                Kind::Integer | Kind::Fraction => parse_f64(raw)?,
                Kind::String => match &*unescape(raw).ok()? {
                    "NaN" => f64::NAN,
                    "Infinity" | "+Infinity" | "INF" | "+INF" => f64::INFINITY,
                    "-Infinity" | "-INF" => f64::NEG_INFINITY,
                    _ => return None,
                },
                _ => return None,
            };
            Some(Value::Double(if *kind == Type::Float {
                float(number)
            } else {
                number
            }))
        }
        (Type::Decimal { precision, scale }, Kind::Integer | Kind::Fraction) => {
            Decimal::parse_as(std::str::from_utf8(raw).ok()?, *precision, *scale)
                .map(Value::Decimal)
        }
        (Type::Decimal { precision, scale }, Kind::String) => {
            Decimal::parse_as(&unescape(raw).ok()?, *precision, *scale).map(Value::Decimal)
        }
        (Type::String, Kind::String) => unescape(raw).ok().map(Value::String),
        (Type::String, Kind::Object | Kind::Array) => Some(Value::String(compact(raw)?)),
        (Type::String, _) => std::str::from_utf8(raw).ok().map(Value::text),
        (Type::Binary, Kind::String) => BASE64
            .decode(&*unescape(raw).ok()?)
            .ok()
            .map(|x| Value::Binary(Cow::Owned(x))),
        (Type::Date, Kind::String) => {
            st_time::parse_date(unescape(raw).ok()?.as_bytes()).map(Value::Date)
        }
        (Type::Timestamp, Kind::String) => {
            // No timestamp has a backslash in it, so what can be read as it stands has no escapes.
            let text = raw.get(1..raw.len().saturating_sub(1))?;
            let time = st_time::parse_timestamp(text, zone);
            let unescaped = || st_time::parse_timestamp(unescape(raw).ok()?.as_bytes(), zone);
            time.or_else(unescaped).map(Value::Timestamp)
        }
        // One element that does not fit makes the whole array null, and so with a map's values; a struct's member is null
        // by itself.
        (Type::Array(element), Kind::Array) => {
            let elements = elements_of(raw).map(|x| whole(x.ok()?, element, zone));
            elements.collect::<Option<Vec<_>>>().map(Value::Array)
        }
        (Type::Map(_, value), Kind::Object) => {
            let mut entries: Vec<(Value<'r>, Value<'r>)> = Vec::new();
            for member in fields_of(raw) {
                let (key, inner) = member.ok()?;
                let key = unescape(key).ok()?;
                let inner = whole(inner, value, zone)?;
                match entries
                    .iter_mut()
                    .find(|(known, _)| known.as_str() == Some(&*key))
                {
                    Some((_, known)) => *known = inner,
                    None => entries.push((Value::String(key), inner)),
                }
            }
            Some(Value::Map(entries))
        }
        (Type::Struct(fields), Kind::Object) => {
            let mut values: Vec<(Cow<'r, str>, Value<'r>)> = fields
                .iter()
                .map(|field| (Cow::Owned(field.name.clone()), Value::Null))
                .collect();
            for member in fields_of(raw) {
                let (key, inner) = member.ok()?;
                let key = unescape(key).ok()?;
                if let Some(i) = fields.iter().position(|field| field.name == key) {
                    values[i].1 = read_json(inner, &fields[i].kind, zone);
                }
            }
            Some(Value::Struct(values))
        }
        _ => None,
    }
}

/// A raw value as a type; `None` if it does not fit, but not if it is null.
fn whole<'r>(raw: &'r [u8], kind: &Type, zone: Zone) -> Option<Value<'r>> {
    match Kind::of(raw)? {
        Kind::Null => Some(Value::Null),
        _ => read(raw, kind, zone),
    }
}

/// A raw value as what JSON says it is.
fn read_any(raw: &[u8], kind: Kind) -> Value<'_> {
    match kind {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Boolean(raw[0] == b't'),
        Kind::Integer => match parse_i64(raw) {
            Some(number) => Value::Integer(number),
            None => match std::str::from_utf8(raw).ok().and_then(Decimal::parse) {
                Some(number) => Value::Decimal(number),
                None => parse_f64(raw).map_or(Value::Null, Value::Double),
            },
        },
        Kind::Fraction => parse_f64(raw).map_or(Value::Null, Value::Double),
        Kind::String => unescape(raw).map_or(Value::Null, Value::String),
        Kind::Array => {
            let any = |x| read_json(x, &Type::Any, Zone::UTC);
            Value::Array(elements_of(raw).filter_map(|x| x.ok().map(any)).collect())
        }
        Kind::Object => {
            let mut members: Vec<(Cow<'_, str>, Value<'_>)> = Vec::new();
            for (key, inner) in fields_of(raw).filter_map(Result::ok) {
                let Ok(key) = unescape(key) else { continue };
                let inner = read_json(inner, &Type::Any, Zone::UTC);
                match members.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => *known = inner,
                    None => members.push((key, inner)),
                }
            }
            Value::Struct(members)
        }
    }
}

/// JSON text without white space between its tokens; borrowed if there is none.
fn compact(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    if !raw.iter().any(u8::is_ascii_whitespace) {
        return Some(Cow::Borrowed(text));
    }
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(raw.len()), false, false);
    for c in text.chars() {
        if !quoted && c.is_ascii_whitespace() {
            continue;
        }
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = quoted;
        } else if c == '"' {
            quoted = !quoted;
        }
        out.push(c);
    }
    Some(Cow::Owned(out))
}
