//! What a tool says on stderr: one line, with the stage's name in front. The only place that prints.

use std::io::Write;

/// Says `text` on stderr as `name: text`. A stderr that is gone is no reason to fail.
pub fn say(name: &str, text: &str) {
    let line = format!("{name}: {text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// An error and its causes as one line.
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
    line
}

/// Tells who sees markers on the terminal how to see tables.
pub(crate) fn wire(stage: &str) {
    if rustix::termios::isatty(rustix::stdio::stdout()) {
        say(
            stage,
            "this is the wire, markers included; end the line with `| st-sink` to see tables",
        );
    }
}
