//! Intervals, and the parts of dates, timestamps and intervals by name (`extract`).

use super::arguments::{Answer, failure, integer};
use super::times::SECONDS;
use super::{ANY, INT, TEXT, bound, plain};
use crate::cast::cast;
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Decimal, Interval, Type, Value};
use st_time::{HOUR, MINUTE, SECOND, civil_of, date_of, iso_week, iso_weekday, parts_of};

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["date_part", "datepart"],
        (2, 2),
        "date_part('unit', time)",
        &[TEXT, ANY],
        date_part,
    ),
    plain(
        &["make_interval"],
        (0, 7),
        "make_interval([years[, months[, weeks[, days[, hours[, minutes[, seconds]]]]]]])",
        &[INT, INT, INT, INT, INT, INT, SECONDS],
        |_| Type::Interval,
        |_, a| interval(a, &[0, 1, 2, 3, 4, 5, 6]),
    ),
    plain(
        &["make_dt_interval"],
        (0, 4),
        "make_dt_interval([days[, hours[, minutes[, seconds]]]])",
        &[INT, INT, INT, SECONDS],
        |_| Type::Interval,
        |_, a| interval(a, &[3, 4, 5, 6]),
    ),
    plain(
        &["make_ym_interval"],
        (0, 2),
        "make_ym_interval([years[, months]])",
        &[INT],
        |_| Type::Interval,
        |_, a| interval(a, &[0, 1]),
    ),
];

/// The sum of the arguments, each counting the unit in the same place of `units`: years, months, weeks, days, hours,
/// minutes, seconds.
fn interval<'a>(a: &[Value<'a>], units: &[usize]) -> Answer<'a> {
    let mut sum = Interval::default();
    for (value, unit) in a.iter().zip(units) {
        let count = match value {
            Value::Decimal(Decimal { unscaled, .. }) => i64::try_from(*unscaled).ok(),
            value => Some(integer(value)?),
        };
        let small = |factor: i32| i32::try_from(count?).ok()?.checked_mul(factor);
        let part = match unit {
            0 => small(12).map(|months| Interval {
                months,
                ..Interval::default()
            }),
            1 => small(1).map(|months| Interval {
                months,
                ..Interval::default()
            }),
            2 => small(7).map(|days| Interval {
                days,
                ..Interval::default()
            }),
            3 => small(1).map(|days| Interval {
                days,
                ..Interval::default()
            }),
            4 => count
                .and_then(|n| n.checked_mul(HOUR))
                .map(|micros| Interval {
                    micros,
                    ..Interval::default()
                }),
            5 => count
                .and_then(|n| n.checked_mul(MINUTE))
                .map(|micros| Interval {
                    micros,
                    ..Interval::default()
                }),
            _ => count.map(|micros| Interval {
                micros,
                ..Interval::default()
            }),
        };
        match part.and_then(|part| sum.checked_add(part)) {
            Some(total) => sum = total,
            None => return failure("the interval is out of range"),
        }
    }
    Ok(Value::Interval(sum))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Year,
    YearOfWeek,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    DayOfWeekIso,
    DayOfYear,
    Hour,
    Minute,
    Second,
}

impl Part {
    fn parse(name: &str) -> Option<Part> {
        Some(match name.to_ascii_uppercase().as_str() {
            "YEAR" | "Y" | "YEARS" | "YR" | "YRS" => Part::Year,
            "YEAROFWEEK" => Part::YearOfWeek,
            "QUARTER" | "QTR" => Part::Quarter,
            "MONTH" | "MON" | "MONS" | "MONTHS" => Part::Month,
            "WEEK" | "W" | "WEEKS" => Part::Week,
            "DAY" | "D" | "DAYS" => Part::Day,
            "DAYOFWEEK" | "DOW" => Part::DayOfWeek,
            "DAYOFWEEK_ISO" | "DOW_ISO" => Part::DayOfWeekIso,
            "DOY" => Part::DayOfYear,
            "HOUR" | "H" | "HOURS" | "HR" | "HRS" => Part::Hour,
            "MINUTE" | "M" | "MIN" | "MINS" | "MINUTES" => Part::Minute,
            "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" => Part::Second,
            _ => return None,
        })
    }

    fn of_interval(self) -> bool {
        matches!(
            self,
            Part::Year | Part::Month | Part::Day | Part::Hour | Part::Minute | Part::Second
        )
    }
}

/// Seconds are a decimal with the microseconds; of an interval the smaller parts are TINYINT.
fn date_part(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let part = match &call.constants[0] {
        Some(Value::String(name)) => Part::parse(name)
            .ok_or_else(|| format!("no part {name}: use year, month, day, hour and so on"))?,
        _ => return Err("the part's name must be a constant".to_owned()),
    };
    let source = call.types[1].clone();
    if source == Type::Interval && !part.of_interval() {
        return Err("an interval has no such part".to_owned());
    }
    let kind = match part {
        Part::Second => Type::Decimal {
            precision: 8,
            scale: 6,
        },
        Part::Month | Part::Hour | Part::Minute if source == Type::Interval => Type::TinyInt,
        _ => Type::Int,
    };
    let body = prepared(move |env, a| match &a[1] {
        Value::Interval(span) if part.of_interval() => Ok(interval_part(part, *span)),
        Value::Interval(_) => failure("an interval has no such part"),
        Value::Date(days) => time_part(env, part, st_time::days_to_micros(*days, env.zone), *days),
        other => match cast(env, other.clone(), &source, &Type::Timestamp)? {
            Value::Timestamp(micros) => {
                time_part(env, part, Some(micros), date_of(micros, env.zone))
            }
            _ => Ok(Value::Null),
        },
    });
    Ok((kind, body))
}

fn interval_part<'a>(part: Part, span: Interval) -> Value<'a> {
    let micros = span.day_micros();
    Value::Integer(match part {
        Part::Year => i64::from(span.months / 12),
        Part::Month => i64::from(span.months % 12),
        Part::Day => (micros / i128::from(st_time::DAY)) as i64,
        Part::Hour => (micros % i128::from(st_time::DAY)) as i64 / HOUR,
        Part::Minute => (micros % i128::from(HOUR)) as i64 / MINUTE,
        _ => {
            return Value::Decimal(Decimal {
                unscaled: micros % i128::from(MINUTE),
                scale: 6,
            });
        }
    })
}

fn time_part<'a>(env: &Env, part: Part, micros: Option<i64>, days: i32) -> Answer<'a> {
    let date = civil_of(days);
    let Some(micros) = micros else {
        return failure("the date is out of range");
    };
    let clock = parts_of(micros, env.zone);
    Ok(Value::Integer(match part {
        Part::Year => date.year.into(),
        Part::YearOfWeek => iso_week(days).0.into(),
        Part::Quarter => st_time::quarter(date.month).into(),
        Part::Month => date.month.into(),
        Part::Week => iso_week(days).1.into(),
        Part::Day => date.day.into(),
        Part::DayOfWeek => i64::from(iso_weekday(days) % 7 + 1),
        Part::DayOfWeekIso => iso_weekday(days).into(),
        Part::DayOfYear => st_time::day_of_year(days).into(),
        Part::Hour => clock.hour.into(),
        Part::Minute => clock.minute.into(),
        Part::Second => {
            let unscaled = i128::from(clock.second) * i128::from(SECOND) + i128::from(clock.micro);
            return Ok(Value::Decimal(Decimal { unscaled, scale: 6 }));
        }
    }))
}
