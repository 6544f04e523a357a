//! Runs a stage over its input: reads lines, keeps the protocol, calls the stage, hands markers on.
//!
//! One driver serves every stage that is not a source, so that the rules of the wire stand in one place: `marked` follows
//! the barriers of the stream, `plain` makes its own.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Map, Value};
use st_checkpoint::{Durability, Holder, Patience, QueryDir, SideFile, SideKind, fail_point};

use crate::marker::{self, Abort, Marker, Node, Start};
use crate::merge::{Merge, Origin, Sides};
use crate::message;
use crate::meter::Meter;
use crate::out::Out;
use crate::reader::{LINE_LIMIT, Next, Reader, Woken};
use crate::shown::Shown;
use crate::signals::Stop;
use crate::stage::{Context, Stage};
use crate::trigger::Trigger;
use crate::turns::take_turns;
use crate::twin::Doubled;
use crate::writer::Writer;

mod marked;
mod plain;

/// What the user said about the stage as such, whichever tool it is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A name other than the tool's.
    pub name: Option<String>,
    /// The input is plain, whatever its first line.
    pub plain: bool,
    /// Stop at the first bad row.
    pub strict: bool,
    /// Say only what went wrong.
    pub quiet: bool,
    /// Where bad rows go.
    pub rejects: Option<PathBuf>,
    /// Where late rows go.
    pub late: Option<PathBuf>,
    /// A checkpoint of this stage alone, on plain input.
    pub checkpoint: Option<PathBuf>,
    /// When to cut plain input into batches.
    pub trigger: Option<Trigger>,
    /// What makes an epoch durable.
    pub durability: Durability,
}

impl Options {
    /// Those that an explained plan shows beside the stage's own.
    fn plan(&self) -> Map<String, Value> {
        let path = |path: &Option<PathBuf>| Some(Value::from(path.as_ref()?.to_string_lossy()));
        let options = [
            ("rejects", path(&self.rejects)),
            ("late", path(&self.late)),
            ("strict", self.strict.then_some(Value::Bool(true))),
        ];
        let given = options.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_string(), value?)))
            .collect()
    }
}

/// How a run ended, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All input was taken.
    Done,
    /// A signal ended the run before the stream did.
    Interrupted,
}

/// The stream ended before its `end` marker while a signal asks this stage to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// A stage upstream failed and has said so.
#[derive(Debug)]
pub(crate) struct Aborted {
    pub(crate) abort: Abort,
    /// A stage further down will say it.
    pub(crate) passed_on: bool,
}

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the query stopped, the open batch is discarded: {} failed: {}",
            self.abort.stage, self.abort.reason
        )
    }
}

impl std::error::Error for Aborted {}

/// Runs `stage` from stdin to stdout. An error has not been printed yet; the abort marker has been sent.
pub fn run<S: Stage>(stage: S, options: Options) -> Result<Ending> {
    take_turns();
    let reader = Reader::stdin(LINE_LIMIT)?;
    let writer = Writer::stdout()?;
    let stop = Stop::install()?;
    Driver::new(stage, options, reader, writer, stop).run()
}

/// Runs `stage` over standard input and `others` as one stream; `sides` tells the stage which is which. As [`run`].
pub fn run_merged<S: Stage>(
    stage: S,
    options: Options,
    others: Vec<Origin>,
    sides: Rc<Sides>,
) -> Result<Ending> {
    take_turns();
    let writer = Writer::stdout()?;
    let stop = Stop::install()?;
    let origins = std::iter::once(Origin::Stdin).chain(others).collect();
    let merge = Merge::new(origins, sides, options.plain, options.quiet, stop.clone());
    Driver::over(
        stage,
        options,
        Lines::Several(Box::new(merge)),
        writer,
        stop,
    )
    .run()
}

/// Where the lines of a stage come from.
pub(crate) enum Lines {
    One(Reader),
    Several(Box<Merge>),
}

