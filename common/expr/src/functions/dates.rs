//! Dates: their parts, moving them, the days between them. Whatever has a date is cast to DATE.

use super::arguments::{Answer, date, failure, integer, string, text, timestamp};
use super::{DATE, INT, Param, TEXT, TIMESTAMP, plain};
use crate::function::{Env, Function};
use crate::{Type, Value};
use st_time::{Unit, civil_of, iso_week, iso_weekday};

/// A whole number of a date.
macro_rules! part {
    ($names:expr, $usage:literal, $code:expr) => {
        plain(
            $names,
            (1, 1),
            $usage,
            &[DATE],
            |_| Type::Int,
            |_, a| {
                let code: fn(i32) -> i64 = $code;
                Ok(Value::Integer(code(date(&a[0])?)))
            },
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    part!(&["year"], "year(date)", |d| civil_of(d).year.into()),
    part!(&["quarter"], "quarter(date)", |d| st_time::quarter(
        civil_of(d).month
    )
    .into()),
    part!(&["month"], "month(date)", |d| civil_of(d).month.into()),
    part!(&["day", "dayofmonth"], "day(date)", |d| civil_of(d)
        .day
        .into()),
    part!(&["dayofyear"], "dayofyear(date)", |d| st_time::day_of_year(
        d
    )
    .into()),
    part!(&["dayofweek"], "dayofweek(date)", |d| i64::from(
        iso_weekday(d) % 7 + 1
    )),
    part!(&["weekday"], "weekday(date)", |d| i64::from(
        iso_weekday(d) - 1
    )),
    part!(&["weekofyear"], "weekofyear(date)", |d| iso_week(d)
        .1
        .into()),
    part!(&["unix_date"], "unix_date(date)", i64::from),
    plain(
        &["monthname"],
        (1, 1),
        "monthname(date)",
        &[DATE],
        |_| Type::String,
        |_, a| {
            Ok(Value::text(
                MONTHS[usize::from(civil_of(date(&a[0])?).month) - 1],
            ))
        },
    ),
    plain(
        &["dayname"],
        (1, 1),
        "dayname(date)",
        &[DATE],
        |_| Type::String,
        |_, a| {
            Ok(string(capitalised(
                &DAYS[iso_weekday(date(&a[0])?) as usize - 1][..3],
            )))
        },
    ),
    plain(
        &["last_day"],
        (1, 1),
        "last_day(date)",
        &[DATE],
        |_| Type::Date,
        |_, a| Ok(Value::Date(st_time::last_day(date(&a[0])?))),
    ),
    plain(
        &["next_day"],
        (2, 2),
        "next_day(date, weekday)",
        &[DATE, TEXT],
        |_| Type::Date,
        next_day,
    ),
    plain(
        &["trunc"],
        (2, 2),
        "trunc(date, unit)",
        &[DATE, TEXT],
        |_| Type::Date,
        |_, a| {
            let unit = Unit::parse(text(&a[1])?);
            let days = date(&a[0])?;
            Ok(unit
                .and_then(|unit| st_time::trunc_date(unit, days))
                .map_or(Value::Null, Value::Date))
        },
    ),
    plain(
        &["date_add", "dateadd"],
        (2, 2),
        "date_add(date, days)",
        &[DATE, INT],
        |_| Type::Date,
        |_, a| moved(date(&a[0])?, integer(&a[1])?),
    ),
    plain(
        &["date_sub"],
        (2, 2),
        "date_sub(date, days)",
        &[DATE, INT],
        |_| Type::Date,
        |_, a| moved(date(&a[0])?, -integer(&a[1])?),
    ),
    plain(
        &["datediff", "date_diff"],
        (2, 2),
        "datediff(end, start)",
        &[DATE],
        |_| Type::Int,
        |_, a| {
            Ok(Value::Integer(
                i64::from(date(&a[0])?) - i64::from(date(&a[1])?),
            ))
        },
    ),
    plain(
        &["add_months"],
        (2, 2),
        "add_months(date, months)",
        &[DATE, INT],
        |_| Type::Date,
        |_, a| {
            let months = i32::try_from(integer(&a[1])?).ok();
            let days = date(&a[0])?;
            months
                .and_then(|months| st_time::add_months(days, months))
                .map_or_else(out_of_range, |days| Ok(Value::Date(days)))
        },
    ),
    plain(
        &["months_between"],
        (2, 3),
        "months_between(end, start[, round])",
        &[TIMESTAMP, TIMESTAMP, Param::To(&Type::Boolean)],
        |_| Type::Double,
        |env, a| {
            let round = !matches!(a.get(2), Some(Value::Boolean(false)));
            Ok(Value::Double(st_time::months_between(
                timestamp(&a[0])?,
                timestamp(&a[1])?,
                round,
                env.zone,
            )))
        },
    ),
    plain(
        &["date_from_unix_date"],
        (1, 1),
        "date_from_unix_date(days)",
        &[INT],
        |_| Type::Date,
        |_, a| moved(0, integer(&a[0])?),
    ),
    plain(
        &["make_date"],
        (3, 3),
        "make_date(year, month, day)",
        &[INT],
        |_| Type::Date,
        |_, a| {
            let part = |place: usize| integer(&a[place]);
            let (year, month, day) = (part(0)?, part(1)?, part(2)?);
            let parts = (
                i32::try_from(year),
                u32::try_from(month),
                u32::try_from(day),
            );
            match parts {
                (Ok(y), Ok(m), Ok(d)) if st_time::days_of(y, m, d).is_some() => {
                    Ok(st_time::days_of(y, m, d).map_or(Value::Null, Value::Date))
                }
                _ => failure(format!("there is no date {year}-{month}-{day}")),
            }
        },
    ),
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = [
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
];

fn capitalised(word: &str) -> String {
    word[..1].to_owned() + &word[1..].to_ascii_lowercase()
}

fn out_of_range<'a>() -> Answer<'a> {
    failure("the date is out of range")
}

fn moved<'a>(from: i32, days: i64) -> Answer<'a> {
    match i32::try_from(i64::from(from) + days) {
        Ok(days) => Ok(Value::Date(days)),
        Err(_) => out_of_range(),
    }
}

/// Weekdays by two letters, three, or in full; another name gives null.
fn next_day<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let days = date(&a[0])?;
    let name = text(&a[1])?.to_ascii_uppercase();
    let wanted = DAYS
        .iter()
        .position(|day| name == day[..2] || name == day[..3] || name == **day);
    match wanted {
        Some(wanted) => moved(
            days,
            (wanted as i64 - i64::from(iso_weekday(days))).rem_euclid(7) + 1,
        ),
        None => Ok(Value::Null),
    }
}
