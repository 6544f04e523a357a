//! Three-valued logic and comparison.

use super::number::Number;
use super::{Op, Scope};
use crate::Value;
use crate::compare::{compare, write_key};
use std::cmp::Ordering;
use std::collections::HashSet;

/// The comparisons that give an order's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Order {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::NotEqual => ordering.is_ne(),
            Order::Less => ordering.is_lt(),
            Order::LessEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterEqual => ordering.is_ge(),
        }
    }
}

/// A comparison of two values.
pub struct Comparison<'r> {
    order: Order,
    a: &'r Op,
    b: &'r Op,
}

impl<'r> Comparison<'r> {
    /// The comparison of what these give.
    #[inline]
    pub fn new(order: Order, a: &'r Op, b: &'r Op) -> Self {
        Comparison { order, a, b }
    }

    /// `None` for null.
    #[inline]
    pub fn truth(&self, scope: &Scope<'_, 'r>) -> Option<bool> {
        let ordering = self.numbers(scope).or_else(|| self.values(scope))?;
        Some(self.order.holds(ordering))
    }

    /// The order of two values of any kind.
    fn values(&self, scope: &Scope<'_, 'r>) -> Option<Ordering> {
        let a = self.a.eval(scope);
        if a.is_null() {
            return None;
        }
        ordering(&a, &self.b.eval(scope), scope)
    }
}

impl Comparison<'_> {
    /// The order of two simple numbers.
    #[inline]
    fn numbers(&self, scope: &Scope<'_, '_>) -> Option<Ordering> {
        let b = self.b.number(scope)?;
        self.a.number(scope)?.order(b)
    }
}

/// The order of two values; `None` if one is null or they cannot be compared, which is counted.
fn ordering(a: &Value<'_>, b: &Value<'_>, scope: &Scope<'_, '_>) -> Option<Ordering> {
    if a.is_null() || b.is_null() {
        return None;
    }
    let numbers = Number::of(a).zip(Number::of(b));
    if let Some(ordering) = numbers.and_then(|(a, b)| a.order(b)) {
        return Some(ordering);
    }
    match compare(scope.env, a, b) {
        Ok(ordering) => Some(ordering),
        Err(failure) => {
            scope.env.failures.add(failure);
            None
        }
    }
}

/// A text field against a constant, on the bytes where that is sure.
pub fn field_is<'r>(
    field: usize,
    text: &'r str,
    negated: bool,
    scope: &Scope<'_, 'r>,
) -> Value<'r> {
    let Some(raw) = scope.slots.raw(field) else {
        return Value::Null;
    };
    if let [b'"', inner @ .., b'"'] = raw {
        if inner == text.as_bytes() && !text.contains('\\') {
            return Value::Boolean(!negated);
        }
        if memchr::memchr(b'\\', inner).is_none() {
            return Value::Boolean(negated);
        }
    }
    let value = crate::read_json(raw, &crate::Type::Any, scope.env.zone);
    match ordering(&value, &Value::text(text), scope) {
        Some(ordering) => Value::Boolean(ordering.is_eq() != negated),
        None => Value::Null,
    }
}

pub fn and<'r>(a: &'r Op, b: &'r Op, scope: &Scope<'_, 'r>) -> Value<'r> {
    match a.truth(scope) {
        Some(false) => Value::Boolean(false),
        Some(true) => b.truth(scope).map_or(Value::Null, Value::Boolean),
        None if b.truth(scope) == Some(false) => Value::Boolean(false),
        None => Value::Null,
    }
}

pub fn or<'r>(a: &'r Op, b: &'r Op, scope: &Scope<'_, 'r>) -> Value<'r> {
    match a.truth(scope) {
        Some(true) => Value::Boolean(true),
        Some(false) => b.truth(scope).map_or(Value::Null, Value::Boolean),
        None if b.truth(scope) == Some(true) => Value::Boolean(true),
        None => Value::Null,
    }
}

pub fn null_safe_equal<'r>(a: &'r Op, b: &'r Op, scope: &Scope<'_, 'r>) -> Value<'r> {
    let (a, b) = (a.eval(scope), b.eval(scope));
    Value::Boolean(match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => ordering(&a, &b, scope) == Some(Ordering::Equal),
        _ => false,
    })
}

pub fn between<'r>(x: &'r Op, low: &'r Op, high: &'r Op, scope: &Scope<'_, 'r>) -> Value<'r> {
    let x = x.eval(scope);
    if x.is_null() {
        return Value::Null;
    }
    let above = ordering(&x, &low.eval(scope), scope).map(Ordering::is_ge);
    if above == Some(false) {
        return Value::Boolean(false);
    }
    let below = ordering(&x, &high.eval(scope), scope).map(Ordering::is_le);
    match (above, below) {
        (_, Some(false)) => Value::Boolean(false),
        (Some(true), Some(true)) => Value::Boolean(true),
        _ => Value::Null,
    }
}

pub fn case_of<'r>(
    operand: &'r Op,
    branches: &'r [(Op, Op)],
    otherwise: Option<&'r Op>,
    scope: &Scope<'_, 'r>,
) -> Value<'r> {
    let operand = operand.eval(scope);
    for (when, then) in branches {
        if ordering(&operand, &when.eval(scope), scope) == Some(Ordering::Equal) {
            return then.eval(scope);
        }
    }
    otherwise.map_or(Value::Null, |x| x.eval(scope))
}

/// `x [not] in (…)`
pub struct In {
    value: Op,
    list: Vec<Op>,
    /// The keys of the list, if all of it is constant text; numbers may be compared with other kinds, one by one.
    texts: Option<HashSet<Vec<u8>>>,
}

impl In {
    /// Looks for a value in a list.
    pub fn new(value: Op, list: Vec<Op>) -> Self {
        let text = |op: &Op| match op.constant() {
            Some(text @ Value::String(_)) => {
                let mut key = Vec::new();
                write_key(&mut key, text);
                Some(key)
            }
            _ => None,
        };
        let texts = if list.len() > 8 {
            list.iter().map(text).collect()
        } else {
            None
        };
        In { value, list, texts }
    }

    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let value = self.value.eval(scope);
        if value.is_null() {
            return Value::Null;
        }
        if let (Some(texts), Value::String(_)) = (&self.texts, &value) {
            let mut key = Vec::new();
            write_key(&mut key, &value);
            return Value::Boolean(texts.contains(&key));
        }
        let mut unknown = false;
        for item in &self.list {
            let item = item.eval(scope);
            match ordering(&value, &item, scope) {
                Some(Ordering::Equal) => return Value::Boolean(true),
                Some(_) => {}
                None => unknown = true,
            }
        }
        if unknown {
            Value::Null
        } else {
            Value::Boolean(false)
        }
    }
}