impl Lines {
    #[inline]
    fn line(&mut self) -> Result<Next<'_>> {
        match self {
            Lines::One(reader) => reader.line(),
            Lines::Several(merge) => merge.line(),
        }
    }

    /// Whole lines that are no markers, if there are some at hand.
    #[inline]
    fn lines(&mut self) -> Option<(&[u8], Option<Doubled>)> {
        match self {
            Lines::One(reader) => reader.lines(),
            Lines::Several(merge) => Some((merge.lines()?, None)),
        }
    }

    fn read_ahead(&mut self) {
        match self {
            Lines::One(reader) => reader.read_ahead(),
            // They have a thread for each input anyway.
            Lines::Several(_) => {}
        }
    }

    fn double(&mut self) {
        match self {
            Lines::One(reader) => reader.double(),
            Lines::Several(_) => {}
        }
    }

    fn has_line(&mut self) -> Result<bool> {
        match self {
            Lines::One(reader) => reader.has_line(),
            Lines::Several(merge) => merge.has_line(),
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<Woken> {
        match self {
            Lines::One(reader) => reader.wait(deadline),
            Lines::Several(merge) => Ok(merge.wait(deadline)),
        }
    }

    fn take_waited(&mut self) -> Duration {
        match self {
            Lines::One(reader) => reader.take_waited(),
            Lines::Several(merge) => merge.take_waited(),
        }
    }

    /// True if one of several inputs is known to be marked, also before the stage has begun.
    fn is_marked(&self) -> bool {
        matches!(self, Lines::Several(merge) if merge.is_marked())
    }

    /// Names of stages that are not in the plan of the stream's own start.
    fn other_names(&self) -> Vec<String> {
        match self {
            Lines::One(_) => Vec::new(),
            Lines::Several(merge) => merge.other_names(),
        }
    }
}

pub(crate) struct Driver<S> {
    stage: S,
    options: Options,
    reader: Lines,
    out: Out,
    stop: Stop,
    /// The stage's name; the tool's until `start` is read.
    name: String,
    /// Markers are written.
    marks: bool,
    /// Locks are held as long as the run lasts.
    lock: Option<st_checkpoint::Lock>,
    meter: Meter,
    /// How others see this run, in a marked stream.
    shown: Option<Shown>,
}

impl<S: Stage> Driver<S> {
    pub(crate) fn new(
        stage: S,
        options: Options,
        reader: Reader,
        writer: Writer,
        stop: Stop,
    ) -> Driver<S> {
        Driver::over(stage, options, Lines::One(reader), writer, stop)
    }

    fn over(stage: S, options: Options, reader: Lines, writer: Writer, stop: Stop) -> Driver<S> {
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| stage.tool().to_string());
        let out = Out::new(writer, options.strict);
        Driver {
            stage,
            options,
            reader,
            out,
            stop,
            name,
            marks: false,
            lock: None,
            meter: Meter::start(),
            shown: None,
        }
    }

    pub(crate) fn run(mut self) -> Result<Ending> {
        match self.follow() {
            Ok(ending) => {
                self.show_end(None);
                Ok(ending)
            }
            Err(error) if error.is::<Interrupted>() => {
                self.show_end(Some("interrupted"));
                self.abort("interrupted");
                Ok(Ending::Interrupted)
            }
            Err(error) if self.stop.asked() && error.is::<Aborted>() => {
                self.show_end(Some("interrupted"));
                self.abort("interrupted");
                Ok(Ending::Interrupted)
            }
            Err(error) => {
                if self.reader.is_marked() {
                    self.marks = !self.stage.manners().is_sink();
                }
                if !error.is::<crate::writer::Closed>() {
                    match error.downcast_ref::<Aborted>() {
                        Some(aborted) => {
                            let abort = &aborted.abort;
                            if let Some(shown) = &mut self.shown
                                && self.stage.manners().is_sink()
                            {
                                shown.end(Some((&abort.stage, &abort.reason)));
                            }
                            self.pass_abort(abort.clone());
                        }
                        None => {
                            let reason = message::chain(&error);
                            self.show_end(Some(&reason));
                            self.abort(&reason);
                        }
                    }
                } else {
                    self.show_end(None);
                }
                Err(error.context(crate::cli::Named(self.name)))
            }
        }
    }

    fn follow(&mut self) -> Result<Ending> {
        loop {
            match self.reader.line()? {
                Next::Empty => {
                    self.out.flush()?;
                    self.reader.wait(None)?;
                }
                Next::Line(line) if !self.options.plain && marker::is_marker(line) => {
                    // Whatever is wrong with it: the stages below are told.
                    self.marks = !self.stage.manners().is_sink();
                    let first = Marker::parse(line)?;
                    return match first {
                        Marker::Start(start) => self.marked(*start),
                        Marker::Abort(abort) => Err(Aborted {
                            abort,
                            passed_on: self.marks,
                        }
                        .into()),
                        other => bail!(
                            "stdin: the stream does not begin with its start marker but with {}: did a filter drop the first line? keep lines that begin with {{\"$st\":",
                            name_of(&other)
                        ),
                    };
                }
                Next::Eof => return self.nothing(),
                Next::Line(line) => {
                    let first = line.to_vec();
                    return self.plain(&first);
                }
                Next::TooLong(beginning, length) => {
                    let beginning = beginning.to_vec();
                    return self.plain_too_long(&beginning, length);
                }
            }
        }
    }

    /// Opens what the checkpoint holds for this stage, and lets the stage load and refuse.
    fn start_stage(
        &mut self,
        start: &mut Start,
        marked: bool,
        own: Option<QueryDir>,
    ) -> Result<()> {
        let mut known_names = marker::names(&start.plan);
        known_names.extend(self.reader.other_names());
        let base = match &start.branch {
            Some(branch) => format!("{branch}.{}", self.name),
            None => self.name.clone(),
        };
        self.name = unique_name(&base, self.options.name.is_some(), &known_names)?;
        if let Some(shown) = &mut self.shown {
            shown.is_called(&self.name);
        }

        let mut query = None;
        if let Some(path) = &start.checkpoint {
            let dir = match own {
                Some(dir) => dir,
                None => start.open_checkpoint(path, self.options.durability)?,
            };
            if self.lock.is_none() {
                self.take_lock(&dir, start, known_names)?;
            }
            query = Some(dir);
        }
        let side = |path: &Option<PathBuf>, kind| -> Result<Option<SideFile>> {
            Ok(match (&query, path) {
                (Some(dir), path) => Some(SideFile::open(
                    dir,
                    &self.name,
                    kind,
                    path.as_deref(),
                    start.epoch,
                )?),
                (None, Some(path)) => Some(SideFile::plain(path, None, &self.name)?),
                (None, None) => None,
            })
        };
        if start.explain.is_none() {
            let rejects = side(&self.options.rejects, SideKind::Rejects)?;
            let late = side(&self.options.late, SideKind::Late)?;
            self.out
                .rejects
                .open(&self.name, self.options.quiet, rejects);
            self.out.late.open(&self.name, self.options.quiet, late);
        }

        let context = Context {
            name: self.name.clone(),
            query,
            marked,
            quiet: self.options.quiet,
            rejects: self.out.rejects.path(),
        };
        self.stage.start(start, &context)?;
        if let (Some(dir), Some(branch)) = (&context.query, &start.branch)
            && self.stage.manners().is_sink()
        {
            // Its registration keeps the floor from now on.
            dir.joined(branch)?;
        }
        let mut node = Node {
            tool: self.stage.tool().to_string(),
            name: self.name.clone(),
            options: spelled_as_given(self.stage.options()),
            rest: self.stage.inputs(),
        };
        if start.explain.is_some() {
            node.options.append(&mut self.options.plan());
            node.rest
                .insert("schema".into(), start.schema.clone().into());
            if let Some(kept) = self.stage.kept() {
                node.rest.insert("kept".into(), serde_json::to_value(kept)?);
            }
        }
        start.plan.push(node);
        if let Some(shown) = &mut self.shown
            && self.stage.manners().is_sink()
        {
            shown.begin(&start.plan, self.stage.place(), start.checkpoint.is_none());
        }
        self.tell_start(start);
        Ok(())
    }

    /// With `-v`: what the stage found at its start.
    fn tell_start(&self, start: &Start) {
        message::tell(1, &self.name, || match (&start.checkpoint, start.epoch) {
            (Some(path), -1) => format!("{}: begins without an epoch", path.display()),
            (Some(path), epoch) => format!("{}: epoch {epoch} loaded", path.display()),
            (None, _) => "begins; no checkpoint".to_string(),
        });
        message::tell(2, &self.name, || {
            format!(
                "rows are {} mode, keys [{}], schema `{}`",
                start.mode,
                start.keys.join(", "),
                start.schema
            )
        });
    }

    /// Shows how the run ended: a sink always, another stage if it failed by itself.
    fn show_end(&mut self, error: Option<&str>) {
        if let Some(shown) = &mut self.shown
            && (error.is_some() || self.stage.manners().is_sink())
        {
            shown.end(error.map(|error| (self.name.as_str(), error)));
        }
    }

    /// Makes this process the only one of its stage's name in the directory, as long as no later run has begun: its source
    /// waits for this lock if it is held, and reads how far the sinks have come.
    fn take_lock(&mut self, dir: &QueryDir, start: &Start, above: Vec<String>) -> Result<()> {
        let (name, quiet) = (&self.name, self.options.quiet);
        let mut say = |text: &str| {
            if !quiet {
                message::say(name, text)
            }
        };
        let holder = holder(self.stage.tool()).below(above);
        let lock = dir.lock(name, &holder, &mut Patience::default(), &mut say)?;
        self.lock = Some(lock);
        fail_point("stage.locked");
        for (source, holder) in &start.sources {
            if let Some(now) = dir.holder(source)
                && now != *holder
            {
                bail!(
                    "{}: a later run of this query has begun ({source}, process {}): this one ends, and what it has not delivered is delivered there",
                    dir.path().join("locks").join(source).display(),
                    now.pid
                );
            }
        }
        Ok(())
    }

    /// Sends an abort marker with this stage's own reason, whatever state the output is in.
    fn abort(&mut self, reason: &str) {
        self.pass_abort(Abort {
            stage: self.name.clone(),
            reason: reason.to_string(),
        });
    }

    fn pass_abort(&mut self, abort: Abort) {
        if self.marks {
            // The stage has failed already; that its abort cannot be sent adds nothing the next stage will not see.
            let _ = self
                .out
                .marker(&Marker::Abort(abort))
                .and_then(|()| self.out.flush());
        } else {
            let _ = self.out.flush();
        }
    }

    fn begin_figures(&mut self, batch: i64) -> Instant {
        self.out.batch = batch;
        self.out.figures = marker::Figures {
            name: self.name.clone(),
            ..Default::default()
        };
        Instant::now()
    }
}

