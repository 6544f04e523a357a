//! Sends a growing file to the device while more of it is written, so that little is left to wait for at its end.
//!
//! The kernel would begin half a minute later, or when memory is short. What the device says is kept for the end: an error is reported to
//! one caller only, and the last sync might not be the one.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::threshold;

/// Bytes after which it is worth to begin again.
const STEP: usize = 16 << 20;

/// Syncs a file on a second thread.
pub struct WriteBack {
    /// Stands before each sync: a fail point.
    before: fn() -> io::Result<()>,
    /// Bytes since the thread was last woken.
    waiting: usize,
    step: usize,
    thread: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl WriteBack {
    /// For a file of which nothing was written; `before` is a fail point, to be passed before each sync.
    pub fn new(before: fn() -> io::Result<()>) -> WriteBack {
        WriteBack {
            before,
            waiting: 0,
            step: threshold(STEP, 256),
            thread: None,
        }
    }

    /// Notes that so many bytes more were written to the file, always the same one.
    ///
    /// # Errors
    /// If there is no second thread to be had.
    pub fn wrote(&mut self, file: &File, bytes: usize) -> io::Result<()> {
        self.waiting += bytes;
        if self.waiting < self.step {
            return Ok(());
        }
        self.waiting = 0;
        let (wake, _) = match &mut self.thread {
            Some(thread) => thread,
            none => {
                let (wake, woken) = sync_channel(1);
                let (file, before) = (file.try_clone()?, self.before);
                let thread = thread::Builder::new()
                    .name("write-back".to_string())
                    .spawn(move || run(&file, before, &woken))?;
                none.insert((wake, thread))
            }
        };
        // One that is still busy, or has failed, is not to be woken.
        let _ = wake.try_send(());
        Ok(())
    }

    /// Waits until the thread has ended. The file has still to be synced for what was written last.
    ///
    /// # Errors
    /// What the device said, now or before: bytes may be lost that no later sync will speak of.
    pub fn finish(self) -> io::Result<()> {
        let Some((wake, thread)) = self.thread else {
            return Ok(());
        };
        drop(wake);
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that syncs has died")))
    }
}

fn run(file: &File, before: fn() -> io::Result<()>, woken: &Receiver<()>) -> io::Result<()> {
    while woken.recv().is_ok() {
        before()?;
        file.sync_data()?;
    }
    Ok(())
}
