//! What the terminal is: whether there is one, and its size.

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
