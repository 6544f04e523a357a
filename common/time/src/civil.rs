//! Days since 1970-01-01 and their year, month and day.
//!
//! The algorithm is Howard Hinnant's (`chrono-Compatible Low-Level Date Algorithms`): whole numbers only, right for every
//! day of an `i32` and far beyond, unlike a calendar type with a range of its own.

/// A date on the proleptic Gregorian calendar; the year before 1 is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// Year, astronomical.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// The date of a day number.
pub fn civil_of(days: i32) -> Civil {
    civil_of_wide(days as i64)
}

pub(crate) fn civil_of_wide(days: i64) -> Civil {
    // Eras of 400 years, each year beginning in March, so that the leap day comes last.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    // From here on in 32 bits, in which division takes less.
    let day_of_era = z.rem_euclid(146_097) as u32;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    Civil {
        year: year as i32,
        month: month as u8,
        day: day as u8,
    }
}

/// The day number of a date; `None` if there is no such date or it does not fit.
pub fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month as u8) as u32 {
        return None;
    }
    i32::try_from(days_of_wide(year as i64, month as i64, day as i64)).ok()
}

/// The day number of a date known to exist.
pub(crate) fn days_of_wide(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// True for a year of 366 days.
pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 28 to 31; `month` is 1 to 12.
pub fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The last day of the month `days` is in.
pub fn last_day(days: i32) -> i32 {
    let date = civil_of(days);
    days.saturating_add((days_in_month(date.year, date.month) - date.day) as i32)
}

/// 1 to 366.
pub fn day_of_year(days: i32) -> u32 {
    let first = days_of_wide(civil_of(days).year as i64, 1, 1);
    (days as i64 - first + 1) as u32
}

/// 1 (Monday) to 7 (Sunday). Spark's `weekday` is one less; its `dayofweek` is `iso_weekday % 7 + 1`.
pub fn iso_weekday(days: i32) -> u32 {
    // 1970-01-01 was a Thursday.
    ((days as i64 + 3).rem_euclid(7) + 1) as u32
}

/// The year and week (1 to 53) of ISO 8601: weeks begin on Monday and belong to the year of their Thursday.
pub fn iso_week(days: i32) -> (i32, u32) {
    let thursday = days as i64 + 4 - iso_weekday(days) as i64;
    let year = civil_of_wide(thursday).year;
    let first = days_of_wide(year as i64, 1, 1);
    (year, ((thursday - first) / 7 + 1) as u32)
}

/// 1 to 4.
pub fn quarter(month: u8) -> u32 {
    (month as u32 - 1) / 3 + 1
}
