//! Streams as upstream writes them, and a folder to run the sink in.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use st_checkpoint::{Durability, Kind, QueryDir};

/// A marked stream being written.
pub struct Stream {
    pub text: String,
    next: i64,
}

impl Stream {
    /// A stream whose start marker has these fields besides `v`: JSON, without braces.
    pub fn new(epoch: i64, fields: &str) -> Stream {
        let query = if fields.contains("\"query\"") {
            ""
        } else {
            "\"query\":\"q\","
        };
        let text = format!("{{\"$st\":\"start\",\"v\":1,{query}\"epoch\":{epoch},{fields}}}\n");
        Stream {
            text,
            next: epoch + 1,
        }
    }

    /// One more batch of these rows.
    pub fn batch(mut self, rows: &[&str]) -> Stream {
        let id = self.next;
        self = self.open(rows);
        self.text.push_str(&format!(
            "{{\"$st\":\"batch\",\"id\":{id},\"final\":false,\"watermark\":null,\"stages\":[{{\"name\":\"st-tail\",\"in\":{n},\"out\":{n},\"ms\":0}}]}}\n",
            n = rows.len()
        ));
        self.next += 1;
        self
    }

    /// A batch that is not ended.
    pub fn open(mut self, rows: &[&str]) -> Stream {
        self.text.push_str(&format!(
            "{{\"$st\":\"begin\",\"id\":{},\"time\":\"2025-01-15T10:30:00.000Z\"}}\n",
            self.next
        ));
        for row in rows {
            self.text.push_str(row);
            self.text.push('\n');
        }
        self
    }

    /// The end marker.
    pub fn end(mut self) -> String {
        self.text.push_str("{\"$st\":\"end\"}\n");
        self.text
    }
}

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub status: i32,
}

impl Ran {
    /// Asserts that it went well and said nothing; gives what it printed.
    #[track_caller]
    pub fn quietly(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{self:#?}");
        self.out
    }

    /// Asserts that it failed with one line that has these parts.
    #[track_caller]
    pub fn refused(&self, parts: &[&str]) {
        assert_eq!(self.status, 1, "{self:#?}");
        self.says(parts);
    }

    /// Asserts that it said one line that has these parts.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) {
        assert_eq!(self.err.lines().count(), 1, "{self:#?}");
        for part in parts {
            assert!(self.err.contains(part), "no `{part}` in {self:#?}");
        }
    }
}

/// A folder of its own for one test.
pub struct Dir {
    folder: tempfile::TempDir,
}

impl Dir {
    pub fn new() -> Dir {
        Dir {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// All files below, hidden ones included, but not those of checkpoints (`ck`).
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(self.folder.path(), "", &mut found);
        found.sort();
        found
    }

    /// A checkpoint as the source makes it; the fields of the start marker that name it.
    pub fn checkpoint(&self) -> String {
        let dir = self.query();
        format!(
            "\"query\":\"{}\",\"checkpoint\":\"{}\"",
            dir.id(),
            dir.path().display()
        )
    }

    pub fn query(&self) -> QueryDir {
        QueryDir::create_or_open(&self.path("ck"), Kind::Query, Durability::Process, "test")
            .unwrap()
    }

    /// Runs the sink here.
    pub fn sink(&self, arguments: &[&str], input: &str) -> Ran {
        self.run(
            Command::new(env!("CARGO_BIN_EXE_st-sink")).args(arguments),
            input,
        )
    }

    /// The same, killed at the `count`-th passage of a step of the protocol.
    pub fn killed(&self, step: &str, count: u64, arguments: &[&str], input: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_st-sink"));
        command
            .args(arguments)
            .env("ST_FAIL", format!("{step}:{count}"));
        let ran = self.run(&mut command, input);
        assert_eq!(ran.status, 128 + 9, "never passed {step}: {ran:#?}");
    }

    pub fn run(&self, command: &mut Command, input: &str) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let command = command
            .current_dir(self.folder.path())
            .env_remove("ST_TZ")
            .env_remove("ST_CHECKPOINT");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_string();
        let writer = std::thread::spawn(move || {
            // A sink that refuses reads no further.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output
                .status
                .code()
                .unwrap_or_else(|| 128 + output.status.signal().unwrap()),
        }
    }
}

fn collect(folder: &Path, above: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if name == "ck" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}
