//! Arithmetic on numbers, dates, timestamps and intervals. Integers never wrap: what does not fit is a failure.

use super::{Op, Scope};
use crate::ast::{Binary, IntervalUnit};
use crate::cast::cast;
use crate::decimal::{Operation, result_type};
use crate::function::{Env, Failure};
use crate::number::float;
use crate::{Decimal, Interval, Type, Value};

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
    /// Precision and scale of a decimal result, if known.
    pub decimal: Option<(u8, u8)>,
}

fn overflow(kind: &Type) -> Failure {
    let kind = if kind.is_open() { &Type::BigInt } else { kind };
    Failure(format!("the result is out of the range of {kind}"))
}

fn by_zero() -> Failure {
    Failure("division by zero".to_owned())
}

impl Arithmetic {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let a = self.a.eval(scope);
        if a.is_null() {
            return Value::Null;
        }
        let b = self.b.eval(scope);
        if b.is_null() {
            return Value::Null;
        }
        scope.settle(self.compute(scope.env, a, b))
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
            _ => Some(x.wrapping_rem(y)),
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
                _ => f64::from(x % y),
            })));
        }
        Ok(Value::Double(match self.operator {
            Binary::Add => x + y,
            Binary::Subtract => x - y,
            Binary::Multiply => x * y,
            _ if y == 0.0 => return Err(by_zero()),
            Binary::Divide => x / y,
            Binary::IntegerDivide => return self.integers(x as i64, y as i64),
            _ => x % y,
        }))
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
        let size = |kind: &Type, value: Decimal| {
            kind.as_decimal()
                .unwrap_or((value.precision(), value.scale))
        };
        let kind = self
            .decimal
            .unwrap_or_else(|| result_type(operation, size(&self.left, x), size(&self.right, y)));
        Decimal::compute(operation, x, y, kind)
            .map(Value::Decimal)
            .ok_or_else(|| {
                overflow(&Type::Decimal {
                    precision: kind.0,
                    scale: kind.1,
                })
            })
    }
}

fn unfit(operator: Binary, a: &Value<'_>, b: &Value<'_>) -> Failure {
    Failure(format!(
        "`{}` does not work on {} and {}",
        operator.symbol(),
        a.kind(),
        b.kind()
    ))
}

/// Arithmetic in which a date, a timestamp or an interval takes part.
fn times<'r>(
    operator: Binary,
    env: &Env,
    a: Value<'r>,
    b: Value<'r>,
) -> Result<Value<'r>, Failure> {
    use Value::{Date, Double, Integer, Interval, String, Timestamp};
    let late = || Failure("the result is out of the range of TIMESTAMP".to_owned());
    let as_instant = |value| cast(env, value, &Type::Any, &Type::Timestamp);
    match (operator, a, b) {
        (Binary::Add, Date(days), Integer(n)) | (Binary::Add, Integer(n), Date(days)) => {
            add_days(days, n)
        }
        (Binary::Subtract, Date(days), Integer(n)) => {
            add_days(days, n.checked_neg().ok_or_else(late)?)
        }
        (Binary::Subtract, Date(a), Date(b)) => {
            let days = a.checked_sub(b).ok_or_else(late)?;
            Ok(Interval(crate::Interval {
                days,
                ..Default::default()
            }))
        }
        (Binary::Subtract, a @ String(_), b @ Date(_)) => {
            let a = cast(env, a, &Type::String, &Type::Date)?;
            times(operator, env, a, b)
        }
        (Binary::Subtract, a @ Date(_), b @ String(_)) => {
            let b = cast(env, b, &Type::String, &Type::Date)?;
            times(operator, env, a, b)
        }
        (
            Binary::Subtract,
            a @ (Date(_) | Timestamp(_) | String(_)),
            b @ (Date(_) | Timestamp(_) | String(_)),
        ) => match (as_instant(a)?, as_instant(b)?) {
            (Timestamp(a), Timestamp(b)) => {
                let micros = a.checked_sub(b).ok_or_else(late)?;
                Ok(Interval(crate::Interval {
                    micros,
                    ..Default::default()
                }))
            }
            _ => Ok(Value::Null),
        },
        (Binary::Add, time @ (Date(_) | Timestamp(_) | String(_)), Interval(by))
        | (Binary::Add, Interval(by), time @ (Date(_) | Timestamp(_) | String(_))) => {
            add_interval(env, time, by)
        }
        (Binary::Subtract, time @ (Date(_) | Timestamp(_) | String(_)), Interval(by)) => {
            add_interval(env, time, by.checked_neg().ok_or_else(late)?)
        }
        (Binary::Add, Interval(a), Interval(b)) => a
            .checked_add(b)
            .map(Interval)
            .ok_or_else(|| overflow(&Type::Interval)),
        (Binary::Subtract, Interval(a), Interval(b)) => {
            let sum = b.checked_neg().and_then(|b| a.checked_add(b));
            sum.map(Interval).ok_or_else(|| overflow(&Type::Interval))
        }
        (Binary::Multiply, Interval(by), n @ (Integer(_) | Double(_) | Value::Decimal(_)))
        | (Binary::Multiply, n @ (Integer(_) | Double(_) | Value::Decimal(_)), Interval(by)) => {
            scale(by, n.as_double().unwrap_or(f64::NAN))
        }
        (Binary::Divide, Interval(_), n) if n.as_double() == Some(0.0) => Err(by_zero()),
        (Binary::Divide, Interval(by), n @ (Integer(_) | Double(_) | Value::Decimal(_))) => {
            scale(by, 1.0 / n.as_double().unwrap_or(f64::NAN))
        }
        (operator, a, b) => Err(unfit(operator, &a, &b)),
    }
}

