//! Arithmetic by name: `mod`, `pmod`, and `try_add` and its kin, whose failures are nulls that nobody counts.

use super::arguments::{Answer, failure, fitting, kind};
use super::{ANY, bound};
use crate::cast::cast;
use crate::coercion::numeric;
use crate::decimal::{Operation, result_type};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::number::float;
use crate::{Decimal, Interval, Type, Value};

pub static FUNCTIONS: &[Function] = &[
    bound(&["mod"], (2, 2), "mod(x, y)", &[ANY], |call| {
        bind(call, Operation::Remainder, false, false)
    }),
    bound(&["pmod"], (2, 2), "pmod(x, y)", &[ANY], |call| {
        bind(call, Operation::Remainder, true, false)
    }),
    bound(&["try_mod"], (2, 2), "try_mod(x, y)", &[ANY], |call| {
        bind(call, Operation::Remainder, false, true)
    }),
    bound(&["try_add"], (2, 2), "try_add(x, y)", &[ANY], |call| {
        bind(call, Operation::Add, false, true)
    }),
    bound(
        &["try_subtract"],
        (2, 2),
        "try_subtract(x, y)",
        &[ANY],
        |call| bind(call, Operation::Subtract, false, true),
    ),
    bound(
        &["try_multiply"],
        (2, 2),
        "try_multiply(x, y)",
        &[ANY],
        |call| bind(call, Operation::Multiply, false, true),
    ),
    bound(
        &["try_divide"],
        (2, 2),
        "try_divide(x, y)",
        &[ANY],
        |call| bind(call, Operation::Divide, false, true),
    ),
];

/// One operation and the type of its result.
struct Arithmetic {
    operation: Operation,
    /// Of a negative remainder, the divisor is added once more.
    positive: bool,
    kind: Type,
}

fn bind(
    call: &Call<'_>,
    operation: Operation,
    positive: bool,
    quiet: bool,
) -> Result<(Type, Prepared), String> {
    let kind = result(call, operation)?;
    let arithmetic = Arithmetic {
        operation,
        positive,
        kind: kind.clone(),
    };
    let body = prepared(move |env, a| match arithmetic.compute(env, &a[0], &a[1]) {
        Err(_) if quiet => Ok(Value::Null),
        answer => answer,
    });
    Ok((kind, body))
}

/// Precision and scale of an argument as a decimal; an integer that is a constant has just its digits.
fn size(call: &Call<'_>, place: usize) -> Option<(u8, u8)> {
    match (&call.types[place], &call.constants[place]) {
        (kind, Some(Value::Integer(number))) if kind.is_integer() => {
            Some((Decimal::from_integer(*number).precision(), 0))
        }
        (kind, _) => kind.as_decimal(),
    }
}

fn result(call: &Call<'_>, operation: Operation) -> Result<Type, String> {
    use Type::{Any, Date, Double, Interval, Null, String, Timestamp};
    let kinds = (&call.types[0], &call.types[1]);
    Ok(match kinds {
        (Any, _) | (_, Any) => Any,
        (time @ (Date | Timestamp | Interval), _) => time.clone(),
        (_, time @ (Date | Timestamp | Interval)) => time.clone(),
        (String, _) | (_, String) | (Null, Null) => Double,
        (Null, kind) | (kind, Null) if operation != Operation::Divide => kind.clone(),
        (a, b) if a.is_nested() || b.is_nested() => {
            return Err(format!("wants numbers, not {a} and {b}"));
        }
        (a, b) => match (size(call, 0), size(call, 1)) {
            (Some(x), Some(y)) if !(a.is_integer() && b.is_integer()) => {
                let (precision, scale) = result_type(operation, x, y);
                Type::Decimal { precision, scale }
            }
            _ if operation == Operation::Divide => Double,
            _ => numeric(a, b),
        },
    })
}

