//! Values as text: Spark's cast to STRING.

use crate::number::write_double;
use crate::{Interval, Value};
use st_time::Zone;
use std::borrow::Cow;

/// Appends a value as Spark's cast to STRING writes it; null, which has no text outside an array, as `null`.
pub fn write_text(out: &mut Vec<u8>, value: &Value<'_>, zone: Zone) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(x) => out.extend_from_slice(if *x { b"true" } else { b"false" }),
        Value::Integer(x) => out.extend_from_slice(itoa::Buffer::new().format(*x).as_bytes()),
        Value::Double(x) => write_double(out, *x),
        Value::Decimal(x) => out.extend_from_slice(x.java_text().as_bytes()),
        Value::String(x) => out.extend_from_slice(x.as_bytes()),
        Value::Binary(x) => out.extend_from_slice(String::from_utf8_lossy(x).as_bytes()),
        Value::Date(x) => st_time::write_date(out, *x),
        Value::Timestamp(x) => st_time::write_spark(out, *x, zone),
        Value::Interval(x) => out.extend_from_slice(x.to_string().as_bytes()),
        Value::Array(x) => {
            out.push(b'[');
            list(out, x.iter(), |out, x| write_text(out, x, zone));
            out.push(b']');
        }
        Value::Map(x) => {
            out.push(b'{');
            list(out, x.iter(), |out, (key, value)| {
                write_text(out, key, zone);
                out.extend_from_slice(b" -> ");
                write_text(out, value, zone);
            });
            out.push(b'}');
        }
        Value::Struct(x) => {
            out.push(b'{');
            list(out, x.iter(), |out, (_, x)| write_text(out, x, zone));
            out.push(b'}');
        }
    }
}

fn list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut one: impl FnMut(&mut Vec<u8>, T),
) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        one(out, item);
    }
}

impl<'a> Value<'a> {
    /// The value as Spark's cast to STRING writes it.
    pub fn into_text(self, zone: Zone) -> Cow<'a, str> {
        match self {
            Value::String(text) => text,
            Value::Boolean(x) => Cow::Borrowed(if x { "true" } else { "false" }),
            other => {
                let mut out = Vec::new();
                write_text(&mut out, &other, zone);
                Cow::Owned(
                    String::from_utf8(out)
                        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
                )
            }
        }
    }
}

/// As Spark prints its two kinds: `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL '1 02:03:04.5' DAY TO SECOND`, and whole days
/// `INTERVAL '5' DAY`. One of both kinds is printed as Spark's calendar interval.
impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.months != 0 && (self.days != 0 || self.micros != 0) {
            return write!(f, "{}", st_time::Duration::from(*self));
        }
        if self.months != 0 {
            let sign = if self.months < 0 { "-" } else { "" };
            let months = self.months.unsigned_abs();
            return write!(
                f,
                "INTERVAL '{sign}{}-{}' YEAR TO MONTH",
                months / 12,
                months % 12
            );
        }
        if self.micros == 0 && self.days != 0 {
            return write!(f, "INTERVAL '{}' DAY", self.days);
        }
        let micros = self.day_micros();
        let sign = if micros < 0 { "-" } else { "" };
        let micros = micros.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        write!(
            f,
            "INTERVAL '{sign}{days} {hours:02}:{minutes:02}:{:02}",
            seconds % 60
        )?;
        if fraction != 0 {
            write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
        }
        f.write_str("' DAY TO SECOND")
    }
}
