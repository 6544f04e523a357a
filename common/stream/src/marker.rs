//! The markers of protocol 1: what they hold and how they stand on the wire.
//!
//! A marker is a line that begins with the bytes `{"$st":`. Fields a reader does not know are kept in `rest` and written
//! again, so that tools of different ages can share a pipeline. The normative text is `docs/PROTOCOL.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use st_checkpoint::{Durability, Holder, QueryDir};

use crate::explain::Explain;
use crate::instant;

/// What every marker line begins with.
pub const PREFIX: &[u8] = b"{\"$st\":";

/// The protocol's version, as `start` announces it.
pub const VERSION: u64 = 1;

/// True if `line` is a marker in a marked stream.
#[inline]
pub fn is_marker(line: &[u8]) -> bool {
    line.starts_with(PREFIX)
}

/// Finds the newline before a marker, and the marker's beginning.
pub(crate) fn finder() -> Finder<'static> {
    Finder::new(&[b"\n", PREFIX].concat()).into_owned()
}

/// How many of these bytes are whole lines before the first marker; `None` if they begin with one, or hold no whole line.
#[inline]
pub(crate) fn rows_before(finder: &Finder<'_>, bytes: &[u8]) -> Option<usize> {
    if is_marker(bytes) {
        return None;
    }
    let whole = &bytes[..=memchr::memrchr(b'\n', bytes)?];
    Some(
        finder
            .find(whole)
            .map_or(whole.len(), |newline| newline + 1),
    )
}

/// How the rows of a stream are to be read: Spark's output modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Each row is new and stays.
    #[default]
    Append,
    /// A row replaces the earlier one of the same `keys`.
    Update,
    /// The rows of a batch are the whole result.
    Complete,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Append => "append",
            Mode::Update => "update",
            Mode::Complete => "complete",
        })
    }
}

/// How a column is bounded by a watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// An event time: no row at or before the mark will be accepted.
    Time,
    /// A window `{start, end}`: none that ends at or before the mark will be accepted.
    Window,
}

/// A watermark that a stage upstream declared: its delay, the columns it bounds, where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Spark's interval text, such as `10 minutes`.
    pub delay: String,
    /// Each bounded column, and how it is bounded.
    pub columns: Vec<(String, Bound)>,
    /// The mark as of the start's epoch, microseconds since 1970; none before any event time was seen.
    #[serde(default, with = "instant::optional")]
    pub time: Option<i64>,
}

/// One stage of the pipeline as the plan shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The program: `st-agg`.
    pub tool: String,
    /// The stage's name, unique in the plan.
    pub name: String,
    /// Its options in normal form.
    pub options: Map<String, Value>,
    /// What only an explained stage says of itself: `schema`, the declared columns behind it; the plans of its other inputs.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The names of all stages of a plan, those above a node's further inputs too.
