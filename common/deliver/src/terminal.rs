//! What the terminal is: whether there is one, and its size.

use std::fs::File;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::stdio::{stderr, stdout};
use rustix::termios::{isatty, tcgetwinsize};

/// True if stdout is a terminal.
pub fn is_stdout() -> bool {
    isatty(stdout())
}

/// True if stderr is a terminal.
pub fn is_stderr() -> bool {
    isatty(stderr())
}

/// Columns and lines of the terminal behind stdout or stderr.
pub fn size() -> (usize, usize) {
    let size = tcgetwinsize(stdout()).or_else(|_| tcgetwinsize(stderr()));
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// The right to draw on stderr's terminal, as long as it is held; none while another process has it. The terminal is opened
/// anew, since a lock on stderr itself would be that of every process of the pipeline.
pub fn turn() -> Option<File> {
    let how = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = open("/proc/self/fd/2", how, Mode::empty())
        .or_else(|_| open("/dev/tty", how, Mode::empty()))
        .ok()?;
    flock(&terminal, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(terminal.into())
}
