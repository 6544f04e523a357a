//! What an expression is compiled to, and its evaluation on a row.
//!
//! A part that cannot be computed is null, and counted in the environment's [`crate::Failures`].

pub mod arithmetic;
pub mod bits;
mod calls;
pub mod higher;
pub mod like;
mod logic;
mod number;
mod times;

use crate::cast::{cast, try_cast};
use crate::function::{Env, Failure, Prepared};
use crate::json::read_json;
use crate::{Slots, Type, Value};
use arithmetic::Arithmetic;
use bits::Bits;
use higher::Higher;
use like::Like;
use logic::Comparison;
pub use logic::{In, Order};
use st_row::Step;
use std::cell::RefCell;

/// One step of a compiled expression.
pub enum Op {
    /// A constant.
    Constant(Value<'static>),
    /// A field of the row, read as a type.
    Field(usize, Type),
    /// A value inside a field.
    Path(usize, Vec<Step>, Type),
    /// A value computed before.
    Computed(usize),
    /// A lambda's parameter, counted from the outermost lambda.
    Variable(usize),
    /// A member of a struct or map, or of each struct in an array.
    Member(Box<Op>, String),
    /// An element of an array, from 0, or the value of a map's key.
    Item(Box<Op>, Box<Op>),
    /// `not`
    Not(Box<Op>),
    /// `and`
    And(Box<Op>, Box<Op>),
    /// `or`
    Or(Box<Op>, Box<Op>),
    /// `is [not] null`
    IsNull(Box<Op>, bool),
    /// `is [not] true`, `is [not] false`
    IsTruth(Box<Op>, bool, bool),
    /// `=`, `<` and the like.
    Compare(Order, Box<Op>, Box<Op>),
    /// A text field compared with a constant text for equality; true for `!=`.
    FieldIs(usize, String, bool),
    /// `<=>`
    NullSafeEqual(Box<Op>, Box<Op>),
    /// `between`
    Between(Box<Op>, Box<Op>, Box<Op>),
    /// `in`
    In(Box<In>),
    /// Arithmetic.
    Arithmetic(Box<Arithmetic>),
    /// `- x`, with the type it has to fit.
    Negate(Box<Op>, Type),
    /// `& | ^ ~ << >> >>>`
    Bits(Box<Bits>),
    /// `interval x unit`
    Interval(Box<Op>, crate::ast::IntervalUnit),
    /// `like`, `ilike`
    Like(Box<Like>),
    /// `case`: conditions and results, and the `else`.
    Case(Vec<(Op, Op)>, Option<Box<Op>>),
    /// `case x when`: what is compared with each.
    CaseOf(Box<Op>, Vec<(Op, Op)>, Option<Box<Op>>),
    /// The first that is not null.
    Coalesce(Vec<Op>),
    /// A cast: from, to, and whether what does not fit is no failure.
    Cast(Box<Op>, Type, Type, bool),
    /// An undeclared value made to fit a parameter.
    Adapt(Box<Op>, Adapt),
    /// A call.
    Call(Box<Call>),
    /// A call with a lambda.
    Higher(Box<Higher>),
    /// `current_timestamp()`
    Now,
    /// `current_date()`
    Today,
    /// `rand()`, `randn()`, `uuid()`: with the number of the call in the program and the seed given.
    Random(Random, u64),
}

/// How an undeclared value is made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapt {
    /// Text becomes a DOUBLE, numbers stay.
    Number,
    /// Text and binary stay, all else becomes text.
    Bytes,
    /// An object becomes a map.
    Map,
}

/// The functions of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Random {
    Uniform,
    Normal,
    Uuid,
}

/// A call of a scalar function.
pub struct Call {
    /// Its name, for messages.
    pub name: String,
    /// Its code.
    pub body: Prepared,
    /// Its arguments.
    pub args: Vec<Op>,
    /// True if it wants to see nulls.
    pub takes_null: bool,
}

/// What an evaluation sees: the environment, the row, and the parameters of the lambdas it is in.
pub struct Scope<'e, 'r> {
    /// The batch's environment.
    pub env: &'e Env,
    /// The row.
    pub slots: &'e Slots<'e, 'r>,
    /// The lambdas' parameters, the innermost last.
    pub variables: RefCell<Vec<Value<'r>>>,
}

impl<'r> Scope<'_, 'r> {
    /// The value, or null and one failure more.
    pub fn settle(&self, result: Result<Value<'r>, Failure>) -> Value<'r> {
        result.unwrap_or_else(|failure| {
            self.env.failures.add(failure);
            Value::Null
        })
    }
}

