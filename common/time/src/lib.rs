//! Timestamps, durations, time zones and calendars, as Spark SQL understands them.
//!
//! An instant is an `i64` of microseconds since 1970-01-01T00:00:00Z, a date an `i32` of days since 1970-01-01, on the
//! proleptic Gregorian calendar. Everything here is a pure function of its arguments: the wall clock enters a pipeline
//! elsewhere, once per batch, so that a replay computes the same.

mod calendar;
mod civil;
mod duration;
mod pattern;
mod read;
mod window;
mod write;
mod zone;

pub use calendar::{
    Parts, Unit, add_interval, add_months, date_of, date_trunc, days_to_micros, from_parts,
    months_between, parts_of, trunc_date,
};
pub use civil::{
    Civil, civil_of, day_of_year, days_in_month, days_of, is_leap, iso_week, iso_weekday, last_day,
    quarter,
};
pub use duration::Duration;
pub use pattern::{ReadPattern, WritePattern};
pub use read::{parse_date, parse_timestamp};
pub use window::{Windows, window_start, windows};
pub use write::{write_date, write_iso, write_spark};
pub use zone::{Zone, parse_zone};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;