impl Arithmetic {
    fn compute<'a>(&self, env: &Env, a: &Value<'a>, b: &Value<'a>) -> Answer<'a> {
        use Value::{Decimal, Double, Integer};
        match (a, b) {
            (Integer(x), Integer(y))
                if self.kind == Type::Double || self.operation == Operation::Divide =>
            {
                self.doubles(*x as f64, *y as f64)
            }
            (Integer(x), Integer(y)) => self.integers((*x).into(), (*y).into()),
            (Decimal(x), Decimal(y)) => self.decimals(*x, *y),
            (Decimal(x), Integer(y)) => self.decimals(*x, crate::Decimal::from_integer(*y)),
            (Integer(x), Decimal(y)) => self.decimals(crate::Decimal::from_integer(*x), *y),
            (Double(_) | Integer(_) | Decimal(_), Double(_) | Integer(_) | Decimal(_)) => self
                .doubles(
                    a.as_double().unwrap_or(f64::NAN),
                    b.as_double().unwrap_or(f64::NAN),
                ),
            (text @ Value::String(_), _) => self.compute(
                env,
                &cast(env, text.clone(), &Type::String, &Type::Double)?,
                b,
            ),
            (_, text @ Value::String(_)) => self.compute(
                env,
                a,
                &cast(env, text.clone(), &Type::String, &Type::Double)?,
            ),
            _ => self.times(env, a, b),
        }
    }

    fn integers<'a>(&self, x: i128, y: i128) -> Answer<'a> {
        let number = match self.operation {
            Operation::Add => x + y,
            Operation::Subtract => x - y,
            Operation::Multiply => x * y,
            _ if y == 0 => return failure("division by zero"),
            _ => match x % y {
                rest if self.positive && rest < 0 => (rest + y) % y,
                rest => rest,
            },
        };
        fitting(number, &self.kind)
    }

    fn doubles<'a>(&self, x: f64, y: f64) -> Answer<'a> {
        let number = match self.operation {
            Operation::Add => x + y,
            Operation::Subtract => x - y,
            Operation::Multiply => x * y,
            _ if y == 0.0 => return failure("division by zero"),
            Operation::Divide => x / y,
            Operation::Remainder => match x % y {
                rest if self.positive && rest < 0.0 => (rest + y) % y,
                rest => rest,
            },
        };
        Ok(Value::Double(if self.kind == Type::Float {
            float(number)
        } else {
            number
        }))
    }

    fn decimals<'a>(&self, x: Decimal, y: Decimal) -> Answer<'a> {
        let own = || {
            let size = |number: Decimal| (number.precision(), number.scale);
            result_type(self.operation, size(x), size(y))
        };
        let size = self.kind.as_decimal().unwrap_or_else(own);
        let compute = |operation, x, y, size| Decimal::compute(operation, x, y, size);
        let number = match compute(self.operation, x, y, size) {
            Some(rest) if self.positive && rest.unscaled < 0 => {
                let wide = (38, x.scale.max(y.scale));
                compute(Operation::Add, rest, y, wide)
                    .and_then(|sum| compute(Operation::Remainder, sum, y, size))
            }
            number => number,
        };
        number.map_or_else(
            || failure("a division by zero, or the result does not fit"),
            |number| Ok(Value::Decimal(number)),
        )
    }

    /// Days to a date, an interval to a timestamp or a date, intervals to each other.
    fn times<'a>(&self, env: &Env, a: &Value<'a>, b: &Value<'a>) -> Answer<'a> {
        let sign = if self.operation == Operation::Subtract {
            -1
        } else {
            1
        };
        let signed = |span: Interval| {
            if sign < 0 {
                span.checked_neg()
            } else {
                Some(span)
            }
        };
        let moved = match (self.operation, a, b) {
            (
                Operation::Add,
                Value::Integer(_) | Value::Interval(_),
                Value::Date(_) | Value::Timestamp(_),
            ) => {
                return self.times(env, b, a);
            }
            (Operation::Add | Operation::Subtract, Value::Date(days), Value::Integer(more)) => {
                i32::try_from(i64::from(*days) + sign * more)
                    .ok()
                    .map(Value::Date)
            }
            (Operation::Add | Operation::Subtract, Value::Date(days), Value::Interval(span)) => {
                signed(*span)
                    .filter(|span| span.micros == 0)
                    .and_then(|span| {
                        st_time::add_months(*days, span.months)?.checked_add(span.days)
                    })
                    .map(Value::Date)
            }
            (
                Operation::Add | Operation::Subtract,
                Value::Timestamp(micros),
                Value::Interval(span),
            ) => signed(*span)
                .and_then(|span| st_time::add_interval(*micros, span.into(), env.zone))
                .map(Value::Timestamp),
            (Operation::Add | Operation::Subtract, Value::Interval(x), Value::Interval(y)) => {
                signed(*y)
                    .and_then(|y| x.checked_add(y))
                    .map(Value::Interval)
            }
            _ => return failure(format!("cannot compute with {} and {}", kind(a), kind(b))),
        };
        moved.map_or_else(|| failure("the result is out of range"), Ok)
    }
}
