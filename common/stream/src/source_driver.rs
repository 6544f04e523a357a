//! Runs a source: replays recorded batches, reads on, decides where a batch ends, records it before its marker is sent.
//!
//! Order at the end of a batch, from which exactly-once follows (`docs/CHECKPOINTS.md`): rows are sent, what they were read
//! from is made durable (`Source::cut`), the offsets record is made durable, then the `batch` marker is sent.

use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use serde_json::{Map, Value, json};
use st_checkpoint::{
    Durability, Kind, Lock, OffsetRecord, Offsets, Patience, Peers, QueryDir, Recorded, SideFile,
    SideKind, fail_point,
};
use st_monitor::{Activity, Bytes, Live, LiveFile, Role, RunDir};

use crate::clock;
use crate::driver::{Ending, created_by, holder};
use crate::explain::Explain;
use crate::instant;
use crate::marker::{Abort, Batch, Begin, Figures, Marker, Node, Start};
use crate::message;
use crate::meter::Meter;
use crate::out::Out;
use crate::shown::{self, Shown};
use crate::signals::Stop;
use crate::source::{Budget, Opening, Read, Source, SourceArgs};
use crate::stage::Kept;
use crate::trigger::Trigger;
use crate::turns::take_turns;
use crate::writer::{Closed, Writer};

/// With the default trigger batches are cut at most ten times a second.
const LEAST_SPACING: Duration = Duration::from_millis(100);

/// A source that floods closes a batch after this long even if there is always more to read.
const FLOOD: Duration = Duration::from_secs(1);

/// A source is back from reading at least so often, to show where it is.
const SHOWN: Duration = Duration::from_millis(100);
/// How often an idle source looks whether another one of its query has gone on: at first, and at the most where there
/// seems to be none.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_ALONE: Duration = Duration::from_secs(1);

/// The shell starts the processes of one line within this time, however busy the machine.
const ONE_LINE: Duration = Duration::from_secs(10);

/// How long a wait between triggers goes without a look at the signals.
const NAP: Duration = Duration::from_millis(50);

/// Runs `source` to stdout. An error has not been printed yet; the abort marker has been sent.
pub fn run_source<S: Source>(source: S, args: SourceArgs) -> Result<Ending> {
    args.check()?;
    take_turns();
    message::set_level(args.verbose);
    let stop = Stop::install()?;
    let mut out = Out::new(Writer::stdout()?, args.strict);
    out.writer.note_blocks();
    if !args.quiet {
        message::wire(
            args.name.as_deref().unwrap_or(source.tool()),
            args.explain.is_some(),
        );
    }
    let mut run = Run::new(source, args, out, stop);
    run.is_shown = true;
    run.run()
}

/// The id of a query without a checkpoint.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The query's directory and what this source holds in it.
struct Checkpoint {
    dir: QueryDir,
    offsets: Offsets,
    /// Ranges the source was not yet told to clean up behind, oldest first.
    ranges: Vec<(i64, Recorded)>,
    /// The floor as the source was last told.
    floor: i64,
    /// The other sources of the query.
    peers: Peers,
    /// The greatest batch that another source has recorded or a sink has taken, as of `looked`.
    reached: i64,
    looked: Instant,
    /// The last batch this source had recorded when it started, and the one with which a run of it last ended.
    last: Option<i64>,
    ended: Option<i64>,
    /// The last batch this source had a part in; none if it has none, or that is not known.
    part_in: Option<i64>,
    _lock: Lock,
}

struct Run<S> {
    source: S,
    args: SourceArgs,
    out: Out,
    stop: Stop,
    name: String,
    /// Id of the next batch.
    next: i64,
    /// The greatest batch clock so far.
    clock: i64,
    /// When the open batch began.
    since: Instant,
    /// The wall clock at the open batch's beginning; unlike `clock` never that of an earlier run.
    began: i64,
    /// Where the batch before ended, as people are told.
    offset: Value,
    /// Time the open batch's record took.
    recorded: Duration,
    /// Time spent waiting for rows since the batch before.
    waited: Duration,
    meter: Meter,
    checkpoint: Option<Checkpoint>,
    /// The run is registered, and others see it.
    is_shown: bool,
    shown: Option<Shown>,
    live: Option<LiveFile>,
    /// When others were last told what it does.
    told: Option<(Instant, Activity)>,
    _registered: Option<RunDir>,
}

