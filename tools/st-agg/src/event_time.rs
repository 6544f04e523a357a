//! The moment a row happened, and the windows it falls into.

use st_expr::{Compiled, Env, Slots, Value};

/// Where a row's event time is found.
pub struct EventTime {
    expr: Compiled,
    /// How the user wrote it, for messages.
    text: String,
}

impl EventTime {
    /// The value of an expression, written so.
    pub fn new(expr: Compiled, text: String) -> EventTime {
        EventTime { expr, text }
    }

    /// Microseconds since 1970; why there is none otherwise.
    #[inline]
    pub fn micros(&self, env: &Env, slots: &Slots<'_, '_>) -> Result<i64, String> {
        if let Some(micros) = self.known(env, slots) {
            return Ok(micros);
        }
        let value = self.expr.eval(env, slots);
        match instant(env, &value) {
            Some(micros) => Ok(micros),
            None => Err(self.unreadable(&value)),
        }
    }

    /// The same, if the time is a column of plain text, the common case.
    #[inline]
    pub fn known(&self, env: &Env, slots: &Slots<'_, '_>) -> Option<i64> {
        st_time::parse_timestamp(self.expr.instant_text(slots)?, env.zone)
    }

    #[cold]
    fn unreadable(&self, value: &Value<'_>) -> String {
        match value {
            Value::Null => format!("event time `{}` is null or unreadable", self.text),
            Value::Integer(_) | Value::Double(_) | Value::Decimal(_) => {
                format!(
                    "event time `{}` is a number: timestamp_millis({}) makes it a time",
                    self.text, self.text
                )
            }
            _ => format!("event time `{}` is no timestamp", self.text),
        }
    }
}

/// The instant a value stands for; text is read as Spark casts it.
pub fn instant(env: &Env, value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Timestamp(micros) => Some(*micros),
        Value::Date(days) => st_time::days_to_micros(*days, env.zone),
        Value::String(text) => st_time::parse_timestamp(text.trim().as_bytes(), env.zone),
        _ => None,
    }
}

/// Windows of a fixed size that begin every slide, aligned to 1970 plus an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Microseconds, as all of these.
    pub size: i64,
    /// At most the size.
    pub slide: i64,
    /// Less than the slide.
    pub offset: i64,
}

impl Windows {
    /// The windows `[start, end)` that hold a moment, the earliest first.
    #[inline]
    pub fn of(self, micros: i64) -> impl Iterator<Item = (i64, i64)> {
        let size = self.size;
        st_time::windows(micros, size, self.slide, self.offset)
            .map(move |start| (start, start.saturating_add(size)))
    }

    /// Slides from 1970 until that moment, which tells slices that come one after the other apart.
    #[inline]
    pub fn slides(self, micros: i64) -> i64 {
        micros / self.slide
    }

    /// From when until before when rows belong to the same windows as at this moment; none where it belongs to none.
    pub fn slice(self, micros: i64) -> Option<(i64, i64)> {
        let mut windows = self.of(micros);
        let first = windows.next()?;
        let last = windows.last().unwrap_or(first);
        // The window before the first has ended, the one after the last has not begun.
        Some((
            last.0.max(first.1.saturating_sub(self.slide)),
            first.1.min(last.0.saturating_add(self.slide)),
        ))
    }
}

/// Reads a window made upstream: `{"start":…,"end":…}`. `None` if it is something else.
pub fn given_window(env: &Env, raw: &[u8]) -> Option<(i64, i64)> {
    let (mut start, mut end) = (None, None);
    for member in st_row::fields_of(raw) {
        let (key, value) = member.ok()?;
        let read = || {
            let text = st_row::unescape(value).ok()?;
            st_time::parse_timestamp(text.as_bytes(), env.zone)
        };
        match key {
            b"\"start\"" => start = read(),
            b"\"end\"" => end = read(),
            _ => {}
        }
    }
    Some((start?, end?)).filter(|(start, end)| start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_holds_the_moments_of_the_same_windows_and_no_others() {
        for (size, slide, offset) in [(30, 5, 0), (30, 7, 3), (10, 10, 4), (9, 2, 1), (5, 4, 0)] {
            let windows = Windows {
                size,
                slide,
                offset,
            };
            let of = |micros| windows.of(micros).collect::<Vec<_>>();
            for micros in -100..100 {
                let Some((from, until)) = windows.slice(micros) else {
                    panic!("{micros} is in a window");
                };
                assert!(from <= micros && micros < until);
                assert!((from..until).all(|other| of(other) == of(micros)));
                assert_ne!(
                    of(from - 1),
                    of(micros),
                    "{size} {slide} {offset}: {micros}"
                );
                assert_ne!(of(until), of(micros), "{size} {slide} {offset}: {micros}");
            }
        }
    }
}
