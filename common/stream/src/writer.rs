//! Standard output: bytes gathered in one buffer, written when it is full or when the caller flushes.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::clock;

/// A full buffer is written at this size, so that a flood moves in large blocks.
const BLOCK: usize = 128 * 1024;

/// How large a pipe to ask for; what the system refuses is done without.
const PIPE: usize = 1024 * 1024;

/// Nobody reads standard output any more. A stage that meets it ends quietly and makes nothing durable.
#[derive(Debug)]
pub struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stdout: nobody reads it any more")
    }
}

impl std::error::Error for Closed {}

/// Buffered writer of a file descriptor.
pub struct Writer {
    output: OwnedFd,
    buffer: Vec<u8>,
    /// Time spent in writing since it was last asked for.
    waited: Duration,
    /// When blocks went out, if that is wanted.
    blocks: Option<Blocks>,
}

/// When bytes went out: pairs of milliseconds since 1970 and bytes, few of them.
#[derive(Default)]
struct Blocks {
    noted: Vec<(i64, u64)>,
    /// Bytes at the beginning of the buffer that are noted already.
    ahead: usize,
}

/// Blocks noted at most; then two neighbours become one, under the earlier time.
const NOTED: usize = 32;

impl Blocks {
    fn note(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let now = clock::now() / 1000;
        match self.noted.last_mut() {
            Some((at, sum)) if *at == now => *sum += bytes as u64,
            _ => self.noted.push((now, bytes as u64)),
        }
        if self.noted.len() > NOTED {
            self.noted = self
                .noted
                .chunks(2)
                .map(|pair| (pair[0].0, pair.iter().map(|(_, bytes)| bytes).sum()))
                .collect();
        }
    }
}

impl Writer {
    /// Writes to `output`.
    pub fn new(output: OwnedFd) -> Writer {
        // A pipe's size is a wish: it may be none, or the user may be at the limit.
        let _ = rustix::pipe::fcntl_setpipe_size(&output, PIPE);
        Writer {
            output,
            buffer: Vec::with_capacity(2 * BLOCK),
            waited: Duration::ZERO,
            blocks: None,
        }
    }

    /// From now on notes when bytes go out.
    pub(crate) fn note_blocks(&mut self) {
        self.blocks = Some(Blocks::default());
    }

    /// When bytes went out since this was last asked, those still gathered included: milliseconds since 1970, and bytes.
    pub(crate) fn take_blocks(&mut self) -> Vec<(i64, u64)> {
        let Some(blocks) = &mut self.blocks else {
            return Vec::new();
        };
        blocks.note(self.buffer.len().saturating_sub(blocks.ahead));
        blocks.ahead = self.buffer.len();
        std::mem::take(&mut blocks.noted)
    }

    /// How long writing has taken since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    /// Writes to standard output.
    pub fn stdout() -> Result<Writer> {
        Ok(Writer::new(
            rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).context("stdout")?,
        ))
    }

    /// The bytes gathered; append to them, then call [`Writer::wrote`].
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// True if it is known without writing that nobody reads the output any more.
    pub fn is_closed(&self) -> bool {
        let mut output = [PollFd::new(&self.output, PollFlags::empty())];
        let polled = rustix::event::poll(&mut output, Some(&Timespec::default()));
        polled.is_ok() && output[0].revents().contains(PollFlags::ERR)
    }

    /// Writes a full buffer.
    #[inline]
    pub fn wrote(&mut self) -> Result<()> {
        if self.buffer.len() >= BLOCK {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Appends `bytes`; a large block goes out without being gathered.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() < BLOCK / 2 {
            self.buffer.extend_from_slice(bytes);
            return self.wrote();
        }
        self.flush()?;
        if let Some(blocks) = &mut self.blocks {
            blocks.note(bytes.len());
        }
        self.send(bytes)
    }

    /// Writes all that was gathered.
    pub fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.note(self.buffer.len().saturating_sub(blocks.ahead));
            blocks.ahead = 0;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let sent = self.send(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        if self.buffer.capacity() > 16 * BLOCK {
            self.buffer.shrink_to(2 * BLOCK);
        }
        sent
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let before = Instant::now();
        let sent = self.write_all(bytes);
        self.waited += before.elapsed();
        sent
    }

    fn write_all(&self, bytes: &[u8]) -> Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match rustix::io::write(&self.output, &bytes[written..]) {
                Ok(n) => written += n,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => return Err(Closed.into()),
                Err(error) => return Err(error).context("stdout: cannot write"),
            }
        }
        Ok(())
    }
}
