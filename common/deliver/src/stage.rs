//! The commit protocol, the same for every target.
//!
//! A sink registers before it takes a row. A batch's output is made durable, then recorded as committed, then shown. A batch
//! that is recorded already is a replay: its rows are counted and not delivered again.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value};
use st_checkpoint::{Commits, Durability, fail_point};
use st_expr::Schema;
use st_row::Gate;
use st_stream::{Batch, Begin, Context, Manners, Out, Stage, Start};
use st_time::Zone;

use crate::report::{Delivery, Report};
use crate::rows::Rows;
use crate::status::Status;
use crate::target::{Arrived, Delivered, Opening, Taken, Target, relative};
use crate::terminal;

/// The end of a query.
pub struct Sink {
    target: Box<dyn Target>,
    options: Map<String, Value>,
    durability: Durability,
    zone: Zone,
    commits: Option<Commits>,
    /// Where reports go too.
    progress: Option<PathBuf>,
    report: Option<Report>,
    delivery: Delivery,
    status: Option<Status>,
    rows: Rows,
    /// How rows have looked so far.
    gate: Gate,
    begin: Option<Begin>,
    marked: bool,
    /// The open batch was delivered by an earlier run.
    replay: bool,
    /// Rows of the open batch, the rejected ones included.
    taken: u64,
    rejected: u64,
}

impl Sink {
    /// A sink to this target; `options` are those for the plan.
    pub fn new(
        target: Box<dyn Target>,
        options: Map<String, Value>,
        durability: Durability,
        zone: Zone,
    ) -> Sink {
        Sink {
            target,
            options,
            durability,
            zone,
            commits: None,
            progress: None,
            report: None,
            delivery: Delivery::default(),
            status: None,
            rows: Rows::default(),
            gate: Gate::default(),
            begin: None,
            marked: false,
            replay: false,
            taken: 0,
            rejected: 0,
        }
    }

    /// Writes each batch's report to `path` too; to stdout if that is `-`.
    #[must_use]
    pub fn with_progress(mut self, path: Option<PathBuf>) -> Sink {
        self.progress = path;
        self
    }

    /// What the commits name as this sink's target, told from the checkpoint.
    fn identity(&self, context: &Context) -> Value {
        let mut identity = Map::new();
        identity.insert("format".to_string(), self.target.format().into());
        if let (Some(path), Some(query)) = (self.target.path(), &context.query) {
            let path = relative(path, query.absolute());
            identity.insert("path".to_string(), path.to_string_lossy().into());
        }
        identity.append(&mut self.target.identity());
        Value::Object(identity)
    }

    /// Opens the sink's commits, if there is a checkpoint.
    fn register(&self, start: &Start, context: &Context) -> Result<Option<Commits>> {
        let Some(query) = &context.query else {
            return Ok(None);
        };
        let plan: Vec<Value> = start
            .plan
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()?;
        Ok(Some(Commits::register(
            query,
            &context.name,
            start.epoch,
            &self.identity(context),
            &plan,
        )?))
    }

    /// Records the batch, if there is a checkpoint.
    fn commit(&mut self, batch: i64, detail: Option<&Value>, out: &mut Out) -> Result<()> {
        let Some(commits) = &mut self.commits else {
            return Ok(());
        };
        // No batch is committed whose rejected rows could still be lost.
        out.sync_sides()?;
        fail_point("sink.before_commit");
        commits.commit(batch, self.taken, detail)?;
        fail_point("sink.after_commit");
        Ok(())
    }

    /// Good rows, each with its newline.
    fn keep(&mut self, lines: &[u8], rows: u64) -> Result<()> {
        self.taken += rows;
        if self.replay {
            return Ok(());
        }
        self.rows.push_lines(lines, rows)
    }

    /// A replayed batch must be the one that was delivered.
    fn compare(&self, batch: i64) -> Result<()> {
        let delivered = self
            .commits
            .as_ref()
            .and_then(|commits| commits.rows_of(batch));
        match delivered {
            Some(delivered) if delivered != self.taken => bail!(
                "batch {batch} was delivered with {delivered} rows and is replayed with {}: its input or a stage above has changed; what was delivered stays as it is; to go on, restore the input, or begin anew with a new --checkpoint and a new target",
                self.taken
            ),
            _ => Ok(()),
        }
    }

    /// The batches delivered already have come once more: the stages above stand where this sink does.
    fn caught_up(&self, batch: i64) -> Result<()> {
        match &self.commits {
            Some(commits) if commits.last() == batch => commits.caught_up(),
            _ => Ok(()),
        }
    }
}