impl<S: Source> Run<S> {
    fn new(source: S, args: SourceArgs, out: Out, stop: Stop) -> Run<S> {
        Run {
            name: {
                let own = args.name.as_deref().unwrap_or(source.tool());
                match &args.branch {
                    Some(branch) => format!("{branch}.{own}"),
                    None => own.to_string(),
                }
            },
            source,
            args,
            out,
            stop,
            next: 0,
            clock: i64::MIN,
            since: Instant::now(),
            began: clock::now(),
            offset: Value::Null,
            recorded: Duration::ZERO,
            waited: Duration::ZERO,
            meter: Meter::start(),
            checkpoint: None,
            is_shown: false,
            shown: None,
            live: None,
            told: None,
            _registered: None,
        }
    }

    fn run(mut self) -> Result<Ending> {
        let result = self.stream();
        let Err(error) = result else {
            self.show_end(None);
            return Ok(Ending::Done);
        };
        if error.is::<Closed>() {
            self.show_end(None);
        } else {
            let abort = Abort {
                stage: self.name.clone(),
                reason: message::chain(&error),
            };
            self.show_end(Some(&abort.reason));
            // The source has failed already; an abort that cannot be sent adds nothing.
            let _ = self
                .out
                .marker(&Marker::Abort(abort))
                .and_then(|()| self.out.flush());
        }
        Err(error.context(crate::cli::Named(self.name)))
    }

    /// The start of a stream that is explained, and its end; nothing is opened.
    fn explain(&mut self, form: Explain) -> Result<()> {
        let mut start = Start::new(new_id(), -1);
        start.explain = Some(form);
        start.schema = self.source.schema();
        let mut options = self.source.options();
        options.append(&mut self.source.findings());
        options.append(&mut self.args.plan());
        start.plan.push(Node {
            tool: self.source.tool().to_string(),
            name: self.name.clone(),
            options,
            rest: Map::from_iter([
                ("schema".to_string(), start.schema.clone().into()),
                (
                    "kept".to_string(),
                    serde_json::to_value(Kept::new(self.source.identity(), &[]))?,
                ),
            ]),
        });
        self.out.marker(&Marker::Start(Box::new(start)))?;
        self.out.marker(&Marker::End)?;
        self.out.flush()
    }

