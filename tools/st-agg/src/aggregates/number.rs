//! Numbers as aggregates take them.

use st_expr::cast::parse_double;
use st_expr::{Decimal, Failure, Value};

/// A number of any kind.
pub enum Number {
    /// An integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A decimal.
    Decimal(Decimal),
}

/// The number a value is; text counts as the double it reads as. `None` for null.
#[inline]
pub fn number(value: &Value<'_>) -> Result<Option<Number>, Failure> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Integer(number) => Number::Integer(*number),
        Value::Double(number) => Number::Double(*number),
        Value::Decimal(number) => Number::Decimal(*number),
        Value::String(text) => match parse_double(text.trim()) {
            Some(number) => Number::Double(number),
            None => return Err(Failure(format!("'{text}' is no number"))),
        },
        other => return Err(Failure(format!("{} is no number", other.kind()))),
    }))
}

/// The double a value is; `None` for null.
#[inline]
pub fn double(value: &Value<'_>) -> Result<Option<f64>, Failure> {
    Ok(number(value)?.map(|number| match number {
        Number::Integer(number) => number as f64,
        Number::Double(number) => number,
        Number::Decimal(number) => number.to_double(),
    }))
}

/// Two doubles, if both are there.
#[inline]
pub fn pair(args: &[Value<'_>]) -> Result<Option<(f64, f64)>, Failure> {
    let [a, b] = args else { return Ok(None) };
    Ok(double(a)?.zip(double(b)?))
}
