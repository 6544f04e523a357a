//! Runs the binary over hand-written streams.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use st_checkpoint::{Durability, Kind, QueryDir};

/// What a run left behind.
pub struct Done {
    /// The lines it wrote.
    pub lines: Vec<String>,
    /// What it said.
    pub said: String,
    /// Its exit status.
    pub status: i32,
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-dedup"));
    command
        .args(args)
        .env_remove("ST_TZ")
        .env_remove("ST_CHECKPOINT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `st-dedup` with those arguments over that input; `fail` is a point at which it kills itself.
pub fn dedup_until(fail: Option<&str>, args: &[&str], input: &str) -> Done {
    let mut command = command(args);
    if let Some(point) = fail {
        command.env("ST_FAIL", point).env("ST_FAIL_EARLY", "1");
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    // A stage that refuses does not read on.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done {
        lines: text(output.stdout).lines().map(str::to_string).collect(),
        said: text(output.stderr),
        status: output.status.code().unwrap_or(-1),
    }
}

/// The same, undisturbed.
pub fn dedup(args: &[&str], input: &str) -> Done {
    dedup_until(None, args, input)
}

impl Done {
    /// Fails unless the run went well and quietly.
    pub fn well(self) -> Done {
        assert_eq!(
            (self.status, self.said.as_str()),
            (0, ""),
            "{:#?}",
            self.lines
        );
        self
    }

    /// The rows of each batch.
    pub fn batches(&self) -> Vec<Vec<&str>> {
        let mut batches = Vec::new();
        for line in &self.lines {
            if line.starts_with(r#"{"$st":"begin""#) {
                batches.push(Vec::new());
            } else if !line.starts_with(r#"{"$st":"#) {
                batches.last_mut().unwrap().push(line.as_str());
            }
        }
        batches
    }

    /// This stage's figures in each batch.
    pub fn figures(&self) -> Vec<Value> {
        let batches = self
            .lines
            .iter()
            .filter(|line| line.starts_with(r#"{"$st":"batch""#));
        batches
            .map(|line| {
                let batch: Value = serde_json::from_str(line).unwrap();
                batch["stages"].as_array().unwrap().last().unwrap().clone()
            })
            .collect()
    }
}

/// A stream, written batch by batch.
pub struct Wire {
    text: String,
    next: i64,
    mark: Option<String>,
}

impl Wire {
    /// A stream with these fields in its start marker, behind `epoch`, at which the watermark stood at `mark`.
    pub fn new(more: Value, epoch: i64, mark: Option<&str>) -> Wire {
        let mut start = json!({"$st":"start","v":1,"query":"q","epoch":epoch,
            "plan":[{"tool":"st-tail","name":"st-tail","options":{}}]});
        for (name, value) in more.as_object().unwrap() {
            start[name] = value.clone();
        }
        if start["watermarks"].is_array() {
            start["watermarks"][0]["time"] = json!(mark);
        }
        Wire {
            text: format!("{start}\n"),
            next: epoch + 1,
            mark: mark.map(str::to_string),
        }
    }

    /// A batch of those rows, after which the watermark stands at `mark`.
    pub fn batch(mut self, rows: &[String], mark: Option<&str>) -> Wire {
        let id = self.next;
        self.next += 1;
        let clock = format!("2025-01-15T{id:02}:00:00.000Z");
        writeln!(self.text, r#"{{"$st":"begin","id":{id},"time":"{clock}"}}"#).unwrap();
        for row in rows {
            self.text += row;
            self.text.push('\n');
        }
        if let Some(mark) = mark {
            if self.mark.as_deref() != Some(mark) {
                writeln!(self.text, r#"{{"$st":"watermark","time":"{mark}"}}"#).unwrap();
            }
            self.mark = Some(mark.to_string());
        }
        let mark = json!(self.mark);
        writeln!(
            self.text,
            r#"{{"$st":"batch","id":{id},"final":false,"watermark":{mark},"stages":[]}}"#
        )
        .unwrap();
        self
    }

    /// The whole stream.
    pub fn end(self) -> String {
        self.text + "{\"$st\":\"end\"}\n"
    }

    /// The stream as far as it was written: it breaks off.
    pub fn broken(self) -> String {
        self.text
    }
}

/// A query's directory as a source would have made it, with nothing in it yet, and the query's id.
pub fn query_dir(root: &Path) -> (PathBuf, String) {
    let path = root.join("ck");
    let dir = QueryDir::create_or_open(&path, Kind::Query, Durability::Process, "st-tail").unwrap();
    let id = dir.id().to_string();
    (path, id)
}
