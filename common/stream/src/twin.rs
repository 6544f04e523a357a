//! What was read, once more in a pipe of its own: rows that pass a stage as they came go out from there by reference, and are copied
//! neither by it nor for it.
//!
//! As long as rows flood in, the reader doubles what waits in its pipe (`tee(2)`) before it reads it. Places are counted in bytes of the
//! input from its beginning.

use std::cell::Cell;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};
use st_row::place_in;

use crate::writer::PIPE;

/// The pipe.
pub struct Twin {
    entry: OwnedFd,
    exit: OwnedFd,
    nowhere: OwnedFd,
    /// What it holds of the input.
    from: Cell<u64>,
    to: Cell<u64>,
}

impl Twin {
    /// An empty one; none if the system has none to give.
    pub fn new() -> Option<Rc<Twin>> {
        let (exit, entry) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).ok()?;
        let nowhere =
            rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
        // As large as the one that is doubled, if there may be such.
        let _ = rustix::pipe::fcntl_setpipe_size(&entry, PIPE);
        Some(Rc::new(Twin {
            entry,
            exit,
            nowhere: nowhere.ok()?,
            from: Cell::new(0),
            to: Cell::new(0),
        }))
    }

    /// Doubles what waits in `input`, of which `read` bytes were read so far: at most so many bytes, and how many. What it held
    /// before `kept` is given up.
    pub fn double(
        &self,
        input: impl AsFd,
        bytes: usize,
        read: u64,
        kept: u64,
    ) -> Result<usize, Errno> {
        if self.to.get() == read {
            self.skip(kept)?;
        } else {
            // Something was read and not doubled.
            self.skip(self.to.get())?;
            self.from.set(read);
            self.to.set(read);
        }
        let doubled = rustix::pipe::tee(input, &self.entry, bytes, SpliceFlags::NONBLOCK)?;
        self.to.set(read + doubled as u64);
        Ok(doubled)
    }

    /// True if it holds those bytes.
    pub fn holds(&self, from: u64, bytes: usize) -> bool {
        self.from.get() <= from && from + bytes as u64 <= self.to.get()
    }

    /// Sends so many bytes from `from` on, or fewer, and how many.
    pub fn send(&self, from: u64, bytes: usize, output: impl AsFd) -> Result<usize, Errno> {
        self.skip(from)?;
        self.pass(bytes as u64, output)
    }

    /// Gives up what stands before a place.
    fn skip(&self, to: u64) -> Result<(), Errno> {
        while self.from.get() < to.min(self.to.get()) {
            match self.pass(to - self.from.get(), &self.nowhere) {
                Ok(0) => return Err(Errno::IO),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pass(&self, bytes: u64, output: impl AsFd) -> Result<usize, Errno> {
        let bytes = bytes.min(self.to.get() - self.from.get()) as usize;
        let flags = SpliceFlags::empty();
        let passed = rustix::pipe::splice(&self.exit, None, output, None, bytes, flags)?;
        self.from.set(self.from.get() + passed as u64);
        Ok(passed)
    }
}

/// A block of lines of which there is a twin.
pub struct Doubled {
    twin: Rc<Twin>,
    /// Where it stands in memory.
    lines: Range<*const u8>,
    /// Where in the input.
    place: u64,
}

impl Doubled {
    /// The block `lines`, which stands at `place` in the input; none if the twin does not hold it.
    pub fn new(twin: &Rc<Twin>, lines: &[u8], place: u64) -> Option<Doubled> {
        twin.holds(place, lines.len()).then(|| Doubled {
            twin: Rc::clone(twin),
            lines: lines.as_ptr_range(),
            place,
        })
    }

    /// The twin and the place there of `part`, if that is a part of the block.
    pub fn find(&self, part: &[u8]) -> Option<(&Twin, u64)> {
        let at = place_in(part, &self.lines)?;
        Some((&*self.twin, self.place + at as u64))
    }
}
