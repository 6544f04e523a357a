//! Casts, as Spark's with `spark.sql.ansi.enabled=false` (`Cast.scala`), except that integers never wrap: a number that is
//! out of the target's range is a failure, and so null.

use crate::function::{Env, Failure};
use crate::number::float;
use crate::{Decimal, Interval, Type, Value};
use st_time::Zone;
use std::borrow::Cow;

/// True if a value of one type can be cast to another at all.
pub fn castable(from: &Type, to: &Type) -> bool {
    use Type::*;
    match (from, to) {
        (a, b) if a == b => true,
        (Any | Null, _) | (_, Any | Null) => true,
        (_, String) => true,
        (Array(a), Array(b)) => castable(a, b),
        (Map(a, x), Map(b, y)) => castable(a, b) && castable(x, y),
        (Struct(a), Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| castable(&a.kind, &b.kind))
        }
        (a, b) if a.is_nested() || b.is_nested() => false,
        (String, _) => true,
        (Binary, _) | (_, Interval) => false,
        (Interval, b) => b.is_integer(),
        (a, Binary) => a.is_integer(),
        (Date | Boolean, Timestamp) => true,
        (a, Timestamp) => a.is_numeric(),
        (Timestamp, Date) => true,
        (_, Date) => false,
        _ => true,
    }
}

/// Casts a value. `from` is the static type the value has, `Any` if it is not known. Null stays null.
pub fn cast<'a>(env: &Env, value: Value<'a>, from: &Type, to: &Type) -> Result<Value<'a>, Failure> {
    convert(env, value, from, to, false)
}

/// Casts a value as `try_cast` does: what does not fit is null and no failure. Stricter than [`cast`], as in Spark: text
/// with a fraction is no integer, and a double beyond an integer's range does not stop at it.
pub fn try_cast<'a>(env: &Env, value: Value<'a>, from: &Type, to: &Type) -> Value<'a> {
    convert(env, value, from, to, true).unwrap_or(Value::Null)
}

fn convert<'a>(
    env: &Env,
    value: Value<'a>,
    from: &Type,
    to: &Type,
    quiet: bool,
) -> Result<Value<'a>, Failure> {
    let unfit = |value: &Value<'_>| {
        let quote = if matches!(value, Value::String(_)) {
            "'"
        } else {
            ""
        };
        let mut text = value.borrowed().into_text(env.zone).into_owned();
        if text.chars().count() > 60 {
            text = text.chars().take(57).chain("...".chars()).collect();
        }
        Failure(format!("{quote}{text}{quote} is no {to}"))
    };
    if value.is_null() || from == to {
        return Ok(value);
    }
    let cast = match (&value, to) {
        (_, Type::Any | Type::Null) => return Ok(value),
        (_, Type::String) => return Ok(Value::String(value.into_text(env.zone))),
        (_, Type::Boolean) => boolean(&value).map(Value::Boolean),
        (_, Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt) => {
            integer(&value, to, quiet).map(Value::Integer)
        }
        (_, Type::Double) => double(&value, from).map(Value::Double),
        (_, Type::Float) => double(&value, from).map(float).map(Value::Double),
        (_, Type::Decimal { precision, scale }) => {
            decimal(&value, *precision, *scale).map(Value::Decimal)
        }
        (Value::Binary(_), Type::Binary) => return Ok(value),
        (_, Type::Binary) => {
            return binary(value, from).ok_or_else(|| Failure("no BINARY".to_owned()));
        }
        (_, Type::Date) => date(&value, env.zone).map(Value::Date),
        (_, Type::Timestamp) => timestamp(&value, env.zone).map(Value::Timestamp),
        (_, Type::Interval) => interval(&value).map(Value::Interval),
        (Value::Array(_) | Value::Map(_) | Value::Struct(_), _) => {
            return nested(env, value, from, to, quiet);
        }
        _ => None,
    };
    cast.ok_or_else(|| unfit(&value))
}

