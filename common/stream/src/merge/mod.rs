//! Several inputs as one stream, for the driver of a stage that takes more than standard input.
//!
//! Marked inputs are aligned on their batch markers: batch N of the one stream holds the rows of batch N of each input, in the
//! order of the inputs, between one `begin` and one `batch`. Its clock is the latest of theirs, its watermark the least, and
//! it is final if all are. So what comes out follows from the inputs alone, whichever comes faster, and a replay is the same
//! (`docs/PROTOCOL.md`, two inputs). The stage learns from [`Sides`] which input a row is of, and how each began.

mod follow;
mod intake;
mod queue;
mod starts;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use intake::Origin;

use crate::driver::Interrupted;
use crate::marker::{self, Batch, Begin, Marker, Start, Watermark};
use crate::message;
use crate::reader::{Next, Woken};
use crate::signals::Stop;
use follow::{Follow, Line, Seen};
use queue::Queue;

/// After this long without the batch that is due, a person is told what is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a stage knows of its inputs beside the rows.
#[derive(Debug, Default)]
pub struct Sides {
    current: Cell<usize>,
    starts: RefCell<Vec<Start>>,
}

impl Sides {
    /// The input that the row at hand is of; 0 is standard input.
    #[inline]
    pub fn current(&self) -> usize {
        self.current.get()
    }

    /// How each input began, in their order; the names of their stages are unique over all of them. Starts of plain inputs
    /// say nothing.
    pub fn starts(&self) -> Vec<Start> {
        self.starts.borrow().clone()
    }
}

/// What is to be given next.
enum Phase {
    /// The first line, once all inputs have shown theirs.
    First,
    /// All inputs are plain: whatever comes.
    Plain,
    /// The `begin` of the next batch, or the end.
    Begin,
    /// The open batch's rows of this input; behind the last one, the watermark.
    Rows(usize),
    /// The `batch` marker.
    Batch,
    /// Nothing.
    Done,
}

/// The inputs as one stream of lines.
pub(crate) struct Merge {
    inputs: Vec<Follow>,
    queue: Arc<Queue>,
    sides: Rc<Sides>,
    phase: Phase,
    /// The input that the next line depends on; any, if none.
    wanted: Option<usize>,
    /// The marker that was given last.
    line: Vec<u8>,
    /// No input is marked, whatever its first line.
    plain: bool,
    stop: Stop,
    /// The open batch, or the next.
    id: i64,
    clock: i64,
    mark: Option<i64>,
    told: bool,
    quiet: bool,
    waited: Duration,
}

impl Merge {
    pub(crate) fn new(
        origins: Vec<Origin>,
        sides: Rc<Sides>,
        plain: bool,
        quiet: bool,
        stop: Stop,
    ) -> Merge {
        let queue = Queue::new(origins.len());
        let mut inputs = Vec::new();
        for (input, origin) in origins.into_iter().enumerate() {
            inputs.push(Follow::new(origin.label(), input, queue.clone()));
            intake::start(origin, input, queue.clone());
        }
        Merge {
            inputs,
            queue,
            sides,
            phase: Phase::First,
            wanted: Some(0),
            line: Vec::new(),
            plain,
            stop,
            id: 0,
            clock: i64::MIN,
            mark: None,
            told: false,
            quiet,
            waited: Duration::ZERO,
        }
    }

    /// Names of the stages above the inputs but the first.
    pub(crate) fn other_names(&self) -> Vec<String> {
        let starts = self.sides.starts.borrow();
        let others = starts.iter().skip(1);
        others
            .flat_map(|start| marker::names(&start.plan))
            .collect()
    }

    /// True if an input has shown itself to be marked.
    pub(crate) fn is_marked(&self) -> bool {
        let mut inputs = self.inputs.iter();
        inputs.any(|input| matches!(input.first, Some(First::Marked(_))))
    }

