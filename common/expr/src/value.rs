//! A value while an expression is evaluated. Borrows from the row where it can.

use std::borrow::Cow;

/// One SQL value. The width of an integer or a float is a matter of its static [`crate::Type`]; here all integers are 64 bits,
/// and a FLOAT is the double with the same shortest text (see [`crate::number`]).
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Decimal(Decimal),
    String(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    Interval(Interval),
    Array(Vec<Value<'a>>),
    /// Entries in order of insertion; keys are unique.
    Map(Vec<(Value<'a>, Value<'a>)>),
    Struct(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// An exact decimal: `unscaled / 10^scale`, at most 38 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// All the digits, signed.
    pub unscaled: i128,
    /// How many of them stand after the point.
    pub scale: u8,
}

/// A calendar interval: months, days and microseconds are kept apart, as their lengths differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl<'a> Value<'a> {
    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// True only for the boolean `true`: what `where` keeps.
    pub fn is_true(&self) -> bool {
        matches!(self, Value::Boolean(true))
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number as a double, if it is one.
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            Value::Decimal(number) => Some(number.to_double()),
            _ => None,
        }
    }

    /// A string that borrows.
    pub fn text(text: &'a str) -> Self {
        Value::String(Cow::Borrowed(text))
    }

    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Boolean(x) => Value::Boolean(x),
            Value::Integer(x) => Value::Integer(x),
            Value::Double(x) => Value::Double(x),
            Value::Decimal(x) => Value::Decimal(x),
            Value::String(x) => Value::String(Cow::Owned(x.into_owned())),
            Value::Binary(x) => Value::Binary(Cow::Owned(x.into_owned())),
            Value::Date(x) => Value::Date(x),
            Value::Timestamp(x) => Value::Timestamp(x),
            Value::Interval(x) => Value::Interval(x),
            Value::Array(x) => Value::Array(x.into_iter().map(Value::into_owned).collect()),
            Value::Map(x) => Value::Map(
                x.into_iter()
                    .map(|(k, v)| (k.into_owned(), v.into_owned()))
                    .collect(),
            ),
            Value::Struct(x) => Value::Struct(
                x.into_iter()
                    .map(|(k, v)| (Cow::Owned(k.into_owned()), v.into_owned()))
                    .collect(),
            ),
        }
    }

    /// The same value, borrowing from this one: strings and bytes are not copied.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Boolean(x) => Value::Boolean(*x),
            Value::Integer(x) => Value::Integer(*x),
            Value::Double(x) => Value::Double(*x),
            Value::Decimal(x) => Value::Decimal(*x),
            Value::String(x) => Value::String(Cow::Borrowed(x)),
            Value::Binary(x) => Value::Binary(Cow::Borrowed(x)),
            Value::Date(x) => Value::Date(*x),
            Value::Timestamp(x) => Value::Timestamp(*x),
            Value::Interval(x) => Value::Interval(*x),
            Value::Array(x) => Value::Array(x.iter().map(Value::borrowed).collect()),
            Value::Map(x) => Value::Map(
                x.iter()
                    .map(|(k, v)| (k.borrowed(), v.borrowed()))
                    .collect(),
            ),
            Value::Struct(x) => Value::Struct(
                x.iter()
                    .map(|(k, v)| (Cow::Borrowed(&**k), v.borrowed()))
                    .collect(),
            ),
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> crate::Type {
        use crate::{Field, Type};
        match self {
            Value::Null => Type::Null,
            Value::Boolean(_) => Type::Boolean,
            Value::Integer(_) => Type::BigInt,
            Value::Double(_) => Type::Double,
            Value::Decimal(x) => x.kind(),
            Value::String(_) => Type::String,
            Value::Binary(_) => Type::Binary,
            Value::Date(_) => Type::Date,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Interval(_) => Type::Interval,
            Value::Array(x) => Type::Array(Box::new(x.first().map_or(Type::Any, Value::kind))),
            Value::Map(x) => {
                let (key, value) = x
                    .first()
                    .map_or((Type::String, Type::Any), |(k, v)| (k.kind(), v.kind()));
                Type::Map(Box::new(key), Box::new(value))
            }
            Value::Struct(x) => Type::Struct(
                x.iter()
                    .map(|(k, v)| Field {
                        name: k.to_string(),
                        kind: v.kind(),
                    })
                    .collect(),
            ),
        }
    }
}

impl Interval {
    /// Both, one after the other; `None` if it does not fit.
    pub fn checked_add(self, other: Interval) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    /// The same length backwards; `None` if it does not fit.
    pub fn checked_neg(self) -> Option<Interval> {
        st_time::Duration::from(self).negated().map(Interval::from)
    }

    /// Days of 24 hours and the microseconds, together.
    pub fn day_micros(&self) -> i128 {
        i128::from(self.days) * 86_400_000_000 + i128::from(self.micros)
    }
}

impl From<st_time::Duration> for Interval {
    fn from(duration: st_time::Duration) -> Self {
        Interval {
            months: duration.months,
            days: duration.days,
            micros: duration.micros,
        }
    }
}

impl From<Interval> for st_time::Duration {
    fn from(interval: Interval) -> Self {
        st_time::Duration {
            months: interval.months,
            days: interval.days,
            micros: interval.micros,
        }
    }
}
