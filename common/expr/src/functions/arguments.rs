//! Arguments as Rust values, and results as SQL values.
//!
//! The evaluator has cast the arguments to the function's parameters, so a wrong kind is met only where a parameter takes
//! anything and the column is undeclared; it is a [`Failure`], never a panic.

use std::borrow::Cow;
use std::ops::Range;

use crate::function::Failure;
use crate::{Type, Value};

/// The result of a body.
pub type Answer<'a> = Result<Value<'a>, Failure>;

/// A failure with a message; the evaluator adds the function's name.
pub fn failure<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(message.into()))
}

fn unfit<T>(wanted: &str, value: &Value<'_>) -> Result<T, Failure> {
    failure(format!("wants {wanted}, not {}", kind(value)))
}

/// What a value is, for messages.
pub fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Integer(_) => "an integer",
        Value::Double(_) => "a double",
        Value::Decimal(_) => "a decimal",
        Value::String(_) => "text",
        Value::Binary(_) => "binary",
        Value::Date(_) => "a date",
        Value::Timestamp(_) => "a timestamp",
        Value::Interval(_) => "an interval",
        Value::Array(_) => "an array",
        Value::Map(_) => "a map",
        Value::Struct(_) => "a struct",
    }
}

/// The value's text.
pub fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Failure> {
    match value {
        Value::String(text) => Ok(text),
        _ => unfit("text", value),
    }
}

/// The value's bytes: of binary, or of text in UTF-8.
pub fn bytes<'v>(value: &'v Value<'_>) -> Result<&'v [u8], Failure> {
    match value {
        Value::String(text) => Ok(text.as_bytes()),
        Value::Binary(bytes) => Ok(bytes),
        _ => unfit("text or binary", value),
    }
}

/// The value's integer.
pub fn integer(value: &Value<'_>) -> Result<i64, Failure> {
    match value {
        Value::Integer(number) => Ok(*number),
        _ => unfit("an integer", value),
    }
}

/// The value's number as a double.
pub fn double(value: &Value<'_>) -> Result<f64, Failure> {
    match value {
        Value::Double(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        _ => unfit("a double", value),
    }
}

/// A number cut to an integer.
pub fn whole(value: &Value<'_>) -> Result<i64, Failure> {
    match value {
        Value::Integer(number) => Ok(*number),
        Value::Double(number) => Ok(*number as i64),
        Value::Decimal(number) => match i64::try_from(number.trunc()) {
            Ok(number) => Ok(number),
            Err(_) => failure("the number does not fit BIGINT"),
        },
        _ => unfit("a number", value),
    }
}

/// The value's elements.
pub fn array<'v, 'a>(value: &'v Value<'a>) -> Result<&'v [Value<'a>], Failure> {
    match value {
        Value::Array(elements) => Ok(elements),
        _ => unfit("an array", value),
    }
}

/// The value's entries.
pub fn map<'v, 'a>(value: &'v Value<'a>) -> Result<&'v [(Value<'a>, Value<'a>)], Failure> {
    match value {
        Value::Map(entries) => Ok(entries),
        _ => unfit("a map", value),
    }
}

/// Days since the epoch.
pub fn date(value: &Value<'_>) -> Result<i32, Failure> {
    match value {
        Value::Date(days) => Ok(*days),
        _ => unfit("a date", value),
    }
}

/// Microseconds since the epoch.
pub fn timestamp(value: &Value<'_>) -> Result<i64, Failure> {
    match value {
        Value::Timestamp(micros) => Ok(*micros),
        _ => unfit("a timestamp", value),
    }
}

/// A piece of the value's text, borrowed where the value is. The range lies on character boundaries.
pub fn piece<'a>(value: &Value<'a>, range: Range<usize>) -> Answer<'a> {
    match value {
        Value::String(Cow::Borrowed(text)) => Ok(Value::String(Cow::Borrowed(&text[range]))),
        Value::String(Cow::Owned(text)) => Ok(Value::String(Cow::Owned(text[range].to_owned()))),
        _ => unfit("text", value),
    }
}

/// Owned text as a value.
pub fn string<'a>(text: impl Into<String>) -> Value<'a> {
    Value::String(Cow::Owned(text.into()))
}

/// Owned bytes as a value.
pub fn binary<'a>(bytes: impl Into<Vec<u8>>) -> Value<'a> {
    Value::Binary(Cow::Owned(bytes.into()))
}

/// An integer, if it fits the type: integers never wrap.
pub fn fitting<'a>(number: i128, kind: &Type) -> Answer<'a> {
    let (low, high, name) = match kind {
        Type::TinyInt => (i8::MIN.into(), i8::MAX.into(), "TINYINT"),
        Type::SmallInt => (i16::MIN.into(), i16::MAX.into(), "SMALLINT"),
        Type::Int => (i32::MIN.into(), i32::MAX.into(), "INT"),
        _ => (i64::MIN.into(), i64::MAX.into(), "BIGINT"),
    };
    if (low..=high).contains(&number) {
        Ok(Value::Integer(number as i64))
    } else {
        failure(format!("{number} does not fit {name}"))
    }
}
