//! Lines from a file descriptor, without waiting longer than the caller wants.
//!
//! The reader never blocks by itself: [`Reader::line`] says [`Next::Empty`] when a read would, so that the caller can flush
//! what it has written, and only then [`Reader::wait`]. A line longer than the limit is not taken into memory.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memchr::memmem::Finder;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use st_checkpoint::{fail_io, threshold};

use crate::flood::{Flood, HEAD, Read};
use crate::marker;
use crate::twin::{Doubled, Twin};

/// How much is read at once.
pub const BLOCK: usize = 256 * 1024;

/// After so many bytes without a moment in which there was nothing to read, a second thread reads ahead.
const FLOOD: u64 = 4 << 20;

/// The longest line of a stream, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024 * 1024;

/// What [`Reader::line`] found.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// A line without its newline. The last one of the input may have had none.
    Line(&'a [u8]),
    /// A line beyond the limit: its beginning and its length.
    TooLong(&'a [u8], u64),
    /// Nothing to read just now.
    Empty,
    /// The input has ended.
    Eof,
}

/// Why [`Reader::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There is something to read, or the end.
    Ready,
    /// The deadline has passed.
    Timeout,
    /// A signal arrived.
    Signal,
}

/// Splits a file descriptor's bytes into lines.
pub struct Reader {
    input: Arc<OwnedFd>,
    /// Bytes read since there was nothing to read.
    since: u64,
    /// Whether a flood is worth a thread.
    ahead: bool,
    flood: Option<Flood>,
    /// Whether what floods in is to be doubled, and where.
    doubles: bool,
    twin: Option<Rc<Twin>>,
    /// Bytes read in all.
    read: u64,
    buffer: Vec<u8>,
    /// What is in `buffer` and not yet handed out.
    start: usize,
    end: usize,
    /// No newline before this place.
    scanned: usize,
    limit: usize,
    /// Length so far of the line that is being skipped, if any.
    skipping: Option<u64>,
    eof: bool,
    /// Finds a newline and the beginning of a marker.
    marker: Box<Finder<'static>>,
    /// Time spent waiting since it was last asked for.
    waited: Duration,
}

/// How much of a line beyond the limit is kept for its reject.
const KEPT: usize = 1024;

impl Reader {
    /// Reads `input` with lines of at most `limit` bytes.
    pub fn new(input: OwnedFd, limit: usize) -> Reader {
        Reader {
            input: Arc::new(input),
            since: 0,
            ahead: false,
            flood: None,
            doubles: false,
            twin: None,
            read: 0,
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
            scanned: 0,
            limit,
            skipping: None,
            eof: false,
            marker: Box::new(marker::finder()),
            waited: Duration::ZERO,
        }
    }

