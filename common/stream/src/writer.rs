//! Standard output: bytes gathered in one buffer, written when it is full or when the caller flushes.

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::io::Errno;

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
}

impl Writer {
    /// Writes to `output`.
    pub fn new(output: OwnedFd) -> Writer {
        // A pipe's size is a wish: it may be none, or the user may be at the limit.
        let _ = rustix::pipe::fcntl_setpipe_size(&output, PIPE);
        Writer {
            output,
            buffer: Vec::with_capacity(2 * BLOCK),
        }
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
        self.send(bytes)
    }

    /// Writes all that was gathered.
    pub fn flush(&mut self) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let sent = self.send(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        if self.buffer.capacity() > 16 * BLOCK {
            self.buffer.shrink_to(2 * BLOCK);
        }
        sent
    }

    fn send(&self, bytes: &[u8]) -> Result<()> {
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
