//! Kills a query, all of its processes at once, where it has come to a given batch.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How many batches a sink has committed.
pub fn committed(checkpoint: &Path, sink: &str) -> usize {
    let commits = std::fs::read_to_string(checkpoint.join("commits").join(sink));
    commits.map_or(0, |text| text.matches("\n{\"batch\":").count())
}

/// Starts the command, and kills it when `reached`.
pub fn kill_when(mut command: Command, mut reached: impl FnMut() -> bool) {
    let mut child = command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < end, "does not come that far");
        assert!(child.try_wait().unwrap().is_none(), "ended before");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
}
