//! What a tool says on stderr: one line, with the stage's name in front. The only place that prints.

use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};

/// Says `text` on stderr as `name: text`. A stderr that is gone is no reason to fail.
pub fn say(name: &str, text: &str) {
    let line = format!("{name}: {text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// How much is told: 0 what went wrong, 1 what is decided, 2 more of it.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Sets how much is told, from the number of `-v`.
pub fn set_level(level: u8) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Says what `text` gives if `-v` was given at least `level` times; else it is not even called.
#[inline]
pub fn tell(level: u8, name: &str, text: impl FnOnce() -> String) {
    if LEVEL.load(Ordering::Relaxed) >= level {
        say(name, &text());
    }
}

/// An error and its causes as one line. What a full disk needs is the same wherever it is met, and is added here.
pub fn chain(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // A cause that repeats the end of the line so far adds nothing.
        if line.ends_with(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    if let Some(mend) = error.chain().find_map(mend)
        && !line.ends_with(mend)
    {
        line.push_str(": ");
        line.push_str(mend);
    }
    line
}

/// Tells who sees markers on the terminal how to see tables, or the plan.
pub(crate) fn wire(stage: &str, explained: bool) {
    if rustix::termios::isatty(rustix::stdio::stdout()) {
        let what = if explained { "the plan" } else { "tables" };
        say(
            stage,
            &format!(
                "this is the wire, markers included; end the line with `| st-sink` to see {what}"
            ),
        );
    }
}

fn mend(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    use std::io::ErrorKind;
    let error = cause.downcast_ref::<std::io::Error>()?;
    if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) {
        return Some("see what the device says (dmesg), mend it and run the same line again");
    }
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("make room and run the same line again")
        }
        ErrorKind::FileTooLarge => Some("raise the limit (ulimit -f) and run the same line again"),
        ErrorKind::ReadOnlyFilesystem => Some("make it writable and run the same line again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_full_disk_is_told_with_its_mend_once() {
        let full = || std::io::Error::from_raw_os_error(28);
        let error = Err::<(), _>(full()).context("out: cannot write");
        let said = "out: cannot write: No space left on device (os error 28): make room and run the same line again";
        assert_eq!(error.map_err(|e| chain(&e)), Err(said.to_string()));
    }
}