/// Options under their names on the command line: `order-by`.
fn spelled_as_given(options: Map<String, Value>) -> Map<String, Value> {
    let options = options.into_iter();
    options
        .map(|(name, value)| (name.replace('_', "-"), value))
        .collect()
}

/// What made a checkpoint, for the reader of its `metadata`.
pub(crate) fn created_by(tool: &str) -> String {
    format!("{tool} {}", env!("CARGO_PKG_VERSION"))
}

/// This process, as it is named in a lock it holds.
pub(crate) fn holder(tool: &str) -> Holder {
    Holder::this(tool, &crate::instant::text(crate::clock::now()))
}

/// The name of a stage behind others: given names must be new, a tool's own gets a number.
fn unique_name(base: &str, given: bool, taken: &[impl AsRef<str>]) -> Result<String> {
    let is_taken = |name: &str| taken.iter().any(|taken| taken.as_ref() == name);
    if !is_taken(base) {
        return Ok(base.to_string());
    }
    if given {
        bail!("--name {base}: another stage of this pipeline has that name: give each its own");
    }
    let mut number = 2;
    loop {
        let name = format!("{base}-{number}");
        if !is_taken(&name) {
            return Ok(name);
        }
        number += 1;
    }
}

fn name_of(marker: &Marker) -> &'static str {
    match marker {
        Marker::Start(_) => "start",
        Marker::Begin(_) => "begin",
        Marker::Watermark(_) => "watermark",
        Marker::Batch(_) => "batch",
        Marker::End => "end",
        Marker::Abort(_) => "abort",
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
