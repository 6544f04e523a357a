//! A command per batch: it runs when the batch is complete, with the batch's rows as its input.
//!
//! At least once: a command whose commit is not recorded runs again with the same `ST_QUERY_ID` and `ST_BATCH_ID`, by which
//! it can tell. Its failure is the sink's.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use st_stream::Out;

use crate::rows::Rows;
use crate::target::{Arrived, Opening, Target};

const SIGINT: i32 = 2;
/// How often Ctrl-C may come just when bash begins.
const TRIES: u32 = 10;

/// Runs a command.
pub struct Exec {
    command: String,
    empty: bool,
    query: String,
    mode: String,
    keys: String,
}

impl Exec {
    /// `command` is bash; `empty`: it is run for batches without rows too.
    pub fn new(command: String, empty: bool) -> Exec {
        Exec {
            command,
            empty,
            query: String::new(),
            mode: String::new(),
            keys: String::new(),
        }
    }
}

impl Target for Exec {
    fn format(&self) -> &'static str {
        "exec"
    }

    fn identity(&self) -> Map<String, Value> {
        // The command may be mended between runs, as the function of a foreachBatch may.
        Map::new()
    }

    fn takes_blocks(&self) -> bool {
        true
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.query = opening.start.query.clone();
        self.mode = opening.start.mode.to_string();
        self.keys = opening.start.keys.join(",");
        Ok(())
    }

    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>> {
        if rows.is_empty() && !self.empty {
            return Ok(None);
        }
        out.flush()?;
        // Ctrl-C goes to the whole foreground; the source ends the stream, the command ends its batch.
        let script = format!("trap '' INT\n{}", self.command);
        let mut status;
        let mut tries = 0;
        loop {
            status = Command::new("bash")
                .args(["-c", &script, "st-sink"])
                .env("ST_QUERY_ID", &self.query)
                .env("ST_BATCH_ID", batch.id.to_string())
                .env("ST_MODE", &self.mode)
                .env("ST_KEYS", &self.keys)
                .stdin(Stdio::from(rows.as_file()?))
                .status()
                .context("exec: cannot run bash")?;
            // It came before bash had shut it out, so the command has not begun.
            tries += 1;
            if status.signal() != Some(SIGINT) || tries == TRIES {
                break;
            }
        }
        if !status.success() {
            let how = match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with status {code}"),
                (None, signal) => format!("was killed by signal {}", signal.unwrap_or(0)),
            };
            bail!(
                "exec: `{}` {how} on batch {}, which is not committed: mend the command and run the same line again",
                self.command,
                batch.id
            );
        }
        Ok(None)
    }
}
