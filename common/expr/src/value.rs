//! A value while an expression is evaluated. Borrows from the row where it can.

use std::borrow::Cow;

/// One SQL value. The width of an integer or a float is a matter of its static [`crate::Type`]; here all integers are 64 bits.
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
