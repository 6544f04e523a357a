//! The moment that decides when a row is late: its event time, or the end of its window.

use st_row::fields_of;
use st_time::Zone;

use crate::{Type, Value, read_json};

/// The event time in a raw value, microseconds since 1970; none if it is null or no timestamp.
#[inline]
pub fn event_time(raw: &[u8], zone: Zone) -> Option<i64> {
    match read_json(raw, &Type::Timestamp, zone) {
        Value::Timestamp(micros) => Some(micros),
        _ => None,
    }
}

/// The end of a window `{"start":…,"end":…}`; none if the value is no window.
pub fn window_end(raw: &[u8], zone: Zone) -> Option<i64> {
    if raw.first() != Some(&b'{') {
        return None;
    }
    let members = fields_of(raw).filter_map(Result::ok);
    let (_, end) = members.filter(|(name, _)| *name == b"\"end\"").last()?;
    event_time(end, zone)
}
