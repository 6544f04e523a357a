//! Runs a source in a folder of its own and reads its wire. Included by the tests of each source.
#![allow(clippy::unwrap_used, dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::Value;
use st_checkpoint::{Commits, Durability, QueryDir};

/// A source and the folder it runs in.
pub struct Tool {
    program: &'static str,
    folder: tempfile::TempDir,
}

/// What a run did: its wire with the markers in short, what it said, its exit status.
#[derive(Debug)]
pub struct Outcome {
    pub wire: Vec<String>,
    pub stderr: String,
    pub status: i32,
}

impl Tool {
    pub fn new(program: &'static str) -> Tool {
        Tool {
            program,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it, as if it had been there for long: files written later are later.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let written = self.count_files(self.folder.path());
        std::fs::write(&path, content).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + written);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        path
    }

    fn count_files(&self, folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                if path.is_dir() {
                    self.count_files(&path)
                } else {
                    1
                }
            })
            .sum()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("ST_CHECKPOINT")
            .env_remove("ST_TZ");
        command
    }

    /// Runs to the end, with nothing on standard input.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, b"")
    }

    pub fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Outcome {
        let mut live = self.start(arguments);
        // A tool that refuses its arguments reads nothing.
        let _ = live.send(stdin);
        live.close_stdin();
        live.finish()
    }

    /// Starts a run that is talked to.
    pub fn start(&self, arguments: &[&str]) -> Live {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Live {
            child,
            stdout,
            stderr: Some(stderr),
            said: String::new(),
            seen: Vec::new(),
        }
    }

    /// Writes what a sink would: every batch up to `batch` is delivered.
    pub fn commit(&self, checkpoint: &str, batch: i64) {
        let path = self.path(checkpoint);
        let metadata: Value =
            serde_json::from_slice(&std::fs::read(path.join("metadata")).unwrap()).unwrap();
        let query = metadata["id"].as_str().unwrap();
        let dir = QueryDir::open_existing(&path, query, Durability::Process).unwrap();
        let mut commits = Commits::register(&dir, "st-sink", -1, &Value::Null, &[]).unwrap();
        for id in commits.last() + 1..=batch {
            commits.commit(id, 0, None).unwrap();
        }
    }

    /// The records of a file of NDJSON in a checkpoint, its first line aside.
    pub fn records(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        text.lines()
            .skip(1)
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A running source.
pub struct Live {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<BufReader<ChildStderr>>,
    said: String,
    seen: Vec<String>,
}

impl Live {
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.child.stdin.as_mut().unwrap().write_all(bytes)
    }

    pub fn close_stdin(&mut self) {
        self.child.stdin.take();
    }

    /// The next line of the wire, which it waits for.
    pub fn next(&mut self) -> String {
        let mut line = String::new();
        if self.stdout.read_line(&mut line).unwrap() == 0 {
            let mut said = String::new();
            std::io::Read::read_to_string(self.stderr.as_mut().unwrap(), &mut said).unwrap();
            panic!("the wire ended: {:#?}\n{}{said}", self.seen, self.said);
        }
        self.seen.push(short(line.trim_end()));
        self.seen.last().unwrap().clone()
    }

    /// Reads the wire up to and including a line. Returns what came since the last call.
    pub fn until(&mut self, wanted: &str) -> Vec<String> {
        let before = self.seen.len();
        while self.next() != wanted {}
        self.seen[before..].to_vec()
    }

    /// Reads what is said on stderr up to a line that contains `wanted`, and returns that line.
    pub fn says(&mut self, wanted: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(
                self.stderr.as_mut().unwrap().read_line(&mut line).unwrap() > 0,
                "it never said {wanted:?}: {}",
                self.said
            );
            self.said.push_str(&line);
            if line.contains(wanted) {
                return line.trim_end().to_string();
            }
        }
    }

    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Stops it where it stands, until [`Live::resume`].
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn kill(self) {}

    /// Reads the rest of the wire and waits for the end.
    pub fn finish(mut self) -> Outcome {
        let Some(mut stderr) = self.stderr.take() else {
            panic!("finished twice")
        };
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
            text
        });
        let mut line = Vec::new();
        while self.stdout.read_until(b'\n', &mut line).unwrap() > 0 {
            self.seen
                .push(short(String::from_utf8_lossy(&line).trim_end_matches('\n')));
            line.clear();
        }
        let status = self.child.wait().unwrap().code().unwrap_or(-1);
        Outcome {
            wire: std::mem::take(&mut self.seen),
            stderr: std::mem::take(&mut self.said) + &said.join().unwrap(),
            status,
        }
    }
}

/// A test that fails leaves no process behind.
impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A marker without what differs from run to run; a row as it is.
fn short(line: &str) -> String {
    if !line.starts_with("{\"$st\":") {
        return line.to_string();
    }
    let marker: Value = serde_json::from_str(line).unwrap();
    let text = |field: &str| marker[field].as_str().unwrap_or_default().to_string();
    match marker["$st"].as_str().unwrap() {
        "start" => format!("start {} {}", marker["epoch"], text("schema"))
            .trim_end()
            .to_string(),
        "begin" => format!("begin {}", marker["id"]),
        "batch" => {
            let last = if marker["final"] == true {
                " final"
            } else {
                ""
            };
            let bad = marker["stages"][0]["bad"].as_u64().filter(|bad| *bad > 0);
            format!(
                "batch {}{last}{}",
                marker["id"],
                bad.map(|bad| format!(" bad {bad}")).unwrap_or_default()
            )
        }
        "abort" => format!("abort {}", text("reason")),
        other => other.to_string(),
    }
}

impl Outcome {
    /// The wire of a run that must have gone well.
    pub fn ok(self) -> Vec<String> {
        assert_eq!(self.status, 0, "{:#?}\n{}", self.wire, self.stderr);
        self.wire
    }

    /// The rows alone.
    pub fn rows(self) -> Vec<String> {
        self.ok()
            .into_iter()
            .filter(|line| line.starts_with('{'))
            .collect()
    }

    /// What a run that must have failed said, without the tool's name.
    pub fn failure(&self, status: i32) -> &str {
        assert_eq!(self.status, status, "{:#?}\n{}", self.wire, self.stderr);
        self.stderr
            .trim_end()
            .split_once(": ")
            .map_or("", |(_, text)| text)
    }
}