pub fn names(plan: &[Node]) -> Vec<String> {
    fn within(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| within(item, names)),
            Value::Object(fields) => {
                if fields.contains_key("tool") {
                    let name = fields.get("name").and_then(Value::as_str);
                    names.extend(name.map(str::to_string));
                }
                fields.values().for_each(|field| within(field, names));
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    for node in plan {
        names.push(node.name.clone());
        node.rest
            .values()
            .for_each(|field| within(field, &mut names));
    }
    names
}

/// First line of a marked stream: what the rows are and where they continue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The query's id, the same in every run over one checkpoint.
    pub query: String,
    /// The batch as of which every stage loads its state; −1 for none.
    pub epoch: i64,
    /// The query's directory, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<PathBuf>,
    /// What every stage's writes into the checkpoint survive; absent for the loss of power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// Columns whose type is declared, as Spark DDL.
    #[serde(default)]
    pub schema: String,
    /// All columns of the rows in their order, where a stage knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// How rows are to be read.
    #[serde(default)]
    pub mode: Mode,
    /// The columns by which an update replaces an earlier row.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The watermarks in force after the last stage of `plan`.
    #[serde(default)]
    pub watermarks: Vec<Declared>,
    /// Every stage so far, the source first.
    #[serde(default)]
    pub plan: Vec<Node>,
    /// The branch of `st-tee` this stream runs in; prefixes the names of its stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The pipeline is explained, not run: no batch follows, and no stage touches anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
    /// This run of the query: its source makes it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// In a checkpoint: this run's source, as its lock names its holder; of several, all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Holder>,
    /// Without a checkpoint: the absolute path of the folder in which this run is shown, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_dir: Option<PathBuf>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Start {
    /// Where this run is shown: the checkpoint, else the run's own folder.
    pub fn home(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.run_dir.as_deref())
    }

    /// Notes that rows have the column `name` too: where it stood, else behind the others.
    pub fn add_column(&mut self, name: &str) {
        if let Some(columns) = &mut self.columns
            && !columns.iter().any(|column| column == name)
        {
            columns.push(name.to_string());
        }
    }

    /// The start of a stream whose source is `node`.
    pub fn new(query: String, epoch: i64) -> Start {
        Start {
            query,
            epoch,
            checkpoint: None,
            durability: None,
            schema: String::new(),
            columns: None,
            mode: Mode::Append,
            keys: Vec::new(),
            watermarks: Vec::new(),
            plan: Vec::new(),
            branch: None,
            explain: None,
            run: None,
            sources: BTreeMap::new(),
            run_dir: None,
            rest: Map::new(),
        }
    }

    /// Opens the query's directory at `path` with the durability its source asked for, else with `otherwise`.
    ///
    /// # Errors
    /// If the directory is missing or of another query.
    pub fn open_checkpoint(&self, path: &Path, otherwise: Durability) -> Result<QueryDir> {
        let durability = match &self.durability {
            Some(text) => crate::cli::durability(text)?,
            None => otherwise,
        };
        let filled_since = self.rest.get("filled_since").and_then(Value::as_i64);
        let dir = QueryDir::open_existing(path, &self.query, durability)?;
        Ok(dir.filled_since(filled_since))
    }

    /// How `column` is bounded, if a watermark bounds it.
    pub fn bound(&self, column: &str) -> Option<(&Declared, Bound)> {
        self.watermarks.iter().find_map(|declared| {
            let (_, bound) = declared.columns.iter().find(|(name, _)| name == column)?;
            Some((declared, *bound))
        })
    }

    /// The least mark as of the start's epoch: none while any watermark has not been set.
    pub fn mark(&self) -> Option<i64> {
        self.watermarks
            .iter()
            .map(|declared| declared.time)
            .min()
            .flatten()
    }
}

/// Rows of a batch follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The batch's id; ids rise by one.
    pub id: i64,
    /// The batch's clock, microseconds since 1970, never earlier than the batch before.
    #[serde(with = "instant")]
    pub time: i64,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// From the next batch on, no row at or before `time` is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watermark {
    /// The mark, microseconds since 1970, in whole milliseconds; the least of all watermarks.
    #[serde(with = "instant")]
    pub time: i64,
    /// Columns whose own mark is another one.
    #[serde(default)]
    pub columns: Map<String, Value>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Watermark {
    /// A mark for all columns alike.
    pub fn at(time: i64) -> Watermark {
        Watermark {
            time,
            columns: Map::new(),
            rest: Map::new(),
        }
    }
}

/// State held by a stage as of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFigures {
    /// Keys held.
    pub rows: u64,
    /// Keys changed in this batch.
    #[serde(default)]
    pub updated: u64,
    /// Keys given up in this batch.
    #[serde(default)]
    pub removed: u64,
    /// Memory held, an estimate.
    pub bytes: u64,
}

/// Where a stage's time went since it closed the batch before, in microseconds. The three first are all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Neither of the two following.
    pub busy: u64,
    /// Nothing came.
    #[serde(rename = "in")]
    pub wait_in: u64,
    /// Nobody took what was written.
    #[serde(rename = "out")]
    pub wait_out: u64,
    /// Closing the batch: emitting, and making it durable.
    pub barrier: u64,
}

