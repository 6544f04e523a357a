//! Timestamps: the clock's parts, cutting to a unit, epochs, zones, moving and measuring by units.

use super::arguments::{Answer, failure, integer, text, timestamp};
use super::{ANY, BIGINT, Param, TEXT, TIMESTAMP, bound, plain};
use crate::cast::cast;
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
use crate::{Decimal, Interval, Type, Value};
use st_time::{DAY, HOUR, MINUTE, Parts, SECOND, Unit, Zone, parts_of};

/// A whole number of the clock.
macro_rules! part {
    ($name:literal, $code:expr) => {
        plain(
            &[$name],
            (1, 1),
            concat!($name, "(timestamp)"),
            &[TIMESTAMP],
            |_| Type::Int,
            |env, a| {
                let code: fn(Parts) -> u8 = $code;
                Ok(Value::Integer(
                    code(parts_of(timestamp(&a[0])?, env.zone)).into(),
                ))
            },
        )
    };
}

/// An instant from a number of units.
macro_rules! from_epoch {
    ($name:literal, $unit:literal) => {
        plain(
            &[$name],
            (1, 1),
            concat!($name, "(number)"),
            &[BIGINT],
            |_| Type::Timestamp,
            |_, a| {
                integer(&a[0])?
                    .checked_mul($unit)
                    .map_or_else(out_of_range, |micros| Ok(Value::Timestamp(micros)))
            },
        )
    };
}

