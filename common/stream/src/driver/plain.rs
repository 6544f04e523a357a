//! Plain NDJSON in: the driver makes the batches, checks each row, and writes plain rows unless the stage marks.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use st_checkpoint::{Commits, Kind, QueryDir};

use super::{Driver, Ending, Interrupted, created_by};
use crate::clock;
use crate::marker::{Batch, Begin, Marker, Start};
use crate::message;
use crate::out::Out;
use crate::reader::{Next, Woken};
use crate::stage::{Manners, Stage};

/// How long a stage that waits may be silent on a terminal before it says what it waits for.
const HINT: Duration = Duration::from_secs(2);

/// The batches this driver cuts.
struct Batches {
    /// The id of the batch that is open or comes next.
    id: i64,
    /// Since when the batch is open.
    open: Option<Instant>,
    /// The mark as the stage last gave it.
    given: Option<i64>,
    /// The greatest batch clock so far.
    clock: i64,
    /// The epochs of a stage with a checkpoint of its own, unless it is a sink.
    commits: Option<Commits>,
    /// When to say what the stage waits for.
    hint: Option<Instant>,
    /// Expressions that gave null because they could not be evaluated.
    failed: u64,
}

impl<S: Stage> Driver<S> {
    pub(super) fn plain(&mut self, first: &[u8]) -> Result<Ending> {
        let mut batches = self.plain_start()?;
        self.plain_begin(&mut batches)?;
        take(&mut self.stage, &mut self.out, first)?;
        self.plain_rows(batches)
    }

    /// An input of zero bytes is no batch, not even an empty one: whoever was to write it may have been killed before its
    /// first line. So no target is touched, and the end of the pipeline reports it.
    pub(super) fn nothing(&mut self) -> Result<Ending> {
        if self.stop.asked() {
            return Err(Interrupted.into());
        }
        if let Some(path) = &self.options.checkpoint {
            let made_by = created_by(self.stage.tool());
            QueryDir::create_or_open(path, Kind::Stage, self.options.durability, &made_by)?;
        }
        if self.stage.manners().is_sink() {
            bail!(
                "stdin: nothing arrived, not even a start marker: the stage before this one died or had no rows"
            );
        }
        // A mistake in the arguments is one whatever the input.
        self.start_stage(
            &mut Start::new(crate::source_driver::new_id(), -1),
            false,
            None,
        )?;
        Ok(Ending::Done)
    }

    pub(super) fn plain_too_long(&mut self, beginning: &[u8], length: u64) -> Result<Ending> {
        let mut batches = self.plain_start()?;
        self.plain_begin(&mut batches)?;
        reject_long(&mut self.out, beginning, length)?;
        self.plain_rows(batches)
    }

    fn plain_start(&mut self) -> Result<Batches> {
        let manners = self.stage.manners();
        self.marks = manners == Manners::Marks;
        let mut start = Start::new(crate::source_driver::new_id(), -1);
        let (mut commits, mut own) = (None, None);
        if let Some(path) = self.options.checkpoint.clone() {
            let made_by = created_by(self.stage.tool());
            let dir =
                QueryDir::create_or_open(&path, Kind::Stage, self.options.durability, &made_by)?;
            // Before the commits are read: an earlier run may be writing them still.
            self.take_lock(&dir, &start, Vec::new())?;
            if manners.is_sink() {
                // A sink registers and commits by itself, with what it must know of its target.
                let sinks = dir.sinks()?;
                let own = sinks.iter().find(|sink| sink.name == self.name);
                start.epoch = own.map_or(-1, |sink| sink.last);
            } else {
                let epochs = Commits::register(&dir, &self.name, -1, &Value::Null, &[])?;
                start.epoch = epochs.last();
                commits = Some(epochs);
            }
            start.query = dir.id().to_string();
            start.checkpoint = Some(path);
            own = Some(dir);
        }
        let id = start.epoch + 1;
        self.start_stage(&mut start, false, own)?;
        // A stage's own checkpoint is no business of the stages behind it.
        start.checkpoint = None;
        start.epoch = -1;
        let given = start.mark();
        if self.marks {
            if !self.options.quiet {
                message::wire(&self.name, false);
            }
            self.out.marker(&Marker::Start(Box::new(start)))?;
        }
        let silent = manners.waits() && self.options.trigger.is_none();
        let hint = (silent && rustix::termios::isatty(rustix::stdio::stdout()))
            .then(|| Instant::now() + HINT);
        Ok(Batches {
            id,
            open: None,
            given,
            clock: i64::MIN,
            commits,
            hint,
            failed: 0,
        })
    }