    fn stream(&mut self) -> Result<()> {
        if let Some(form) = self.args.explain {
            return self.explain(form);
        }
        let mut start = Start::new(new_id(), -1);
        let records = self.open_checkpoint(&mut start)?;
        if self.is_shown {
            self.register(&mut start);
        }
        self.open_sides(&start)?;
        let recorded: Vec<(i64, Recorded)> = records
            .iter()
            .map(|record| (record.batch, record.range.clone()))
            .collect();
        self.source.open(&Opening {
            name: &self.name,
            query: self.checkpoint.as_ref().map(|checkpoint| &checkpoint.dir),
            recorded: &recorded,
            epoch: start.epoch,
            available_now: self.args.available_now,
            quiet: self.args.quiet,
        })?;
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.ranges = recorded;
        }
        self.fill(&mut start, &records)?;
        start.branch.clone_from(&self.args.branch);
        start.schema = self.source.schema();
        start.plan.push(Node {
            tool: self.source.tool().to_string(),
            name: self.name.clone(),
            options: self.source.options(),
            rest: Map::new(),
        });
        if let Some(range) = records_before(&records, start.epoch) {
            self.offset = self.source.offset(&range);
        }
        self.show(&mut start);
        let epoch = start.epoch;
        self.next = epoch + 1;
        self.out.marker(&Marker::Start(Box::new(start)))?;
        self.out.flush()?;
        for record in records {
            self.clock = self
                .clock
                .max(instant::parse(&record.time).map_err(Error::msg)?);
            if record.batch > epoch {
                self.replay(record)?;
            }
        }
        while self.others_went_on()? {
            self.begin(self.clock);
            self.record(false, true)?;
        }
        self.read_on()?;
        self.note_end()?;
        self.out.marker(&Marker::End)?;
        self.out.flush()
    }

    /// Opens, locks, waits for an earlier run to be gone, and finds the batch every sink has committed.
    fn open_checkpoint(&mut self, start: &mut Start) -> Result<Vec<OffsetRecord>> {
        let Some(path) = &self.args.checkpoint else {
            return Ok(Vec::new());
        };
        let dir = QueryDir::create_or_open(
            path,
            Kind::Query,
            self.args.durability,
            &created_by(self.source.tool()),
        )?;
        let (name, quiet) = (self.name.clone(), self.args.quiet);
        let mut say = |text: &str| {
            if !quiet {
                message::say(&name, text)
            }
        };
        let holder = holder(self.source.tool()).as_source();
        let lock = dir.lock(&self.name, &holder, &mut Patience::default(), &mut say)?;
        let since = instant::text(clock::now() - ONE_LINE.as_micros() as i64);
        dir.await_other_locks(&[&self.name], &since, &mut Patience::default(), &mut say)?;
        let sinks = dir.sinks()?;
        let epoch = dir.committed()?;
        let ahead = sinks.iter().map(|sink| sink.last).max().unwrap_or(-1);
        for sink in sinks.iter().filter(|sink| sink.last < ahead) {
            say(&format!(
                "sink {} is {} batches behind the others; if it is gone for good: rm {}",
                sink.name,
                ahead - sink.last,
                dir.path().join("commits").join(&sink.name).display()
            ));
        }
        for (branch, at) in dir.announced()? {
            if at < ahead {
                say(&format!(
                    "branch {branch} has not joined and starts at batch {}; if it is gone for good: rm {}",
                    at + 1,
                    dir.path().join("joining").join(&branch).display()
                ));
            }
        }
        let mut peers = Peers::new(&dir, &self.name);
        let reached = peers.reached()?;
        dir.replaying_from(
            epoch,
            peers.any() || dir.source_runs_beside(&[&self.name], &since)?,
        )?;
        let source = &self.source;
        let known = dir.path().join("offsets").join(&self.name).exists();
        let offsets = Offsets::open(&dir, &self.name, &source.identity(), &|change| {
            source.may_follow(change)
        })?;
        // What it has no record of may be batches that others alone had a part in.
        let others = known && reached.is_some_and(|reached| reached >= epoch);
        if offsets.last().unwrap_or(-1) < epoch && !others {
            bail!(
                "{}: has no record of batch {epoch}, which every sink has committed: restore the file, or start afresh with a new --checkpoint",
                dir.path().join("offsets").join(&self.name).display()
            );
        }
        let records = offsets.all()?;
        start.query = dir.id().to_string();
        start.epoch = epoch;
        start.checkpoint = Some(dir.absolute().to_path_buf());
        start.sources.insert(self.name.clone(), holder);
        if self.args.durability == Durability::Process {
            start.durability = Some("process".to_string());
        }
        self.checkpoint = Some(Checkpoint {
            dir,
            ranges: Vec::new(),
            floor: i64::MIN,
            last: offsets.last(),
            ended: peers.ended()?,
            part_in: records.last().map_or(Some(-1), OffsetRecord::part_in),
            offsets,
            reached: reached.map_or(-1, |reached| reached.max(ahead)),
            peers,
            looked: Instant::now(),
            _lock: lock,
        });
        Ok(records)
    }

    /// Makes the run known to who looks for running queries. A place that cannot be written is done without.
    fn register(&mut self, start: &mut Start) {
        let run = new_id();
        let checkpoint = start.checkpoint.as_deref();
        self._registered = RunDir::register(&start.query, &run, &self.name, checkpoint);
        if checkpoint.is_none() {
            start.run_dir = self._registered.as_ref().map(|dir| dir.path().into());
        }
        start.run = Some(run);
        // Of several sources the others belong to this run.
        let since = instant::text(clock::now() - ONE_LINE.as_micros() as i64);
        let beside = self.checkpoint.as_ref().is_some_and(|checkpoint| {
            let found = checkpoint.dir.source_runs_beside(&[&self.name], &since);
            found.unwrap_or(true)
        });
        if let Some(home) = start.home().filter(|_| !beside) {
            shown::forget(home);
        }
        self.shown = Shown::of(start, Role::Source, &self.name);
        if let Some(shown) = &mut self.shown {
            // What it reads may be refused yet, and that is to be seen.
            shown.begin(&[], None, false);
        }
    }

    /// The source has found its place.
    fn show(&mut self, start: &mut Start) {
        if let Some(shown) = &mut self.shown {
            shown.begin(&start.plan, None, false);
            self.live = start
                .home()
                .and_then(|home| LiveFile::create(home, &self.name).ok());
        }
        message::tell(1, &self.name, || {
            let from = match start.epoch {
                -1 => "begins at the beginning".to_string(),
                epoch => format!("goes on behind batch {epoch}, which every sink has"),
            };
            match &start.checkpoint {
                Some(path) => format!("{}: query {}, {from}", path.display(), start.query),
                None => format!("query {}, no checkpoint, {from}", start.query),
            }
        });
    }

    fn show_end(&mut self, error: Option<&str>) {
        if let Some(shown) = &mut self.shown {
            shown.end(error.map(|error| (self.name.as_str(), error)));
        }
    }

    /// Shows what the source does just now, unless it was shown a moment ago.
    fn tell_live(&mut self, state: Activity, now: Instant) {
        let Some(live) = &self.live else { return };
        if self.told.is_some_and(|(told, _)| now - told < SHOWN) {
            return;
        }
        self.told = Some((now, state));
        live.put(&Live {
            time: instant::text(clock::now()),
            state,
            batch: self.next,
            rows: self.out.figures.rows_in,
            bytes: bytes(&self.source),
        });
    }

    /// When others are to be told the next time.
    fn show_by(&self) -> Option<Instant> {
        let last = self.told.map_or(self.since, |(told, _)| told);
        self.live.as_ref().map(|_| last + SHOWN)
    }

    /// Records, as empty, the batches up to the start's epoch that only other sources had a part in, and states the clock as
    /// of that epoch, which the stage where the streams meet must know.
    fn fill(&mut self, start: &mut Start, records: &[OffsetRecord]) -> Result<()> {
        let Some(checkpoint) = &mut self.checkpoint else {
            return Ok(());
        };
        if !checkpoint.peers.any() {
            return Ok(());
        }
        let before = records
            .iter()
            .rev()
            .find(|record| record.batch <= start.epoch);
        let time = before.map_or_else(|| instant::text(0), |record| record.time.clone());
        self.clock = instant::parse(&time).map_err(Error::msg)?;
        start.rest.insert("clock".to_string(), time.clone().into());
        let from = checkpoint.offsets.last().unwrap_or(-1) + 1;
        let mut empty = Vec::new();
        for batch in from..=start.epoch {
            let range = self.source.cut()?;
            checkpoint.ranges.push((batch, range.clone()));
            empty.push(OffsetRecord {
                batch,
                time: time.clone(),
                is_final: false,
                rows: 0,
                range,
                memory: None,
                filled: true,
                since: checkpoint.part_in,
            });
        }
        checkpoint.offsets.append_all(&empty)?;
        if let Some(since) = filled_since(records.iter().chain(&empty), start.epoch) {
            start.rest.insert("filled_since".to_string(), since.into());
        }
        Ok(())
    }

    /// True if another source of the query has recorded a batch that this one has not; looked up again after `patience`.
    fn is_behind(&mut self, patience: Duration) -> Result<bool> {
        let Some(checkpoint) = &mut self.checkpoint else {
            return Ok(false);
        };
        if checkpoint.reached < self.next && checkpoint.looked.elapsed() >= patience {
            let reached = checkpoint.peers.reached()?;
            checkpoint.reached = checkpoint.reached.max(reached.unwrap_or(-1));
            checkpoint.looked = Instant::now();
        }
        Ok(checkpoint.reached >= self.next)
    }

    /// True if the next batch is one that the others have taken without this source, whose run had ended before it.
    fn others_went_on(&mut self) -> Result<bool> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(false);
        };
        // An end that is not behind the last record is that of a run before the last.
        let ended = checkpoint.ended.is_some() && checkpoint.ended >= checkpoint.last;
        Ok(ended && checkpoint.reached >= self.next)
    }

    /// Lets a later run of this source know that the others may go on without it.
    fn note_end(&mut self) -> Result<()> {
        let Some(checkpoint) = &mut self.checkpoint else {
            return Ok(());
        };
        checkpoint.peers.reached()?;
        if checkpoint.peers.any() {
            checkpoint.peers.end(self.next - 1)?;
            fail_point("source.after_end");
        }
        Ok(())
    }

    /// When an idle source is to look again at the others of its query, and whether it is read at all: one in `<(…)` holds
    /// the pipe of the stage before it open, so that no other would notice either.
    fn look_again(&self) -> Option<Instant> {
        let beside = |checkpoint: &Checkpoint| checkpoint.peers.any();
        let patience = if self.checkpoint.as_ref().is_some_and(beside) {
            LOOK
        } else {
            LOOK_ALONE
        };
        Some(Instant::now() + patience)
    }

    fn open_sides(&mut self, start: &Start) -> Result<()> {
        let file = match (&self.checkpoint, &self.args.rejects) {
            (Some(checkpoint), path) => Some(SideFile::open(
                &checkpoint.dir,
                &self.name,
                SideKind::Rejects,
                path.as_deref(),
                start.epoch,
            )?),
            (None, Some(path)) => Some(SideFile::plain(path, None, &self.name)?),
            (None, None) => None,
        };
        self.out.rejects.open(&self.name, self.args.quiet, file);
        Ok(())
    }

    /// Sends a recorded batch again. A different number of rows means that the input has changed under the record.
    fn replay(&mut self, record: OffsetRecord) -> Result<()> {
        message::tell(1, &self.name, || {
            format!("batch {}: replayed from its record", record.batch)
        });
        self.tell_live(Activity::Reading, Instant::now());
        self.begin(instant::parse(&record.time).map_err(Error::msg)?);
        self.source
            .replay(&record.range, &mut self.out)
            .with_context(|| format!("batch {} cannot be read again", record.batch))?;
        if self.out.figures.rows_in != record.rows && !self.source.accepts_loss() {
            bail!(
                "batch {} had {} rows when it was recorded and has {} now: its input was changed; restore it, or start afresh with a new checkpoint",
                record.batch,
                record.rows,
                self.out.figures.rows_in
            );
        }
        self.close(record.is_final, &record.range)
    }

    fn begin(&mut self, time: i64) {
        self.clock = self.clock.max(time);
        self.out.batch = self.next;
        self.out.clock = self.clock;
        self.out.figures = Figures {
            name: self.name.clone(),
            ..Default::default()
        };
        self.out.opening = Some(Begin {
            id: self.next,
            time: self.clock,
            rest: Default::default(),
        });
        self.since = Instant::now();
        self.began = clock::now();
    }

    /// The end of a batch whose record is durable.
    fn close(&mut self, last: bool, range: &Recorded) -> Result<()> {
        self.out.open()?;
        self.out.sync_sides()?;
        self.out.figures.ms = self.since.elapsed().as_millis() as u64;
        self.account(range);
        let stages = vec![std::mem::take(&mut self.out.figures)];
        let batch = Batch {
            id: self.next,
            last,
            watermark: None,
            stages,
            rest: Default::default(),
        };
        self.out.marker(&Marker::Batch(batch))?;
        self.out.flush()?;
        self.next += 1;
        Ok(())
    }

    /// Adds what the sink needs for its report: where the batch begins and ends, when its blocks went out.
    fn account(&mut self, range: &Recorded) {
        let recorded = std::mem::take(&mut self.recorded);
        let us = self.meter.lap(
            std::mem::take(&mut self.waited),
            self.out.writer.take_waited(),
            recorded,
        );
        self.out.figures.us = Some(us);
        let end = self.source.offset(range);
        let began = self.began / 1000;
        let blocks = self.out.writer.take_blocks().into_iter();
        let has_rows = self.out.figures.rows_out > 0;
        let read: Vec<(i64, u64)> = blocks
            .filter(|_| has_rows)
            .map(|(at, bytes)| ((at - began).max(0), bytes))
            .collect();
        let mut source = json!({
            "began": instant::text(self.began),
            "wal": us.barrier,
            "start": std::mem::replace(&mut self.offset, end.clone()),
            "end": end,
            "latest": self.source.latest(),
            "read": read,
        });
        if let Some(bytes) = bytes(&self.source) {
            source["bytes"] = json!(bytes);
        }
        self.out.figure("source", source);
        let figures = &self.out.figures;
        message::tell(1, &self.name, || {
            format!(
                "batch {} cut: {} rows read, {} bad, {} ms since its begin",
                self.next, figures.rows_in, figures.bad, figures.ms
            )
        });
        message::tell(2, &self.name, || {
            format!(
                "batch {}: range {range}; waited {} us for rows, {} us for output; its record took {} us",
                self.next, us.wait_in, us.wait_out, us.barrier
            )
        });
    }

    /// Ends a batch that was read just now: what it was is recorded first.
    fn cut(&mut self, last: bool) -> Result<()> {
        self.record(last, false)
    }

    fn record(&mut self, last: bool, filled: bool) -> Result<()> {
        let range = self.source.cut()?;
        if let Some(checkpoint) = &mut self.checkpoint {
            let record = OffsetRecord {
                batch: self.next,
                time: instant::text(self.clock),
                is_final: last,
                rows: self.out.figures.rows_in,
                range: range.clone(),
                memory: None,
                filled,
                since: checkpoint.part_in.filter(|_| filled),
            };
            if !filled {
                checkpoint.part_in = Some(self.next);
            }
            self.out.sync_sides()?;
            let before = Instant::now();
            fail_point("source.before_record");
            checkpoint.offsets.append(&record)?;
            fail_point("source.after_record");
            self.recorded = before.elapsed();
            checkpoint.ranges.push((self.next, range.clone()));
        }
        self.close(last, &range)?;
        self.forget()
    }

    /// Gives up what lies at or below the floor.
    fn forget(&mut self) -> Result<()> {
        let Some(checkpoint) = &mut self.checkpoint else {
            return Ok(());
        };
        let Some(floor) = checkpoint.dir.floor()? else {
            return Ok(());
        };
        if floor <= checkpoint.floor {
            return Ok(());
        }
        let gone = checkpoint
            .ranges
            .partition_point(|(batch, _)| *batch <= floor);
        for (batch, range) in &checkpoint.ranges[..gone] {
            self.source.forget(*batch, range)?;
        }
        checkpoint.floor = floor;
        let source = &mut self.source;
        checkpoint.offsets.forget_below(floor, &mut |records| {
            let ranges: Vec<_> = records
                .iter()
                .map(|record| (record.batch, record.range.clone()))
                .collect();
            source.remember(&ranges)
        })?;
        checkpoint.ranges.drain(..gone);
        Ok(())
    }

    /// Reads until the end, a limit on time, or a signal; then closes what is open.
    fn read_on(&mut self) -> Result<()> {
        let mut pace = Pace::new(&self.args);
        while self.wait_for_turn(&pace)? {
            self.begin(clock::now());
            if self.read_batch(&mut pace)? == Close::Run {
                break;
            }
            self.cut(false)?;
            pace.cut(Instant::now());
        }
        // With a checkpoint a later run can go on from here, unless it is to be drained.
        let last = self.checkpoint.is_none() || self.args.drain;
        if self.out.figures.rows_in == 0 && last {
            self.begin(clock::now());
        }
        if self.out.figures.rows_in > 0 || last {
            self.cut(last)?;
        }
        Ok(())
    }

    /// Waits until the trigger lets the next batch begin; false if the run is to end before.
    fn wait_for_turn(&mut self, pace: &Pace) -> Result<bool> {
        loop {
            let now = Instant::now();
            if self.stop.asked() || pace.is_over(now) {
                return Ok(false);
            }
            let Some(gate) = pace.gate.filter(|gate| *gate > now) else {
                return Ok(true);
            };
            if self.is_behind(LOOK)? {
                return Ok(true);
            }
            self.out.flush()?;
            self.tell_live(Activity::Trigger, now);
            // In short naps, since a sleep is not ended by a signal.
            std::thread::sleep(gate.saturating_duration_since(now).min(NAP));
            self.waited += now.elapsed();
        }
    }

    /// Reads rows into the open batch until it is to be closed.
    fn read_batch(&mut self, pace: &mut Pace) -> Result<Close> {
        let mut budget = Budget {
            rows: self.args.max_rows_per_trigger.unwrap_or(u64::MAX),
            bytes: self.args.max_bytes_per_trigger.unwrap_or(u64::MAX),
            until: None,
            stop: self.stop.clone(),
        };
        let mut first_row = None;
        loop {
            let boundary = pace.boundary();
            let flood_end = match first_row {
                Some(first) if self.source.floods() && boundary.is_none() => Some(first + FLOOD),
                _ => None,
            };
            let show_by = self.show_by();
            budget.until = [boundary, pace.stop_at, flood_end, show_by]
                .into_iter()
                .flatten()
                .min();
            let read = self.source.read(&mut budget, &mut self.out)?;
            let now = Instant::now();
            let rows = self.out.figures.rows_in > 0;
            self.tell_live(
                match rows {
                    true => Activity::Reading,
                    false => Activity::Waiting,
                },
                now,
            );
            if rows {
                first_row.get_or_insert(now);
                pace.last_rows = now;
            } else {
                self.began = clock::now();
            }
            if read == Read::End || self.stop.asked() || pace.is_over(now) {
                return Ok(Close::Run);
            }
            let due = boundary.is_some_and(|at| at <= now);
            if rows
                && (due
                    || read == Read::Full
                    || budget.spent()
                    || flood_end.is_some_and(|at| at <= now))
            {
                return Ok(Close::Batch);
            }
            if due {
                pace.boundary = None;
            }
            if read != Read::Idle {
                continue;
            }
            if self.args.available_now {
                return Ok(Close::Run);
            }
            if self.is_behind(LOOK)? {
                return Ok(Close::Batch);
            }
            match pace.idle_close(rows, now) {
                Some(at) if at <= now => return Ok(Close::Batch),
                at => {
                    self.out.flush()?;
                    // Not for long before others know that it waits.
                    let is_known = self
                        .told
                        .is_some_and(|(_, state)| state == Activity::Waiting);
                    let show_by = self.show_by().filter(|_| !is_known);
                    if self.out.writer.is_closed() {
                        return Err(Closed.into());
                    }
                    self.source.wait(
                        [at, pace.boundary, pace.stop_at, show_by, self.look_again()]
                            .into_iter()
                            .flatten()
                            .min(),
                    )?;
                    self.waited += now.elapsed();
                }
            }
            if !rows {
                // The clock of a batch is that of its first row, not of the wait before it.
                self.begin(clock::now());
            }
        }
    }
}

