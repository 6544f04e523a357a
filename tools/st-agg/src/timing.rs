//! How groups stand in time: which key is their window or their event time, and whether a watermark bounds it.

use st_expr::{Columns, Compiled, Compiler, Field, Schema, SyntaxError, Type};
use st_stream::{Bound, Start};
use st_time::Zone;

use crate::by::last_moment;
use crate::event_time::{EventTime, Windows};
use crate::query::{Form, Key, Time};

/// How groups stand in time.
pub enum Timing {
    /// A group may always get more rows.
    Untimed,
    /// The key column of that number is an event time.
    Time(usize),
    /// Windows that a moment falls into.
    Windows(EventTime, Windows),
    /// The field holds a window made upstream.
    Given(usize),
    /// Sessions: of the event time, and the gap after it.
    Sessions(EventTime, Compiled),
    /// The field holds the row's own session, made upstream, to be merged.
    GivenSessions(usize),
}

impl Timing {
    /// What groups are, for the state's definition: each is kept in a form of its own.
    pub fn name(&self) -> &'static str {
        match self {
            Timing::Untimed => "keys",
            Timing::Time(_) => "times",
            Timing::Windows(..) | Timing::Given(_) => "windows",
            Timing::Sessions(..) | Timing::GivenSessions(_) => "sessions",
        }
    }
}

/// The type of a window column.
pub fn window_type() -> Type {
    let part = |name: &str| Field {
        name: name.to_string(),
        kind: Type::Timestamp,
    };
    Type::Struct(vec![part("start"), part("end")])
}

fn is_window(kind: &Type) -> bool {
    matches!(kind, Type::Struct(parts) if matches!(parts.as_slice(), [a, b] if a.name == "start" && b.name == "end"))
}

/// Which key is the group's window or time.
pub struct Timed {
    /// Its number.
    pub key: usize,
    /// What it is.
    pub timing: Timing,
    /// A watermark closes its groups.
    pub bounded: bool,
}

/// The columns of the rows, and what is known of them in time.
pub struct RowColumns<'s> {
    /// Compiles expressions over them.
    pub compiler: Compiler,
    start: &'s Start,
    schema: Schema,
    /// Columns that hold sessions to be merged.
    sessions: Vec<&'s str>,
}

impl<'s> RowColumns<'s> {
    /// The columns of the rows that `start` announces.
    pub fn new(start: &'s Start, schema: Schema, zone: Zone) -> RowColumns<'s> {
        let sessions = start
            .rest
            .get("sessions")
            .and_then(|columns| columns.as_array());
        let sessions = sessions
            .into_iter()
            .flatten()
            .filter_map(|column| column.as_str());
        RowColumns {
            compiler: Compiler::new(Columns::new(schema.clone()), zone),
            start,
            schema,
            sessions: sessions.collect(),
        }
    }

    /// The key that stands for the groups' place in time: a window if there is one, else the first bounded time.
    pub fn timed(&mut self, keys: &[Key]) -> Result<Option<Timed>, SyntaxError> {
        for (number, key) in keys.iter().enumerate() {
            if let Some(found) = self.window(key)? {
                return Ok(Some(Timed {
                    key: number,
                    ..found
                }));
            }
        }
        let time = keys.iter().position(|key| self.bounded_time(key));
        Ok(time.map(|key| Timed {
            key,
            timing: Timing::Time(key),
            bounded: true,
        }))
    }

    fn bound(&self, column: &str) -> Option<Bound> {
        self.start.bound(column).map(|(_, bound)| bound)
    }

    fn field(&mut self, column: &str) -> Result<usize, SyntaxError> {
        self.compiler.columns.find(column)?;
        self.compiler
            .columns
            .fields()
            .position(column)
            .ok_or_else(|| SyntaxError::plain("no such field"))
    }

    /// The timing that a key gives its groups, if it is a window.
    fn window(&mut self, key: &Key) -> Result<Option<Timed>, SyntaxError> {
        let (timing, bounded) = match (&key.form, &key.column) {
            (Form::Value, Some(Time::Column(column))) => {
                let bounded = self.bound(column) == Some(Bound::Window);
                if self.sessions.contains(&column.as_str()) {
                    (Timing::GivenSessions(self.field(column)?), bounded)
                } else if bounded {
                    (Timing::Given(self.field(column)?), bounded)
                } else {
                    return Ok(None);
                }
            }
            (Form::Value, _) => return Ok(None),
            (Form::Window(windows), _) => (
                Timing::Windows(self.event_time(key)?, *windows),
                self.bounded_time(key),
            ),
            (Form::Session(gap), _) => {
                let time = self.event_time(key)?;
                (
                    Timing::Sessions(time, self.compiler.compile(gap, &key.text)?),
                    self.bounded_time(key),
                )
            }
        };
        Ok(Some(Timed {
            key: 0,
            timing,
            bounded,
        }))
    }

    /// True if the time that a key is, or that its windows are of, is bounded by a watermark.
    fn bounded_time(&self, key: &Key) -> bool {
        match &key.column {
            Some(Time::Column(column)) => match self.bound(column) {
                Some(Bound::Time) => true,
                // The windows of windows.
                Some(Bound::Window) => !matches!(key.form, Form::Value),
                None => false,
            },
            Some(Time::Last(column)) => self.bound(column) == Some(Bound::Window),
            None => false,
        }
    }

    fn event_time(&mut self, key: &Key) -> Result<EventTime, SyntaxError> {
        let mut time = key.expr.clone();
        let window = time.column().is_some_and(|column| {
            self.bound(column) == Some(Bound::Window)
                || self.schema.kind(column).is_some_and(is_window)
        });
        if window {
            time.node = last_moment(&key.expr, key.expr.span);
        }
        let text = key
            .text
            .get(key.expr.span.start..key.expr.span.end)
            .unwrap_or_default()
            .to_string();
        let expr = self.compiler.compile(&time, &key.text)?;
        let fits = |kind: &Type| {
            kind.is_open() || matches!(kind, Type::Timestamp | Type::Date | Type::String)
        };
        if !fits(expr.kind()) {
            let message = format!(
                "an event time is a TIMESTAMP, not {}: timestamp_millis({text}) makes it one",
                expr.kind()
            );
            return Err(SyntaxError::at(&key.text, key.expr.span, message));
        }
        Ok(EventTime::new(expr, text))
    }
}
