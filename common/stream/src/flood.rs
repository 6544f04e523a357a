//! Reading ahead on a second thread, as long as more is always there to be read.
//!
//! A stage that is slower than the ones above it finds its pipe full whenever it looks. Then copying out of the pipe, a fifth of what
//! such a stage does, is better done by a processor that would otherwise wait for it. The thread ends when there is nothing
//! to read for a moment, so a stage that waits for rows wakes for them by itself.
//!
//! Stages that hold much state ask for it ([`crate::Stage::reads_ahead`]); where a pipeline keeps all processors busy it gains nothing.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use anyhow::Result;

use crate::reader::{BLOCK, read_now};

/// Bytes before each block, for the beginning of a line whose end is in it.
pub const HEAD: usize = 64 * 1024;

/// Blocks on their way: one is filled, the others are full and wait, or come back empty.
const BLOCKS: usize = 3;

/// What a read came to.
pub enum Read {
    /// So many bytes behind the head of a block.
    Block(Vec<u8>, usize),
    /// There was nothing to read; the thread has ended.
    Empty,
    /// So it was at the end of the input.
    Eof,
}

/// A thread that reads ahead.
pub struct Flood {
    reads: Receiver<Result<Read>>,
    spare: Sender<Vec<u8>>,
}

impl Flood {
    /// Begins to read; not if there can be no more threads.
    pub fn begin(input: &Arc<OwnedFd>) -> Option<Flood> {
        let (done, reads) = sync_channel(BLOCKS);
        let (spare, blocks) = channel();
        for _ in 0..BLOCKS {
            let _ = spare.send(vec![0; HEAD + BLOCK]);
        }
        let input = Arc::clone(input);
        let thread = thread::Builder::new().name("read".to_string());
        thread.spawn(move || read(&input, &blocks, &done)).ok()?;
        Some(Flood { reads, spare })
    }

    /// The next block; waits for it, which is not for long.
    pub fn next(&self) -> Result<Read> {
        self.reads.recv().unwrap_or(Ok(Read::Empty))
    }

    /// Gives the thread a block to fill, after each one that it has filled.
    pub fn recycle(&self, mut block: Vec<u8>) {
        // Another length if it is one that had grown.
        block.resize(HEAD + BLOCK, 0);
        block.shrink_to_fit();
        // The thread may have ended.
        let _ = self.spare.send(block);
    }
}

fn read(input: &OwnedFd, blocks: &Receiver<Vec<u8>>, done: &SyncSender<Result<Read>>) {
    while let Ok(mut block) = blocks.recv() {
        let read = read_now(input, &mut block[HEAD..]).map(|read| match read {
            Some(0) => Read::Eof,
            Some(bytes) => Read::Block(block, bytes),
            None => Read::Empty,
        });
        let goes_on = matches!(read, Ok(Read::Block(..)));
        if done.send(read).is_err() || !goes_on {
            return;
        }
    }
}
