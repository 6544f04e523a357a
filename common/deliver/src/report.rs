//! The report of each batch, made of the figures its marker brought: to the checkpoint or the run's folder, and wherever else
//! the user wants it.
//!
//! Its form is `st_monitor::Progress` (`docs/MONITORING.md`). The wall clock enters a report and nothing else.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use st_monitor::{
    Bytes, Details, Progress, SinkProgress, SourceProgress, StageProgress, StageState,
    StateOperator, Totals,
};
use st_stream::{Batch, Context, Figures, Start, message};
use st_time::Zone;

use crate::latency::Delays;

/// What the sink itself knows of a batch.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The batch's clock, microseconds since 1970.
    pub batch_time: i64,
    /// An earlier run had delivered it.
    pub replay: bool,
    /// Time spent on output.
    pub output: Duration,
    /// Time spent on the commit.
    pub commit: Duration,
    /// The wall clock when all that was done, microseconds since 1970.
    pub at: i64,
}

/// How far a source of partitions is behind the newest, over all of them: Spark's KafkaMicroBatchStream.metrics, texts as there.
/// Empty for a source whose offsets are not numbers by topic and partition.
fn behind(end: &Value, latest: &Value) -> Map<String, Value> {
    let mut gaps = Vec::new();
    for (topic, partitions) in latest.as_object().into_iter().flatten() {
        for (partition, newest) in partitions.as_object().into_iter().flatten() {
            let read = end.get(topic).and_then(|ends| ends.get(partition));
            if let (Some(newest), Some(read)) = (newest.as_i64(), read.and_then(Value::as_i64)) {
                gaps.push((newest - read).max(0));
            }
        }
    }
    let (Some(least), Some(most)) = (gaps.iter().min(), gaps.iter().max()) else {
        return Map::new();
    };
    let mean = gaps.iter().sum::<i64>() as f64 / gaps.len() as f64;
    [
        ("minOffsetsBehindLatest", least.to_string()),
        ("maxOffsetsBehindLatest", most.to_string()),
        ("avgOffsetsBehindLatest", format!("{mean:?}")),
    ]
    .map(|(name, value)| (name.to_string(), Value::from(value)))
    .into_iter()
    .collect()
}

/// What a source tells the sink about a batch.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    began: String,
    wal: u64,
    start: Value,
    end: Value,
    latest: Value,
    bytes: Option<Bytes>,
    read: Vec<(i64, u64)>,
}

/// Where reports go.
enum Kept {
    /// To the checkpoint: that they can be kept is part of the promise.
    Checkpoint(st_checkpoint::Progress),
    /// To the run's folder, if that is possible.
    Run(st_checkpoint::Progress),
    Nowhere,
}

/// The reports of one sink.
pub struct Report {
    /// What is the same in every report.
    frame: Progress,
    stage: String,
    tools: BTreeMap<String, (String, String)>,
    watermarked: bool,
    /// The mark in force.
    mark: Option<i64>,
    /// When the batch before began, microseconds since 1970.
    before: Option<i64>,
    since: Instant,
    totals: Totals,
    delays: Delays,
    kept: Kept,
    /// Where else they go, and its name.
    also: Option<(Box<dyn Write>, String)>,
}

impl Report {
    /// Opens what the reports of this run go to. `options` are the sink's own in the plan; `also`: a file, or `-`.
    ///
    /// # Errors
    /// If the checkpoint's file or `also` cannot be opened.
    pub fn open(
        start: &Start,
        context: &Context,
        options: &Map<String, Value>,
        also: Option<&Path>,
    ) -> Result<Report> {
        let kept = match (&context.query, start.home()) {
            (Some(query), _) => {
                Kept::Checkpoint(st_checkpoint::Progress::open(query, &context.name)?)
            }
            (None, Some(folder)) => st_checkpoint::Progress::beside(folder, &context.name)
                .map_or(Kept::Nowhere, Kept::Run),
            (None, None) => Kept::Nowhere,
        };
        let also = also.map(open).transpose()?;
        let name = context.query.as_ref().and_then(|query| {
            let last = query.absolute().file_name()?;
            Some(last.to_string_lossy().into_owned())
        });
        let nodes = start.plan.iter();
        let tools = nodes.map(|node| {
            let described = describe_source(&node.tool, &node.options);
            (node.name.clone(), (node.tool.clone(), described))
        });
        Ok(Report {
            frame: Progress {
                id: start.query.clone(),
                run_id: start.run.clone().unwrap_or_default(),
                name,
                sink: SinkProgress {
                    description: describe_sink(options),
                    ..SinkProgress::default()
                },
                ..Progress::default()
            },
            stage: context.name.clone(),
            tools: tools.collect(),
            watermarked: !start.watermarks.is_empty(),
            mark: start.mark(),
            before: None,
            since: Instant::now(),
            totals: Totals::default(),
            delays: Delays::new(),
            kept,
            also,
        })
    }

