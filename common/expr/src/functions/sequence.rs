//! `sequence`: numbers, dates or timestamps from one to another, both included.

use super::arguments::{Answer, failure, fitting};
use super::{ANY, bound};
use crate::cast::cast;
use crate::function::{Call, Failure, Function, Prepared, prepared};
use crate::{Interval, Type, Value};

pub static FUNCTIONS: &[Function] = &[bound(
    &["sequence"],
    (2, 3),
    "sequence(start, stop[, step])",
    &[ANY],
    sequence,
)];

fn sequence(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let kind = super::common_type(&call.types[..2])
        .filter(|kind| {
            kind.is_integer() || kind.is_open() || matches!(kind, Type::Date | Type::Timestamp)
        })
        .ok_or("start and stop are whole numbers, dates or timestamps")?;
    let kinds = call.types.to_vec();
    let result = Type::Array(Box::new(if kind == Type::Null {
        Type::Int
    } else {
        kind.clone()
    }));
    let body = prepared(move |env, a| {
        let bound = |place: usize| cast(env, a[place].clone(), &kinds[place], &kind);
        match (bound(0)?, bound(1)?, a.get(2)) {
            (Value::Integer(start), Value::Integer(stop), step) => {
                numbers(start, stop, step, &kind)
            }
            (Value::Date(start), Value::Date(stop), step) => {
                let default = Interval {
                    days: if start <= stop { 1 } else { -1 },
                    ..Interval::default()
                };
                let step = interval(step, default)?;
                let at = |count: i32| {
                    let by = times(step, count).filter(|by| by.micros == 0)?;
                    st_time::add_months(start, by.months)?
                        .checked_add(by.days)
                        .map(Value::Date)
                };
                times_of(at, &Value::Date(start), &Value::Date(stop))
            }
            (Value::Timestamp(start), Value::Timestamp(stop), step) => {
                let default = Interval {
                    days: if start <= stop { 1 } else { -1 },
                    ..Interval::default()
                };
                let step = interval(step, default)?;
                let at = |count: i32| {
                    st_time::add_interval(start, times(step, count)?.into(), env.zone)
                        .map(Value::Timestamp)
                };
                times_of(at, &Value::Timestamp(start), &Value::Timestamp(stop))
            }
            _ => failure("start and stop are whole numbers, dates or timestamps"),
        }
    });
    Ok((result, body))
}

fn numbers<'a>(start: i64, stop: i64, step: Option<&Value<'a>>, kind: &Type) -> Answer<'a> {
    let step = step.map_or(
        Ok(if start <= stop { 1 } else { -1 }),
        super::arguments::integer,
    )?;
    if step == 0 && start != stop || step > 0 && start > stop || step < 0 && start < stop {
        return failure(format!(
            "steps of {step} do not lead from {start} to {stop}"
        ));
    }
    let count = if step == 0 {
        0
    } else {
        (i128::from(stop) - i128::from(start)) / i128::from(step)
    };
    if count >= i128::from(super::arrays::LONGEST) {
        return too_many();
    }
    let number = |index: i128| fitting(i128::from(start) + index * i128::from(step), kind);
    Ok(Value::Array(
        (0..=count).map(number).collect::<Result<_, _>>()?,
    ))
}

fn interval(step: Option<&Value<'_>>, default: Interval) -> Result<Interval, Failure> {
    match step {
        None => Ok(default),
        Some(Value::Interval(step)) => Ok(*step),
        Some(_) => failure("the step is an interval"),
    }
}

fn times(step: Interval, count: i32) -> Option<Interval> {
    Some(Interval {
        months: step.months.checked_mul(count)?,
        days: step.days.checked_mul(count)?,
        micros: step.micros.checked_mul(count.into())?,
    })
}

/// Every step is counted from the start, so that months keep its day.
fn times_of<'a>(
    at: impl Fn(i32) -> Option<Value<'a>>,
    start: &Value<'a>,
    stop: &Value<'a>,
) -> Answer<'a> {
    use crate::compare::total;
    let direction = total(stop, start);
    let mut out = vec![start.clone()];
    if direction.is_eq() {
        return Ok(Value::Array(out));
    }
    for count in 1.. {
        let Some(next) = at(count) else {
            return failure("a step does not fit");
        };
        if total(&next, &out[out.len() - 1]) != direction {
            return failure("the steps do not lead from start to stop");
        }
        if total(&next, stop) == direction {
            break;
        }
        if i64::from(count) >= super::arrays::LONGEST {
            return too_many();
        }
        out.push(next);
    }
    Ok(Value::Array(out))
}

fn too_many<'a>() -> Answer<'a> {
    failure("the sequence is too long")
}
