//! The stage: one row in, one row out per window.

use anyhow::Result;
use serde_json::{Map, Value, json};
use st_expr::{Columns, Compiler, Env, Schema, Slots};
use st_row::{BadRow, Edit, Fields, Spans, Splice, append_member};
use st_stream::cli::usage;
use st_stream::marker::{Begin, Start};
use st_stream::{Context, Manners, Out, Stage};
use st_time::Zone;

use crate::args::Arguments;
use crate::event_time::EventTime;
use crate::grid::Grid;
use crate::session::Gap;
use crate::shape;

/// What windows there are.
enum Windows {
    Grid(Grid),
    Session(Gap),
}

/// What is known once the stream has started.
struct Plan {
    windows: Windows,
    time: EventTime,
    fields: Fields,
    /// The fields of the time and of a window the row already has.
    column: usize,
    name: usize,
}

/// Spark's `window` and `session_window`, as a stage.
pub struct Window {
    arguments: Arguments,
    query: String,
    stage: String,
    env: Env,
    plan: Option<Plan>,
    spans: Spans,
    splice: Splice,
    window: Vec<u8>,
}

impl Window {
    /// The stage that `arguments` ask for. Mistakes in them are told at the start, so that the stages behind hear of them.
    pub fn new(arguments: Arguments) -> Window {
        Window {
            env: Env::new(arguments.zone()),
            arguments,
            query: String::new(),
            stage: String::new(),
            plan: None,
            spans: Spans::default(),
            splice: Splice::new(),
            window: Vec::new(),
        }
    }

    fn windows(&self, compiler: &mut Compiler) -> Result<Windows> {
        let arguments = &self.arguments;
        Ok(match (&arguments.session, arguments.size) {
            (Some(gap), _) => Windows::Session(Gap::parse(gap, compiler)?),
            (None, Some(size)) => Windows::Grid(Grid::new(
                size,
                arguments.slide,
                arguments.offset,
                arguments.tz,
            )?),
            (None, None) => return Err(usage("give the windows' SIZE, or --session GAP")),
        })
    }

    #[cold]
    fn timeless(&self, row: &[u8], out: &mut Out) -> Result<()> {
        let column = &self.arguments.column;
        let there = self
            .plan
            .as_ref()
            .and_then(|plan| self.spans.present(row, plan.column));
        let reason = match there {
            None => format!("event time `{column}` is null"),
            Some([b'-' | b'0'..=b'9', ..]) => {
                format!(
                    "event time `{column}` is a number: timestamp_millis({column}) makes it a time"
                )
            }
            Some(_) => format!("event time `{column}` is no timestamp"),
        };
        out.reject(row, &reason)
    }
}

impl Stage for Window {
    fn tool(&self) -> &'static str {
        "st-window"
    }

    fn options(&self) -> Map<String, Value> {
        let arguments = &self.arguments;
        let texts = [
            ("column", Some(arguments.column.clone())),
            ("size", arguments.size.map(|size| size.to_string())),
            ("slide", arguments.slide.map(|slide| slide.to_string())),
            ("offset", arguments.offset.map(|offset| offset.to_string())),
            ("session", arguments.session.clone()),
            ("as", Some(arguments.window.clone())),
        ];
        let tz = arguments.tz.map(|zone| zone.to_string());
        texts
            .into_iter()
            .chain([("tz", tz)])
            .filter_map(|(name, text)| Some((name.to_string(), json!(text?))))
            .collect()
    }

    fn manners(&self) -> Manners {
        Manners::RowByRow
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        let (column, name) = (&self.arguments.column, &self.arguments.window);
        let mut schema = Schema::parse(&start.schema)?;
        let time = EventTime::of(&schema, column)?;
        let mut compiler = Compiler::new(Columns::new(schema.clone()), self.env.zone);
        let windows = self.windows(&mut compiler)?;
        let overlaps = matches!(&windows, Windows::Grid(grid) if grid.overlaps());
        shape::check(start, name, overlaps).map_err(usage)?;
        compiler.columns.find(column)?;
        compiler.columns.find(name)?;
        let fields = compiler.columns.fields().clone();
        let place = |name: &str| fields.position(name).unwrap_or_default();
        self.plan = Some(Plan {
            windows,
            time,
            column: place(column),
            name: place(name),
            fields,
        });
        self.query = start.query.clone();
        self.stage = context.name.clone();
        shape::declare(
            start,
            &mut schema,
            column,
            name,
            self.arguments.session.is_some(),
        );
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.env = Env::of_batch(
            self.env.zone,
            begin.time,
            &self.query,
            &self.stage,
            begin.id,
        );
        Ok(())
    }

    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        if let Err(bad) = plan.fields.locate(row, &mut self.spans) {
            return out.reject(row, &bad.to_string());
        }
        let raw = self.spans.get(row, plan.column);
        let Some(micros) = raw.and_then(|raw| plan.time.micros(raw, self.env.zone)) else {
            return self.timeless(row, out);
        };
        let mut writer = Writer {
            plan,
            name: &self.arguments.window,
            row,
            spans: &self.spans,
            splice: &mut self.splice,
            window: &mut self.window,
        };
        match &plan.windows {
            Windows::Grid(grid) => {
                for window in grid.of(micros) {
                    match window {
                        Some((start, end)) => writer.write(start, end, out)?,
                        None => out.reject(row, "its window is out of the range of timestamps")?,
                    }
                }
            }
            Windows::Session(gap) => {
                let failures = self.env.failures.count();
                let end = gap.end(micros, &self.env, &Slots::new(row, &self.spans, &[]));
                match end {
                    Some(end) => writer.write(micros, end, out)?,
                    None => out.filtered(),
                }
                if let Some(reason) = self.env.failures.take_first() {
                    out.failed(self.env.failures.count() - failures, &reason)?;
                }
            }
        }
        self.env.row += 1;
        Ok(())
    }
}

/// Writes one row with its window.
struct Writer<'w> {
    plan: &'w Plan,
    name: &'w str,
    row: &'w [u8],
    spans: &'w Spans,
    splice: &'w mut Splice,
    window: &'w mut Vec<u8>,
}

impl Writer<'_> {
    #[inline]
    fn write(&mut self, start: i64, end: i64, out: &mut Out) -> Result<()> {
        let window = &mut *self.window;
        window.clear();
        window.extend_from_slice(b"{\"start\":\"");
        st_time::write_iso(window, start, Zone::UTC);
        window.extend_from_slice(b"\",\"end\":\"");
        st_time::write_iso(window, end, Zone::UTC);
        window.extend_from_slice(b"\"}");
        let Writer {
            plan,
            name,
            row,
            spans,
            splice,
            window,
        } = self;
        let written = out.row_with(|line| {
            if spans.span(plan.name).is_none() {
                return Ok(append_member(row, name, window, line)?);
            }
            let edit = Edit::Set {
                field: plan.name,
                value: 0..window.len(),
            };
            Ok(splice.apply(&plan.fields, row, spans, &[edit], window, line)?)
        });
        match written {
            Err(error) => match error.downcast::<BadRow>() {
                Ok(bad) => out.reject(row, &bad.to_string()),
                Err(error) => Err(error),
            },
            written => written,
        }
    }
}