    /// Reports a batch; its last figures are the sink's own.
    ///
    /// # Errors
    /// If the checkpoint cannot be written.
    pub fn batch(&mut self, batch: &Batch, delivery: &Delivery) -> Result<()> {
        if matches!(self.kept, Kept::Nowhere) && self.also.is_none() {
            return Ok(());
        }
        let line = serde_json::to_vec(&self.progress(batch, delivery))?;
        match &mut self.kept {
            Kept::Checkpoint(file) => file.append(&line)?,
            Kept::Run(file) => {
                if file.append(&line).is_err() {
                    self.kept = Kept::Nowhere;
                }
            }
            Kept::Nowhere => {}
        }
        if let Some((file, name)) = &mut self.also {
            let line = [line.as_slice(), b"\n"].concat();
            if let Err(error) = file.write_all(&line).and_then(|()| file.flush()) {
                // The query does not depend on who watches it.
                message::say(
                    &self.stage,
                    &format!("--progress {name}: cannot write: {error}: no more reports go there"),
                );
                self.also = None;
            }
        }
        Ok(())
    }

    fn progress(&mut self, batch: &Batch, delivery: &Delivery) -> Progress {
        let told: BTreeMap<&str, Told> = batch
            .stages
            .iter()
            .filter_map(|stage| {
                let told = stage.rest.get("source")?;
                Some((stage.name.as_str(), Told::deserialize(told).ok()?))
            })
            .collect();
        let began = told
            .values()
            .filter_map(|told| instant(&told.began))
            .min()
            .unwrap_or(delivery.batch_time);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let duration = u64::try_from((delivery.at - began) / 1000).unwrap_or(0);
        let rates = Rates {
            since_before: self.before.map(|before| began - before),
            duration,
        };
        self.before = Some(began);

        let sources: Vec<SourceProgress> = batch
            .stages
            .iter()
            .filter_map(|stage| Some((stage, told.get(stage.name.as_str())?)))
            .map(|(stage, told)| {
                let rows = stage.rows_in.max(stage.rows_out);
                SourceProgress {
                    description: self.tool(&stage.name).1,
                    start_offset: told.start.clone(),
                    end_offset: told.end.clone(),
                    latest_offset: told.latest.clone(),
                    num_input_rows: rows,
                    input_rows_per_second: rates.input(rows),
                    processed_rows_per_second: rates.processed(rows),
                    metrics: behind(&told.end, &told.latest),
                }
            })
            .collect();
        let rows_in = match batch.stages.first() {
            Some(first) if sources.is_empty() => first.rows_in,
            _ => sources.iter().map(|source| source.num_input_rows).sum(),
        };

        let own = batch.stages.last();
        let rows_out = own.map_or(0, |own| own.rows_out);
        self.add(batch, rows_in, rows_out);
        self.delays.begin();
        for told in told.values() {
            let began = instant(&told.began).unwrap_or(began);
            for (after, bytes) in &told.read {
                let read = began + after * 1000;
                self.delays.note((delivery.at - read).max(0), *bytes);
            }
        }
        let event_time = self.event_time(batch);
        let mark = batch.watermark.or(self.mark);
        self.mark = mark;

        Progress {
            timestamp: iso(began),
            batch_id: batch.id,
            batch_duration: duration,
            num_input_rows: rows_in,
            input_rows_per_second: rates.input(rows_in),
            processed_rows_per_second: rates.processed(rows_in),
            duration_ms: BTreeMap::from([
                ("addBatch".into(), millis(delivery.output)),
                ("commitOffsets".into(), millis(delivery.commit)),
                (
                    "getBatch".into(),
                    batch.stages.first().map_or(0, |source| source.ms),
                ),
                ("triggerExecution".into(), duration),
                (
                    "walCommit".into(),
                    told.values().map(|told| told.wal).max().unwrap_or(0) / 1000,
                ),
            ]),
            event_time,
            state_operators: batch
                .stages
                .iter()
                .filter_map(|stage| self.operator(stage))
                .collect(),
            sources,
            sink: SinkProgress {
                num_output_rows: i64::try_from(rows_out).unwrap_or(i64::MAX),
                ..self.frame.sink.clone()
            },
            st: Details {
                sink: self.stage.clone(),
                replay: delivery.replay,
                is_final: batch.last,
                batch_time: iso(delivery.batch_time),
                watermark: mark.map(iso),
                closes: batch.stages.iter().find_map(|stage| {
                    // The first stage's windows close first.
                    Some(stage.rest.get("closes")?.as_str()?.to_string())
                }),
                latency_ms: self.delays.batch(),
                run_latency_ms: self.delays.run(),
                bytes: read(told.values().map(|told| told.bytes)),
                totals: self.totals,
                stages: batch.stages.iter().map(|stage| self.stage(stage)).collect(),
            },
            ..self.frame.clone()
        }
    }

