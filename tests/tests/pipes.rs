#![allow(clippy::unwrap_used)]
//! Pipe manners of whole pipelines: latency, early ends, signals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use st_tests::{bash, bin, run};

fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The fastest of several slow rows: a single one may meet a busy machine.
#[test]
fn one_slow_row_crosses_six_stages_at_once() {
    let line = "st-tail - --trigger 1h -q | st-watermark ts 1m -q | st-map --where 'n > 0' -q | st-map --set 'm = n' -q |
      st-window ts 1m -q | st-sink json -q";
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn(&mut bash(&bin().unwrap(), folder.path(), line));
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut best = Duration::MAX;
    for n in 1..=20 {
        let begun = Instant::now();
        writeln!(input, r#"{{"ts":"2025-01-15T10:00:00Z","n":{n}}}"#).unwrap();
        let mut row = String::new();
        output.read_line(&mut row).unwrap();
        assert!(row.contains(&format!("\"m\":{n}")), "{row}");
        best = best.min(begun.elapsed());
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    assert!(best < Duration::from_millis(50), "{best:?}");
}

#[test]
fn head_ends_the_pipeline_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let line = "set -o pipefail; st-rate --rows-per-batch 1000 -q | st-map --where 'value >= 0' -q | st-sink json -q | head -1";
    let ran = run(bash(&bin().unwrap(), folder.path(), line)).unwrap();
    assert_eq!((ran.status, ran.err().as_str()), (0, ""));
    assert_eq!(ran.out().lines().count(), 1);
}

#[test]
fn ctrl_c_drains_and_leaves_a_checkpoint_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let line = "st-rate --rows-per-batch 10 --trigger 10ms --checkpoint ck -q | st-sink json --file out.json -q & wait";
    let mut command = bash(&bin().unwrap(), folder.path(), line);
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    let mut child = spawn(&mut command);
    let group = rustix::process::Pid::from_child(&child);
    let out = folder.path().join("out.json");
    let grows = |least: u64| {
        let end = Instant::now() + Duration::from_secs(30);
        while std::fs::metadata(&out).map_or(0, |file| file.len()) <= least {
            assert!(Instant::now() < end, "nothing arrives");
            std::thread::yield_now();
        }
    };
    grows(0);
    // The two tools, not bash: a script's background jobs ignore SIGINT, so SIGTERM stands for it here.
    rustix::process::kill_process_group(group, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
    let limited = "st-rate --rows-per-batch 10 --rows 1000 --checkpoint ck -q | st-sink json --file out.json -q";
    let end = Instant::now() + Duration::from_secs(30);
    let ran = loop {
        let ran = run(bash(&bin().unwrap(), folder.path(), limited)).unwrap();
        if ran.status == 0 || Instant::now() > end {
            break ran;
        }
    };
    assert_eq!((ran.status, ran.err().as_str()), (0, ""));
    let rows = std::fs::read_to_string(&out).unwrap();
    for (n, row) in rows.lines().enumerate() {
        assert!(
            row.ends_with(&format!("\"value\":{n}}}")),
            "row {n} is {row}"
        );
    }
}

#[test]
fn a_full_disk_is_said_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let line = "st-rate --rows-per-batch 1000 --rows 10000 -q | st-sink json -q > /dev/full";
    let ran = run(bash(&bin().unwrap(), folder.path(), line)).unwrap();
    assert_eq!(ran.status, 1);
    assert!(
        ran.err()
            .contains("st-sink: stdout: cannot write: No space left on device"),
        "{}",
        ran.err()
    );
}
