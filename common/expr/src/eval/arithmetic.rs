//! Arithmetic on numbers. Integers never wrap: what does not fit is a failure.

use super::times::times;
use super::{Op, Scope};
use crate::ast::Binary;
use crate::cast::cast;
use crate::decimal::{Operation, result_type};
use crate::function::{Env, Failure};
use crate::number::float;
use crate::{Decimal, Type, Value};

/// `a + b` and the like, with the operands' static types and the result's.
pub struct Arithmetic {
    /// Which operation.
    pub operator: Binary,
    /// Left side.
    pub a: Op,
    /// Right side.
    pub b: Op,
    /// The static type of the left side.
    pub left: Type,
    /// The static type of the right side.
    pub right: Type,
    /// The static type of the result; `Any` if the values decide.
    pub kind: Type,
    /// What is asked of the result besides.
    pub flavour: Flavour,
    /// Precision and scale of a decimal result, if known.
    pub decimal: Option<(u8, u8)>,
}

/// What functions of arithmetic do differently than operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// As the operator.
    #[default]
    Operator,
    /// `try_add` and the like: what cannot be computed is no failure.
    Quiet,
    /// `pmod`: the remainder takes the divisor's sign.
    Positive,
}

pub(super) fn overflow(kind: &Type) -> Failure {
    let kind = if kind.is_open() { &Type::BigInt } else { kind };
    Failure(format!("the result is out of the range of {kind}"))
}

pub(super) fn by_zero() -> Failure {
    Failure("division by zero".to_owned())
}

impl Arithmetic {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        if let Some(number) = self.number(scope) {
            return number.into();
        }
        let a = self.a.eval(scope);
        if a.is_null() {
            return Value::Null;
        }
        let b = self.b.eval(scope);
        if b.is_null() {
            return Value::Null;
        }
        match self.compute(scope.env, a, b) {
            Err(_) if self.flavour == Flavour::Quiet => Value::Null,
            result => scope.settle(result),
        }
    }

    fn compute<'r>(&self, env: &Env, a: Value<'r>, b: Value<'r>) -> Result<Value<'r>, Failure> {
        use Value::{Date, Decimal, Double, Integer, Interval, String, Timestamp};
        match (&a, &b) {
            (Integer(x), Integer(y)) => self.integers(*x, *y),
            (Double(x), Double(y)) => self.doubles(*x, *y),
            (Double(x), Integer(y)) => self.doubles(*x, *y as f64),
            (Integer(x), Double(y)) => self.doubles(*x as f64, *y),
            (Decimal(x), Decimal(y)) => self.decimals(*x, *y),
            (Decimal(x), Integer(y)) => self.decimals(*x, crate::Decimal::from_integer(*y)),
            (Integer(x), Decimal(y)) => self.decimals(crate::Decimal::from_integer(*x), *y),
            (Decimal(x), Double(y)) => self.doubles(x.to_double(), *y),
            (Double(x), Decimal(y)) => self.doubles(*x, y.to_double()),
            (String(_), Integer(_) | Double(_) | Decimal(_))
            | (Integer(_) | Double(_) | Decimal(_), String(_))
            | (String(_), String(_)) => {
                let to_double = |x| cast(env, x, &Type::Any, &Type::Double);
                self.compute(env, to_double(a)?, to_double(b)?)
            }
            (Date(_) | Timestamp(_) | Interval(_), _)
            | (_, Date(_) | Timestamp(_) | Interval(_)) => times(self.operator, env, a, b),
            _ => Err(unfit(self.operator, &a, &b)),
        }
    }

    fn integers<'r>(&self, x: i64, y: i64) -> Result<Value<'r>, Failure> {
        let result = match self.operator {
            Binary::Add => x.checked_add(y),
            Binary::Subtract => x.checked_sub(y),
            Binary::Multiply => x.checked_mul(y),
            Binary::Divide => return self.doubles(x as f64, y as f64),
            Binary::IntegerDivide | Binary::Remainder if y == 0 => return Err(by_zero()),
            Binary::IntegerDivide => x.checked_div(y),
            _ => match x.wrapping_rem(y) {
                rest if self.flavour == Flavour::Positive && rest < 0 => {
                    Some(((i128::from(rest) + i128::from(y)) % i128::from(y)) as i64)
                }
                rest => Some(rest),
            },
        };
        let (least, greatest) = self.kind.integer_range();
        let fits = result.filter(|x| (least..=greatest).contains(x));
        fits.map(Value::Integer).ok_or_else(|| overflow(&self.kind))
    }

    fn doubles<'r>(&self, x: f64, y: f64) -> Result<Value<'r>, Failure> {
        if self.kind == Type::Float {
            let (x, y) = (x as f32, y as f32);
            return Ok(Value::Double(float(match self.operator {
                Binary::Add => f64::from(x + y),
                Binary::Subtract => f64::from(x - y),
                Binary::Multiply => f64::from(x * y),
                _ if y == 0.0 => return Err(by_zero()),
                _ => self.rest(f64::from(x % y), f64::from(y)),
            })));
        }
        Ok(Value::Double(match self.operator {
            Binary::Add => x + y,
            Binary::Subtract => x - y,
            Binary::Multiply => x * y,
            _ if y == 0.0 => return Err(by_zero()),
            Binary::Divide => x / y,
            Binary::IntegerDivide => return self.integers(x as i64, y as i64),
            _ => self.rest(x % y, y),
        }))
    }

    /// A remainder, made positive if it has to be.
    fn rest(&self, rest: f64, divisor: f64) -> f64 {
        if self.flavour == Flavour::Positive && rest < 0.0 {
            (rest + divisor) % divisor
        } else {
            rest
        }
    }

    fn decimals<'r>(&self, x: Decimal, y: Decimal) -> Result<Value<'r>, Failure> {
        if self.operator == Binary::IntegerDivide {
            if y.unscaled == 0 {
                return Err(by_zero());
            }
            let scale = x.scale.max(y.scale);
            let whole = x
                .rescale(scale)
                .zip(y.rescale(scale))
                .map(|(x, y)| x.unscaled / y.unscaled);
            return whole
                .and_then(|x| i64::try_from(x).ok())
                .map(Value::Integer)
                .ok_or_else(|| overflow(&Type::BigInt));
        }
        let operation = match self.operator {
            Binary::Add => Operation::Add,
            Binary::Subtract => Operation::Subtract,
            Binary::Multiply => Operation::Multiply,
            Binary::Divide => Operation::Divide,
            _ => Operation::Remainder,
        };
        if y.unscaled == 0 && matches!(operation, Operation::Divide | Operation::Remainder) {
            return Err(by_zero());
        }
        let kind = self.decimal.unwrap_or_else(|| {
            result_type(
                operation,
                size(&self.left, x, operation),
                size(&self.right, y, operation),
            )
        });
        let mut result = Decimal::compute(operation, x, y, kind);
        if let (Flavour::Positive, Some(rest)) = (self.flavour, result)
            && rest.unscaled < 0
        {
            let sum = Decimal::compute(Operation::Add, rest, y, (38, kind.1));
            result = sum.and_then(|sum| Decimal::compute(operation, sum, y, kind));
        }
        result.map(Value::Decimal).ok_or_else(|| {
            overflow(&Type::Decimal {
                precision: kind.0,
                scale: kind.1,
            })
        })
    }
}