    fn add(&mut self, batch: &Batch, rows_in: u64, rows_out: u64) {
        let totals = &mut self.totals;
        totals.batches += 1;
        totals.rows_in += rows_in;
        totals.rows_out += rows_out;
        for stage in &batch.stages {
            totals.filtered += stage.filtered;
            totals.late += stage.late;
            totals.bad += stage.bad;
            totals.failed += stage.failed;
        }
        totals.seconds = (self.since.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    }

    /// Spark's: absent without a watermark; the mark is the one that was in force.
    fn event_time(&self, batch: &Batch) -> BTreeMap<String, String> {
        let mut times = BTreeMap::new();
        if !self.watermarked {
            return times;
        }
        let seen = batch
            .stages
            .iter()
            .find_map(|stage| stage.rest.get("event_time")?.as_object());
        for (name, time) in seen.into_iter().flatten() {
            if let Some(time) = time.as_str() {
                times.insert(name.clone(), time.to_string());
            }
        }
        if let Some(mark) = self.mark {
            times.insert("watermark".into(), iso(mark));
        }
        times
    }

    /// A stage's tool, and what it reads if it is a source. The sink itself is not in the plan it was given.
    fn tool(&self, stage: &str) -> (String, String) {
        let own = || ("st-sink".to_string(), String::new());
        self.tools.get(stage).cloned().unwrap_or_else(own)
    }

    fn operator(&self, stage: &Figures) -> Option<StateOperator> {
        let state = stage.state?;
        let (tool, _) = self.tool(&stage.name);
        let name = match tool.as_str() {
            // The mark itself is kept by the query in Spark, not by an operator.
            "st-watermark" => return None,
            "st-agg" => "stateStoreSave",
            "st-dedup" => "dedupe",
            "st-join" => "symmetricHashJoin",
            "st-fold" => "transformWithStateExec",
            other => other,
        };
        let us = stage.us.unwrap_or_default();
        let numbers = figures(stage)
            .into_iter()
            .filter(|(_, value)| value.is_number())
            .map(|(name, value)| match name.as_str() {
                "duplicates" => ("numDroppedDuplicateRows".to_string(), value),
                _ => (name, value),
            });
        Some(StateOperator {
            operator_name: name.into(),
            num_rows_total: state.rows,
            num_rows_updated: state.updated,
            all_updates_time_ms: us.busy.saturating_sub(us.barrier) / 1000,
            num_rows_removed: state.removed,
            all_removals_time_ms: 0,
            commit_time_ms: us.barrier / 1000,
            memory_used_bytes: state.bytes,
            num_rows_dropped_by_watermark: stage.late,
            num_shuffle_partitions: 1,
            num_state_store_instances: 1,
            custom_metrics: numbers.collect(),
            stage: stage.name.clone(),
        })
    }

    fn stage(&self, stage: &Figures) -> StageProgress {
        let us = stage.us.unwrap_or_default();
        let millis = |micros: u64| micros as f64 / 1000.0;
        StageProgress {
            name: stage.name.clone(),
            tool: self.tool(&stage.name).0,
            rows_in: stage.rows_in,
            rows_out: stage.rows_out,
            filtered: stage.filtered,
            late: stage.late,
            bad: stage.bad,
            failed: stage.failed,
            ms: stage.ms,
            busy_ms: millis(us.busy),
            wait_in_ms: millis(us.wait_in),
            wait_out_ms: millis(us.wait_out),
            barrier_ms: millis(us.barrier),
            state: stage.state.map(|state| StageState {
                rows: state.rows,
                updated: state.updated,
                removed: state.removed,
                bytes: state.bytes,
            }),
            figures: figures(stage),
        }
    }
}

/// How much all sources have read, of inputs of known size; none if one of them has no end.
pub(crate) fn read(mut sources: impl Iterator<Item = Option<Bytes>>) -> Option<Bytes> {
    let first = sources.next()??;
    sources.try_fold(first, |sum, bytes| {
        let bytes = bytes?;
        Some(Bytes {
            done: sum.done.saturating_add(bytes.done),
            total: sum.total.saturating_add(bytes.total),
        })
    })
}

/// Rows per second, as Spark rounds them: one digit, half up; none where nothing is to be divided by.
struct Rates {
    /// Microseconds since the batch before began.
    since_before: Option<i64>,
    /// Milliseconds.
    duration: u64,
}

impl Rates {
    fn input(&self, rows: u64) -> Option<f64> {
        match self.since_before {
            None => Some(0.0),
            Some(micros) if micros > 0 => Some(rate(rows, micros as f64 / 1e6)),
            Some(_) => None,
        }
    }