/// What one stage did in one batch. `in = out + filtered + late + bad` for a stage that maps row to row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The stage's name.
    pub name: String,
    /// Rows read.
    #[serde(rename = "in")]
    pub rows_in: u64,
    /// Rows written.
    #[serde(rename = "out")]
    pub rows_out: u64,
    /// Rows a condition left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub filtered: u64,
    /// Rows behind the watermark.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
    /// Rows that could not be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad: u64,
    /// Expressions that gave null because they could not be evaluated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// The stage's state, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateFigures>,
    /// Wall time from `begin` to the end of the stage's work, milliseconds.
    pub ms: u64,
    /// Where its time went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us: Option<Times>,
    /// Figures of one tool alone.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// End of a batch: the barrier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The batch that ends.
    pub id: i64,
    /// True if no data will ever follow.
    #[serde(rename = "final", default)]
    pub last: bool,
    /// The mark after this batch, repeated so that a lost watermark line is noticed.
    #[serde(default, with = "instant::optional")]
    pub watermark: Option<i64>,
    /// What each stage did, the source first.
    #[serde(default)]
    pub stages: Vec<Figures>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A stage failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Abort {
    /// The stage's name.
    pub stage: String,
    /// Why, as it said on stderr.
    pub reason: String,
}

/// Any marker.
#[derive(Clone, Debug, PartialEq)]
pub enum Marker {
    /// First line.
    Start(Box<Start>),
    /// A batch begins.
    Begin(Begin),
    /// The watermark moves.
    Watermark(Watermark),
    /// A batch ends.
    Batch(Batch),
    /// Last line.
    End,
    /// A stage failed.
    Abort(Abort),
}

impl Marker {
    /// Reads a marker line. Errors say which part is wrong: no JSON, a higher version, an unknown marker, a missing field.
    pub fn parse(line: &[u8]) -> Result<Marker> {
        let mut fields: Map<String, Value> = serde_json::from_slice(line)
            .with_context(|| format!("marker is not JSON: {}", quote(line)))?;
        let kind = fields.shift_remove("$st");
        let Some(Value::String(kind)) = kind else {
            bail!("marker has no kind: {}", quote(line));
        };
        let wrong = || format!("{kind} marker is not whole: {}", quote(line));
        Ok(match kind.as_str() {
            "start" => {
                let version = fields.shift_remove("v");
                match version.as_ref().and_then(Value::as_u64) {
                    Some(VERSION) => {}
                    Some(newer) if newer > VERSION => {
                        bail!(
                            "the stream speaks protocol {newer}, this tool {VERSION}: install the newer st tools"
                        )
                    }
                    _ => bail!("start marker has no version `v`: {}", quote(line)),
                }
                Marker::Start(Box::new(parse_fields(fields).with_context(wrong)?))
            }
            "begin" => Marker::Begin(parse_fields(fields).with_context(wrong)?),
            "watermark" => Marker::Watermark(parse_fields(fields).with_context(wrong)?),
            "batch" => Marker::Batch(parse_fields(fields).with_context(wrong)?),
            "end" => Marker::End,
            "abort" => Marker::Abort(parse_fields(fields).with_context(wrong)?),
            _ => bail!("unknown marker `{kind}`: install the same version of every st tool"),
        })
    }

    /// Appends the marker's line, newline included.
    pub fn write(&self, line: &mut Vec<u8>) -> Result<()> {
        match self {
            Marker::Start(start) => put(line, "start", Some(VERSION), start.as_ref()),
            Marker::Begin(begin) => put(line, "begin", None, begin),
            Marker::Watermark(watermark) => put(line, "watermark", None, watermark),
            Marker::Batch(batch) => put(line, "batch", None, batch),
            Marker::End => put(line, "end", None, &Map::new()),
            Marker::Abort(abort) => put(line, "abort", None, abort),
        }
    }
}

fn parse_fields<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    Ok(serde_json::from_value(Value::Object(fields))?)
}

fn put(
    line: &mut Vec<u8>,
    kind: &str,
    version: Option<u64>,
    fields: &impl Serialize,
) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        #[serde(rename = "$st")]
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        v: Option<u64>,
        #[serde(flatten)]
        fields: &'a T,
    }
    serde_json::to_writer(
        &mut *line,
        &Line {
            kind,
            v: version,
            fields,
        },
    )?;
    line.push(b'\n');
    Ok(())
}

/// The beginning of a line as an error message can show it.
pub(crate) fn quote(line: &[u8]) -> String {
    let shown: String = String::from_utf8_lossy(&line[..line.len().min(80)])
        .escape_debug()
        .collect();
    if line.len() > 80 {
        format!("`{shown}…`")
    } else {
        format!("`{shown}`")
    }
}

#[cfg(test)]
#[path = "marker_tests.rs"]
mod tests;
