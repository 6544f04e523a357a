//! Arithmetic in which a date, a timestamp or an interval takes part.

use super::arithmetic::{by_zero, overflow, unfit};
use crate::ast::{Binary, IntervalUnit};
use crate::cast::cast;
use crate::function::{Env, Failure};
use crate::{Interval, Type, Value};

/// Arithmetic in which a date, a timestamp or an interval takes part.
pub fn times<'r>(
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
