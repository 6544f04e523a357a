//! Times in a spelling of their own: Spark's `timestampFormat` and `dateFormat`. They leave here in the standard one.

use std::sync::Arc;

use st_time::{ReadPattern, Zone};

/// How timestamps and dates are written in the input; none: as the expressions read them anyway, then they pass as they are.
#[derive(Clone, Debug)]
pub struct Times {
    /// The pattern of TIMESTAMP columns.
    pub timestamp: Option<Arc<ReadPattern>>,
    /// The pattern of DATE columns.
    pub date: Option<Arc<ReadPattern>>,
    /// The zone of a time that names none.
    pub zone: Zone,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            timestamp: None,
            date: None,
            zone: Zone::UTC,
        }
    }
}

impl Times {
    /// True if a pattern was given.
    pub fn any(&self) -> bool {
        self.timestamp.is_some() || self.date.is_some()
    }

    /// Appends a timestamp, read by the pattern, as a JSON string; false, and nothing, if it does not fit.
    pub(crate) fn write_timestamp(&self, out: &mut Vec<u8>, text: &str, by: &ReadPattern) -> bool {
        let Some(micros) = by.read(text, self.zone) else {
            return false;
        };
        out.push(b'"');
        st_time::write_iso(out, micros, Zone::UTC);
        out.push(b'"');
        true
    }

    /// The same for a date.
    pub(crate) fn write_date(&self, out: &mut Vec<u8>, text: &str, by: &ReadPattern) -> bool {
        let Some(micros) = by.read(text, Zone::UTC) else {
            return false;
        };
        out.push(b'"');
        st_time::write_date(out, st_time::date_of(micros, Zone::UTC));
        out.push(b'"');
        true
    }
}