/// Precision and scale of an operand: its type's, or what is sure to hold an undeclared column's values, so that each row's
/// quotient has the same scale. An undeclared integer is a BIGINT.
fn size(kind: &Type, value: Decimal, operation: Operation) -> (u8, u8) {
    match kind.as_decimal() {
        Some(size) => size,
        None if value.scale == 0 && value.precision() <= 20 => (20, 0),
        None if operation == Operation::Divide => (38, value.scale),
        None => (value.precision(), value.scale),
    }
}

pub(super) fn unfit(operator: Binary, a: &Value<'_>, b: &Value<'_>) -> Failure {
    Failure(format!(
        "`{}` does not work on {} and {}",
        operator.symbol(),
        a.kind(),
        b.kind()
    ))
}

/// `- x`
pub fn negate<'r>(value: Value<'r>, kind: &Type) -> Result<Value<'r>, Failure> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Integer(x) => {
            let (least, greatest) = kind.integer_range();
            let negated = x.checked_neg().filter(|x| (least..=greatest).contains(x));
            negated.map(Value::Integer).ok_or_else(|| overflow(kind))
        }
        Value::Double(x) => Ok(Value::Double(-x)),
        Value::Decimal(x) => Ok(Value::Decimal(Decimal {
            unscaled: -x.unscaled,
            ..x
        })),
        Value::Interval(x) => x
            .checked_neg()
            .map(Value::Interval)
            .ok_or_else(|| overflow(&Type::Interval)),
        Value::String(x) => match crate::cast::parse_double(x.trim()) {
            Some(x) => Ok(Value::Double(-x)),
            None => Err(Failure(format!("'{x}' is no number"))),
        },
        other => Err(Failure(format!("`-` does not work on {}", other.kind()))),
    }
}
