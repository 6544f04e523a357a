//! When batches are cut, how a run ends, where the query's memory is: what a source was told, and a writer has to say.

use serde_json::Value;
use st_stream::marker::Node;

use super::python::{self, Call, call};
use super::{Program, given, option};

/// What the source says of the run.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// `--checkpoint`
    pub checkpoint: Option<String>,
    /// `--trigger`
    trigger: Option<String>,
    /// What is there, then the end.
    pub available_now: bool,
    /// `--stop-after`
    stop_after: Option<String>,
    /// Ends behind so many rows, of a source whose offsets are rows, or seconds of so many rows.
    pub rows: Option<Rows>,
}

/// Where a source that has no end of its own is to be stopped.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The offset behind which no row is wanted.
    pub offset: i64,
}

impl Pace {
    /// What a source's node says; comments on what is left out are added to `notes`.
    pub fn of(node: &Node, notes: &mut Vec<String>) -> Pace {
        let checkpoint = option(node, "checkpoint").map(str::to_string);
        let mut leave = |name: &str, why: &str| {
            if let Some(value) = node.options.get(name) {
                let value = match value {
                    Value::Bool(_) => String::new(),
                    Value::String(text) => format!(" {text}"),
                    other => format!(" {other}"),
                };
                notes.push(format!("--{name}{value} is left out: {why}"));
            }
        };
        leave("max-rows-per-trigger", "Spark does not cut batches by rows");
        leave("heartbeat", "Spark makes batches without data by itself");
        leave(
            "drain",
            "at the end of a run Spark leaves open windows in the checkpoint",
        );
        leave("rejects", "Spark does not keep rows that it cannot read");
        Pace {
            checkpoint,
            trigger: option(node, "trigger").map(str::to_string),
            available_now: given(node, "available-now"),
            stop_after: option(node, "stop-after").map(str::to_string),
            rows: None,
        }
    }

    /// `.trigger(…)`, if it is not Spark's default.
    pub fn trigger(&self) -> Option<Call> {
        if self.available_now {
            return Some(call("trigger", ["availableNow=True".to_string()]));
        }
        let interval = self.trigger.as_ref()?;
        Some(call(
            "trigger",
            [format!("processingTime={}", python::text(interval))],
        ))
    }
}

impl Program {
    /// Waits for the queries, and stops them as the source would have ended.
    pub(super) fn end(&mut self) {
        let Some(pace) = self.pace.clone() else {
            return;
        };
        let queries = self.queries.join(", ");
        let several = self.queries.len() > 1;
        self.body += "\n";
        let (indent, query) = if several {
            ("    ", "query")
        } else {
            ("", queries.as_str())
        };
        let mut wait = String::new();
        if let Some(Rows { offset }) = &pace.rows {
            self.imports.extend(["import json", "import time"]);
            self.helpers.insert("reached");
            wait +=
                &format!("{indent}while {query}.isActive and not reached({query}, {offset}):\n");
            wait += &format!("{indent}    time.sleep(0.1)\n{indent}{query}.stop()\n");
        } else if let Some(after) = &pace.stop_after {
            let seconds = seconds(after);
            if several {
                self.imports.insert("import time");
                self.body += &format!("end = time.monotonic() + {seconds}\n");
                wait +=
                    &format!("{indent}{query}.awaitTermination(max(0, end - time.monotonic()))\n");
            } else {
                wait += &format!("{query}.awaitTermination({seconds})\n");
            }
            wait += &format!("{indent}{query}.stop()\n");
        } else {
            wait += &format!("{indent}{query}.awaitTermination()\n");
        }
        if several {
            self.body += &format!("for query in ({queries}):\n");
        }
        self.body += &wait;
    }
}

/// A duration's length in seconds, as a number of Python.
fn seconds(text: &str) -> String {
    let micros = text
        .parse::<st_time::Duration>()
        .ok()
        .and_then(|duration| duration.as_micros())
        .unwrap_or(0);
    if micros % 1_000_000 == 0 {
        (micros / 1_000_000).to_string()
    } else {
        (micros as f64 / 1e6).to_string()
    }
}
