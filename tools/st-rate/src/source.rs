//! The source: how much of the schedule is due, and what of it was sent.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use st_stream::{Budget, Opening, Out, Read, Recorded, Source, cli, clock};
use st_time::{Zone, parse_timestamp};

use crate::args::Arguments;
use crate::generator::Generator;
use crate::schedule::Schedule;

/// Rows written between two looks at the limits.
const PIECE: i64 = 4096;

/// The longest wait without a look at the signals.
const NAP: Duration = Duration::from_millis(50);

/// A batch: values from `from` up to `to`, in a schedule that began at `start`.
#[derive(Serialize, Deserialize)]
struct Range {
    start: String,
    from: i64,
    to: i64,
}

/// The source.
pub struct RateSource {
    schedule: Schedule,
    /// End before this value.
    total: i64,
    /// `--start-time`, in milliseconds since 1970.
    given_start: Option<i64>,
    options: Map<String, Value>,
    /// Milliseconds since 1970.
    start: i64,
    /// First value of the open batch.
    from: i64,
    /// Next value.
    next: i64,
    /// With `--available-now`: end before this value.
    until: Option<i64>,
    generator: Generator,
    buffer: Vec<u8>,
}

impl RateSource {
    /// Refuses options that make no schedule.
    pub fn new(arguments: &Arguments) -> Result<RateSource> {
        let given_start = match &arguments.start_time {
            None => None,
            Some(text) => {
                let micros =
                    parse_timestamp(text.as_bytes(), arguments.zone.tz).ok_or_else(|| {
                        cli::usage(format!(
                            "--start-time: `{text}` is no time: write it as 2025-01-15T10:30:00Z"
                        ))
                    })?;
                Some(micros.div_euclid(1000))
            }
        };
        let schedule = match arguments.rows_per_batch {
            Some(size) => {
                let advance = arguments
                    .advance
                    .unwrap_or(Duration::from_secs(1))
                    .as_millis();
                Schedule::PerBatch {
                    size,
                    advance: i64::try_from(advance).unwrap_or(i64::MAX),
                }
            }
            None => Schedule::PerSecond {
                rate: arguments.rows_per_second,
                ramp: i64::try_from(arguments.ramp_up.as_secs()).unwrap_or(i64::MAX - 1),
            },
        };
        let mut options = Map::new();
        match schedule {
            Schedule::PerBatch { size, advance } => {
                options.insert("rows-per-batch".into(), size.into());
                options.insert("advance-ms".into(), advance.into());
            }
            Schedule::PerSecond { rate, ramp } => {
                options.insert("rows-per-second".into(), rate.into());
                options.insert("ramp-up-seconds".into(), ramp.into());
            }
        }
        if let Some(start) = given_start {
            options.insert("start-time".into(), iso(start).into());
        }
        if let Some(rows) = arguments.rows {
            options.insert("rows".into(), rows.into());
        }
        Ok(RateSource {
            schedule,
            total: arguments.rows.unwrap_or(i64::MAX),
            given_start,
            options,
            start: 0,
            from: 0,
            next: 0,
            until: None,
            generator: Generator::new(0),
            buffer: Vec::new(),
        })
    }

    fn begin_at(&mut self, start: i64) {
        self.start = start;
        self.generator = Generator::new(start);
    }

    /// The value before which rows are due by now.
    fn due(&self) -> i64 {
        let seconds = (now() - self.start).div_euclid(1000);
        self.schedule
            .rows_after(seconds.max(0))
            .min(self.until.unwrap_or(i64::MAX))
            .min(self.total)
    }

    /// Writes the rows of values up to `to`, all in one segment; returns how many.
    fn write(&mut self, to: i64, bytes: u64, out: &mut Out) -> Result<u64> {
        let segment = self.schedule.segment(self.next);
        self.buffer.clear();
        let next = self.generator.write(
            &mut self.buffer,
            &segment,
            self.next,
            to.min(segment.end),
            bytes,
        );
        let count = (next - self.next) as u64;
        self.next = next;
        out.read(count);
        out.rows(&self.buffer, count)?;
        Ok(count)
    }
}