fn add_days<'r>(days: i32, more: i64) -> Result<Value<'r>, Failure> {
    let sum = i64::from(days)
        .checked_add(more)
        .and_then(|days| i32::try_from(days).ok());
    sum.map(Value::Date).ok_or_else(|| overflow(&Type::Date))
}

/// A date stays one if the interval is made of months and days alone. Spark's day-time intervals do not tell 24 hours from
/// a day, so whole days of the microseconds count as days of the zone's calendar.
fn add_interval<'r>(env: &Env, time: Value<'r>, by: Interval) -> Result<Value<'r>, Failure> {
    let late = || Failure("the result is out of the range of TIMESTAMP".to_owned());
    if let (Value::Date(days), 0) = (&time, by.micros) {
        let days = st_time::add_months(*days, by.months).ok_or_else(late)?;
        return add_days(days, i64::from(by.days));
    }
    let Value::Timestamp(micros) = cast(env, time, &Type::Any, &Type::Timestamp)? else {
        return Ok(Value::Null);
    };
    const DAY: i64 = 86_400_000_000;
    let days = i32::try_from(by.micros / DAY)
        .ok()
        .and_then(|days| days.checked_add(by.days))
        .ok_or_else(late)?;
    let by = Interval {
        months: by.months,
        days,
        micros: by.micros % DAY,
    };
    st_time::add_interval(micros, by.into(), env.zone)
        .map(Value::Timestamp)
        .ok_or_else(late)
}

/// An interval times a number, rounded half away from zero to months or microseconds.
fn scale<'r>(by: Interval, factor: f64) -> Result<Value<'r>, Failure> {
    let out = || overflow(&Type::Interval);
    let months = (f64::from(by.months) * factor).round();
    let micros = (by.day_micros() as f64 * factor).round();
    if !months.is_finite()
        || !micros.is_finite()
        || months.abs() > f64::from(i32::MAX)
        || micros.abs() >= 9.2e18
    {
        return Err(out());
    }
    Ok(Value::Interval(Interval {
        months: months as i32,
        days: 0,
        micros: micros as i64,
    }))
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

/// `interval x unit` of a value.
pub fn interval<'r>(env: &Env, value: Value<'r>, unit: IntervalUnit) -> Result<Value<'r>, Failure> {
    let kind = Type::Decimal {
        precision: 38,
        scale: 6,
    };
    match cast(env, value, &Type::Any, &kind)? {
        Value::Decimal(x) => unit
            .times(x.unscaled)
            .map(Value::Interval)
            .ok_or_else(|| overflow(&Type::Interval)),
        _ => Ok(Value::Null),
    }
}

/// Operations on an integer's bits.
pub struct Bits {
    /// Which; `None` for `~`.
    pub operator: Option<Binary>,
    /// Left side.
    pub a: Op,
    /// Right side; anything for `~`.
    pub b: Op,
    /// The left side's type, which is the width of a shift.
    pub kind: Type,
}

impl Bits {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let integer = |op: &'r Op| {
            let value = op.eval(scope);
            match scope.settle(cast(scope.env, value, &Type::Any, &Type::BigInt)) {
                Value::Integer(x) => Some(x),
                _ => None,
            }
        };
        let Some(a) = integer(&self.a) else {
            return Value::Null;
        };
        let Some(operator) = self.operator else {
            return Value::Integer(!a);
        };
        let Some(b) = integer(&self.b) else {
            return Value::Null;
        };
        // Java takes the shift modulo the width; all that is narrower than BIGINT is shifted as INT.
        let narrow = matches!(self.kind, Type::TinyInt | Type::SmallInt | Type::Int);
        let by = b as u32 & if narrow { 31 } else { 63 };
        Value::Integer(match operator {
            Binary::BitAnd => a & b,
            Binary::BitOr => a | b,
            Binary::BitXor => a ^ b,
            Binary::ShiftLeft if narrow => i64::from((a as i32) << by),
            Binary::ShiftLeft => a << by,
            Binary::ShiftRightUnsigned if narrow => i64::from(((a as i32 as u32) >> by) as i32),
            Binary::ShiftRightUnsigned => ((a as u64) >> by) as i64,
            _ => a >> by,
        })
    }
}
