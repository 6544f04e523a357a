//! Much is written to a file that is to be synced: straight to the device, by a second thread.
//!
//! Through the page cache, bytes are copied into pages that have to be found first, and go to the device from there; with
//! `O_DIRECT` it takes them where they are, and little is left to wait for at the end. Where a file system has no such writes,
//! the file is written as usual and synced now and then: the kernel would begin half a minute later. What the device says is kept
//! for the end, since an error is reported to one caller only, and the last sync might not be the one.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::threshold;

/// Bytes of one write: enough for a device that is far away.
const BLOCK: usize = 2 << 20;

/// Direct writes begin and end at multiples of this, in the file and in memory; few devices ask for as much, none for more.
const ALIGN: usize = 4096;

/// Bytes after which a file is synced that cannot be written directly.
const STEP: usize = 16 << 20;

/// One is filled, one is written, and one lies between the two.
const BLOCKS: usize = 3;

/// Adds to the end of a file.
pub struct DirectWrite {
    file: File,
    /// Stands before each write of the thread: a fail point.
    before: fn() -> io::Result<()>,
    /// How many bytes are missing to where direct writes can begin.
    head: usize,
    block: Block,
    made: usize,
    thread: Option<Thread>,
}

struct Thread {
    full: SyncSender<Block>,
    free: Receiver<Block>,
    handle: JoinHandle<io::Result<()>>,
}

impl DirectWrite {
    /// Goes on at `offset`, the end of `file`, which nobody else touches until [`DirectWrite::finish`]; `before` is a fail point,
    /// to be passed before each write.
    ///
    /// # Errors
    /// If there is no second handle on the file to be had.
    pub fn new(
        file: &File,
        offset: u64,
        before: fn() -> io::Result<()>,
    ) -> io::Result<DirectWrite> {
        Ok(DirectWrite {
            file: file.try_clone()?,
            before,
            head: (offset.next_multiple_of(align() as u64) - offset) as usize,
            block: Block::new(),
            made: 1,
            thread: None,
        })
    }

    /// Adds these bytes.
    ///
    /// # Errors
    /// What writing said, now or before. What the file holds after an error is not known.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (head, mut rest) = bytes.split_at(bytes.len().min(self.head));
        if !head.is_empty() {
            self.file.write_all(head)?;
            self.head -= head.len();
        }
        while !rest.is_empty() {
            rest = self.block.take(rest);
            if self.block.room() == 0 {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// The full block goes to the thread, an empty one takes its place.
    fn hand_over(&mut self) -> io::Result<()> {
        let thread = match &mut self.thread {
            Some(thread) => thread,
            none => none.insert(Thread::begin(&self.file, self.before)?),
        };
        let empty = match self.made < BLOCKS {
            true => Ok(Block::new()),
            false => thread.free.recv(),
        };
        let handed = empty.is_ok_and(|empty| {
            let full = std::mem::replace(&mut self.block, empty);
            thread.full.send(full).is_ok()
        });
        if handed {
            self.made = BLOCKS.min(self.made + 1);
            return Ok(());
        }
        // It ends before its time only after an error.
        self.stop()
    }

    fn stop(&mut self) -> io::Result<()> {
        let Some(Thread { full, free, handle }) = self.thread.take() else {
            return Ok(());
        };
        drop((full, free));
        handle
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that writes has died")))
    }

    /// Waits until all of it is written. It has still to be synced.
    ///
    /// # Errors
    /// What writing said, now or before.
    pub fn finish(mut self) -> io::Result<()> {
        self.stop()?;
        self.file.write_all(self.block.bytes())
    }
}

impl Thread {
    fn begin(file: &File, before: fn() -> io::Result<()>) -> io::Result<Thread> {
        let file = file.try_clone()?;
        let (full, come) = sync_channel(1);
        let (back, free) = sync_channel(BLOCKS);
        let handle = thread::Builder::new()
            .name("write-direct".to_string())
            .spawn(move || run(&file, before, &come, &back))?;
        Ok(Thread { full, free, handle })
    }
}

fn run(
    file: &File,
    before: fn() -> io::Result<()>,
    come: &Receiver<Block>,
    back: &SyncSender<Block>,
) -> io::Result<()> {
    let mut writer = Writer {
        file,
        direct: set_direct(file, true).is_ok(),
        since: 0,
    };
    let written = (|| {
        while let Ok(mut block) = come.recv() {
            before()?;
            writer.write(block.bytes())?;
            block.filled = 0;
            // Nobody takes the last ones.
            let _ = back.send(block);
        }
        Ok(())
    })();
    match writer.direct {
        true => written.and(set_direct(file, false)),
        false => written,
    }
}

struct Writer<'a> {
    file: &'a File,
    direct: bool,
    /// Bytes since it was last synced.
    since: usize,
}

impl Writer<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.direct && !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The device asks for more than was thought, or was not able to take all of the last one.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    set_direct(self.file, false)?;
                    self.direct = false;
                }
                Err(error) => return Err(error),
            }
        }
        self.file.write_all(bytes)?;
        self.since += bytes.len();
        if self.since >= STEP {
            self.file.sync_data()?;
            self.since = 0;
        }
        Ok(())
    }
}

