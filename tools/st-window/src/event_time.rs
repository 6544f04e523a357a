//! When a row happened: its time column, or the end of a window made before.

use anyhow::Result;
use st_expr::{Schema, Type, Value, read_json};
use st_row::{Kind, Step};
use st_stream::cli::usage;
use st_time::Zone;

/// How the column is read.
#[derive(Clone, Debug)]
pub enum EventTime {
    /// As a time, or as a window if it is an object.
    Undeclared(Vec<Step>),
    /// As a declared type: TIMESTAMP, DATE or text.
    Typed(Type),
    /// As a window: `window_time`, the last microsecond of it.
    Window(Vec<Step>),
}

impl EventTime {
    /// How `column` is read in a stream of this schema.
    ///
    /// # Errors
    /// A column declared as a type that stands for no time.
    pub fn of(schema: &Schema, column: &str) -> Result<EventTime> {
        let end = || vec![Step::Name("end".to_string())];
        Ok(match schema.kind(column) {
            None => EventTime::Undeclared(end()),
            Some(kind @ (Type::Timestamp | Type::Date | Type::String)) => {
                EventTime::Typed(kind.clone())
            }
            Some(kind) if *kind == window_type() => EventTime::Window(end()),
            Some(kind) => {
                let mend = if kind.is_numeric() {
                    format!(
                        "st-map --set '{column} = timestamp_millis({column})' (or timestamp_seconds) makes one of it"
                    )
                } else {
                    "choose another column".to_string()
                };
                return Err(usage(format!(
                    "`{column}` has the type {kind}, which is no time: {mend}"
                )));
            }
        })
    }

    /// Microseconds since 1970, if the raw value has a time.
    #[inline]
    pub fn micros(&self, raw: &[u8], zone: Zone) -> Option<i64> {
        match self {
            EventTime::Undeclared(end) if Kind::of(raw) == Some(Kind::Object) => {
                window_time(raw, end)
            }
            EventTime::Undeclared(_) => instant(raw, &Type::Timestamp, zone),
            EventTime::Typed(kind) => instant(raw, kind, zone),
            EventTime::Window(end) => window_time(raw, end),
        }
    }
}

/// The type of a window.
pub fn window_type() -> Type {
    let field = |name: &str| st_expr::Field {
        name: name.to_string(),
        kind: Type::Timestamp,
    };
    Type::Struct(vec![field("start"), field("end")])
}

fn instant(raw: &[u8], kind: &Type, zone: Zone) -> Option<i64> {
    match read_json(raw, kind, zone) {
        Value::Timestamp(micros) => Some(micros),
        Value::Date(days) => st_time::days_to_micros(days, zone),
        Value::String(text) => st_time::parse_timestamp(text.trim().as_bytes(), zone),
        _ => None,
    }
}

fn window_time(raw: &[u8], end: &[Step]) -> Option<i64> {
    let end = st_row::path(raw, end).ok().flatten()?;
    instant(end, &Type::Timestamp, Zone::UTC)?.checked_sub(1)
}
