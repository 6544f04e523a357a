//! Server-sent events: the list of queries, whenever it has changed.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::api;
use crate::watch::Watch;

/// How often queries are looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks without a change after which a comment shows whether somebody still listens.
const QUIET: u32 = 20;

/// Writes events until the visitor has gone.
pub fn send(watch: &Watch, out: &mut dyn Write) -> std::io::Result<()> {
    let mut before = String::new();
    let mut quiet = 0;
    loop {
        let queries: Value = watch.queries().iter().map(api::summary).collect();
        let now = queries.to_string();
        if now != before {
            // JSON has no line ends, so an event is one line.
            write!(out, "data: {now}\n\n")?;
            out.flush()?;
            before = now;
            quiet = 0;
        } else if quiet == QUIET {
            out.write_all(b": still here\n\n")?;
            out.flush()?;
            quiet = 0;
        }
        quiet += 1;
        sleep(INTERVAL);
    }
}