fn boolean(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(x) => Some(*x),
        Value::Integer(x) => Some(*x != 0),
        Value::Double(x) => Some(*x != 0.0),
        Value::Decimal(x) => Some(x.unscaled != 0),
        Value::Timestamp(x) => Some(*x != 0),
        Value::String(x) => match trim(x).to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => Some(true),
            "f" | "false" | "n" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value<'_>, to: &Type, strict: bool) -> Option<i64> {
    let (least, greatest) = to.integer_range();
    let number = match value {
        Value::Boolean(x) => i64::from(*x),
        Value::Integer(x) => *x,
        Value::Double(x) if strict && !(-9.3e18..9.3e18).contains(x) => return None,
        Value::Double(x) if strict => i64::try_from(x.trunc() as i128).ok()?,
        // Java's conversions stop at the range of INT and BIGINT, and make 0 of NaN; only narrower ones would wrap.
        Value::Double(x) if *to == Type::Int => (*x as i64).clamp(least, greatest),
        Value::Double(x) => *x as i64,
        Value::Decimal(x) => i64::try_from(x.trunc()).ok()?,
        Value::String(x) if strict => trim(x).parse().ok()?,
        Value::String(x) => whole(trim(x))?,
        Value::Timestamp(x) => x.div_euclid(1_000_000),
        Value::Interval(x) if x.months == 0 => i64::try_from(x.day_micros() / 1_000_000).ok()?,
        _ => return None,
    };
    (least..=greatest).contains(&number).then_some(number)
}

/// Digits with a sign; a fraction is cut, an exponent refused (`UTF8String.toLong`).
fn whole(text: &str) -> Option<i64> {
    let Some((whole, fraction)) = text.split_once('.') else {
        return text.parse().ok();
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match whole {
        "" | "-" | "+" => Some(0),
        _ => whole.parse().ok(),
    }
}

fn double(value: &Value<'_>, from: &Type) -> Option<f64> {
    match value {
        Value::Boolean(x) => Some(f64::from(u8::from(*x))),
        Value::Integer(x) => Some(*x as f64),
        Value::Double(x) if *from == Type::Float => Some(f64::from(*x as f32)),
        Value::Double(x) => Some(*x),
        Value::Decimal(x) => Some(x.to_double()),
        Value::Timestamp(x) => Some(*x as f64 / 1e6),
        Value::String(x) => parse_double(trim(x)),
        _ => None,
    }
}

/// Java's `Double.parseDouble`, and the words Spark adds.
pub fn parse_double(text: &str) -> Option<f64> {
    let last = *text.as_bytes().last()?;
    let digits = match last {
        b'd' | b'D' | b'f' | b'F' if text.len() > 1 && text.as_bytes()[0].is_ascii_digit() => {
            &text[..text.len() - 1]
        }
        _ => text,
    };
    if digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
    {
        return digits.parse().ok();
    }
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn decimal(value: &Value<'_>, precision: u8, scale: u8) -> Option<Decimal> {
    match value {
        Value::Boolean(x) => Decimal::from_integer(i64::from(*x)).fit(precision, scale),
        Value::Integer(x) => Decimal::from_integer(*x).fit(precision, scale),
        Value::Double(x) => Decimal::from_double(*x, precision, scale),
        Value::Decimal(x) => x.fit(precision, scale),
        Value::String(x) => Decimal::parse_as(trim(x), precision, scale),
        Value::Timestamp(x) => Decimal {
            unscaled: i128::from(*x),
            scale: 6,
        }
        .fit(precision, scale),
        _ => None,
    }
}

fn binary<'a>(value: Value<'a>, from: &Type) -> Option<Value<'a>> {
    Some(Value::Binary(match value {
        Value::String(Cow::Borrowed(x)) => Cow::Borrowed(x.as_bytes()),
        Value::String(Cow::Owned(x)) => Cow::Owned(x.into_bytes()),
        Value::Integer(x) => {
            let width = match from {
                Type::TinyInt => 1,
                Type::SmallInt => 2,
                Type::Int => 4,
                _ => 8,
            };
            Cow::Owned(x.to_be_bytes()[8 - width..].to_vec())
        }
        _ => return None,
    }))
}