/// The range of the last batch up to `epoch`.
fn records_before(records: &[OffsetRecord], epoch: i64) -> Option<Recorded> {
    let record = records.iter().rfind(|record| record.batch <= epoch)?;
    Some(record.range.clone())
}

/// The batch after which all up to `epoch` were filled, if the one of `epoch` was. The records of some may be forgotten.
fn filled_since<'a>(
    records: impl DoubleEndedIterator<Item = &'a OffsetRecord>,
    epoch: i64,
) -> Option<i64> {
    let mut back = records.rev().skip_while(|record| record.batch > epoch);
    let at = back.next().filter(|record| record.filled)?;
    let counted = || epoch - 1 - back.take_while(|record| record.filled).count() as i64;
    Some(at.part_in().unwrap_or_else(counted))
}

/// How much of an input of known size is read.
fn bytes<S: Source>(source: &S) -> Option<Bytes> {
    let (done, total) = source.extent()?;
    Some(Bytes { done, total })
}

/// Why the open batch is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// It is complete, and more may follow.
    Batch,
    /// The run ends.
    Run,
}

/// When batches may begin and must end.
struct Pace {
    trigger: Option<Trigger>,
    heartbeat: Option<Duration>,
    /// The run ends then.
    stop_at: Option<Instant>,
    /// The next batch begins no earlier.
    gate: Option<Instant>,
    /// The open batch ends then, if it has rows.
    boundary: Option<Instant>,
    last_cut: Option<Instant>,
    last_rows: Instant,
}

