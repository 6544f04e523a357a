//! What was read of several inputs and not yet taken: blocks of lines in memory, and on disk where they must not wait.
//!
//! Each input has a thread that reads it. One that runs ahead waits once its share of memory is full, and with it its source
//! waits on the pipe. Only while the stage starves for *another* input does it read on, into an unlinked temporary file: the
//! two may come from one source (`st-tee`), which would never send to the one while it waits for room in the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::marker::{self, Marker};

/// Bytes of one input that are held in memory.
const SHARE: usize = 8 * 1024 * 1024;

/// What a thread has read in one piece.
pub(super) enum Block {
    /// Whole lines; the last one of the input may have no newline.
    Lines(Vec<u8>),
    /// A line beyond the limit: its beginning and its length.
    Long(Vec<u8>, u64),
}

impl Block {
    fn size(&self) -> usize {
        match self {
            Block::Lines(bytes) | Block::Long(bytes, _) => bytes.len(),
        }
    }
}

/// One input's blocks, oldest first: those in memory, then those on disk.
#[derive(Default)]
struct Waiting {
    blocks: VecDeque<Block>,
    bytes: usize,
    spill: Option<Spill>,
    /// No block will follow; or why none can.
    ended: Option<Result<(), String>>,
    /// The last line that was read, if it is a marker.
    tail: Vec<u8>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.spill.as_ref().is_none_or(Spill::is_empty)
    }

    fn note_tail(&mut self, block: &Block) {
        self.tail.clear();
        if let Block::Lines(lines) = block {
            let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
            let last = memchr::memrchr(b'\n', lines).map_or(lines, |at| &lines[at + 1..]);
            if marker::is_marker(last) {
                self.tail.extend_from_slice(last);
            }
        }
    }

    /// True if the stream, which is a marked one, is over before its end.
    fn has_fallen(&self) -> bool {
        self.ended.is_some() && !matches!(Marker::parse(&self.tail), Ok(Marker::End))
    }
}

struct State {
    inputs: Vec<Waiting>,
    /// The input the stage waits for: the others may go to disk.
    starving: Option<usize>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

/// The blocks of all inputs, shared by the threads that read and the stage that takes.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something was read, or an input has ended.
    arrived: Condvar,
    /// Something was taken, or the stage starves.
    room: Condvar,
}

/// What an input has for the stage.
pub(super) enum Taken {
    Block(Block),
    /// Nothing just now.
    Empty,
    /// It has ended.
    End,
}