    fn processed(&self, rows: u64) -> Option<f64> {
        (self.duration > 0).then(|| rate(rows, self.duration as f64 / 1e3))
    }
}

fn rate(rows: u64, seconds: f64) -> f64 {
    (rows as f64 / seconds * 10.0).round() / 10.0
}

/// A stage's own figures, but what the report has in other places.
fn figures(stage: &Figures) -> Map<String, Value> {
    let own = stage
        .rest
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "source" | "event_time" | "closes"));
    own.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A source with what it reads: `st-tail[data/events]`.
fn describe_source(tool: &str, options: &Map<String, Value>) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let mut texts = items.iter().filter_map(Value::as_str).take(4);
            let mut text = texts.by_ref().take(3).collect::<Vec<_>>().join(", ");
            if items.len() > 3 {
                text.push_str(&format!(" and {} more", items.len() - 3));
            }
            text
        }
        other => other.to_string(),
    };
    for place in [
        "paths",
        "listen",
        "connect",
        "topics",
        "topic-pattern",
        "assign",
        "table",
        "channel",
    ] {
        if let Some(value) = options.get(place) {
            return format!("{tool}[{}]", text(value));
        }
    }
    let options = options
        .iter()
        .map(|(name, value)| format!("{name}={}", text(value)));
    format!("{tool}[{}]", options.take(3).collect::<Vec<_>>().join(", "))
}

/// A sink with where it delivers to: `sqlite[shop.db:revenue]`.
fn describe_sink(options: &Map<String, Value>) -> String {
    let text = |name: &str| options.get(name).and_then(Value::as_str);
    let format = text("format").unwrap_or("sink");
    let places: Vec<&str> = ["path", "file", "table", "topic"]
        .iter()
        .filter_map(|name| text(name))
        .collect();
    if places.is_empty() {
        return format.to_string();
    }
    format!("{format}[{}]", places.join(":"))
}

fn open(path: &Path) -> Result<(Box<dyn Write>, String)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdout()), "-".into()));
    }
    let name = path.display().to_string();
    let file: File = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("--progress {name}: cannot open"))?;
    Ok((Box::new(file), name))
}

fn iso(micros: i64) -> String {
    let mut text = Vec::with_capacity(24);
    st_time::write_iso(&mut text, micros, Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}

fn instant(text: &str) -> Option<i64> {
    st_time::parse_timestamp(text.as_bytes(), Zone::UTC)
}