impl Op {
    /// Evaluates on a row.
    pub fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let env = scope.env;
        match self {
            Op::Constant(value) => value.borrowed(),
            Op::Field(field, kind) => match scope.slots.raw(*field) {
                Some(raw) => read_json(raw, kind, env.zone),
                None => Value::Null,
            },
            Op::Path(field, steps, kind) => match scope.slots.raw(*field) {
                Some(raw) => walk(raw, steps, kind, env.zone),
                None => Value::Null,
            },
            Op::Computed(index) => scope.slots.value(*index),
            Op::Variable(index) => scope
                .variables
                .borrow()
                .get(*index)
                .cloned()
                .unwrap_or(Value::Null),
            Op::Member(base, name) => member(base.eval(scope), name),
            Op::Item(base, index) => item(base.eval(scope), &index.eval(scope)),
            Op::Not(x) => match x.truth(scope) {
                Some(x) => Value::Boolean(!x),
                None => Value::Null,
            },
            Op::And(a, b) => logic::and(a, b, scope),
            Op::Or(a, b) => logic::or(a, b, scope),
            Op::IsNull(x, negated) => Value::Boolean(x.is_null(scope) != *negated),
            Op::IsTruth(x, truth, negated) => {
                Value::Boolean((x.truth(scope) == Some(*truth)) != *negated)
            }
            Op::Compare(order, a, b) => Comparison::new(*order, a, b)
                .truth(scope)
                .map_or(Value::Null, Value::Boolean),
            Op::FieldIs(field, text, negated) => logic::field_is(*field, text, *negated, scope),
            Op::NullSafeEqual(a, b) => logic::null_safe_equal(a, b, scope),
            Op::Between(x, low, high) => logic::between(x, low, high, scope),
            Op::In(x) => x.eval(scope),
            Op::Arithmetic(x) => x.eval(scope),
            Op::Negate(x, kind) => scope.settle(arithmetic::negate(x.eval(scope), kind)),
            Op::Bits(x) => x.eval(scope),
            Op::Interval(x, unit) => scope.settle(times::interval(env, x.eval(scope), *unit)),
            Op::Like(x) => x.eval(scope),
            Op::Case(branches, otherwise) => {
                for (when, then) in branches {
                    if when.truth(scope) == Some(true) {
                        return then.eval(scope);
                    }
                }
                otherwise.as_ref().map_or(Value::Null, |x| x.eval(scope))
            }
            Op::CaseOf(operand, branches, otherwise) => {
                logic::case_of(operand, branches, otherwise.as_deref(), scope)
            }
            Op::Coalesce(all) => all
                .iter()
                .map(|x| x.eval(scope))
                .find(|x| !x.is_null())
                .unwrap_or(Value::Null),
            Op::Cast(x, from, to, false) => scope.settle(cast(env, x.eval(scope), from, to)),
            Op::Cast(x, from, to, true) => try_cast(env, x.eval(scope), from, to),
            Op::Adapt(x, how) => scope.settle(calls::adapt(env, x.eval(scope), *how)),
            Op::Call(call) => call.eval(scope),
            Op::Higher(higher) => higher.eval(scope),
            Op::Now => Value::Timestamp(env.now),
            Op::Today => Value::Date(st_time::date_of(env.now, env.zone)),
            Op::Random(random, site) => calls::random(*random, env, *site),
        }
    }

    /// Evaluates a condition: `None` for null. Text is read as Spark casts it to BOOLEAN.
    #[inline]
    pub fn truth<'r>(&'r self, scope: &Scope<'_, 'r>) -> Option<bool> {
        match self {
            Op::Compare(order, a, b) => Comparison::new(*order, a, b).truth(scope),
            _ => self.value_truth(scope),
        }
    }

    fn value_truth<'r>(&'r self, scope: &Scope<'_, 'r>) -> Option<bool> {
        match self.eval(scope) {
            Value::Boolean(x) => Some(x),
            Value::Null => None,
            other => match cast(scope.env, other, &Type::Any, &Type::Boolean) {
                Ok(Value::Boolean(x)) => Some(x),
                Ok(_) => None,
                Err(failure) => {
                    scope.env.failures.add(failure);
                    None
                }
            },
        }
    }

    /// True if the value is null; a raw field need not be read for it, unless it may not fit its type.
    fn is_null<'r>(&'r self, scope: &Scope<'_, 'r>) -> bool {
        match self {
            Op::Field(field, Type::Any | Type::String) => {
                scope.slots.raw(*field).is_none_or(|raw| raw == b"null")
            }
            _ => self.eval(scope).is_null(),
        }
    }

    /// The constant, if it is one.
    pub fn constant(&self) -> Option<&Value<'static>> {
        match self {
            Op::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// The value that steps lead to. A name that meets an array is looked up in each element, which needs the array's value.
fn walk<'r>(raw: &'r [u8], steps: &[Step], kind: &Type, zone: st_time::Zone) -> Value<'r> {
    let mut here = raw;
    for (i, step) in steps.iter().enumerate() {
        if let (Step::Name(_), Some(b'[')) = (step, here.first()) {
            let array = read_json(here, &Type::Any, zone);
            return steps[i..].iter().fold(array, |value, step| match step {
                Step::Name(name) => member(value, name),
                Step::Index(index) => item(value, &Value::Integer(*index as i64)),
            });
        }
        match st_row::path(here, &steps[i..=i]) {
            Ok(Some(inner)) => here = inner,
            _ => return Value::Null,
        }
    }
    read_json(here, kind, zone)
}

/// A member by name.
pub fn member<'r>(base: Value<'r>, name: &str) -> Value<'r> {
    match base {
        Value::Struct(members) => members
            .into_iter()
            .find(|(member, _)| member == name)
            .map_or(Value::Null, |(_, value)| value),
        Value::Map(entries) => entries
            .into_iter()
            .find(|(key, _)| key.as_str() == Some(name))
            .map_or(Value::Null, |(_, value)| value),
        Value::Array(elements) => {
            Value::Array(elements.into_iter().map(|x| member(x, name)).collect())
        }
        _ => Value::Null,
    }
}

/// An element by index from 0, or a value by key.
fn item<'r>(base: Value<'r>, index: &Value<'_>) -> Value<'r> {
    match (base, index) {
        (Value::Array(mut elements), Value::Integer(i)) => match usize::try_from(*i) {
            Ok(i) if i < elements.len() => elements.swap_remove(i),
            _ => Value::Null,
        },
        (Value::Map(entries), key) if !key.is_null() => {
            let found = entries
                .into_iter()
                .find(|(known, _)| crate::compare::same(known, key));
            found.map_or(Value::Null, |(_, value)| value)
        }
        (base @ Value::Struct(_), Value::String(name)) => member(base, name),
        _ => Value::Null,
    }
}