impl Queue {
    pub(super) fn new(inputs: usize) -> Arc<Queue> {
        Arc::new(Queue {
            state: Mutex::new(State {
                inputs: std::iter::repeat_with(Waiting::default)
                    .take(inputs)
                    .collect(),
                starving: None,
                spare: Vec::new(),
            }),
            arrived: Condvar::new(),
            room: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Adds a block of an input; waits for room unless the stage starves for another input.
    pub(super) fn push(&self, input: usize, block: Block) -> Result<()> {
        let mut state = self.lock();
        loop {
            let spills = state.starving.is_some_and(|other| other != input);
            let waiting = &mut state.inputs[input];
            waiting.note_tail(&block);
            let on_disk = waiting
                .spill
                .as_ref()
                .is_some_and(|spill| !spill.is_empty());
            if !on_disk && waiting.bytes < SHARE {
                waiting.bytes += block.size();
                waiting.blocks.push_back(block);
                break;
            }
            if spills {
                if waiting.spill.is_none() {
                    waiting.spill = Some(Spill::new()?);
                }
                if let Some(spill) = &mut waiting.spill {
                    spill.push(&block)?;
                }
                break;
            }
            state = match self.room.wait(state) {
                Ok(state) => state,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Nothing more comes from an input; `Err` says why.
    pub(super) fn end(&self, input: usize, how: Result<(), String>) {
        self.lock().inputs[input].ended = Some(how);
        self.arrived.notify_one();
    }

    /// The first input, all marked ones, that is over before its end, whatever of it was not taken yet: its last line if that
    /// is a marker, an `abort` maybe, or why it could not be read.
    pub(super) fn fallen(&self) -> Option<(usize, Result<Vec<u8>, String>)> {
        let state = self.lock();
        let (input, waiting) = state
            .inputs
            .iter()
            .enumerate()
            .find(|(_, waiting)| waiting.has_fallen())?;
        let how = match &waiting.ended {
            Some(Err(reason)) => Err(reason.clone()),
            _ => Ok(waiting.tail.clone()),
        };
        Some((input, how))
    }

    /// A buffer that was used before, emptied, or a new one.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.lock().spare.pop().unwrap_or_default()
    }

    /// Takes the oldest block of an input; `used` is the buffer of the block before.
    pub(super) fn take(&self, input: usize, used: Vec<u8>) -> Result<Taken> {
        let mut state = self.lock();
        if used.capacity() > 0 && state.spare.len() < 8 {
            let mut used = used;
            used.clear();
            state.spare.push(used);
        }
        let waiting = &mut state.inputs[input];
        let block = match waiting.blocks.pop_front() {
            Some(block) => {
                waiting.bytes -= block.size();
                Some(block)
            }
            None => match &mut waiting.spill {
                Some(spill) => spill.pop()?,
                None => None,
            },
        };
        if let Some(block) = block {
            drop(state);
            self.room.notify_all();
            return Ok(Taken::Block(block));
        }
        match &waiting.ended {
            None => Ok(Taken::Empty),
            Some(Ok(())) => Ok(Taken::End),
            Some(Err(reason)) => Err(anyhow::anyhow!("{reason}")),
        }
    }

    /// Waits until `wanted` (any, if none) has a block or has ended, or until `deadline`; false if it is only the deadline
    /// that came. Of `marked` inputs one that has fallen is news, whichever is wanted.
    pub(super) fn wait(
        &self,
        wanted: Option<usize>,
        deadline: Option<Instant>,
        marked: bool,
    ) -> bool {
        let mut state = self.lock();
        state.starving = wanted;
        self.room.notify_all();
        let ready = loop {
            let ready = |waiting: &Waiting| !waiting.is_empty() || waiting.ended.is_some();
            let found = match wanted {
                Some(input) => ready(&state.inputs[input]),
                // One that has ended and was seen to is no news.
                None => {
                    let mut inputs = state.inputs.iter();
                    inputs.any(|waiting| !waiting.is_empty())
                        || state.inputs.iter().all(|waiting| waiting.ended.is_some())
                }
            };
            if found || marked && state.inputs.iter().any(Waiting::has_fallen) {
                break true;
            }
            state = match deadline {
                None => match self.arrived.wait(state) {
                    Ok(state) => state,
                    Err(poisoned) => poisoned.into_inner(),
                },
                Some(deadline) => {
                    let now = Instant::now();
                    if deadline <= now {
                        break false;
                    }
                    match self.arrived.wait_timeout(state, deadline - now) {
                        Ok((state, _)) => state,
                        Err(poisoned) => poisoned.into_inner().0,
                    }
                }
            };
        };
        state.starving = None;
        ready
    }
}

/// Blocks in an unlinked temporary file, first in, first out. It is emptied whenever all of it was taken.
struct Spill {
    file: File,
    read: u64,
    written: u64,
}

impl Spill {
    fn new() -> Result<Spill> {
        let path = std::env::temp_dir().join(format!(".st-{}.spill", uuid::Uuid::new_v4()));
        let what = || format!("{}: cannot make a temporary file", path.display());
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .with_context(what)?;
        std::fs::remove_file(&path).with_context(what)?;
        Ok(Spill {
            file,
            read: 0,
            written: 0,
        })
    }

    fn is_empty(&self) -> bool {
        self.read == self.written
    }

    /// A block on disk: how many bytes, the length of the long line (0 for lines), the bytes.
    fn push(&mut self, block: &Block) -> Result<()> {
        let (bytes, length) = match block {
            Block::Lines(bytes) => (bytes, 0),
            Block::Long(bytes, length) => (bytes, *length),
        };
        let mut head = [0; 16];
        head[..8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        head[8..].copy_from_slice(&length.to_le_bytes());
        let written = (|| {
            self.file.seek(SeekFrom::Start(self.written))?;
            self.file.write_all(&head)?;
            self.file.write_all(bytes)
        })();
        written.context("cannot keep an input that runs ahead in a temporary file")?;
        self.written += (head.len() + bytes.len()) as u64;
        Ok(())
    }

    fn pop(&mut self) -> Result<Option<Block>> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut head = [[0; 8]; 2];
        let mut bytes = Vec::new();
        let read = (|| {
            self.file.seek(SeekFrom::Start(self.read))?;
            self.file.read_exact(&mut head[0])?;
            self.file.read_exact(&mut head[1])?;
            bytes.resize(u64::from_le_bytes(head[0]) as usize, 0);
            self.file.read_exact(&mut bytes)
        })();
        read.context("cannot read a temporary file back")?;
        self.read += (16 + bytes.len()) as u64;
        if self.is_empty() {
            self.file
                .set_len(0)
                .context("cannot empty a temporary file")?;
            (self.read, self.written) = (0, 0);
        }
        Ok(Some(match u64::from_le_bytes(head[1]) {
            0 => Block::Lines(bytes),
            length => Block::Long(bytes, length),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(taken: Taken) -> Vec<u8> {
        match taken {
            Taken::Block(Block::Lines(bytes)) => bytes,
            _ => panic!("no lines"),
        }
    }

    #[test]
    fn an_input_that_runs_ahead_goes_to_disk_while_the_other_is_awaited_and_comes_back_in_order() {
        let queue = Queue::new(2);
        let writer = {
            let queue = queue.clone();
            std::thread::spawn(move || {
                for number in 0..40_u8 {
                    queue.push(0, Block::Lines(vec![number; 1 << 20])).unwrap();
                }
                queue.push(0, Block::Long(b"long".to_vec(), 99)).unwrap();
                // Only now is there anything for the one awaited.
                queue.push(1, Block::Lines(b"{}\n".to_vec())).unwrap();
                queue.end(0, Ok(()));
            })
        };
        assert!(queue.wait(Some(1), None, false));
        assert_eq!(lines(queue.take(1, Vec::new()).unwrap()), b"{}\n");
        writer.join().unwrap();
        for number in 0..40_u8 {
            let bytes = lines(queue.take(0, Vec::new()).unwrap());
            assert!(bytes.len() == 1 << 20 && bytes.iter().all(|byte| *byte == number));
        }
        assert!(
            matches!(queue.take(0, Vec::new()).unwrap(), Taken::Block(Block::Long(head, 99)) if head == b"long")
        );
        assert!(matches!(queue.take(0, Vec::new()).unwrap(), Taken::End));
    }

    #[test]
    fn an_input_that_falls_is_news_though_another_is_wanted() {
        let queue = Queue::new(2);
        queue
            .push(0, Block::Lines(b"{}\n{\"$st\":\"end\"}\n".to_vec()))
            .unwrap();
        queue.end(0, Ok(()));
        assert!(queue.fallen().is_none());
        assert!(!queue.wait(Some(1), Some(Instant::now()), true));
        queue.push(1, Block::Lines(b"{}\n".to_vec())).unwrap();
        queue.end(1, Ok(()));
        queue.take(1, Vec::new()).unwrap();
        assert!(queue.wait(Some(0), None, true));
        assert!(matches!(queue.fallen(), Some((1, Ok(tail))) if tail.is_empty()));
    }
}