/// All handles on the open file change with this one.
fn set_direct(file: &File, direct: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}

/// Bytes that begin at an aligned address.
struct Block {
    memory: Vec<u8>,
    begin: usize,
    filled: usize,
}

impl Block {
    fn new() -> Block {
        let memory = vec![0; size() + align()];
        let begin = memory.as_ptr().align_offset(align());
        Block {
            memory,
            begin,
            filled: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..][..self.filled]
    }

    fn room(&self) -> usize {
        size() - self.filled
    }

    /// Takes what there is room for, and gives the rest back.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(self.room()));
        self.memory[self.begin + self.filled..][..now.len()].copy_from_slice(now);
        self.filled += now.len();
        later
    }
}

fn size() -> usize {
    threshold(BLOCK, 512)
}

fn align() -> usize {
    threshold(ALIGN, 512)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::OpenOptions;
    use std::io::{Read, Seek};

    fn pass() -> io::Result<()> {
        Ok(())
    }

    /// Bytes of no period that a block has.
    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn all_is_there_wherever_it_begins_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for begin in [0, 1, ALIGN - 1, ALIGN, BLOCK + 7] {
            for length in [0, 1, ALIGN, BLOCK, 5 * BLOCK + 3] {
                for step in [1 << 16, 3 * BLOCK + 1] {
                    let whole = bytes(begin + length);
                    std::fs::write(&path, &whole[..begin]).unwrap();
                    let mut options = OpenOptions::new();
                    let mut file = options.read(true).append(true).open(&path).unwrap();
                    let mut direct = DirectWrite::new(&file, begin as u64, pass).unwrap();
                    for part in whole[begin..].chunks(step) {
                        direct.write(part).unwrap();
                    }
                    direct.finish().unwrap();
                    // And it goes on as any other file, by the same handle.
                    file.write_all(b"end").unwrap();
                    let written = std::fs::read(&path).unwrap();
                    assert!(written[..whole.len()] == whole, "{begin} {length} {step}");
                    assert_eq!(&written[whole.len()..], b"end");
                }
            }
        }
    }

    #[test]
    fn where_the_device_refuses_it_is_written_as_usual() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        // No multiple of anything.
        let mut direct = DirectWrite::new(&file, 0, pass).unwrap();
        let all = bytes(STEP + BLOCK + 5);
        direct.write(&all).unwrap();
        direct.finish().unwrap();
        let mut written = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut written).unwrap();
        assert!(written[3..] == all);
    }

    #[test]
    fn what_the_thread_met_is_said() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut direct = DirectWrite::new(&full, 0, pass).unwrap();
        let written = (0..9).try_for_each(|_| direct.write(&bytes(BLOCK)));
        let error = written.and_then(|()| direct.finish()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);

        let file = tempfile::tempfile().unwrap();
        let refuse = || Err(io::ErrorKind::ConnectionReset.into());
        let mut direct = DirectWrite::new(&file, 0, refuse).unwrap();
        let written = direct.write(&bytes(BLOCK));
        let error = written.and_then(|()| direct.finish()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