    /// The next line, if it can be had without waiting.
    pub(crate) fn line(&mut self) -> Result<Next<'_>> {
        loop {
            match self.phase {
                Phase::First => match self.first()? {
                    Some(Ready::Line) => return Ok(Next::Line(&self.line)),
                    Some(Ready::Eof) => return Ok(Next::Eof),
                    Some(_) => {}
                    None => return Ok(Next::Empty),
                },
                Phase::Begin => match self.begin()? {
                    true => return Ok(Next::Line(&self.line)),
                    false => return self.nothing_yet(),
                },
                Phase::Rows(input) if input < self.inputs.len() => {
                    if self.inputs[input].open.is_none() {
                        self.phase = Phase::Rows(input + 1);
                        continue;
                    }
                    self.wanted = Some(input);
                    self.sides.current.set(input);
                    match self.inputs[input].next()? {
                        Seen::Empty => return self.nothing_yet(),
                        Seen::Eof => return Err(self.broken(input)),
                        Seen::Line(line) if self.inputs[input].is_marker(line) => {
                            if self.inputs[input].obey(line)? {
                                return self.pass_abort(input, line);
                            }
                        }
                        Seen::Line(line) => return Ok(Next::Line(self.inputs[input].bytes(line))),
                        Seen::Long(length) => {
                            return Ok(Next::TooLong(self.inputs[input].head(), length));
                        }
                    }
                }
                Phase::Rows(_) => {
                    self.phase = Phase::Batch;
                    if let Some(watermark) = self.watermark() {
                        return self.give(&Marker::Watermark(watermark));
                    }
                }
                Phase::Batch => {
                    let batch = self.batch();
                    self.phase = Phase::Begin;
                    self.id += 1;
                    return self.give(&Marker::Batch(batch));
                }
                Phase::Plain => match self.any()? {
                    Some((input, line)) => {
                        self.sides.current.set(input);
                        return Ok(match line {
                            Seen::Line(line) => Next::Line(self.inputs[input].bytes(line)),
                            Seen::Long(length) => Next::TooLong(self.inputs[input].head(), length),
                            Seen::Empty => Next::Empty,
                            Seen::Eof => Next::Eof,
                        });
                    }
                    None => return Ok(Next::Empty),
                },
                Phase::Done => return self.nothing_follows(),
            }
        }
    }

    /// Rows of the open batch that are at hand, all of one input, each with its newline; `None` if [`Merge::line`] has to be asked.
    pub(crate) fn lines(&mut self) -> Option<&[u8]> {
        let Phase::Rows(input) = self.phase else {
            return None;
        };
        let follow = self.inputs.get_mut(input)?;
        follow.open.as_ref()?;
        self.sides.current.set(input);
        follow.lines()
    }

    /// True if [`Merge::line`] has something to give. Only asked on plain inputs.
    pub(crate) fn has_line(&mut self) -> Result<bool> {
        for input in &mut self.inputs {
            if input.has_line()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits until there may be something to give, or until `deadline`.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Woken {
        let before = Instant::now();
        let woken = self.await_line(deadline);
        self.waited += before.elapsed();
        woken
    }

    /// How long [`Merge::wait`] has waited since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    fn await_line(&mut self, deadline: Option<Instant>) -> Woken {
        let marked = matches!(self.phase, Phase::Begin | Phase::Rows(_));
        if deadline.is_some() || self.told || self.quiet || self.wanted.is_none() {
            return match self.queue.wait(self.wanted, deadline, marked) {
                true => Woken::Ready,
                false => Woken::Timeout,
            };
        }
        let patience = Some(Instant::now() + PATIENCE);
        if !self.queue.wait(self.wanted, patience, marked) {
            self.tell();
        }
        Woken::Ready
    }

    /// Says what is waited for, once, if another input has what it takes.
    fn tell(&mut self) {
        let Some(wanted) = self.wanted else { return };
        let others = self.inputs.iter().enumerate();
        let ahead = others
            .filter(|(input, _)| *input != wanted)
            .any(|(_, other)| other.open.is_some());
        if ahead && matches!(self.phase, Phase::Begin | Phase::Rows(_)) {
            self.told = true;
            message::say(
                &self.inputs[wanted].label,
                &format!(
                    "batch {} is awaited from here: if this input can be silent, give its source --heartbeat '1 second'",
                    self.id
                ),
            );
        }
    }

    /// Finds out what the inputs are; `None` while one has not begun.
    fn first(&mut self) -> Result<Option<Ready>> {
        for input in 0..self.inputs.len() {
            if self.inputs[input].first.is_some() {
                continue;
            }
            self.wanted = Some(input);
            let first = match self.inputs[input].peek()? {
                Seen::Empty => return Ok(None),
                Seen::Eof => First::Nothing,
                Seen::Line(line) if !self.plain && self.inputs[input].is_marker(line) => {
                    self.inputs[input].skip();
                    match Marker::parse(self.inputs[input].bytes(line))? {
                        Marker::Start(start) => First::Marked(start),
                        Marker::Abort(abort) => {
                            self.line.clear();
                            Marker::Abort(abort).write(&mut self.line)?;
                            self.line.pop();
                            return Ok(Some(Ready::Line));
                        }
                        _ => bail!(
                            "{}: the stream does not begin with its start marker: did a filter drop the first line? keep lines that begin with {{\"$st\":",
                            self.inputs[input].label
                        ),
                    }
                }
                Seen::Line(_) | Seen::Long(_) => First::Plain,
            };
            self.inputs[input].first = Some(first);
        }
        let starts = starts::agree(&self.inputs)?;
        self.wanted = None;
        let Some(beginnings) = starts else {
            let nothing = self
                .inputs
                .iter()
                .all(|input| matches!(input.first, Some(First::Nothing)));
            if nothing && self.stop.asked() {
                return Err(Interrupted.into());
            }
            *self.sides.starts.borrow_mut() =
                vec![Start::new(String::new(), -1); self.inputs.len()];
            self.phase = Phase::Plain;
            return Ok(Some(if nothing { Ready::Eof } else { Ready::Again }));
        };
        starts::show_as_one(&beginnings);
        let pairs = self.inputs.iter_mut().zip(beginnings);
        let starts: Vec<Start> = pairs
            .map(|(input, beginning)| input.begin_at(beginning))
            .collect();
        let mut merged = starts::merge(&starts);
        if let Some(clock) = self.inputs.iter().map(|input| input.clock).max()
            && clock > i64::MIN
        {
            self.clock = clock;
            let clock = crate::instant::text(clock);
            merged.rest.insert("clock".to_string(), clock.into());
        }
        self.id = merged.epoch + 1;
        self.mark = merged.mark();
        *self.sides.starts.borrow_mut() = starts;
        self.phase = Phase::Begin;
        self.give(&Marker::Start(Box::new(merged)))?;
        Ok(Some(Ready::Line))
    }

    /// The next batch's begin, or the end; false while an input has not shown what it does next.
    fn begin(&mut self) -> Result<bool> {
        for input in 0..self.inputs.len() {
            while self.inputs[input].open.is_none() && !self.inputs[input].ended {
                self.wanted = Some(input);
                match self.inputs[input].next()? {
                    Seen::Empty => return Ok(false),
                    Seen::Eof => return Err(self.broken(input)),
                    Seen::Line(line) if self.inputs[input].is_marker(line) => {
                        if self.inputs[input].obey(line)? {
                            self.pass_abort(input, line)?;
                            return Ok(true);
                        }
                    }
                    Seen::Line(line) => bail!(
                        "{}: a row outside a batch: was a begin marker dropped? {}",
                        self.inputs[input].label,
                        marker::quote(self.inputs[input].bytes(line))
                    ),
                    Seen::Long(_) => bail!("{}: a row outside a batch", self.inputs[input].label),
                }
            }
        }
        let mut opening = None;
        for input in &self.inputs {
            self.clock = self.clock.max(input.clock);
            if let Some(begin) = &input.open {
                if begin.id != self.id {
                    bail!(
                        "{}: batch {} begins where batch {} was due: markers were dropped or repeated",
                        input.label,
                        begin.id,
                        self.id
                    );
                }
                opening = opening.or(Some(begin.rest.clone()));
            }
        }
        let marker = match opening {
            Some(rest) => {
                self.phase = Phase::Rows(0);
                Marker::Begin(Begin {
                    id: self.id,
                    time: self.clock,
                    rest,
                })
            }
            None => {
                self.phase = Phase::Done;
                Marker::End
            }
        };
        self.give(&marker)?;
        Ok(true)
    }

    /// The watermark of the batch that ends, if the least mark has moved.
    fn watermark(&mut self) -> Option<Watermark> {
        let declaring = || self.inputs.iter().filter(|input| input.declares());
        let mark = declaring().map(|input| input.mark).min().flatten();
        if mark.is_none() || mark <= self.mark {
            return None;
        }
        self.mark = mark;
        let time = mark?;
        let mut watermark = Watermark::at(time);
        let mut own: BTreeMap<&str, i64> = BTreeMap::new();
        for input in declaring() {
            for column in &input.columns {
                let mark = input.mark_of(column).unwrap_or(time);
                let least = own.entry(column).or_insert(mark);
                *least = mark.min(*least);
            }
        }
        for (column, mark) in own.into_iter().filter(|(_, mark)| *mark != time) {
            watermark
                .columns
                .insert(column.to_string(), crate::instant::text(mark).into());
        }
        Some(watermark)
    }

    fn batch(&mut self) -> Batch {
        let mut merged = Batch {
            id: self.id,
            last: true,
            watermark: self.mark,
            stages: Vec::new(),
            rest: Default::default(),
        };
        for input in &mut self.inputs {
            if let Some(batch) = input.close() {
                merged.stages.extend(batch.stages);
                if merged.rest.is_empty() {
                    merged.rest = batch.rest;
                }
            }
            merged.last &= input.last;
        }
        merged
    }

    /// The next line of any plain input; the one that gave the last goes first while it has more in memory.
    fn any(&mut self) -> Result<Option<(usize, Seen)>> {
        self.wanted = None;
        let first = self.sides.current.get();
        let mut ended = 0;
        for step in 0..self.inputs.len() {
            let input = (first + step) % self.inputs.len();
            match self.inputs[input].next()? {
                Seen::Empty => {}
                Seen::Eof => ended += 1,
                line => return Ok(Some((input, line))),
            }
        }
        Ok((ended == self.inputs.len()).then_some((first, Seen::Eof)))
    }

    fn give(&mut self, marker: &Marker) -> Result<Next<'_>> {
        self.line.clear();
        marker.write(&mut self.line)?;
        self.line.pop();
        Ok(Next::Line(&self.line))
    }

    /// In a marked stream: the input that is wanted has nothing. The others may never get it any further: a source that died
    /// is not waited for behind one that is silent.
    fn nothing_yet(&mut self) -> Result<Next<'_>> {
        match self.queue.fallen() {
            None => Ok(Next::Empty),
            Some((_, Err(reason))) => bail!("{reason}"),
            Some((_, Ok(tail))) if matches!(Marker::parse(&tail), Ok(Marker::Abort(_))) => {
                self.line = tail;
                Ok(Next::Line(&self.line))
            }
            Some((input, Ok(_))) => Err(self.broken(input)),
        }
    }

    fn pass_abort(&mut self, input: usize, line: Line) -> Result<Next<'_>> {
        self.line.clear();
        self.line.extend_from_slice(self.inputs[input].bytes(line));
        Ok(Next::Line(&self.line))
    }

    /// An input ended before its `end`.
    fn broken(&self, input: usize) -> anyhow::Error {
        if self.stop.asked() {
            return Interrupted.into();
        }
        let label = &self.inputs[input].label;
        match self.inputs[input].open {
            Some(_) => anyhow::anyhow!(
                "{label}: the stream broke off in batch {}, which is discarded: a stage upstream died; run the same line again",
                self.id
            ),
            None => anyhow::anyhow!(
                "{label}: the stream broke off without its end marker: a stage upstream died; run the same line again"
            ),
        }
    }

    /// After `end` each input has to be at its own end.
    fn nothing_follows(&mut self) -> Result<Next<'_>> {
        for input in 0..self.inputs.len() {
            self.wanted = Some(input);
            match self.inputs[input].next()? {
                Seen::Eof => {}
                Seen::Empty => return Ok(Next::Empty),
                _ => bail!(
                    "{}: a line after the end of the stream",
                    self.inputs[input].label
                ),
            }
        }
        Ok(Next::Eof)
    }
}

/// What an input's first line shows it to be.
pub(crate) enum First {
    Marked(Box<Start>),
    Plain,
    /// Zero bytes.
    Nothing,
}

#[derive(PartialEq)]
enum Ready {
    Line,
    Eof,
    Again,
}