impl Source for RateSource {
    fn tool(&self) -> &'static str {
        "st-rate"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = self.options.clone();
        if self.total < i64::MAX {
            options.insert("rows".into(), self.total.into());
        }
        options
    }

    fn identity(&self) -> Value {
        let mut identity = self.options.clone();
        // How many there will be says nothing of those there are.
        identity.shift_remove("rows");
        Value::Object(identity)
    }

    fn schema(&self) -> String {
        "timestamp TIMESTAMP, value BIGINT".to_string()
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        match opening.recorded.last() {
            Some((_, range)) => {
                let range = parse(range)?;
                self.begin_at(instant(&range.start)?);
                self.next = range.to;
            }
            None => {
                let beginning = match self.schedule {
                    Schedule::PerBatch { .. } => 0,
                    Schedule::PerSecond { .. } => now(),
                };
                self.begin_at(self.given_start.unwrap_or(beginning));
            }
        }
        self.from = self.next;
        if opening.available_now {
            self.until = Some(match self.schedule {
                // Spark's rate-micro-batch takes one more batch under availableNow.
                Schedule::PerBatch { .. } => self.schedule.segment(self.next).end,
                Schedule::PerSecond { .. } => self.due(),
            });
        }
        Ok(())
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        let range = parse(range)?;
        let after = self.next;
        self.next = range.from;
        while self.next < range.to {
            self.write(range.to.min(self.next + PIECE), u64::MAX, out)?;
        }
        self.next = after;
        Ok(())
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        let end = self.total.min(self.until.unwrap_or(i64::MAX));
        if self.next >= end {
            return Ok(Read::End);
        }
        let due = self.due();
        if self.next >= due {
            return Ok(Read::Idle);
        }
        let batch_end = match self.schedule {
            Schedule::PerBatch { .. } => self.schedule.segment(self.from).end,
            Schedule::PerSecond { .. } => i64::MAX,
        };
        let room = i64::try_from(budget.rows).unwrap_or(i64::MAX);
        let to = due
            .min(self.next.saturating_add(room.min(PIECE)))
            .min(batch_end);
        let before = out.figures().rows_in;
        self.write(to, budget.bytes, out)?;
        let rows = out.figures().rows_in - before;
        budget.rows = budget.rows.saturating_sub(rows);
        budget.bytes = budget.bytes.saturating_sub(self.buffer.len() as u64);
        if self.next >= end {
            return Ok(Read::End);
        }
        Ok(if budget.spent() || self.next >= batch_end {
            Read::Full
        } else {
            Read::More
        })
    }

    fn cut(&mut self) -> Result<Recorded> {
        let range = Range {
            start: iso(self.start),
            from: self.from,
            to: self.next,
        };
        self.from = self.next;
        Recorded::new(&range)
    }

    fn offset(&self, range: &Recorded) -> Value {
        range
            .get("to")
            .map_or(Value::Null, |to| json!({"value": to}))
    }

    fn latest(&self) -> Value {
        json!({"value": self.due()})
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let into_second = (now() - self.start).rem_euclid(1000);
        let second = Duration::from_millis((1000 - into_second) as u64);
        let patience = until.map_or(NAP, |until| until.saturating_duration_since(Instant::now()));
        std::thread::sleep(second.min(NAP).min(patience));
        Ok(())
    }

    fn floods(&self) -> bool {
        matches!(self.schedule, Schedule::PerSecond { .. })
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    clock::now() / 1000
}

fn iso(millis: i64) -> String {
    let mut text = Vec::new();
    st_time::write_iso(&mut text, millis.saturating_mul(1000), Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}

fn instant(text: &str) -> Result<i64> {
    let micros = parse_timestamp(text.as_bytes(), Zone::UTC)
        .with_context(|| format!("`{text}` is no time"))?;
    Ok(micros.div_euclid(1000))
}

fn parse(range: &Recorded) -> Result<Range> {
    range
        .parse()
        .context("the recorded range is none of st-rate")
}
