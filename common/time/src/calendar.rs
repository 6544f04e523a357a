//! Instants on the wall clock of a zone: taken apart, cut to a unit, moved by months (Spark's `DateTimeUtils`).

use crate::civil::{civil_of_wide, days_of_wide};
use crate::{
    Civil, DAY, Duration, HOUR, MINUTE, SECOND, Zone, civil_of, days_in_month, days_of,
    iso_weekday, quarter,
};

/// A local date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Year, astronomical.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Microseconds of the second.
    pub micro: u32,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// What the clock of `zone` shows at an instant.
pub fn parts_of(micros: i64, zone: Zone) -> Parts {
    let offset = zone.offset_at(micros);
    let seconds = micros.div_euclid(SECOND) + offset as i64;
    let Civil { year, month, day } = civil_of_wide(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    Parts {
        year,
        month,
        day,
        hour: (second / 3600) as u8,
        minute: (second / 60 % 60) as u8,
        second: (second % 60) as u8,
        micro: micros.rem_euclid(SECOND) as u32,
        offset,
    }
}

/// The instant when the clock of `zone` shows this; `offset` is not looked at. `None` if there is no such date or time, or
/// it does not fit.
pub fn from_parts(parts: &Parts, zone: Zone) -> Option<i64> {
    days_of(parts.year, parts.month as u32, parts.day as u32)?;
    if parts.hour > 23 || parts.minute > 59 || parts.second > 59 || parts.micro >= SECOND as u32 {
        return None;
    }
    let days = days_of_wide(parts.year as i64, parts.month as i64, parts.day as i64);
    let clock = parts.hour as i64 * HOUR
        + parts.minute as i64 * MINUTE
        + parts.second as i64 * SECOND
        + parts.micro as i64;
    let local = i64::try_from(days as i128 * DAY as i128 + clock as i128).ok()?;
    zone.to_utc(local)
}

/// The date the clock of `zone` shows: a cast to DATE.
pub fn date_of(micros: i64, zone: Zone) -> i32 {
    let seconds = micros.div_euclid(SECOND) + zone.offset_at(micros) as i64;
    seconds.div_euclid(86_400) as i32
}

/// The instant a date begins in `zone`: a cast to TIMESTAMP. `None` beyond the range of microseconds.
pub fn days_to_micros(days: i32, zone: Zone) -> Option<i64> {
    zone.to_utc((days as i64).checked_mul(DAY)?)
}

/// A unit to cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// By Spark's names, in any case (`month`, `mon`, `mm`). `None` for another name, which in Spark gives null.
    pub fn parse(name: &str) -> Option<Unit> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MICROSECOND" => Unit::Microsecond,
            "MILLISECOND" => Unit::Millisecond,
            "SECOND" => Unit::Second,
            "MINUTE" => Unit::Minute,
            "HOUR" => Unit::Hour,
            "DAY" | "DD" => Unit::Day,
            "WEEK" => Unit::Week,
            "MONTH" | "MON" | "MM" => Unit::Month,
            "QUARTER" => Unit::Quarter,
            "YEAR" | "YYYY" | "YY" => Unit::Year,
            _ => return None,
        })
    }
}

/// The start of the `unit` an instant is in, on the clock of `zone` (`date_trunc`). Weeks begin on Monday.
pub fn date_trunc(unit: Unit, micros: i64, zone: Zone) -> Option<i64> {
    let length = match unit {
        Unit::Microsecond => return Some(micros),
        Unit::Millisecond => return micros.checked_sub(micros.rem_euclid(1000)),
        Unit::Second => return micros.checked_sub(micros.rem_euclid(SECOND)),
        Unit::Minute => MINUTE,
        Unit::Hour => HOUR,
        Unit::Day => DAY,
        _ => return days_to_micros(trunc_date(unit, date_of(micros, zone))?, zone),
    };
    let offset = zone.offset_at(micros);
    let local = micros.checked_add(offset as i64 * SECOND)?;
    zone.to_utc_near(local.checked_sub(local.rem_euclid(length))?, offset)
}

/// The first day of the `unit` a date is in (`trunc`). `None` for units shorter than a week, as in Spark.
pub fn trunc_date(unit: Unit, days: i32) -> Option<i32> {
    let Civil { year, month, .. } = civil_of(days);
    match unit {
        Unit::Week => days.checked_sub(iso_weekday(days) as i32 - 1),
        Unit::Month => days_of(year, month as u32, 1),
        Unit::Quarter => days_of(year, quarter(month) * 3 - 2, 1),
        Unit::Year => days_of(year, 1, 1),
        _ => None,
    }
}

/// The date so many months later; where that month is shorter, its last day.
pub fn add_months(days: i32, months: i32) -> Option<i32> {
    let Civil { year, month, day } = civil_of(days);
    let count = year as i64 * 12 + month as i64 - 1 + months as i64;
    let year = i32::try_from(count.div_euclid(12)).ok()?;
    let month = count.rem_euclid(12) as u8 + 1;
    days_of(
        year,
        month as u32,
        day.min(days_in_month(year, month)) as u32,
    )
}

/// The instant a duration later, on the clock of `zone`: first the months, then the days, then the microseconds. `None` if
/// it does not fit.
pub fn add_interval(micros: i64, interval: Duration, zone: Zone) -> Option<i64> {
    let mut now = micros;
    if interval.months != 0 {
        let (days, clock, offset) = local(now, zone)?;
        now = zone.to_utc_near(
            (add_months(days, interval.months)? as i64)
                .checked_mul(DAY)?
                .checked_add(clock)?,
            offset,
        )?;
    }
    if interval.days != 0 {
        let (days, clock, offset) = local(now, zone)?;
        now = zone.to_utc_near(
            (days as i64 + interval.days as i64)
                .checked_mul(DAY)?
                .checked_add(clock)?,
            offset,
        )?;
    }
    now.checked_add(interval.micros)
}

/// Local day, microseconds into it, and offset.
fn local(micros: i64, zone: Zone) -> Option<(i32, i64, i32)> {
    let offset = zone.offset_at(micros);
    let local = micros.checked_add(offset as i64 * SECOND)?;
    Some((local.div_euclid(DAY) as i32, local.rem_euclid(DAY), offset))
}

/// Spark's `months_between(later, earlier)`: whole months if the days of the month agree or both are the last, else with the
/// rest as a part of 31 days; `round` to eight digits.
pub fn months_between(later: i64, earlier: i64, round: bool, zone: Zone) -> f64 {
    let (a, b) = (parts_of(later, zone), parts_of(earlier, zone));
    let months =
        ((a.year as i64 * 12 + a.month as i64) - (b.year as i64 * 12 + b.month as i64)) as f64;
    let last = |p: &Parts| p.day == days_in_month(p.year, p.month);
    if a.day == b.day || last(&a) && last(&b) {
        return months;
    }
    let into_day = |micros: i64| {
        let start = days_to_micros(date_of(micros, zone), zone).unwrap_or(micros);
        (micros - start) / SECOND
    };
    let seconds = (a.day as i64 - b.day as i64) * 86_400 + into_day(later) - into_day(earlier);
    let months = months + seconds as f64 / (31 * 86_400) as f64;
    // Java's Math.round: half goes up.
    if round {
        (months * 1e8 + 0.5).floor() / 1e8
    } else {
        months
    }
}
