//! One input of several: its lines, and how far its markers have come. Each error names the input.

use std::sync::Arc;

use anyhow::{Result, bail};
use memchr::memmem::Finder;

use super::First;
use super::queue::{Block, Queue, Taken};
use super::starts::{Beginning, instant_of};
use crate::marker::{self, Batch, Begin, Marker, Start, Watermark};
use crate::reader::LINE_LIMIT;

/// A line within the block at hand.
#[derive(Clone, Copy)]
pub(super) struct Line {
    start: usize,
    end: usize,
}

/// What an input has.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    Line(Line),
    /// A line beyond the limit, and its length; its beginning is [`Follow::head`].
    Long(u64),
    Empty,
    Eof,
}

pub(super) struct Follow {
    /// As messages name it.
    pub label: String,
    input: usize,
    queue: Arc<Queue>,
    block: Vec<u8>,
    at: usize,
    /// The beginning of a long line.
    head: Vec<u8>,
    /// Finds a newline and the beginning of a marker.
    marker: Finder<'static>,
    /// A line that was looked at and not taken.
    peeked: Option<Seen>,
    eof: bool,
    /// What its first line was.
    pub first: Option<First>,
    /// The batch that has begun and not ended.
    pub open: Option<Begin>,
    /// Its `batch` marker, until the other inputs have sent theirs.
    closed: Option<Batch>,
    /// Its `end` has come.
    pub ended: bool,
    /// A final batch has come.
    pub last: bool,
    next: i64,
    pub clock: i64,
    pub mark: Option<i64>,
    watermark: Option<Watermark>,
    /// The columns that its watermarks bound, and its last announcement of their own marks.
    pub columns: Vec<String>,
    own: serde_json::Map<String, serde_json::Value>,
    declares: bool,
    /// Names of stages that are told apart from those of other inputs by another name.
    renamed: Vec<(String, String)>,
    /// Stages above this input whose figures come with another one.
    shared: usize,
}

impl Follow {
    pub(super) fn new(label: String, input: usize, queue: Arc<Queue>) -> Follow {
        Follow {
            label,
            input,
            queue,
            block: Vec::new(),
            at: 0,
            head: Vec::new(),
            marker: marker::finder(),
            peeked: None,
            eof: false,
            first: None,
            open: None,
            closed: None,
            ended: false,
            last: false,
            next: 0,
            clock: i64::MIN,
            mark: None,
            watermark: None,
            columns: Vec::new(),
            own: Default::default(),
            declares: false,
            renamed: Vec::new(),
            shared: 0,
        }
    }

    /// Follows the stream that `start` begins.
    pub(super) fn begin_at(&mut self, beginning: Beginning) -> Start {
        let Beginning {
            mut start,
            renamed,
            shared,
        } = beginning;
        (self.renamed, self.shared) = (renamed, shared);
        self.next = start.epoch + 1;
        self.mark = start.mark();
        self.declares = !start.watermarks.is_empty();
        let columns = start
            .watermarks
            .iter()
            .flat_map(|declared| &declared.columns);
        self.columns = columns.map(|(column, _)| column.clone()).collect();
        for declared in &start.watermarks {
            for (column, _) in &declared.columns {
                if let Some(time) = declared.time {
                    self.own
                        .insert(column.clone(), crate::instant::text(time).into());
                }
            }
        }
        if let Some(clock) = start
            .rest
            .shift_remove("clock")
            .as_ref()
            .and_then(instant_of)
        {
            self.clock = clock;
        }
        start
    }

    /// True if a watermark is declared above this input.
    pub(super) fn declares(&self) -> bool {
        self.declares
    }

    /// The mark of one column: its own, or the input's.
    pub(super) fn mark_of(&self, column: &str) -> Option<i64> {
        self.own.get(column).and_then(instant_of).or(self.mark)
    }

