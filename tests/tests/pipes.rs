#![allow(clippy::unwrap_used)]
//! Pipe manners of whole pipelines: latency, early ends, signals.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
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

/// As the terminal does it: SIGINT to all of the line at once, bash included, when `after` batches more have been written
/// down; again and again until all have ended if `insist`. Their statuses, and what they said.
fn interrupted(folder: &Path, line: &str, after: usize, insist: bool) -> (Vec<i32>, String) {
    use std::os::unix::process::CommandExt;
    // Bash ends after the line and not of the signal, nor does the command that says so.
    let line = format!(
        "trap : INT; : > begun; {line}; ended=\"${{PIPESTATUS[*]}}\"; trap '' INT; printf '%s\\n' $ended > ended.new; mv ended.new ended; [ ! -p never ] || : > never"
    );
    let mut command = bash(&bin().unwrap(), folder, &line);
    command.process_group(0);
    let batches = || {
        let seen = std::fs::read_to_string(folder.join("batches")).unwrap_or_default();
        seen.lines().count()
    };
    let before = batches();
    for old in ["begun", "ended"] {
        std::fs::remove_file(folder.join(old)).ok();
    }
    let child = spawn(&mut command);
    let group = rustix::process::Pid::from_child(&child);
    let end = Instant::now() + Duration::from_secs(60);
    while batches() < before + after || !folder.join("begun").exists() {
        assert!(Instant::now() < end, "nothing arrives");
        std::thread::yield_now();
    }
    loop {
        rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
        // A signal that comes while the same one waits to be seen is one with it.
        std::thread::sleep(Duration::from_millis(20));
        if !insist || folder.join("ended").exists() {
            break;
        }
        assert!(Instant::now() < end, "it does not end");
    }
    let output = child.wait_with_output().unwrap();
    let ended = std::fs::read_to_string(folder.join("ended")).unwrap();
    let statuses = ended
        .lines()
        .map(|status| status.parse().unwrap())
        .collect();
    (statuses, String::from_utf8(output.stderr).unwrap())
}

/// A command that notes each batch it is given: what was committed is not given again.
const NOTED: &str = "st-sink exec 'cat >> rows && echo $ST_BATCH_ID >> batches' -q";

/// The same of a command that may be given a batch again, as it is if a second Ctrl-C came before the commit.
const NOTED_ONCE: &str = "st-sink exec 'grep -sqx $ST_BATCH_ID batches || { cat >> rows && echo $ST_BATCH_ID >> batches; }' -q";

/// The numbers of batches and rows, each once and in order.
fn delivered_once(folder: &Path) {
    let batches = std::fs::read_to_string(folder.join("batches")).unwrap();
    for (n, batch) in batches.lines().enumerate() {
        assert_eq!(batch, n.to_string(), "{batches}");
    }
    let rows = std::fs::read_to_string(folder.join("rows")).unwrap();
    for (n, row) in rows.lines().enumerate() {
        assert!(
            row.contains(&format!("\"value\":{n},\"m\":{}", n * 2)),
            "row {n} is {row}"
        );
    }
}

#[test]
fn ctrl_c_at_any_moment_ends_well_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let line = |rows: &str| {
        format!(
            "st-rate --rows-per-batch 5 {rows} --checkpoint ck -q | st-map --set 'm = value * 2' -q | {NOTED}"
        )
    };
    let paced = line("--trigger 20ms");
    for after in [1, 2, 5, 1, 3, 8] {
        let (statuses, said) = interrupted(folder.path(), &paced, after, false);
        assert_eq!(
            (statuses, said.as_str()),
            (vec![0, 0, 0], ""),
            "after {after}"
        );
        delivered_once(folder.path());
    }
    let last = run(bash(&bin().unwrap(), folder.path(), &line("--rows 5000"))).unwrap();
    assert_eq!((last.status, last.err().as_str()), (0, ""));
    delivered_once(folder.path());
    let rows = std::fs::read_to_string(folder.path().join("rows")).unwrap();
    assert_eq!(rows.lines().count(), 5000);
}

/// Before the tools have begun to listen the signal ends them; the checkpoint is sound in any case.
#[test]
fn ctrl_c_before_the_first_batch() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "st-rate --rows-per-batch 5 --trigger 20ms --checkpoint ck -q | st-map --set 'm = value * 2' -q | {NOTED_ONCE}"
    );
    for _ in 0..5 {
        // Who died of it leaves the others without an end, unless they were asked too.
        let (statuses, said) = interrupted(folder.path(), &line, 0, true);
        assert!(
            statuses.iter().all(|status| matches!(status, 0 | 1 | 130)),
            "{statuses:?} {said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
    let (statuses, said) = interrupted(folder.path(), &line, 3, false);
    assert_eq!((statuses, said.as_str()), (vec![0, 0, 0], ""));
    delivered_once(folder.path());
}

/// The second one ends at once, also a stage that waits for a command; the batch it had is given again.
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let source =
        "st-rate --rows-per-batch 5 --rows 50 --checkpoint ck -q | st-map --set 'm = value * 2' -q";
    let stuck = format!(
        "rm -f never; mkfifo never; {source} | st-sink exec 'echo $ST_BATCH_ID >> batches; [ $ST_BATCH_ID != 2 ] || {{ read x < never; exit 1; }}; cat >> rows' -q"
    );
    let (statuses, said) = interrupted(folder.path(), &stuck, 3, true);
    assert_eq!(statuses.last(), Some(&130), "{statuses:?} {said}");
    std::fs::write(folder.path().join("batches"), "0\n1\n").unwrap();
    let last = run(bash(
        &bin().unwrap(),
        folder.path(),
        &format!("{source} | {NOTED}"),
    ))
    .unwrap();
    assert_eq!((last.status, last.err().as_str()), (0, ""));
    delivered_once(folder.path());
    let rows = std::fs::read_to_string(folder.path().join("rows")).unwrap();
    assert_eq!(rows.lines().count(), 50);
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