    /// Reads standard input.
    pub fn stdin(limit: usize) -> Result<Reader> {
        let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).context("stdin")?;
        Ok(Reader::new(input, limit))
    }

    /// From now on a second thread reads ahead as long as there is always more.
    pub fn read_ahead(&mut self) {
        self.ahead = true;
    }

    /// From now on there is a twin of what is read as long as there is always more.
    pub fn double(&mut self) {
        self.doubles = true;
    }

    /// The next line, if it can be had without waiting.
    pub fn line(&mut self) -> Result<Next<'_>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
                let line = self.start..self.scanned + at;
                self.start = line.end + 1;
                self.scanned = self.start;
                if let Some(skipped) = self.skipping.take() {
                    let length = skipped + (line.end - line.start) as u64;
                    return Ok(Next::TooLong(&self.buffer[..KEPT], length));
                }
                return Ok(self.whole(line));
            }
            self.scanned = self.end;
            if self.eof {
                let line = self.start..self.end;
                self.start = self.end;
                if let Some(skipped) = self.skipping.take() {
                    return Ok(Next::TooLong(
                        &self.buffer[..KEPT],
                        skipped + line.len() as u64,
                    ));
                }
                return Ok(if line.is_empty() {
                    Next::Eof
                } else {
                    self.whole(line)
                });
            }
            if !self.fill()? {
                return Ok(Next::Empty);
            }
        }
    }

    /// The whole lines at hand, each with its newline, up to the first marker; `None` if [`Reader::line`] has to be asked: the next
    /// line is a marker, is too long, or is not all here.
    pub(crate) fn lines(&mut self) -> Option<(&[u8], Option<Doubled>)> {
        let there = &self.buffer[self.start..self.end];
        if self.skipping.is_some() {
            return None;
        }
        let length = marker::rows_before(&self.marker, there)?;
        if length > self.limit {
            return None;
        }
        let lines = self.start..self.start + length;
        self.start = lines.end;
        self.scanned = self.scanned.max(self.start);
        let place = self.place(lines.start);
        let lines = &self.buffer[lines];
        let twin = self.twin.as_ref();
        Some((
            lines,
            twin.and_then(|twin| Doubled::new(twin, lines, place)),
        ))
    }

    /// How many bytes of the input came before what stands at `at` in the buffer.
    fn place(&self, at: usize) -> u64 {
        self.read - (self.end - at) as u64
    }

    /// A line that is in the buffer as a whole, which may be a block more than the limit.
    #[inline]
    fn whole(&self, line: std::ops::Range<usize>) -> Next<'_> {
        let length = line.len();
        if length > self.limit {
            let kept = line.start..line.start + KEPT.min(length);
            return Next::TooLong(&self.buffer[kept], length as u64);
        }
        Next::Line(&self.buffer[line])
    }

    /// True if [`Reader::line`] has something to give, so that it will not say `Empty`.
    pub fn has_line(&mut self) -> Result<bool> {
        loop {
            if self.eof {
                return Ok(self.start < self.end || self.skipping.is_some());
            }
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
                self.scanned += at;
                return Ok(true);
            }
            self.scanned = self.end;
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Reads more if that needs no waiting; false if it would.
    fn fill(&mut self) -> Result<bool> {
        if self.flood.is_some() {
            return self.fill_from_flood();
        }
        self.make_room();
        let room = self.doubled();
        let Some(bytes) = read_now(&self.input, &mut self.buffer[self.end..][..room])? else {
            self.since = 0;
            return Ok(false);
        };
        self.eof = bytes == 0;
        self.end += bytes;
        self.read += bytes as u64;
        self.since += bytes as u64;
        if self.ahead && self.since >= threshold(FLOOD, 256) && !self.eof {
            (self.flood, self.since) = (Flood::begin(&self.input), 0);
        }
        Ok(true)
    }

    /// How much to read into the buffer: as much as there is room, or as much as was doubled before.
    fn doubled(&mut self) -> usize {
        let room = self.buffer.len() - self.end;
        if !self.doubles || self.since < threshold(FLOOD, 256) {
            return room;
        }
        if self.twin.is_none() {
            self.twin = Twin::new();
        }
        let kept = self.place(self.start);
        let double = |twin: &Rc<Twin>| twin.double(&self.input, room, self.read, kept);
        match self.twin.as_ref().map(double) {
            Some(Ok(bytes)) if bytes > 0 => bytes,
            // The end, nothing there just now, or a line that fills the twin.
            Some(Ok(_) | Err(Errno::AGAIN | Errno::INTR)) => room,
            // The input is no pipe.
            _ => {
                (self.doubles, self.twin) = (false, None);
                room
            }
        }
    }

    /// The same from the thread that reads ahead.
    fn fill_from_flood(&mut self) -> Result<bool> {
        let Some(flood) = &self.flood else {
            return Ok(false);
        };
        let before = Instant::now();
        let read = flood.next();
        self.waited += before.elapsed();
        let (mut block, bytes) = match read? {
            Read::Block(block, bytes) => (block, bytes),
            end => {
                self.flood = None;
                self.eof = matches!(end, Read::Eof);
                return Ok(self.eof);
            }
        };
        self.read += bytes as u64;
        let held = self.end - self.start;
        if self.skipping.is_some() || held > HEAD {
            self.make_room();
            let end = self.end + bytes;
            if self.buffer.len() < end {
                self.buffer.resize(end, 0);
            }
            self.buffer[self.end..end].copy_from_slice(&block[HEAD..][..bytes]);
            self.end = end;
        } else {
            // The block becomes the buffer, with what is held in front of it.
            let start = HEAD - held;
            block[start..HEAD].copy_from_slice(&self.buffer[self.start..self.end]);
            std::mem::swap(&mut self.buffer, &mut block);
            self.scanned = start + (self.scanned - self.start);
            (self.start, self.end) = (start, HEAD + bytes);
        }
        if let Some(flood) = &self.flood {
            flood.recycle(block);
        }
        Ok(true)
    }

    /// Waits until there is something to read, until `deadline`, or until a signal.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Result<Woken> {
        let before = Instant::now();
        let woken = poll(
            &*self.input,
            deadline.map(|at| at.saturating_duration_since(before)),
        );
        self.waited += before.elapsed();
        woken
    }

    /// How long [`Reader::wait`] has waited since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    /// Makes room behind `end`; turns a line beyond the limit into one that is skipped.
    fn make_room(&mut self) {
        if self.skipping.is_some() {
            // The first bytes stay at the front of the buffer for the report.
            self.skipping = self
                .skipping
                .map(|length| length + (self.end - self.start) as u64);
            (self.start, self.end, self.scanned) = (KEPT, KEPT, KEPT);
            return;
        }
        if self.start == self.end {
            (self.start, self.end, self.scanned) = (0, 0, 0);
            if self.buffer.len() > 4 * BLOCK {
                self.buffer.truncate(BLOCK);
                self.buffer.shrink_to_fit();
            }
            return;
        }
        if self.end - self.start > self.limit {
            self.buffer.copy_within(self.start..self.start + KEPT, 0);
            self.skipping = Some((self.end - self.start) as u64);
            (self.start, self.end, self.scanned) = (KEPT, KEPT, KEPT);
            return;
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.scanned -= self.start;
                self.start = 0;
            }
            if self.end > self.buffer.len() / 2 {
                // A line and a block more are enough to tell that it is too long.
                let most = (self.limit + BLOCK).max(self.end + BLOCK);
                let longer = (2 * self.buffer.len()).min(most);
                self.buffer.resize(longer.max(self.buffer.len()), 0);
            }
        }
    }
}

/// Reads what is there: nothing at the end of the input, `None` if a read would wait.
pub fn read_now(input: &OwnedFd, room: &mut [u8]) -> Result<Option<usize>> {
    if poll(input, Some(Duration::ZERO))? != Woken::Ready {
        return Ok(None);
    }
    fail_io("wire.read").context("stdin: cannot read")?;
    match rustix::io::read(input, room) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Errno::INTR | Errno::AGAIN) => Ok(None),
        Err(error) => Err(error).context("stdin: cannot read"),
    }
}

/// Waits for input: at most `patience`, for ever if none.
fn poll(input: impl AsFd, patience: Option<Duration>) -> Result<Woken> {
    let timeout = patience.map(|patience| Timespec {
        tv_sec: patience.as_secs().min(i32::MAX as u64) as _,
        tv_nsec: patience.subsec_nanos() as _,
    });
    let mut waiting = [PollFd::new(&input, PollFlags::IN)];
    match rustix::event::poll(&mut waiting, timeout.as_ref()) {
        Ok(0) => Ok(Woken::Timeout),
        Ok(_) => Ok(Woken::Ready),
        Err(Errno::INTR) => Ok(Woken::Signal),
        Err(error) => Err(error).context("stdin: cannot wait"),
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
