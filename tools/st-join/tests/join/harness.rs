//! Streams as their text, and the tool over two of them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// One side's stream: what its start says, and its batches.
pub struct Stream {
    pub schema: String,
    /// The column with a watermark, and how late it may be, in microseconds.
    pub time: Option<(String, i64)>,
    pub batches: Vec<Vec<Value>>,
    pub checkpoint: Option<String>,
    pub epoch: i64,
    pub last: bool,
}

impl Stream {
    pub fn new(schema: &str, batches: Vec<Vec<Value>>) -> Stream {
        Stream {
            schema: schema.into(),
            time: None,
            batches,
            checkpoint: None,
            epoch: -1,
            last: false,
        }
    }

    pub fn watermark(mut self, column: &str, minutes: i64) -> Stream {
        self.time = Some((column.into(), minutes * 60_000_000));
        self
    }

    /// The stream as it stands on the wire behind a source (and st-watermark) called `name`.
    pub fn text(&self, name: &str) -> String {
        let mut watermarks = vec![];
        if let Some((column, _)) = &self.time {
            watermarks.push(json!({"delay": "some", "columns": [[column, "time"]], "time": null}));
        }
        let mut start = json!({
            "$st": "start", "v": 1, "query": "q", "epoch": self.epoch, "schema": self.schema, "mode": "append",
            "keys": [], "watermarks": watermarks, "plan": [{"tool": "st-tail", "name": name, "options": {}}],
        });
        if let Some(checkpoint) = &self.checkpoint {
            start["checkpoint"] = json!(checkpoint);
        }
        let mut text = format!("{start}\n");
        let mut mark: Option<i64> = None;
        for (id, rows) in self.batches.iter().enumerate() {
            text += &format!(
                "{}\n",
                json!({"$st": "begin", "id": id, "time": "2025-01-15T00:00:00.000Z"})
            );
            let before = mark;
            for row in rows {
                text += &format!("{row}\n");
                if let Some((column, delay)) = &self.time
                    && let Some(time) = row[column].as_str()
                {
                    mark = mark.max(Some(micros(time) - delay));
                }
            }
            if mark != before {
                text += &format!(
                    "{}\n",
                    json!({"$st": "watermark", "time": iso(mark.unwrap()), "columns": {}})
                );
            }
            let last = self.last && id + 1 == self.batches.len();
            let mark = mark.map(iso);
            text += &format!(
                "{}\n",
                json!({"$st": "batch", "id": id, "final": last, "watermark": mark, "stages": []})
            );
        }
        text + "{\"$st\":\"end\"}\n"
    }
}

/// Microseconds of a time on the day of all these tests.
fn micros(time: &str) -> i64 {
    st_time::parse_timestamp(time.as_bytes(), st_time::Zone::UTC).unwrap()
}

fn iso(micros: i64) -> String {
    let mut text = Vec::new();
    st_time::write_iso(&mut text, micros, st_time::Zone::UTC);
    String::from_utf8(text).unwrap()
}

/// What the tool said.
pub struct Ran {
    pub status: i32,
    pub lines: Vec<String>,
    pub err: String,
}

impl Ran {
    /// The rows, without markers.
    pub fn rows(&self) -> Vec<&str> {
        let lines = self.lines.iter().map(String::as_str);
        lines
            .filter(|line| !line.starts_with("{\"$st\":"))
            .collect()
    }

    /// The rows of each batch.
    pub fn batches(&self) -> Vec<Vec<&str>> {
        let mut batches = Vec::new();
        for line in &self.lines {
            if line.starts_with("{\"$st\":\"begin\"") {
                batches.push(Vec::new());
            } else if !line.starts_with("{\"$st\":") {
                batches.last_mut().unwrap().push(line.as_str());
            }
        }
        batches
    }

    /// The markers of one kind.
    pub fn markers(&self, kind: &str) -> Vec<Value> {
        let lines = self
            .lines
            .iter()
            .filter(|line| line.starts_with("{\"$st\":"));
        let markers = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        markers.filter(|marker| marker["$st"] == kind).collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let out = String::from_utf8(output.stdout).unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            lines: out.lines().map(str::to_string).collect(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// `st-join RIGHT ARGUMENTS < left`, where RIGHT is `<(cat right)` if there is a stream of that name in the folder.
pub fn join(folder: &Path, right: &str, arguments: &[&str]) -> Ran {
    let script = format!("timeout 20 \"$0\" {right} \"$@\" < left");
    Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_st-join")])
        .args(arguments)
        .current_dir(folder)
        .env_remove("ST_CHECKPOINT")
        .output()
        .unwrap()
        .into()
}

/// The tool over two streams.
pub fn streams(l: &Stream, r: &Stream, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("left"), l.text("l")).unwrap();
    std::fs::write(folder.path().join("right"), r.text("r")).unwrap();
    join(folder.path(), "<(cat right)", arguments)
}

/// JSON with sorted keys, to be compared as text.
pub fn sorted(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name:?}: {}", sorted(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        value => value.to_string(),
    }
}
