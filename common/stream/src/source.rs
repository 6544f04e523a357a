//! What a source must be able to do, and what the user may ask of any source.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Map, Value};
use st_checkpoint::{Change, Durability, QueryDir, Recorded};

use crate::cli;
use crate::explain::Explain;
use crate::out::Out;
use crate::signals::Stop;
use crate::trigger::Trigger;

/// Options of every source.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Batches and recovery")]
pub struct SourceArgs {
    /// Directory from which the query continues after a crash
    #[arg(
        long,
        value_name = "DIR",
        env = "ST_CHECKPOINT",
        hide_env_values = true
    )]
    pub checkpoint: Option<PathBuf>,
    /// Cut a batch every D (default: when nothing is left to read)
    #[arg(long, value_name = "D", value_parser = cli::trigger, conflicts_with = "available_now")]
    pub trigger: Option<Trigger>,
    /// Read what is there now, in batches as the limits ask, then end
    #[arg(long)]
    pub available_now: bool,
    /// Close a batch after N rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_rows_per_trigger: Option<u64>,
    /// Close a batch after N bytes of rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_bytes_per_trigger: Option<u64>,
    /// End after D, as Spark's awaitTermination(timeout) does
    #[arg(long, value_name = "D", value_parser = cli::duration)]
    pub stop_after: Option<Duration>,
    /// Cut an empty batch when nothing came for D
    #[arg(long, value_name = "D", value_parser = cli::duration)]
    pub heartbeat: Option<Duration>,
    /// At a clean end emit what is open, checkpoint or not
    #[arg(long)]
    pub drain: bool,
    /// Keep bad rows in FILE (default: in the checkpoint)
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Stop at the first bad row
    #[arg(long)]
    pub strict: bool,
    /// Name of this stage in plan, checkpoint and messages
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Name of a second stream; goes before its stages' names
    #[arg(long, value_name = "NAME", value_parser = cli::branch)]
    pub branch: Option<String>,
    /// Survive loss of `power`, or of the `process`
    #[arg(long, value_name = "HOW", default_value = "power", value_parser = cli::durability)]
    pub durability: Durability,
    /// Print the plan instead: tree, json, or a pyspark program
    #[arg(
        long,
        value_name = "FORM",
        env = "ST_EXPLAIN",
        hide_env = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "tree",
        value_parser = Explain::parse
    )]
    pub explain: Option<Explain>,
    /// Say only what went wrong
    #[arg(short, long)]
    pub quiet: bool,
    /// Say what is decided; -vv: more
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
}

/// What a source may still read into the open batch.
#[derive(Debug)]
pub struct Budget {
    /// Rows left; the source stops at none.
    pub rows: u64,
    /// Bytes left; at least one row is read in any case.
    pub bytes: u64,
    /// Return by then, rows or not.
    pub until: Option<Instant>,
    /// Set by a signal: return soon.
    pub stop: Stop,
}

impl Budget {
    /// True if nothing more fits into the batch.
    pub fn spent(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }

    /// Takes one row of `bytes` off.
    #[inline]
    pub fn take(&mut self, bytes: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// True if the source should return to the driver although there is more to read.
    pub fn due(&self) -> bool {
        self.stop.asked() || self.until.is_some_and(|until| until <= Instant::now())
    }
}

/// Why [`Source::read`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// There is more; the budget's time or the stop flag asked for a return.
    More,
    /// The batch is full by the source's own limit (files) or by the budget.
    Full,
    /// Nothing more to read just now.
    Idle,
    /// Nothing will ever come.
    End,
}

/// What a source learns when it opens.
pub struct Opening<'a> {
    /// The stage's name.
    pub name: &'a str,
    /// The checkpoint, locked.
    pub query: Option<&'a QueryDir>,
    /// The `range` of every batch still recorded, oldest first, with its id.
    pub recorded: &'a [(i64, Recorded)],
    /// The batch up to which every sink has committed.
    pub epoch: i64,
    /// Read only what is there now.
    pub available_now: bool,
    /// Say only what went wrong.
    pub quiet: bool,
}