    pub(super) fn bytes(&self, line: Line) -> &[u8] {
        &self.block[line.start..line.end]
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    #[inline]
    pub(super) fn is_marker(&self, line: Line) -> bool {
        marker::is_marker(self.bytes(line))
    }

    /// Takes the next line.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Seen> {
        if let Some(seen) = self.peeked.take() {
            return Ok(seen);
        }
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.block[self.at..]) {
                let line = Line {
                    start: self.at,
                    end: self.at + length,
                };
                self.at = line.end + 1;
                return Ok(self.whole(line));
            }
            if self.at < self.block.len() {
                // Only the last line of the input has no newline.
                let line = Line {
                    start: self.at,
                    end: self.block.len(),
                };
                self.at = line.end;
                return Ok(self.whole(line));
            }
            if let Some(seen) = self.more()? {
                return Ok(seen);
            }
        }
    }

    /// Takes the whole lines of the block at hand up to the first marker; `None` if the next line is one, or is not there.
    pub(super) fn lines(&mut self) -> Option<&[u8]> {
        let there = self.block.get(self.at..)?;
        if self.peeked.is_some() || there.len() > LINE_LIMIT {
            return None;
        }
        let length = marker::rows_before(&self.marker, there)?;
        let from = self.at;
        self.at += length;
        Some(&self.block[from..self.at])
    }

    /// Takes the next block; what else there is instead of one.
    fn more(&mut self) -> Result<Option<Seen>> {
        if self.eof {
            return Ok(Some(Seen::Eof));
        }
        self.at = 0;
        let used = std::mem::take(&mut self.block);
        Ok(match self.queue.take(self.input, used)? {
            Taken::Block(Block::Lines(block)) => {
                self.block = block;
                None
            }
            Taken::Block(Block::Long(head, length)) => {
                self.head = head;
                Some(Seen::Long(length))
            }
            Taken::Empty => Some(Seen::Empty),
            Taken::End => {
                self.eof = true;
                Some(Seen::Eof)
            }
        })
    }

    #[cold]
    fn long(&mut self, line: Line) -> Seen {
        self.head = self.bytes(line)[..1024].to_vec();
        Seen::Long((line.end - line.start) as u64)
    }

    #[inline]
    fn whole(&mut self, line: Line) -> Seen {
        if line.end - line.start > LINE_LIMIT {
            return self.long(line);
        }
        Seen::Line(line)
    }

    /// Looks at the next line, and leaves it.
    pub(super) fn peek(&mut self) -> Result<Seen> {
        let seen = self.next()?;
        if !matches!(seen, Seen::Empty | Seen::Eof) {
            self.peeked = Some(seen);
        }
        Ok(seen)
    }

    /// Passes over the line that was looked at.
    pub(super) fn skip(&mut self) {
        self.peeked = None;
    }

    /// True if a line can be had without waiting.
    pub(super) fn has_line(&mut self) -> Result<bool> {
        Ok(!matches!(self.peek()?, Seen::Empty | Seen::Eof))
    }

    /// Follows a marker; true if it is an abort.
    pub(super) fn obey(&mut self, line: Line) -> Result<bool> {
        let label = self.label.clone();
        match Marker::parse(self.bytes(line))? {
            Marker::Begin(begin) => {
                if let Some(open) = &self.open {
                    bail!(
                        "{label}: batch {} begins before batch {} has ended: a batch marker was dropped",
                        begin.id,
                        open.id
                    );
                }
                if begin.id != self.next {
                    bail!(
                        "{label}: batch {} begins where batch {} was due: markers were dropped or repeated",
                        begin.id,
                        self.next
                    );
                }
                if begin.time < self.clock && self.clock != i64::MIN {
                    bail!(
                        "{label}: the clock of batch {} is earlier than that of the batch before",
                        begin.id
                    );
                }
                self.clock = begin.time;
                self.open = Some(begin);
            }
            Marker::Watermark(watermark) => {
                let Some(open) = &self.open else {
                    bail!(
                        "{label}: a watermark outside a batch: a begin or batch marker was dropped"
                    );
                };
                if self.watermark.is_some() {
                    bail!("{label}: two watermarks in batch {}", open.id);
                }
                if self.mark.is_some_and(|mark| watermark.time < mark) {
                    bail!("{label}: the watermark of batch {} goes back", open.id);
                }
                self.watermark = Some(watermark);
            }
            Marker::Batch(batch) => {
                let Some(open) = self.open.take() else {
                    bail!(
                        "{label}: batch {} ends and has not begun: its begin marker was dropped",
                        batch.id
                    );
                };
                if batch.id != open.id {
                    bail!(
                        "{label}: batch {} ends where batch {} has begun: markers were dropped",
                        batch.id,
                        open.id
                    );
                }
                if let Some(watermark) = self.watermark.take() {
                    self.mark = Some(watermark.time);
                    self.own = watermark.columns;
                }
                if batch.watermark != self.mark {
                    bail!(
                        "{label}: the watermark line of batch {} is missing: did a filter drop it?",
                        batch.id
                    );
                }
                self.next = batch.id + 1;
                self.last |= batch.last;
                self.closed = Some(batch);
            }
            Marker::End => {
                if let Some(open) = &self.open {
                    bail!(
                        "{label}: the stream ends within batch {}: its batch marker was dropped",
                        open.id
                    );
                }
                self.ended = true;
            }
            Marker::Abort(_) => return Ok(true),
            Marker::Start(_) => {
                bail!(
                    "{label}: a second start marker: two streams were joined by cat? use st-union"
                )
            }
        }
        Ok(false)
    }

    /// The marker of the batch that has ended, with the figures of the stages that no other input has, under their names
    /// in the whole plan.
    pub(super) fn close(&mut self) -> Option<Batch> {
        let mut batch = self.closed.take()?;
        batch.stages.drain(..self.shared.min(batch.stages.len()));
        for figures in &mut batch.stages {
            if let Some((_, new)) = self.renamed.iter().find(|(old, _)| *old == figures.name) {
                figures.name.clone_from(new);
            }
        }
        Some(batch)
    }
}
