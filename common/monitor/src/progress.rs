//! The report of one batch, with the names of Spark's `StreamingQueryProgress`; what Spark has no word for is under `st`.
//!
//! One object a line in `progress/SINK`. Every field has a default, so that a reader takes reports of older and newer tools.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One batch, as Spark's `StreamingQueryProgress` has it. Instants are ISO-8601 in UTC with milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Progress {
    /// The query, the same in every run over one checkpoint.
    pub id: String,
    /// This run of it.
    pub run_id: String,
    /// The query's name: its checkpoint's last path component; null without one.
    pub name: Option<String>,
    /// Wall clock when the source began the batch.
    pub timestamp: String,
    /// The batch.
    pub batch_id: i64,
    /// Milliseconds from `timestamp` until the sink had delivered the batch.
    pub batch_duration: u64,
    /// Rows the sources read.
    pub num_input_rows: u64,
    /// Rows read per second since the batch before began; 0.0 in a run's first batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_rows_per_second: Option<f64>,
    /// Rows read per second of `batchDuration`; absent if that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_rows_per_second: Option<f64>,
    /// Parts of the batch's time, milliseconds: `addBatch`, `commitOffsets`, `getBatch`, `triggerExecution`, `walCommit`.
    pub duration_ms: BTreeMap<String, u64>,
    /// `min`, `avg`, `max` of the batch's event times, if it had any, and the `watermark` in force during the batch.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub event_time: BTreeMap<String, String>,
    /// The stages that hold state.
    pub state_operators: Vec<StateOperator>,
    /// The sources.
    pub sources: Vec<SourceProgress>,
    /// Where the rows went.
    pub sink: SinkProgress,
    /// What Spark has no word for.
    pub st: Details,
}

/// A stage that holds state, as Spark's `StateOperatorProgress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StateOperator {
    /// Spark's name of the operator: `stateStoreSave`, `dedupe`, `symmetricHashJoin`, …
    pub operator_name: String,
    /// Keys held.
    pub num_rows_total: u64,
    /// Keys changed in this batch.
    pub num_rows_updated: u64,
    /// Time spent on rows, milliseconds.
    pub all_updates_time_ms: u64,
    /// Keys given up in this batch.
    pub num_rows_removed: u64,
    /// Always 0: keys are given up while the batch is closed, see `commitTimeMs`.
    pub all_removals_time_ms: u64,
    /// Time spent on closing the batch: emitting, making the state durable; milliseconds.
    pub commit_time_ms: u64,
    /// Memory held, an estimate.
    pub memory_used_bytes: u64,
    /// Rows behind the watermark.
    pub num_rows_dropped_by_watermark: u64,
    /// Always 1.
    pub num_shuffle_partitions: u64,
    /// Always 1.
    pub num_state_store_instances: u64,
    /// The tool's own figures.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub custom_metrics: Map<String, Value>,
    /// The stage, which Spark does not name.
    pub stage: String,
}

/// A source, as Spark's `SourceProgress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceProgress {
    /// The tool and what it reads: `st-tail[data/events]`.
    pub description: String,
    /// Where the batch began, in the source's own terms; null at the beginning or if it has none.
    pub start_offset: Value,
    /// Where it ended.
    pub end_offset: Value,
    /// The newest there was to read, where the source knows.
    pub latest_offset: Value,
    /// Rows read.
    pub num_input_rows: u64,
    /// As for the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_rows_per_second: Option<f64>,
    /// As for the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_rows_per_second: Option<f64>,
    /// The source's own figures.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metrics: Map<String, Value>,
}

/// The sink, as Spark's `SinkProgress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SinkProgress {
    /// The format and where to: `sqlite[shop.db:revenue]`.
    pub description: String,
    /// Rows delivered.
    pub num_output_rows: i64,
}

/// What Spark has no word for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Details {
    /// The sink's name; a query split by st-tee has several.
    pub sink: String,
    /// The batch was delivered by an earlier run, and came once more.
    pub replay: bool,
    /// No data will ever follow.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The batch's clock, which is replayed.
    pub batch_time: String,
    /// The mark after this batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// When the next window closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes: Option<String>,
    /// From the reading of a row to its batch's delivery, over this batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// The same over the run so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_latency_ms: Option<Latency>,
    /// Of an input whose size is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    /// The run so far, this batch included.
    pub totals: Totals,
    /// Every stage, the source first, the sink last.
    pub stages: Vec<StageProgress>,
}

/// Percentiles over rows, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Half of the rows took no longer.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// How much of an input of known size is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bytes {
    /// Read so far, in this run and those before.
    pub done: u64,
    /// All there is.
    pub total: u64,
}

/// Sums over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Batches.
    pub batches: u64,
    /// Rows the sources read.
    #[serde(rename = "in")]
    pub rows_in: u64,
    /// Rows delivered.
    #[serde(rename = "out")]
    pub rows_out: u64,
    /// Rows a condition left out, in any stage.
    pub filtered: u64,
    /// Rows behind the watermark.
    pub late: u64,
    /// Rows that could not be read or written.
    pub bad: u64,
    /// Expressions that gave null because they could not be evaluated.
    pub failed: u64,
    /// Since the sink started.
    pub seconds: f64,
}

/// One stage in one batch. `busyMs + waitInMs + waitOutMs` is the time since the stage closed the batch before: who is busy
/// all the time is the bottleneck, those behind it wait for input, those before it for output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StageProgress {
    /// The stage's name.
    pub name: String,
    /// Its program: `st-agg`.
    pub tool: String,
    /// Rows read.
    #[serde(rename = "in")]
    pub rows_in: u64,
    /// Rows written; for the sink, delivered.
    #[serde(rename = "out")]
    pub rows_out: u64,
    /// Rows a condition left out.
    pub filtered: u64,
    /// Rows behind the watermark.
    pub late: u64,
    /// Rows that could not be read.
    pub bad: u64,
    /// Expressions that gave null because they could not be evaluated.
    pub failed: u64,
    /// From the batch's `begin` to the end of the stage's work.
    pub ms: u64,
    /// Time in which it did neither of the following.
    pub busy_ms: f64,
    /// Time in which nothing came.
    pub wait_in_ms: f64,
    /// Time in which nobody took what it wrote.
    pub wait_out_ms: f64,
    /// Of `busyMs` and `waitOutMs`: closing the batch, that is emitting and making it durable.
    pub barrier_ms: f64,
    /// What it holds, if it holds anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StageState>,
    /// Figures of this tool alone, as on the wire.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub figures: Map<String, Value>,
}

/// What a stage holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageState {
    /// Keys held.
    pub rows: u64,
    /// Keys changed in this batch.
    pub updated: u64,
    /// Keys given up in this batch.
    pub removed: u64,
    /// Memory held, an estimate.
    pub bytes: u64,
}

impl Progress {
    /// Reads one line of `progress/SINK`; none for an unfinished line or a report in another form.
    pub fn parse(line: &[u8]) -> Option<Progress> {
        let progress: Progress = serde_json::from_slice(line).ok()?;
        (!progress.id.is_empty()).then_some(progress)
    }
}
