//! One stage of a pipeline, as the driver sees it.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use st_checkpoint::{Change, QueryDir};

use crate::marker::{Batch, Begin, Start, Watermark};
use crate::out::Out;

/// How a stage takes its input and what it hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Hands each row on at once; plain rows stay plain.
    RowByRow,
    /// Must see the end of a batch before it can write; plain input is one batch.
    Waits,
    /// Like `Waits`, and always writes a marked stream (`st-watermark`).
    Marks,
    /// The end of the pipeline: writes no markers. Hands rows to its target as they come.
    Sink,
    /// The end of the pipeline, and must see the end of a batch before it can write.
    WaitingSink,
}

impl Manners {
    /// True if plain input is one batch rather than a flow of rows.
    pub fn waits(self) -> bool {
        !matches!(self, Manners::RowByRow | Manners::Sink)
    }

    /// True for the end of a pipeline.
    pub fn is_sink(self) -> bool {
        matches!(self, Manners::Sink | Manners::WaitingSink)
    }
}

/// What the driver found out before a stage starts.
pub struct Context {
    /// The stage's name, unique in its query: `st-agg`, `st-agg-2`, `revenue.st-agg`.
    pub name: String,
    /// The checkpoint, if there is one; locked under the stage's name.
    pub query: Option<QueryDir>,
    /// True if the input is a marked stream.
    pub marked: bool,
    /// Say only what went wrong.
    pub quiet: bool,
    /// Where bad rows are kept, if anywhere.
    pub rejects: Option<PathBuf>,
}

impl Context {
    /// Says `text` on stderr, unless `--quiet` was given.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            crate::message::say(&self.name, text);
        }
    }
}

/// What a state was gathered for, as its file has it, and which fields of that may change on a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The definition given to [`st_checkpoint::StateFile::open`].
    pub definition: Value,
    /// Paths within it that may change safely.
    pub safe: Vec<String>,
}

impl Kept {
    /// The definition, and the fields that may change.
    pub fn new(definition: Value, safe: &[&str]) -> Kept {
        Kept {
            definition,
            safe: safe.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether a change of the definition is safe.
    pub fn allows(safe: &[&str], change: &Change) -> bool {
        safe.contains(&change.path.as_str())
    }
}

/// One pipeline stage. Order of calls: `start`, (`begin`, `row`*, `watermark`, `batch`)*, `end`.
pub trait Stage {
    /// The program's name: `st-agg`.
    fn tool(&self) -> &'static str;

    /// The stage's options in normal form, for the plan.
    fn options(&self) -> Map<String, Value>;

    /// The plans of the stage's further inputs, as fields of its node: `right`, `inputs`.
    fn inputs(&self) -> Map<String, Value> {
        Map::new()
    }

    /// What the stage's state was gathered for, once an explained pipeline has started: `st-state check` compares it.
    fn kept(&self) -> Option<Kept> {
        None
    }

    /// How the stage takes its input.
    fn manners(&self) -> Manners;

    /// Loads the state as of `start.epoch`; changes `start` to what holds behind this stage; refuses what cannot work.
    /// If `start.explain` is set nothing follows: the stage checks what it can without touching a file.
    /// On plain input `start` is the driver's own, with no schema and no watermark.
    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()>;

    /// A batch begins.
    fn begin(&mut self, _begin: &Begin) -> Result<()> {
        Ok(())
    }

    /// A row, without its newline.
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()>;

    /// True if rows may come many at a time, through `rows`. Asked after `start`.
    fn takes_blocks(&self) -> bool {
        false
    }

    /// True if a second thread is to read while the stage works on what came before: for a stage that is likely the slowest of its
    /// pipeline, since one that is not only competes with the others for processors. Asked after `start`.
    fn reads_ahead(&self) -> bool {
        false
    }

    /// True if most rows pass as they came, many at a time: they are handed on without being copied while they flood in. Asked after
    /// `start`, of a stage that takes blocks.
    fn passes_rows(&self) -> bool {
        false
    }

    /// As `row` for each of some lines, which end in a newline each. Returns how many they are.
    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        let mut rows = 0;
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            self.row(line.strip_suffix(b"\n").unwrap_or(line), out)?;
            rows += 1;
        }
        Ok(rows)
    }

    /// Called at the end of every batch, before `batch`: `mark` if the watermark moved. Returns what is to be handed on.
    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        Ok(mark)
    }

    /// The batch ends: emit, and make the epoch durable. The driver forwards the markers afterwards.
    fn batch(&mut self, _batch: &mut Batch, _out: &mut Out) -> Result<()> {
        Ok(())
    }

    /// The stream was explained: `start` is what holds behind this stage. The end of a pipeline prints its plan.
    fn explain(&mut self, _start: &Start, _out: &mut Out) -> Result<()> {
        Ok(())
    }

    /// The batch is closed, this stage's own figures included: the time to report. A sink's only.
    fn closed(&mut self, _batch: &Batch) -> Result<()> {
        Ok(())
    }

    /// Nothing is left to read for the moment: the time to tell a person how things stand. Gives when to do so again if
    /// nothing comes until then.
    fn idle(&mut self) -> Option<Instant> {
        None
    }

    /// Where a sink delivers to, absolute, if that is a place in the file system. Asked after `start`.
    fn place(&self) -> Option<PathBuf> {
        None
    }

    /// The stream has ended cleanly.
    fn end(&mut self, _out: &mut Out) -> Result<()> {
        Ok(())
    }
}