impl Pace {
    fn new(args: &SourceArgs) -> Pace {
        let now = Instant::now();
        Pace {
            trigger: args.trigger,
            heartbeat: args.heartbeat,
            stop_at: args.stop_after.map(|after| now + after),
            gate: None,
            boundary: None,
            last_cut: None,
            last_rows: now,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.stop_at.is_some_and(|at| at <= now)
    }

    /// The end of the current interval, under an interval trigger.
    fn boundary(&mut self) -> Option<Instant> {
        if self.boundary.is_none() {
            self.boundary = self.trigger.map(|trigger| trigger.next());
        }
        self.boundary
    }

    /// When the open batch is to be closed if the source stays idle: soon if it has rows, else as a heartbeat.
    fn idle_close(&self, rows: bool, now: Instant) -> Option<Instant> {
        if rows {
            if self.trigger.is_some() {
                return None;
            }
            return Some(self.last_cut.map_or(now, |last| last + LEAST_SPACING));
        }
        let quiet_since = self
            .last_cut
            .map_or(self.last_rows, |cut| cut.max(self.last_rows));
        self.heartbeat.map(|heartbeat| quiet_since + heartbeat)
    }

    /// A batch was cut: under an interval trigger the next one begins at the next boundary.
    fn cut(&mut self, now: Instant) {
        self.last_cut = Some(now);
        self.gate = self.boundary.take();
    }
}

#[cfg(test)]
#[path = "source_driver_tests.rs"]
mod tests;
