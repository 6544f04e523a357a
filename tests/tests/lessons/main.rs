#![allow(clippy::unwrap_used)]
//! Runs what a learner runs: every lesson's script, the quoted pipelines of the pages, the commands of the README.
//!
//! Expected results are computed here from the sample data, by other means than ours: sorting, summing in integers, `sqlite3`.

mod console;
mod data;
mod files;
mod modes;
mod pages;
mod rate;
mod shop;
mod sinks;
mod watermarks;
mod windows;
mod words;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use st_tests::{Outcome, bash, bin, root, run};
use tempfile::TempDir;

/// A scratch folder with the sample data of `make setup`, made once for all lessons.
pub fn work() -> TempDir {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    let data = DATA.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let ran = run(script(folder.path(), "scripts/setup")).unwrap();
        assert_eq!(ran.status, 0, "{}", ran.err());
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    // Times of files are their order.
    let copied = run(bash(
        &bin().unwrap(),
        data.path(),
        &format!("cp -a . '{}'", folder.path().display()),
    ))
    .unwrap();
    assert_eq!(copied.status, 0, "{}", copied.err());
    folder
}

/// A line of bash in the repository's folder that takes `work` for its `work/`.
pub fn script(work: &Path, line: &str) -> Command {
    let mut command = bash(&bin().unwrap(), &root(), line);
    command.env("ST_BIN", bin().unwrap()).env("ST_WORK", work);
    for name in ["PACE", "LIVE", "KEEP", "PORT"] {
        command.env_remove(name);
    }
    command
}

/// The script of a lesson.
pub fn lesson(work: &Path, name: &str, pace: &str) -> Command {
    let mut command = script(work, &format!("exec examples/{name}/run"));
    command.env("PACE", pace);
    command
}

/// Runs a command that must succeed.
pub fn succeed(command: Command) -> Outcome {
    let ran = run(command).unwrap();
    assert_eq!(
        ran.status,
        0,
        "--- stdout\n{}--- stderr\n{}",
        ran.out(),
        ran.err()
    );
    ran
}

/// The files below a folder with this extension, in order of name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|have| have == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A script that runs while a test looks at what it does, in a process group of its own.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// What it has printed so far.
    pub seen: String,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Running {
        let mut child = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running {
            child,
            lines,
            seen: String::new(),
        }
    }

    /// Reads on until a line holds `text`.
    pub fn until(&mut self, text: &str) {
        loop {
            let from = self.seen.len();
            let read = self.lines.read_line(&mut self.seen).unwrap();
            assert!(read > 0, "ended without {text:?}:\n{}", self.seen);
            if self.seen[from..].contains(text) {
                return;
            }
        }
    }

    /// Sends a signal to the whole group, as a terminal does, and gives the exit status once all output is read.
    pub fn signal(mut self, signal: rustix::process::Signal) -> (Option<i32>, String) {
        rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), signal)
            .unwrap();
        while self.lines.read_line(&mut self.seen).unwrap() > 0 {}
        (self.child.wait().unwrap().code(), self.seen)
    }
}

/// Waits until `ready`, at most half a minute.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !ready() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
