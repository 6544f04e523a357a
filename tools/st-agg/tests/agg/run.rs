//! Runs the binary over hand-written streams.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What a run left behind.
pub struct Done {
    /// The lines it wrote.
    pub lines: Vec<String>,
    /// What it said.
    pub said: String,
    /// Its exit status.
    pub status: i32,
}

/// Runs `st-agg` with those arguments over that input.
pub fn agg<S: AsRef<str>>(args: &[S], input: &str) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_st-agg"))
        .args(args.iter().map(AsRef::as_ref))
        .env_remove("ST_TZ")
        .env_remove("ST_CHECKPOINT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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

impl Done {
    /// Fails unless the run went well and quietly.
    pub fn well(self) -> Done {
        assert_eq!(
            (self.status, self.said.as_str()),
            (0, ""),
            "stdout: {:#?}",
            self.lines
        );
        self
    }

    /// The markers of one kind.
    pub fn markers(&self, kind: &str) -> Vec<Value> {
        let markers = self
            .lines
            .iter()
            .filter(|line| line.starts_with(r#"{"$st":"#));
        markers
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|marker: &Value| marker["$st"] == kind)
            .collect()
    }

    /// The rows of each batch, with what stands between its `begin` and its `batch`.
    pub fn batches(&self) -> Vec<Vec<&str>> {
        let mut batches = Vec::new();
        for line in &self.lines {
            if line.starts_with(r#"{"$st":"begin""#) {
                batches.push(Vec::new());
            } else if !line.starts_with(r#"{"$st":"#)
                && let Some(batch) = batches.last_mut()
            {
                batch.push(line.as_str());
            }
        }
        batches
    }

    /// This stage's figures in each batch.
    pub fn figures(&self) -> Vec<Value> {
        let last = |batch: Value| batch["stages"].as_array().unwrap().last().unwrap().clone();
        self.markers("batch").into_iter().map(last).collect()
    }
}

/// A stream, written batch by batch.
pub struct Wire {
    text: String,
    next: i64,
    mark: Option<String>,
}

/// `00:04` as an instant of 2025-01-15; a whole instant stays.
pub fn at(time: &str) -> String {
    if time.len() > 5 {
        time.to_string()
    } else {
        format!("2025-01-15T{time}:00.000Z")
    }
}

impl Wire {
    /// A stream that begins with these fields in its start marker.
    pub fn new(start: Value) -> Wire {
        let mut fields = json!({"$st":"start","v":1,"query":"q","epoch":-1,"plan":[{"tool":"st-tail","name":"st-tail","options":{}}]});
        for (name, value) in start.as_object().unwrap() {
            fields[name] = value.clone();
        }
        let next = fields["epoch"].as_i64().unwrap() + 1;
        Wire {
            text: format!("{fields}\n"),
            next,
            mark: None,
        }
    }

    /// A stream without schema or watermark.
    pub fn bare() -> Wire {
        Wire::new(json!({}))
    }

    /// A stream with a watermark on column `ts`.
    pub fn marked() -> Wire {
        Wire::new(watermark())
    }

    /// The same, going on behind an epoch at which the watermark stood at `mark`.
    pub fn resumed(checkpoint: &Path, epoch: i64, mark: Option<&str>) -> Wire {
        let mut start = watermark();
        start["epoch"] = json!(epoch);
        start["checkpoint"] = json!(checkpoint);
        start["watermarks"][0]["time"] = json!(mark.map(at));
        let mut wire = Wire::new(start);
        wire.mark = mark.map(at);
        wire
    }

    fn close(mut self, rows: &[&str], mark: Option<&str>, last: bool) -> Wire {
        let id = self.next;
        self.next += 1;
        self.text += &format!(
            "{{\"$st\":\"begin\",\"id\":{id},\"time\":\"2025-01-15T{id:02}:00:00.000Z\"}}\n"
        );
        for row in rows {
            self.text += &format!("{row}\n");
        }
        if let Some(mark) = mark.map(at) {
            if self.mark.as_ref() != Some(&mark) {
                self.text += &format!("{{\"$st\":\"watermark\",\"time\":\"{mark}\"}}\n");
            }
            self.mark = Some(mark);
        }
        let mark = json!(self.mark);
        self.text += &format!(
            "{{\"$st\":\"batch\",\"id\":{id},\"final\":{last},\"watermark\":{mark},\"stages\":[]}}\n"
        );
        self
    }

    /// A batch of those rows, after which the watermark stands at `mark`.
    pub fn batch(self, rows: &[&str], mark: Option<&str>) -> Wire {
        self.close(rows, mark, false)
    }

    /// The same, and no data will follow.
    pub fn last(self, rows: &[&str], mark: Option<&str>) -> Wire {
        self.close(rows, mark, true)
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

fn watermark() -> Value {
    json!({"schema":"ts TIMESTAMP, user STRING","watermarks":[{"delay":"10 minutes","columns":[["ts","time"]]}]})
}

/// `00:04 u2` as a row.
pub fn row(text: &str) -> String {
    let (time, user) = text.split_once(' ').unwrap();
    format!(r#"{{"ts":"{}","user":"{user}"}}"#, at(time))
}

/// `00:00 u2 1` as an emitted row of a window of five minutes.
pub fn counted(text: &str) -> String {
    let parts: Vec<&str> = text.split(' ').collect();
    let minute: u32 = parts[0][3..].parse().unwrap();
    let end = format!("{}:{:02}", &parts[0][..2], minute + 5);
    format!(
        r#"{{"window":{{"start":"{}","end":"{}"}},"user":"{}","count":{}}}"#,
        at(parts[0]),
        at(&end),
        parts[1],
        parts[2]
    )
}

/// A query's directory as a source would have made it, with nothing in it yet.
pub fn query_dir(root: &Path) -> PathBuf {
    let dir = root.join("ck");
    st_checkpoint::QueryDir::create_or_open(
        &dir,
        st_checkpoint::Kind::Query,
        st_checkpoint::Durability::Process,
        "st-tail",
    )
    .unwrap();
    dir
}

/// That directory's query.
pub fn query_id(dir: &Path) -> String {
    let kind = st_checkpoint::Kind::Query;
    let dir = st_checkpoint::QueryDir::create_or_open(
        dir,
        kind,
        st_checkpoint::Durability::Process,
        "st-tail",
    );
    dir.unwrap().id().to_string()
}
