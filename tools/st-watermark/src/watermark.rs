//! The stage: looks at one column of each row, hands the row on as it is, and moves the mark at the end of each batch.

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use st_expr::{Schema, Type, read_json};
use st_row::{BadRow, Fields, Spans};
use st_stream::cli::usage;
use st_stream::marker::{Batch, Begin, Bound, Declared, Start, StateFigures, Watermark};
use st_stream::{Context, Kept, Manners, Out, Stage};
use st_time::Zone;

use crate::args::Arguments;
use crate::mark::{Mark, Rule};
use crate::saved::{SAFE, Saved};

/// What the rows of the open batch showed.
#[derive(Default)]
struct Seen {
    least: Option<i64>,
    greatest: Option<i64>,
    sum: i128,
    times: u64,
    /// Rows without an event time.
    without: u64,
}

/// The watermarks that stages upstream declared.
#[derive(Default)]
struct Upstream {
    /// Each bounded column and its mark, as far as it is known.
    columns: Vec<(String, Option<i64>)>,
    /// The least of them.
    least: Option<i64>,
}

/// Spark's `withWatermark`.
pub struct EventTime {
    arguments: Arguments,
    rule: Rule,
    zone: Zone,
    fields: Fields,
    spans: Spans,
    upstream: Option<Upstream>,
    mark: Mark,
    seen: Seen,
    clock: i64,
    saved: Option<Saved>,
}

impl EventTime {
    /// The stage that `arguments` ask for.
    pub fn new(arguments: Arguments) -> EventTime {
        let rule = Rule {
            delay: arguments.delay.as_micros_watermark(),
            idle: arguments
                .idle_timeout
                .map(|idle| idle.as_micros_watermark()),
        };
        EventTime {
            rule,
            zone: arguments.zone.tz,
            fields: Fields::new([&arguments.column]),
            spans: Spans::default(),
            upstream: None,
            mark: Mark::default(),
            seen: Seen::default(),
            clock: 0,
            saved: None,
            arguments,
        }
    }

    /// Takes the event time of a row.
    #[inline]
    fn look(&mut self, row: &[u8]) -> Result<(), BadRow> {
        self.fields.locate(row, &mut self.spans)?;
        let time = self
            .spans
            .get(row, 0)
            .map(|raw| read_json(raw, &Type::Timestamp, self.zone));
        match time {
            Some(st_expr::Value::Timestamp(time)) => self.seen.time(time),
            _ => self.seen.without += 1,
        }
        Ok(())
    }

    /// Refuses a column that can have no watermark of its own, and declares the others' type.
    fn declare(&self, start: &mut Start) -> Result<()> {
        let column = &self.arguments.column;
        if let Some((declared, _)) = start.bound(column) {
            return Err(usage(format!(
                "`{column}` has a watermark already, with a delay of {}: redefining it is disallowed: leave one of the two out",
                declared.delay
            )));
        }
        let mut schema = Schema::parse(&start.schema)?;
        match schema.kind(column) {
            None => schema.set(column, Type::Timestamp),
            Some(Type::Timestamp) => {}
            Some(kind) => {
                return Err(usage(format!(
                    "the event time `{column}` has the type {kind} but must be TIMESTAMP: {}",
                    mend(column, kind)
                )));
            }
        }
        start.schema = schema.to_string();
        Ok(())
    }
}

/// How a column of another type becomes a TIMESTAMP.
fn mend(column: &str, kind: &Type) -> String {
    match kind {
        Type::Struct(_) => {
            format!("st-map --set 'time = window_time({column})' makes one of a window")
        }
        kind if kind.is_integer() => {
            format!(
                "st-map --set '{column} = timestamp_millis({column})' (or timestamp_seconds) makes it one"
            )
        }
        _ => format!("st-map --set '{column} = to_timestamp({column})' makes it one"),
    }
}

