//! Ctrl-C in the middle of a use case: it says what it has, and leaves no process.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::killed::committed;
use crate::{script, work};

#[test]
#[ignore = "needs Kafka and PostgreSQL: make test-use-cases"]
fn ctrl_c_shows_what_there_is_and_stops_the_servers() {
    let work = work("fraud");
    let mut command = script(work.path(), "exec examples/use-cases/fraud/run");
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(90);
    while committed(&work.path().join("ck/fraud"), "cases.st-sink") < 3 {
        assert!(Instant::now() < end, "does not come that far");
        assert!(child.try_wait().unwrap().is_none(), "ended before");
        std::thread::sleep(Duration::from_millis(20));
    }
    let servers = work.path().join("servers/fraud");
    let pid = |file: &str| {
        let text = std::fs::read_to_string(servers.join(file)).unwrap();
        text.lines().next().unwrap().trim().to_string()
    };
    let pids = ["kafka/pid", "postgres/data/postmaster.pid", "webhook/pid"].map(pid);
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        out.contains("The last cases in the table fraud:"),
        "{out}{err}"
    );
    assert_eq!(err, "");
    for pid in pids {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let server = ["kafka.Kafka", "postgres", "webhook.pl"];
        assert!(
            !server.iter().any(|name| command.contains(name)),
            "{command}"
        );
    }
}