impl Stage for Sink {
    fn tool(&self) -> &'static str {
        "st-sink"
    }

    fn options(&self) -> Map<String, Value> {
        self.options.clone()
    }

    fn manners(&self) -> Manners {
        self.target.manners()
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        let schema = Schema::parse(&start.schema)
            .map_err(|error| anyhow!("stdin: the start marker's schema: {error}"))?;
        let explained = start.explain.is_some();
        let known = match &context.query {
            Some(query) => query
                .sinks()?
                .into_iter()
                .find(|sink| sink.name == context.name),
            None => None,
        };
        let opening = Opening {
            start,
            schema: &schema,
            context,
            checkpointed: context.query.is_some() || explained && st_plan::checkpointed(start),
            joins: context.query.is_some() && known.is_none(),
            delivered: known
                .as_ref()
                .filter(|sink| sink.last > sink.joined)
                .map(|sink| sink.last),
            durability: self.durability,
            zone: self.zone,
        };
        let mut commits = None;
        if known.is_some() {
            // Another target than before is refused here, before it is touched.
            commits = self.register(start, context)?;
        }
        self.target.suit(&opening)?;
        if explained {
            if self.options.shift_remove("bare").is_some() {
                self.options.insert("format".to_string(), "console".into());
            }
            return Ok(());
        }
        self.target.claim(&opening)?;
        if known.is_none() {
            // A refused sink is none that others have to wait for.
            commits = self.register(start, context)?;
        }
        let mut last = None;
        if let Some(commits) = commits {
            if commits.last() < start.epoch {
                bail!(
                    "the stream goes on after batch {}, but this sink stands at batch {}: run the same line again",
                    start.epoch,
                    commits.last()
                );
            }
            if commits.last() > commits.joined() {
                last = Some(Delivered {
                    batch: commits.last(),
                    detail: commits.detail_of(commits.last())?,
                });
            }
            self.commits = Some(commits);
        }
        self.target.recover(last)?;
        self.report = Some(Report::open(
            start,
            context,
            &self.options,
            self.progress.as_deref(),
        )?);
        self.marked = context.marked;
        let shared = self.target.prints() && terminal::is_stdout();
        self.status = Some(Status::new(start, context, shared, self.zone));
        Ok(())
    }

    fn explain(&mut self, start: &Start, out: &mut Out) -> Result<()> {
        st_plan::deliver(start, out)
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.replay = self
            .commits
            .as_ref()
            .is_some_and(|commits| begin.id <= commits.last());
        self.taken = 0;
        self.rejected = 0;
        self.rows.clear();
        self.begin = Some(begin.clone());
        self.target.begin(begin.id)?;
        if !self.replay {
            self.rows
                .gather_at(self.target.gathers_at(begin.id), self.durability);
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        self.taken += 1;
        let checked = match self.marked && self.target.validates() {
            true => st_row::validate(row).map_err(|bad| bad.to_string()),
            false => Ok(()),
        };
        if let Err(reason) = checked.and_then(|()| self.target.check(row)) {
            self.rejected += 1;
            return out.reject(row, &reason);
        }
        if let Some(status) = &mut self.status {
            status.row(self.taken);
        }
        if !self.replay {
            match self.target.take(row, out)? {
                Taken::Keep => self.rows.push(row)?,
                Taken::Done => {}
                Taken::Rejected => self.rejected += 1,
            }
        }
        Ok(())
    }

    fn takes_blocks(&self) -> bool {
        self.marked && self.target.validates() && self.target.takes_blocks()
    }

    /// Each row is validated; the good ones between two bad ones are kept as one block.
    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        let known = if Gate::takes(lines) { lines } else { b"" };
        let (mut at, mut rows) = (0, 0);
        // The good rows that are not kept yet.
        let (mut from, mut good) = (0, 0);
        while at < lines.len() {
            if let Some(next) = self.gate.pass(known, at) {
                at = next;
                good += 1;
                continue;
            }
            let length = memchr::memchr(b'\n', &lines[at..]);
            let end = length.map_or(lines.len(), |length| at + length);
            let row = &lines[at..end];
            let next = lines.len().min(end + 1);
            match st_row::validate(row) {
                Ok(()) => {
                    self.gate.learn(row);
                    good += 1;
                }
                Err(bad) => {
                    self.keep(&lines[from..at], good)?;
                    rows += good + 1;
                    (from, good) = (next, 0);
                    self.rejected += 1;
                    self.taken += 1;
                    out.reject(row, &bad.to_string())?;
                }
            }
            at = next;
        }
        self.keep(&lines[from..], good)?;
        if let Some(status) = &mut self.status {
            status.rows(self.taken);
        }
        Ok(rows + good)
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        if let Some(status) = &mut self.status {
            status.clear();
        }
        let good = self.taken - self.rejected;
        let bad = out.figures().bad;
        self.delivery = Delivery {
            batch_time: self.begin.as_ref().map_or(0, |begin| begin.time),
            replay: self.replay,
            ..Delivery::default()
        };
        if self.replay {
            self.compare(batch.id)?;
            self.caught_up(batch.id)?;
        } else {
            let arrived = Arrived {
                id: batch.id,
                rows: good,
                marked: self.marked,
            };
            fail_point("sink.before_output");
            let before = Instant::now();
            let detail = self.target.prepare(arrived, &mut self.rows, out)?;
            fail_point("sink.after_output");
            let prepared = before.elapsed();
            self.commit(batch.id, detail.as_ref(), out)?;
            let committed = before.elapsed();
            self.target.publish().with_context(|| {
                format!(
                    "batch {} is committed but not all of it is visible: run the same line again",
                    batch.id
                )
            })?;
            self.delivery.commit = committed.saturating_sub(prepared);
            self.delivery.output = before.elapsed().saturating_sub(self.delivery.commit);
        }
        // A target may have rejected rows of its own while it delivered the others.
        let good = good - (out.figures().bad - bad);
        self.delivery.at = st_stream::clock::now();
        out.delivered(good);
        self.rows.clear();
        if let Some(status) = &mut self.status {
            status.batch(batch, good, self.rejected);
        }
        self.taken = 0;
        Ok(())
    }

    fn closed(&mut self, batch: &Batch) -> Result<()> {
        match &mut self.report {
            Some(report) => report.batch(batch, &self.delivery),
            None => Ok(()),
        }
    }

    fn place(&self) -> Option<PathBuf> {
        std::path::absolute(self.target.path()?).ok()
    }

    fn idle(&mut self) -> Option<Instant> {
        let taken = self.taken;
        let status = self.status.as_mut().and_then(|status| status.idle(taken));
        let wake = [status, self.target.idle()];
        wake.into_iter().flatten().min()
    }

    fn end(&mut self, out: &mut Out) -> Result<()> {
        out.flush()?;
        if let Some(status) = &mut self.status {
            status.end();
        }
        Ok(())
    }
}