impl Stage for EventTime {
    fn tool(&self) -> &'static str {
        "st-watermark"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("column".into(), json!(self.arguments.column));
        options.insert("delay".into(), json!(self.arguments.delay.to_string()));
        if let Some(idle) = self.arguments.idle_timeout {
            options.insert("idle_timeout".into(), json!(idle.to_string()));
        }
        if self.zone != Zone::UTC {
            options.insert("tz".into(), json!(self.zone.to_string()));
        }
        options
    }

    fn kept(&self) -> Option<Kept> {
        Some(Kept::new(Value::Object(self.options()), SAFE))
    }

    fn manners(&self) -> Manners {
        Manners::Marks
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        if self.arguments.idle_timeout.is_some() && !context.marked {
            return Err(usage(
                "--idle-timeout: plain input has no batches while it is silent: read it with st-tail - --heartbeat '1 second'",
            ));
        }
        self.declare(start)?;
        self.saved = Saved::open(
            context,
            &self.arguments.column,
            &self.options(),
            start.epoch,
        )?;
        if let Some(saved) = &self.saved {
            self.mark = saved.mark();
        }
        if !start.watermarks.is_empty() {
            let columns = start.watermarks.iter().flat_map(|declared| {
                declared
                    .columns
                    .iter()
                    .map(|(name, _)| (name.clone(), declared.time))
            });
            self.upstream = Some(Upstream {
                columns: columns.collect(),
                least: start.mark(),
            });
        }
        start.watermarks.push(Declared {
            delay: self.arguments.delay.to_string(),
            columns: vec![(self.arguments.column.clone(), Bound::Time)],
            time: self.mark.mark,
        });
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.clock = begin.time;
        self.seen = Seen::default();
        Ok(())
    }

    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        match self.look(row) {
            Ok(()) => out.row(row),
            Err(bad) => out.reject(row, &bad.to_string()),
        }
    }

    fn takes_blocks(&self) -> bool {
        true
    }

    fn passes_rows(&self) -> bool {
        true
    }

    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        // All up to a bad row go on together.
        let (mut from, mut at, mut good, mut rows) = (0, 0, 0, 0);
        for newline in memchr::memchr_iter(b'\n', lines) {
            let row = &lines[at..newline];
            match self.look(row) {
                Ok(()) => good += 1,
                Err(bad) => {
                    out.rows(&lines[from..at], std::mem::take(&mut good))?;
                    out.reject(row, &bad.to_string())?;
                    from = newline + 1;
                }
            }
            rows += 1;
            at = newline + 1;
        }
        out.rows(&lines[from..at], good)?;
        Ok(rows)
    }

    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        self.mark.close(self.seen.greatest, self.clock, &self.rule);
        if let (Some(upstream), Some(mark)) = (&mut self.upstream, &mark) {
            upstream.follow(mark)?;
        }
        let least = match &self.upstream {
            Some(upstream) => self.mark.mark.min(upstream.least),
            None => self.mark.mark,
        };
        let Some(least) = least else { return Ok(None) };
        let mut merged = Watermark {
            time: least,
            ..mark.unwrap_or_else(|| Watermark::at(least))
        };
        merged.columns.clear();
        let own = (&self.arguments.column, self.mark.mark);
        let others = self
            .upstream
            .iter()
            .flat_map(|upstream| upstream.columns.iter().map(|(name, mark)| (name, *mark)));
        for (name, mark) in others.chain([own]) {
            if let Some(mark) = mark.filter(|mark| *mark != least) {
                merged
                    .columns
                    .insert(name.clone(), Value::String(iso(mark)));
            }
        }
        Ok(Some(merged))
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        self.seen.figures(out);
        if let Some(saved) = &mut self.saved {
            saved.close(batch.id, &self.mark)?;
            out.state(StateFigures {
                rows: u64::from(self.mark.greatest.is_some()),
                ..StateFigures::default()
            });
        }
        Ok(())
    }
}

impl Seen {
    fn time(&mut self, time: i64) {
        self.greatest = self.greatest.max(Some(time));
        self.least = Some(self.least.map_or(time, |least| least.min(time)));
        self.sum += i128::from(time);
        self.times += 1;
    }

    /// Spark's `eventTime` figures, which it gives for batches that had any.
    fn figures(&self, out: &mut Out) {
        if let (Some(least), Some(greatest)) = (self.least, self.greatest) {
            let average = self.sum.div_euclid(i128::from(self.times)) as i64;
            let average = average - average.rem_euclid(1000);
            out.figure(
                "event_time",
                json!({"min": iso(least), "avg": iso(average), "max": iso(greatest)}),
            );
        }
        if self.without > 0 {
            out.figure("no_event_time", self.without);
        }
    }
}

impl Upstream {
    /// Takes the marks that came from upstream: `columns` has those that differ from the least.
    fn follow(&mut self, mark: &Watermark) -> Result<()> {
        self.least = Some(mark.time);
        for (name, own) in &mut self.columns {
            *own = Some(match mark.columns.get(name) {
                None => mark.time,
                Some(Value::String(text)) => {
                    match st_time::parse_timestamp(text.as_bytes(), Zone::UTC) {
                        Some(time) => time,
                        None => bail!("stdin: the watermark of `{name}` is no instant: `{text}`"),
                    }
                }
                Some(other) => bail!("stdin: the watermark of `{name}` is no instant: {other}"),
            });
        }
        Ok(())
    }
}

fn iso(micros: i64) -> String {
    let mut text = Vec::with_capacity(24);
    st_time::write_iso(&mut text, micros, Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}
