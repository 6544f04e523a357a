//! Standard output: bytes gathered in one buffer, written when it is full or when the caller flushes.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::pipe::SpliceFlags;
use st_checkpoint::threshold;

use crate::clock;
use crate::twin::Twin;

/// A full buffer is written at this size, so that a flood moves in large blocks.
const BLOCK: usize = 128 * 1024;

/// So many bytes that stand elsewhere are worth a system call of their own.
pub const SPLICED: usize = 32 * 1024;

/// How large a pipe to ask for; what the system refuses is done without.
pub const PIPE: usize = 1024 * 1024;

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
    /// It is a pipe, which can take what stands elsewhere by reference, and has not refused to.
    splices: bool,
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
        let is_pipe = |stat: rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode).is_fifo();
        Writer {
            splices: rustix::fs::fstat(&output).is_ok_and(is_pipe),
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

    /// True if the output can take what stands elsewhere by reference.
    pub fn splices(&self) -> bool {
        self.splices
    }

    /// Appends `bytes`, which stand in `file` at `offset`: a pipe takes many of them from there, by reference, and neither it nor who
    /// reads it has to make room for a copy.
    pub fn write_from(&mut self, bytes: &[u8], file: impl AsFd, mut offset: u64) -> Result<()> {
        self.write_spliced(bytes, |output, _, left| {
            let flags = SpliceFlags::empty();
            rustix::pipe::splice(&file, Some(&mut offset), output, None, left, flags)
        })
    }

    /// The same of bytes that stand in a twin at `place`.
    pub fn write_twin(&mut self, bytes: &[u8], twin: &Twin, place: u64) -> Result<()> {
        self.write_spliced(bytes, |output, sent, left| {
            twin.send(place + sent as u64, left, output)
        })
    }

    /// Appends bytes of which `splice` sends some by reference: it is given how many are sent and how many are left.
    fn write_spliced(
        &mut self,
        bytes: &[u8],
        splice: impl FnMut(&OwnedFd, usize, usize) -> Result<usize, Errno>,
    ) -> Result<()> {
        if !self.splices || bytes.len() < threshold(SPLICED, 64) {
            return self.write(bytes);
        }
        self.flush()?;
        if let Some(blocks) = &mut self.blocks {
            blocks.note(bytes.len());
        }
        let before = Instant::now();
        let sent = self
            .splice_all(bytes.len(), splice)
            .and_then(|spliced| self.write_all(&bytes[spliced..]));
        self.waited += before.elapsed();
        sent
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

    /// Sends so many bytes by reference; returns how many went. The rest has to be written: the system cannot do it, or a file has
    /// become shorter.
    fn splice_all(
        &mut self,
        bytes: usize,
        mut splice: impl FnMut(&OwnedFd, usize, usize) -> Result<usize, Errno>,
    ) -> Result<usize> {
        let mut sent = 0;
        while sent < bytes {
            match splice(&self.output, sent, bytes - sent) {
                Ok(0) => break,
                Ok(n) => sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => return Err(Closed.into()),
                Err(_) => {
                    self.splices = false;
                    break;
                }
            }
        }
        Ok(sent)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};

    use super::*;

    /// A file of that text, and what arrives of it when it is written from there by parts.
    fn arrives(text: &[u8], shorter: u64, output: OwnedFd, mut input: File) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.set_len(text.len() as u64 - shorter).unwrap();
        let mut arrived = Vec::new();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut writer = Writer::new(output);
                writer.write(b"first").unwrap();
                for (at, part) in text.chunks(100_001).enumerate() {
                    let offset = at as u64 * 100_001;
                    writer.write_from(part, &file, offset).unwrap();
                    writer.write(b"between").unwrap();
                }
                writer.flush().unwrap();
            });
            input.read_to_end(&mut arrived).unwrap();
        });
        arrived
    }

    fn expected(text: &[u8]) -> Vec<u8> {
        let parts = text.chunks(100_001);
        let parts = parts.flat_map(|part| [part, b"between"].concat());
        b"first".iter().copied().chain(parts).collect()
    }

    #[test]
    fn what_stands_in_a_file_goes_into_a_pipe_as_it_was_read() {
        let text: Vec<u8> = (0..1_000_000_u32).map(|i| (i / 7) as u8).collect();
        // Of a file that became shorter what is missing comes from memory.
        for shorter in [0, 450_000] {
            let (input, output) = rustix::pipe::pipe().unwrap();
            let arrived = arrives(&text, shorter, output, File::from(input));
            assert!(arrived == expected(&text));
        }
    }

    #[test]
    fn what_stands_in_a_file_is_written_to_what_is_no_pipe() {
        let text = vec![b'x'; 300_000];
        let mut seen = tempfile::tempfile().unwrap();
        let output = OwnedFd::from(seen.try_clone().unwrap());
        arrives(&text, 0, output, tempfile::tempfile().unwrap());
        seen.rewind().unwrap();
        let mut arrived = Vec::new();
        seen.read_to_end(&mut arrived).unwrap();
        assert!(arrived == expected(&text));
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_closed() {
        let (input, output) = rustix::pipe::pipe().unwrap();
        drop(input);
        let mut file = tempfile::tempfile().unwrap();
        let text = [b'x'; 2 * SPLICED];
        file.write_all(&text).unwrap();
        let error = Writer::new(output).write_from(&text, &file, 0).unwrap_err();
        assert!(error.is::<Closed>());
    }
}
