//! A running st-ui over a folder with the files of queries, and requests as bytes, so that no client mends them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};

/// A process that ends with the test.
pub struct Site {
    child: Child,
    pub port: u16,
    said: BufReader<ChildStderr>,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-ui"));
    // What else runs on this machine is not part of the test.
    command.current_dir(folder).env("ST_RUNTIME_DIR", "");
    command
}

impl Site {
    pub fn start(folder: &Path, arguments: &[&str]) -> Site {
        let mut child = command(folder)
            .args(["--port", "0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        said.read_line(&mut line).unwrap();
        let port = line.trim_end().trim_end_matches('/').rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        Site {
            child,
            said,
            port: port.unwrap_or_else(|| panic!("{line}")),
        }
    }

    /// What it said on stderr behind its address, once it was asked and has ended.
    pub fn said_after(mut self, ask: impl FnOnce(&Site)) -> String {
        ask(&self);
        self.child.kill().unwrap();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        said
    }

    /// The connection on which a request was sent; `lines` are those behind the first.
    pub fn send(&self, first: &str, lines: &[&str], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut text = format!("{first} HTTP/1.1\r\n");
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        let length = body.len();
        text.push_str(&format!(
            "Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    pub fn ask(&self, first: &str, lines: &[&str], body: &str) -> Answer {
        let mut text = String::new();
        let mut stream = self.send(first, lines, body);
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        Answer {
            status,
            head: head.to_string(),
            body: if chunked {
                joined(body)
            } else {
                body.to_string()
            },
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &["Host: localhost"], "")
    }

    pub fn sql(&self, question: &str) -> Answer {
        let body = json!({ "sink": "st-sink", "sql": question }).to_string();
        let lines = ["Host: localhost", "Content-Type: application/json"];
        self.ask("POST /api/queries/q-1/sql", &lines, &body)
    }
}

/// The pieces of a body sent in chunks.
fn joined(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = &rest[length + 2..];
    }
    whole
}

/// `ck/revenue`, a query `q-1` that stopped after three batches, with a table in `shop.db`.
pub fn shop(folder: &Path) {
    let home = folder.join("ck/revenue");
    let plan = json!([
        {"tool": "st-tail", "name": "st-tail", "options": {"paths": ["events"]}},
        {"tool": "st-agg", "name": "st-agg", "options": {"by": "category"}},
        {"tool": "st-sink", "name": "st-sink", "options": {"format": "sqlite", "table": "revenue"}},
    ]);
    let end = json!({"time": "2025-01-15T10:31:00.000Z"});
    query(&home, "q-1", &plan, &folder.join("shop.db"), &end);
    let reports: Vec<String> = (0..3)
        .map(|batch| report(batch).to_string() + "\n")
        .collect();
    fs::create_dir(home.join("progress")).unwrap();
    fs::write(home.join("progress/st-sink"), reports.concat()).unwrap();
    rusqlite::Connection::open(folder.join("shop.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE revenue (category TEXT, total REAL);
             INSERT INTO revenue VALUES ('books', 12.5), ('<img src=x onerror=alert(1)>', NULL)",
        )
        .unwrap();
}

/// `ck/broken`, a query `q-2` that failed.
pub fn broken(folder: &Path) {
    let end =
        json!({"time": "2025-01-15T10:31:00.000Z", "stage": "st-map", "error": "line 7: not JSON"});
    query(&folder.join("ck/broken"), "q-2", &json!([]), folder, &end);
}

fn query(home: &Path, id: &str, plan: &Value, target: &Path, end: &Value) {
    fs::create_dir_all(home.join("runs")).unwrap();
    let metadata =
        json!({"st-checkpoint": 1, "kind": "query", "id": id, "created_by": "st-tail 1"});
    fs::write(home.join("metadata"), metadata.to_string()).unwrap();
    for (role, stage) in [("source", "st-tail"), ("sink", "st-sink")] {
        let run = json!({"id": id, "runId": "run-1", "role": role, "stage": stage, "pid": 1, "started": "2025-01-15T10:30:00.000Z",
            "plan": plan, "cwd": target.parent(), "target": target, "end": end});
        fs::write(home.join("runs").join(stage), run.to_string()).unwrap();
    }
}

fn report(batch: i64) -> Value {
    json!({"id": "q-1", "runId": "run-1", "name": "revenue", "timestamp": format!("2025-01-15T10:30:{}0.000Z", batch),
        "batchId": batch, "batchDuration": 1500, "numInputRows": 2000, "inputRowsPerSecond": 200.0, "processedRowsPerSecond": 1333.3,
        "sink": {"description": "sqlite[shop.db:revenue]", "numOutputRows": 12},
        "st": {"sink": "st-sink", "watermark": "2025-01-15T10:20:00.000Z", "latencyMs": {"p50": 31.0, "p95": 46.0, "p99": 47.0, "max": 48.0},
            "totals": {"batches": batch + 1, "in": 2000 * (batch + 1), "out": 12, "filtered": 5, "late": 7, "bad": 3, "failed": 1, "seconds": 2.0},
            "stages": [
                {"name": "st-tail", "tool": "st-tail", "in": 2000, "out": 2000, "busyMs": 100.0, "waitInMs": 0.0, "waitOutMs": 900.0},
                {"name": "st-agg", "tool": "st-agg", "in": 2000, "out": 12, "late": 7, "busyMs": 900.0, "waitInMs": 100.0, "waitOutMs": 0.0,
                    "state": {"rows": 31, "updated": 12, "removed": 3, "bytes": 18480}},
                {"name": "st-sink", "tool": "st-sink", "in": 12, "out": 12, "busyMs": 10.0, "waitInMs": 990.0, "waitOutMs": 0.0}]}})
}