    fn plain_rows(&mut self, mut batches: Batches) -> Result<Ending> {
        let waits = self.stage.manners().waits();
        let trigger = self.options.trigger;
        let mut due = trigger.map(|trigger| trigger.next());
        loop {
            if due.is_some_and(|due| due <= Instant::now()) {
                if batches.open.is_some() {
                    self.plain_batch(&mut batches, false)?;
                }
                due = trigger.map(|trigger| trigger.next());
            }
            if batches.open.is_none() && self.reader.has_line()? {
                self.plain_begin(&mut batches)?;
            }
            match self.reader.line()? {
                Next::Line(line) => take(&mut self.stage, &mut self.out, line)?,
                Next::TooLong(beginning, length) => reject_long(&mut self.out, beginning, length)?,
                Next::Empty => {
                    // To a stage that hands rows on at once a pause is as good an end of a batch as any.
                    if !waits && batches.open.is_some() {
                        self.plain_batch(&mut batches, false)?;
                    }
                    self.out.flush()?;
                    let again = self.stage.idle();
                    let wake = [due, again, batches.hint.filter(|_| batches.open.is_some())]
                        .into_iter()
                        .flatten()
                        .min();
                    if self.reader.wait(wake)? == Woken::Timeout
                        && batches.hint.is_some_and(|hint| hint <= Instant::now())
                    {
                        batches.hint = None;
                        self.hint();
                    }
                }
                Next::Eof => return self.plain_end(batches),
            }
        }
    }

    /// Begins a batch at the first row.
    fn plain_begin(&mut self, batches: &mut Batches) -> Result<()> {
        if batches.open.is_some() {
            return Ok(());
        }
        batches.clock = batches.clock.max(clock::now());
        batches.open = Some(self.begin_figures(batches.id));
        let begin = Begin {
            id: batches.id,
            time: batches.clock,
            rest: Default::default(),
        };
        self.stage.begin(&begin)?;
        if self.marks {
            self.out.marker(&Marker::Begin(begin))?;
        }
        Ok(())
    }

    fn plain_batch(&mut self, batches: &mut Batches, last: bool) -> Result<()> {
        let Some(since) = batches.open.take() else {
            return Ok(());
        };
        let mut batch = Batch {
            id: batches.id,
            last,
            watermark: None,
            stages: Vec::new(),
            rest: Default::default(),
        };
        let rows = self.out.figures.rows_in;
        self.seal(&mut batch, None, since, &mut batches.given)?;
        batches.failed += batch.stages.last().map_or(0, |figures| figures.failed);
        if let Some(commits) = &mut batches.commits {
            commits.commit(batches.id, rows, None)?;
        }
        batches.id += 1;
        batches.hint = None;
        Ok(())
    }

    /// At the end of the input what is open is emitted, unless a checkpoint keeps it for the next run.
    fn plain_end(&mut self, mut batches: Batches) -> Result<Ending> {
        let last = self.options.checkpoint.is_none();
        if last && batches.open.is_none() {
            self.plain_begin(&mut batches)?;
        }
        self.plain_batch(&mut batches, last)?;
        self.stage.end(&mut self.out)?;
        self.confess(batches.failed);
        if self.marks {
            self.out.marker(&Marker::End)?;
        }
        self.out.flush()?;
        Ok(Ending::Done)
    }

    /// Plain rows carry no figures, so nobody else can tell.
    fn confess(&self, failed: u64) {
        if failed > 0 && !self.marks && !self.options.quiet && !self.stage.manners().is_sink() {
            let what = if failed == 1 {
                "expression"
            } else {
                "expressions"
            };
            message::say(
                &self.name,
                &format!(
                    "{failed} {what} could not be evaluated and gave null: --strict stops at the first"
                ),
            );
        }
    }

    fn hint(&self) {
        if !self.options.quiet {
            message::say(
                &self.name,
                "waits for the end of the input; --trigger 1s gives a result every second",
            );
        }
    }
}

/// A row of plain input is checked here: nothing upstream has done it.
#[inline]
fn take<S: Stage>(stage: &mut S, out: &mut Out, line: &[u8]) -> Result<()> {
    let row = st_row::trim(line);
    if row.is_empty() {
        return Ok(());
    }
    out.figures.rows_in += 1;
    match st_row::validate(row) {
        Ok(()) => stage.row(row, out),
        Err(bad) => out.reject(line, &bad.to_string()),
    }
}

fn reject_long(out: &mut Out, beginning: &[u8], length: u64) -> Result<()> {
    out.figures.rows_in += 1;
    out.reject(beginning, &format!("line of {length} bytes is too long"))
}