/// A number of units since the epoch, rounded down.
macro_rules! to_epoch {
    ($name:literal, $unit:expr) => {
        plain(
            &[$name],
            (1, 1),
            concat!($name, "(timestamp)"),
            &[TIMESTAMP],
            |_| Type::BigInt,
            |_, a| Ok(Value::Integer(timestamp(&a[0])?.div_euclid($unit))),
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    part!("hour", |parts| parts.hour),
    part!("minute", |parts| parts.minute),
    part!("second", |parts| parts.second),
    to_epoch!("unix_seconds", SECOND),
    to_epoch!("unix_millis", 1000),
    to_epoch!("unix_micros", 1),
    from_epoch!("timestamp_millis", 1000),
    from_epoch!("timestamp_micros", 1),
    plain(
        &["timestamp_seconds"],
        (1, 1),
        "timestamp_seconds(number)",
        &[Param::Number],
        |_| Type::Timestamp,
        timestamp_seconds,
    ),
    plain(
        &["date_trunc"],
        (2, 2),
        "date_trunc(unit, timestamp)",
        &[TEXT, TIMESTAMP],
        |_| Type::Timestamp,
        |env, a| {
            let micros = timestamp(&a[1])?;
            match Unit::parse(text(&a[0])?) {
                Some(unit) => at(st_time::date_trunc(unit, micros, env.zone)),
                None => Ok(Value::Null),
            }
        },
    ),
    bound(
        &["from_utc_timestamp"],
        (2, 2),
        "from_utc_timestamp(timestamp, zone)",
        &[TIMESTAMP, TEXT],
        |call| {
            let ready = zone_of(call, 1)?;
            let body = prepared(move |_, a| {
                Ok(Value::Timestamp(
                    zone_at(ready, &a[1])?.to_local(timestamp(&a[0])?),
                ))
            });
            Ok((Type::Timestamp, body))
        },
    ),
    bound(
        &["to_utc_timestamp"],
        (2, 2),
        "to_utc_timestamp(timestamp, zone)",
        &[TIMESTAMP, TEXT],
        |call| {
            let ready = zone_of(call, 1)?;
            let body = prepared(move |_, a| at(zone_at(ready, &a[1])?.to_utc(timestamp(&a[0])?)));
            Ok((Type::Timestamp, body))
        },
    ),
    bound(
        &["convert_timezone"],
        (2, 3),
        "convert_timezone([from, ]to, timestamp)",
        &[ANY],
        convert_timezone,
    ),
    plain(
        &["window_time"],
        (1, 1),
        "window_time(window)",
        &[Param::Struct],
        |_| Type::Timestamp,
        |env, a| {
            let Value::Struct(members) = &a[0] else {
                return failure("wants a window");
            };
            match members.iter().find(|(name, _)| name == "end") {
                Some((_, end)) => match cast(env, end.clone(), &Type::Any, &Type::Timestamp)? {
                    Value::Timestamp(end) => at(end.checked_sub(1)),
                    _ => Ok(Value::Null),
                },
                None => failure("wants a window: a struct with start and end"),
            }
        },
    ),
    bound(
        &["timestampadd"],
        (3, 3),
        "timestampadd(unit, count, timestamp)",
        &[TEXT, BIGINT, TIMESTAMP],
        |call| {
            let unit = unit_of(call)?;
            let body = prepared(move |env, a| {
                let span = unit
                    .times(integer(&a[1])?)
                    .ok_or_else(|| Failure("the count is too large".to_owned()))?;
                at(st_time::add_interval(
                    timestamp(&a[2])?,
                    span.into(),
                    env.zone,
                ))
            });
            Ok((Type::Timestamp, body))
        },
    ),
    bound(
        &["timestampdiff"],
        (3, 3),
        "timestampdiff(unit, start, end)",
        &[TEXT, TIMESTAMP, TIMESTAMP],
        |call| {
            let unit = unit_of(call)?;
            let body = prepared(move |env, a| {
                Ok(Value::Integer(unit.between(
                    env.zone.to_local(timestamp(&a[1])?),
                    env.zone.to_local(timestamp(&a[2])?),
                )))
            });
            Ok((Type::BigInt, body))
        },
    ),
    plain(
        &["make_timestamp"],
        (6, 7),
        "make_timestamp(year, month, day, hour, minute, second[, zone])",
        &[
            super::INT,
            super::INT,
            super::INT,
            super::INT,
            super::INT,
            SECONDS,
            TEXT,
        ],
        |_| Type::Timestamp,
        make_timestamp,
    ),
];

/// Seconds with microseconds, exactly.
pub const SECONDS: Param = Param::To(&Type::Decimal {
    precision: 18,
    scale: 6,
});

fn out_of_range<'a>() -> Answer<'a> {
    failure("the timestamp is out of range")
}

fn at<'a>(micros: Option<i64>) -> Answer<'a> {
    micros.map_or_else(out_of_range, |micros| Ok(Value::Timestamp(micros)))
}

/// A double is cut to microseconds; a decimal with more digits fails.
fn timestamp_seconds<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    match &a[0] {
        Value::Integer(seconds) => at(seconds.checked_mul(SECOND)),
        Value::Double(seconds) if seconds.is_finite() => {
            Ok(Value::Timestamp((seconds * 1e6) as i64))
        }
        Value::Double(_) => Ok(Value::Null),
        Value::Decimal(seconds) => match seconds.normal() {
            exact if exact.scale <= 6 => at(exact
                .rescale(6)
                .and_then(|micros| i64::try_from(micros.unscaled).ok())),
            _ => failure("there are no parts of a microsecond"),
        },
        other => failure(format!(
            "wants a number, not {}",
            super::arguments::kind(other)
        )),
    }
}

/// The zone of a constant argument.
fn zone_of(call: &Call<'_>, place: usize) -> Result<Option<Zone>, String> {
    match call.constants.get(place) {
        Some(Some(Value::String(name))) => st_time::parse_zone(name)
            .map(Some)
            .map_err(|error| error.to_string()),
        _ => Ok(None),
    }
}

fn zone_at(ready: Option<Zone>, value: &Value<'_>) -> Result<Zone, Failure> {
    ready.map_or_else(
        || st_time::parse_zone(text(value)?).map_err(|error| Failure(error.to_string())),
        Ok,
    )
}

/// Between wall clocks. Spark's has no zone; here it is a timestamp of the session's zone.
fn convert_timezone(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let last = call.types.len() - 1;
    let (from, to) = (
        if last == 2 { zone_of(call, 0)? } else { None },
        zone_of(call, last - 1)?,
    );
    let kind = call.types[last].clone();
    let body = prepared(move |env, a| {
        let from = if last == 2 {
            zone_at(from, &a[0])?
        } else {
            env.zone
        };
        let to = zone_at(to, &a[last - 1])?;
        let local = env.zone.to_local(timestamp(&cast(
            env,
            a[last].clone(),
            &kind,
            &Type::Timestamp,
        )?)?);
        at(from
            .to_utc(local)
            .and_then(|instant| env.zone.to_utc(to.to_local(instant))))
    });
    Ok((Type::Timestamp, body))
}

/// A unit to move and measure by.
#[derive(Clone, Copy)]
enum Step {
    Months(i32),
    Days(i32),
    Micros(i64),
}

/// The constant unit that is a call's first argument.
fn unit_of(call: &Call<'_>) -> Result<Step, String> {
    let Some(Value::String(name)) = &call.constants[0] else {
        return Err("the unit must be a constant".to_owned());
    };
    Ok(match name.to_ascii_uppercase().as_str() {
        "YEAR" => Step::Months(12),
        "QUARTER" => Step::Months(3),
        "MONTH" => Step::Months(1),
        "WEEK" => Step::Days(7),
        "DAY" | "DAYOFYEAR" => Step::Days(1),
        "HOUR" => Step::Micros(HOUR),
        "MINUTE" => Step::Micros(MINUTE),
        "SECOND" => Step::Micros(SECOND),
        "MILLISECOND" => Step::Micros(1000),
        "MICROSECOND" => Step::Micros(1),
        _ => {
            return Err(format!(
                "no unit {name}: use year, quarter, month, week, day, hour, minute, second, millisecond or microsecond"
            ));
        }
    })
}

impl Step {
    fn times(self, count: i64) -> Option<Interval> {
        let small = |unit: i32| i32::try_from(count).ok()?.checked_mul(unit);
        Some(match self {
            Step::Months(unit) => Interval {
                months: small(unit)?,
                ..Interval::default()
            },
            Step::Days(unit) => Interval {
                days: small(unit)?,
                ..Interval::default()
            },
            Step::Micros(unit) => Interval {
                micros: count.checked_mul(unit)?,
                ..Interval::default()
            },
        })
    }

    /// Whole units from one local time to another, as `LocalDateTime.until` counts them.
    fn between(self, start: i64, end: i64) -> i64 {
        if let Step::Micros(unit) = self {
            return ((i128::from(end) - i128::from(start)) / i128::from(unit)) as i64;
        }
        let (first, mut last) = (start.div_euclid(DAY), end.div_euclid(DAY));
        let clock = end.rem_euclid(DAY) - start.rem_euclid(DAY);
        if last > first && clock < 0 {
            last -= 1;
        } else if last < first && clock > 0 {
            last += 1;
        }
        match self {
            Step::Days(unit) => (last - first) / i64::from(unit),
            Step::Months(unit) => {
                let packed = |day: i64| {
                    let date = st_time::civil_of(day as i32);
                    (i64::from(date.year) * 12 + i64::from(date.month) - 1) * 32
                        + i64::from(date.day)
                };
                (packed(last) - packed(first)) / 32 / i64::from(unit)
            }
            Step::Micros(_) => 0,
        }
    }
}

/// Second 60 is the next minute's first, but has no fraction.
fn make_timestamp<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let part = |place: usize| integer(&a[place]);
    let Value::Decimal(Decimal { unscaled, .. }) = a[5] else {
        return failure("wants seconds");
    };
    let zone = a.get(6).map_or(Ok(env.zone), |zone| zone_at(None, zone))?;
    let sixty = unscaled == 60_000_000;
    let micros = if sixty { 0 } else { unscaled };
    let parts = (|| {
        Some(Parts {
            year: part(0).ok()?.try_into().ok()?,
            month: part(1).ok()?.try_into().ok()?,
            day: part(2).ok()?.try_into().ok()?,
            hour: part(3).ok()?.try_into().ok()?,
            minute: part(4).ok()?.try_into().ok()?,
            second: u8::try_from(micros.div_euclid(1_000_000)).ok()?,
            micro: micros.rem_euclid(1_000_000) as u32,
            offset: 0,
        })
    })();
    let instant = parts.and_then(|parts| st_time::from_parts(&parts, zone));
    match instant.and_then(|instant| instant.checked_add(if sixty { MINUTE } else { 0 })) {
        Some(instant) => Ok(Value::Timestamp(instant)),
        None => failure("there is no such date and time"),
    }
}
