//! One value that outlives its row, in 16 bytes.

use std::borrow::Cow;
use std::cmp::Ordering;

use st_expr::Value;
use st_expr::compare::total;

/// An owned value; what rarely is an extreme is boxed.
#[derive(Clone, Debug, Default)]
pub enum Scalar {
    /// No value.
    #[default]
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// An integer of any width.
    Integer(i64),
    /// A double or float.
    Double(f64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970.
    Timestamp(i64),
    /// Text. A pointer to a slice would take 16 bytes by itself.
    Text(Box<Box<str>>),
    /// Anything else.
    Other(Box<Value<'static>>),
}

impl Scalar {
    /// A copy of `value`.
    pub fn of(value: &Value<'_>) -> Scalar {
        match value {
            Value::Null => Scalar::Null,
            Value::Boolean(truth) => Scalar::Boolean(*truth),
            Value::Integer(number) => Scalar::Integer(*number),
            Value::Double(number) => Scalar::Double(*number),
            Value::Date(days) => Scalar::Date(*days),
            Value::Timestamp(micros) => Scalar::Timestamp(*micros),
            Value::String(text) => Scalar::Text(Box::new(text.as_ref().into())),
            other => Scalar::Other(Box::new(other.borrowed().into_owned())),
        }
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        match self {
            Scalar::Null => Value::Null,
            Scalar::Boolean(truth) => Value::Boolean(*truth),
            Scalar::Integer(number) => Value::Integer(*number),
            Scalar::Double(number) => Value::Double(*number),
            Scalar::Date(days) => Value::Date(*days),
            Scalar::Timestamp(micros) => Value::Timestamp(*micros),
            Scalar::Text(text) => Value::String(Cow::Borrowed(text)),
            Scalar::Other(value) => value.borrowed(),
        }
    }

    /// True if there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Scalar::Null)
    }

    /// How `value` stands to this one.
    #[inline]
    pub fn order(&self, value: &Value<'_>) -> Ordering {
        match (value, self) {
            (Value::Integer(a), Scalar::Integer(b)) => a.cmp(b),
            (Value::Timestamp(a), Scalar::Timestamp(b)) => a.cmp(b),
            (Value::String(a), Scalar::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (value, Scalar::Other(own)) => total(value, own),
            _ => total(value, &self.value()),
        }
    }

    /// Bytes held outside of this value.
    pub fn heap(&self) -> usize {
        match self {
            Scalar::Text(text) => size_of::<Box<str>>() + text.len() + 32,
            Scalar::Other(value) => size_of::<Value>() + held(value),
            _ => 0,
        }
    }
}

/// Bytes a value holds outside of itself, an estimate.
fn held(value: &Value<'_>) -> usize {
    let whole = |value: &Value<'_>| size_of::<Value>() + held(value);
    match value {
        Value::String(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::Array(elements) => elements.iter().map(whole).sum(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| whole(key) + whole(value))
            .sum(),
        Value::Struct(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + whole(value))
            .sum(),
        _ => 0,
    }
}
