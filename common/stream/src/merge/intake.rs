//! The thread of one input: bytes become blocks of whole lines.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::queue::{Block, Queue};
use crate::reader::LINE_LIMIT;

/// How much is read at once.
const BLOCK: usize = 256 * 1024;

/// How much of a line beyond the limit is kept for its reject.
const KEPT: usize = 1024;

/// Where an input is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Standard input.
    Stdin,
    /// A pipe by its path: `/dev/fd/63` as the shell's `<(…)` gives it, or a named one.
    Pipe(PathBuf),
}

impl Origin {
    /// As messages name it.
    pub fn label(&self) -> String {
        match self {
            Origin::Stdin => "stdin".to_string(),
            Origin::Pipe(path) => path.display().to_string(),
        }
    }

    fn open(&self) -> Result<OwnedFd> {
        Ok(match self {
            Origin::Stdin => rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?,
            Origin::Pipe(path) => File::open(path)?.into(),
        })
    }
}

/// Reads an input to its end, in a thread of its own. A named pipe is opened there, since that waits for its writer.
pub(super) fn start(origin: Origin, input: usize, queue: Arc<Queue>) {
    std::thread::spawn(move || {
        let label = origin.label();
        let read = origin
            .open()
            .context("cannot open")
            .and_then(|file| copy(file, input, &queue));
        queue.end(input, read.map_err(|error| format!("{label}: {error:#}")));
    });
}

fn copy(file: OwnedFd, input: usize, queue: &Queue) -> Result<()> {
    let mut block = queue.buffer();
    // Length so far of the line that is passed over, and its beginning.
    let mut long: Option<(Vec<u8>, u64)> = None;
    loop {
        let read = read(&file, &mut block).context("cannot read")?;
        if let Some((head, length)) = &mut long {
            match memchr::memchr(b'\n', &block) {
                Some(at) => {
                    let whole = *length + at as u64;
                    queue.push(input, Block::Long(std::mem::take(head), whole))?;
                    long = None;
                    block.drain(..=at);
                }
                None => {
                    *length += block.len() as u64;
                    block.clear();
                }
            }
        }
        if read == 0 {
            if let Some((head, length)) = long {
                queue.push(input, Block::Long(head, length))?;
            } else if !block.is_empty() {
                queue.push(input, Block::Lines(block))?;
            }
            return Ok(());
        }
        match memchr::memrchr(b'\n', &block) {
            Some(at) => {
                let mut next = queue.buffer();
                next.extend_from_slice(&block[at + 1..]);
                block.truncate(at + 1);
                queue.push(input, Block::Lines(std::mem::replace(&mut block, next)))?;
            }
            None if block.len() > LINE_LIMIT => {
                long = Some((block[..KEPT].to_vec(), block.len() as u64));
                block.clear();
            }
            None => {}
        }
    }
}

/// Reads once behind what is there; 0 at the end.
fn read(file: &OwnedFd, block: &mut Vec<u8>) -> Result<usize, Errno> {
    // A long line gets twice the room each time.
    block.reserve(BLOCK.max(block.len()));
    loop {
        match rustix::io::read(file, rustix::buffer::spare_capacity(block)) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = rustix::event::poll(&mut [PollFd::new(&file.as_fd(), PollFlags::IN)], None);
            }
            other => return other,
        }
    }
}