/// A source of rows. Order of calls: `open`, `replay`*, (`read`* `cut`)*; `forget` now and then.
pub trait Source {
    /// The program's name: `st-tail`.
    fn tool(&self) -> &'static str;

    /// The options in normal form, for the plan.
    fn options(&self) -> Map<String, Value>;

    /// What must stay the same for the recorded batches to mean the same: paths, format. Compared on restart.
    fn identity(&self) -> Value;

    /// True if a restart may continue although this part of the identity has changed.
    fn may_follow(&self, _change: &Change) -> bool {
        false
    }

    /// What the plan says beyond the options when the pipeline is explained, such as what `open` would find.
    fn findings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// The columns whose type is declared, as DDL; empty for none.
    fn schema(&self) -> String;

    /// Finds its place behind the last recorded batch.
    fn open(&mut self, opening: &Opening<'_>) -> Result<()>;

    /// Sends the rows of a recorded batch again, the same bytes; refuses if they are gone.
    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()>;

    /// True if the user has accepted that recorded rows may be gone: a replay may then have fewer of them.
    fn accepts_loss(&self) -> bool {
        false
    }

    /// Reads rows into the open batch. Rows are counted with [`Out::read`], bad ones rejected.
    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read>;

    /// Closes the batch: the range of what was read since the last cut, from which `replay` finds it again.
    /// What the range refers to must be durable (a spool).
    fn cut(&mut self) -> Result<Recorded>;

    /// Waits until there may be something to read, until `until`, or a signal.
    fn wait(&mut self, until: Option<Instant>) -> Result<()>;

    /// Every sink has committed up to and including the batch whose range is given: clean up behind it.
    fn forget(&mut self, _batch: i64, _range: &Recorded) -> Result<()> {
        Ok(())
    }

    /// Before records of batches leave the offsets: keep what must be remembered of them. Durable on return.
    fn remember(&mut self, _ranges: &[(i64, Recorded)]) -> Result<()> {
        Ok(())
    }

    /// Where a batch of this range ends, for people: short, whatever the range's size, in the source's own terms.
    fn offset(&self, _range: &Recorded) -> Value {
        Value::Null
    }

    /// The newest there is to read, in the terms of `offset`, where the source knows without asking anybody.
    fn latest(&self) -> Value {
        Value::Null
    }

    /// Of an input whose size is known: bytes read so far, and all there are.
    fn extent(&self) -> Option<(u64, u64)> {
        None
    }

    /// True for input without an end that can come faster than it is read: its batches are cut by time as well.
    fn floods(&self) -> bool {
        false
    }
}

impl SourceArgs {
    /// The options that an explained plan shows; where batches are cut, and what is kept where.
    pub(crate) fn plan(&self) -> Map<String, Value> {
        let text = |duration: Duration| Value::from(cli::duration_text(duration));
        let path = |path: &PathBuf| Value::from(path.to_string_lossy());
        let flag = |given: bool| given.then_some(Value::Bool(true));
        let process = self.durability == Durability::Process;
        let options = [
            ("checkpoint", self.checkpoint.as_ref().map(path)),
            (
                "trigger",
                self.trigger.map(|trigger| text(trigger.interval())),
            ),
            ("available-now", flag(self.available_now)),
            (
                "max-rows-per-trigger",
                self.max_rows_per_trigger.map(Value::from),
            ),
            (
                "max-bytes-per-trigger",
                self.max_bytes_per_trigger.map(Value::from),
            ),
            ("stop-after", self.stop_after.map(text)),
            ("heartbeat", self.heartbeat.map(text)),
            ("drain", flag(self.drain)),
            ("rejects", self.rejects.as_ref().map(path)),
            ("strict", flag(self.strict)),
            ("durability", process.then(|| Value::from("process"))),
        ];
        let given = options
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string(), value?)));
        given.collect()
    }

    /// Refuses what cannot work together.
    pub fn check(&self) -> Result<()> {
        if self.drain && self.checkpoint.is_none() {
            bail!(cli::Usage(
                "--drain: without --checkpoint every clean end drains already: leave it out"
                    .to_string()
            ));
        }
        Ok(())
    }
}
