//! Timestamps, durations, calendars.