fn date(value: &Value<'_>, zone: Zone) -> Option<i32> {
    match value {
        Value::Date(x) => Some(*x),
        Value::Timestamp(x) => Some(st_time::date_of(*x, zone)),
        Value::String(x) => st_time::parse_date(trim(x).as_bytes()),
        _ => None,
    }
}

fn timestamp(value: &Value<'_>, zone: Zone) -> Option<i64> {
    match value {
        Value::Timestamp(x) => Some(*x),
        Value::Date(x) => st_time::days_to_micros(*x, zone),
        Value::String(x) => st_time::parse_timestamp(trim(x).as_bytes(), zone),
        // Seconds beyond the last timestamp are the last timestamp, as in Java's `TimeUnit`.
        Value::Integer(x) => Some(x.saturating_mul(1_000_000)),
        Value::Double(x) if x.is_finite() => Some((*x * 1e6) as i64),
        Value::Decimal(x) => {
            let micros = Decimal {
                unscaled: x.unscaled.checked_mul(1_000_000)?,
                scale: x.scale,
            };
            i64::try_from(micros.trunc()).ok()
        }
        Value::Boolean(x) => Some(i64::from(*x)),
        _ => None,
    }
}

fn interval(value: &Value<'_>) -> Option<Interval> {
    match value {
        Value::Interval(x) => Some(*x),
        Value::String(x) => trim(x)
            .parse::<st_time::Duration>()
            .ok()
            .map(Interval::from),
        _ => None,
    }
}

fn nested<'a>(
    env: &Env,
    value: Value<'a>,
    from: &Type,
    to: &Type,
    quiet: bool,
) -> Result<Value<'a>, Failure> {
    let any = Type::Any;
    // A member that does not fit is null by itself, and counted.
    let member = |value: Value<'a>, from: &Type, to: &Type| {
        convert(env, value, from, to, quiet).unwrap_or_else(|failure| {
            if !quiet {
                env.failures.add(failure);
            }
            Value::Null
        })
    };
    match (value, to) {
        (Value::Array(x), Type::Array(element)) => Ok(Value::Array(
            x.into_iter()
                .map(|x| member(x, from.element(), element))
                .collect(),
        )),
        (Value::Map(x), Type::Map(key, value)) => {
            let (old_key, old_value) = match from {
                Type::Map(key, value) => (&**key, &**value),
                _ => (&any, &any),
            };
            Ok(Value::Map(
                x.into_iter()
                    .map(|(k, v)| (member(k, old_key, key), member(v, old_value, value)))
                    .collect(),
            ))
        }
        // A struct of an undeclared column may be read as a map.
        (Value::Struct(x), Type::Map(key, value)) => {
            let entry = |(k, v)| {
                (
                    member(Value::String(k), &Type::String, key),
                    member(v, &any, value),
                )
            };
            Ok(Value::Map(x.into_iter().map(entry).collect()))
        }
        (Value::Struct(x), Type::Struct(fields)) if x.len() == fields.len() => {
            let cast = x
                .into_iter()
                .zip(fields)
                .enumerate()
                .map(|(i, ((_, x), field))| {
                    let old = match from {
                        Type::Struct(fields) => fields.get(i).map_or(&any, |field| &field.kind),
                        _ => &any,
                    };
                    (Cow::Owned(field.name.clone()), member(x, old, &field.kind))
                });
            Ok(Value::Struct(cast.collect()))
        }
        (value, _) => Err(Failure(format!("{} is no {to}", value.kind()))),
    }
}

/// Spark's `trimAll`: spaces and control characters at both ends.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}
