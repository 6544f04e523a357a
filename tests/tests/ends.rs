#![allow(clippy::unwrap_used)]
//! How queries end: a stream that is incomplete is never committed, a drained window is emitted once, branches come and go.

use std::fmt::Write as _;
use std::path::Path;

use st_tests::{Outcome, bash, bin, run};

/// Six files, one minute each; `n` counts the rows.
fn input() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    for file in 0..6 {
        let mut text = String::new();
        for n in 0..10 {
            let (second, n) = (n * 6, file * 10 + n);
            writeln!(
                text,
                r#"{{"ts":"2025-01-15T10:{file:02}:{second:02}Z","n":{n}}}"#
            )
            .unwrap();
        }
        std::fs::write(events.join(format!("{file}.json")), text).unwrap();
    }
    folder
}

fn at(folder: &Path, line: &str) -> Outcome {
    run(bash(&bin().unwrap(), folder, line)).unwrap()
}

/// A line that must end well and say nothing.
fn well(folder: &Path, line: &str) -> String {
    let ran = at(folder, line);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{line}");
    ran.out()
}

const SOURCE: &str = "st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q";
const WINDOWS: &str = "st-watermark ts '30 seconds' -q | st-agg --by 'window(ts, \"1 minute\") as window' --agg 'count(*) as n, sum(n) as total' --mode append -q";

/// By hand: minute k holds ten rows, 10k to 10k + 9.
fn minutes(some: std::ops::Range<u64>) -> String {
    some.fold(String::new(), |mut text, k| {
        let sum = 100 * k + 45;
        let end = k + 1;
        writeln!(
            text,
            r#"{{"window":{{"start":"2025-01-15T10:{k:02}:00.000Z","end":"2025-01-15T10:{end:02}:00.000Z"}},"n":10,"total":{sum}}}"#
        )
        .unwrap();
        text
    })
}

/// Nothing has been committed that was not delivered, and a whole run afterwards delivers all.
fn spoiled(filter: &str, said: &str) {
    let folder = input();
    let sink = "st-sink json --file out.json -q";
    let ran = at(
        folder.path(),
        &format!("{SOURCE} 2>/dev/null | {filter} | {WINDOWS} 2>/dev/null | {sink}"),
    );
    assert_eq!(ran.status, 1, "{filter}: {}", ran.err());
    assert!(ran.err().contains(said), "{filter}: {}", ran.err());
    let delivered = at(folder.path(), "cat out.json 2>/dev/null").out();
    assert!(
        minutes(0..5).starts_with(&delivered),
        "{filter}: {delivered}"
    );
    well(folder.path(), &format!("{SOURCE} | {WINDOWS} | {sink}"));
    assert_eq!(
        well(folder.path(), "cat out.json"),
        minutes(0..5),
        "{filter}"
    );
}

#[test]
fn a_filter_that_does_not_exist() {
    spoiled(
        "grpe -v x",
        "st-sink: stdin: nothing arrived, not even a start marker",
    );
}

#[test]
fn a_filter_that_eats_markers() {
    spoiled(
        "grep -v '^{\"$st\":\"start\"'",
        "st-watermark: stdin: the stream does not begin with its start marker but with begin",
    );
    spoiled("grep -v '^{\"$st\":\"begin\"'", "begin");
    spoiled(
        "grep -v '^{\"$st\":\"batch\"'",
        "a batch marker was dropped",
    );
    spoiled("grep -v '^{\"$st\":\"end\"'", "without its end marker");
    spoiled(
        "head -20",
        "the stream broke off in batch 1, which is discarded: a stage upstream died",
    );
}

/// The stage that finds it tells the sink, which names it.
#[test]
fn a_wrong_first_line_is_told_to_the_sink() {
    let folder = input();
    let ran = at(
        folder.path(),
        &format!(
            "{SOURCE} 2>/dev/null | grep -v '^{{\"$st\":\"start\"' | st-map --where true -q 2>/dev/null | st-map --set 'm = n' -q 2>/dev/null | st-sink json --file out.json -q"
        ),
    );
    let said = "st-sink: the query stopped, the open batch is discarded: st-map failed: stdin: the stream does not begin with its start marker but with begin: did a filter drop the first line? keep lines that begin with {\"$st\":\n";
    assert_eq!((ran.status, ran.err().as_str()), (1, said));
    assert_eq!(well(folder.path(), "ls"), "ck\nevents\n");
}

#[test]
fn a_filter_that_eats_the_watermark() {
    let folder = input();
    let agg = "st-agg --by 'window(ts, \"1 minute\") as window' --agg 'count(*) as n, sum(n) as total' --mode append -q";
    let line = |filter: &str| {
        format!(
            "{SOURCE} 2>/dev/null | st-watermark ts '30 seconds' -q 2>/dev/null | {filter} {agg} | st-sink json --file out.json -q 2>/dev/null"
        )
    };
    let ran = at(folder.path(), &line("grep -v '^{\"$st\":\"watermark\"' |"));
    assert_eq!(ran.status, 1);
    assert!(ran.err().contains("watermark"), "{}", ran.err());
    well(folder.path(), &line(""));
    assert_eq!(well(folder.path(), "cat out.json"), minutes(0..5));
}

#[test]
fn zero_bytes_are_never_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let ran = at(folder.path(), "true | st-sink json --file out.json -q");
    let said = "st-sink: stdin: nothing arrived, not even a start marker: the stage before this one died or had no rows\n";
    assert_eq!((ran.status, ran.err().as_str()), (1, said));
    assert_eq!(well(folder.path(), "ls -A"), "");
}

/// Without a checkpoint the end of the input is final; with one only `--drain` makes it so.
#[test]
fn what_the_end_of_the_input_closes() {
    let folder = input();
    let bare = SOURCE.replace("--checkpoint ck", "");
    let sink = "st-sink json --file out.json -q";
    well(
        folder.path(),
        &format!("{bare} | {WINDOWS} | st-sink json -q > bare.json"),
    );
    assert_eq!(well(folder.path(), "cat bare.json"), minutes(0..6));
    well(folder.path(), &format!("{SOURCE} | {WINDOWS} | {sink}"));
    assert_eq!(well(folder.path(), "cat out.json"), minutes(0..5));
    well(
        folder.path(),
        &format!("{SOURCE} --drain | {WINDOWS} | {sink}"),
    );
    assert_eq!(well(folder.path(), "cat out.json"), minutes(0..6));
    well(
        folder.path(),
        &format!("{SOURCE} --drain | {WINDOWS} | {sink}"),
    );
    assert_eq!(well(folder.path(), "cat out.json"), minutes(0..6));
}

#[test]
fn a_drain_that_is_killed_and_done_again() {
    for (stage, points) in [
        (
            "S1",
            ["source.before_record:", "source.after_record:"].as_slice(),
        ),
        ("S3", &["stage.before_batch:", "state.after_sync:"]),
        (
            "S4",
            &[
                "sink.after_output:",
                "sink.before_commit:",
                "sink.after_commit:",
            ],
        ),
    ] {
        for point in points {
            // With six files the seventh batch is the final one, or the sixth; a step may come more often than that.
            for count in 5..9 {
                let folder = input();
                let line = format!(
                    "$S1 {SOURCE} --drain | $S2 {} | $S4 st-sink json out -q",
                    WINDOWS.replace("| st-agg", "| $S3 st-agg")
                );
                let mut killed = bash(&bin().unwrap(), folder.path(), &line);
                killed.env(stage, format!("env ST_FAIL={point}{count}"));
                let first = run(killed).unwrap();
                if first.status == 0 {
                    continue;
                }
                well(folder.path(), &line);
                assert_eq!(
                    well(folder.path(), "cat out/*"),
                    minutes(0..6),
                    "{stage} {point}{count}"
                );
            }
        }
    }
}

/// A line of branches over the first files of the input.
fn branches(files: &str, branches: &[(&str, &str)]) -> String {
    let named: Vec<String> = branches
        .iter()
        .map(|(name, file)| format!("'{name}=st-sink json --file {file} -q'"))
        .collect();
    format!(
        "st-tail {files} --max-files-per-trigger 1 --checkpoint ck | st-tee {} -q",
        named.join(" ")
    )
}

fn rows(folder: &Path, file: &str) -> String {
    well(folder, &format!("jq -c .n {file} | paste -sd,"))
}

fn numbers(some: std::ops::Range<u64>) -> String {
    let numbers: Vec<String> = some.map(|n| n.to_string()).collect();
    numbers.join(",") + "\n"
}

#[test]
fn a_branch_added_removed_and_renamed() {
    let folder = input();
    let at_most = |last: u64| format!("events/[0-{last}].json");
    let (a, b, c) = (("a", "a.json"), ("b", "b.json"), ("c", "c.json"));
    let ran = at(folder.path(), &branches(&at_most(1), &[a, b]));
    assert_eq!(ran.status, 0, "{}", ran.err());
    // A new one joins where the query stands.
    let ran = at(folder.path(), &branches(&at_most(2), &[a, b, c]));
    assert_eq!(ran.status, 0, "{}", ran.err());
    assert_eq!(rows(folder.path(), "c.json"), numbers(20..30));
    // One that is left out lags, and is caught up when it comes back.
    let ran = at(folder.path(), &branches(&at_most(3), &[a, c]));
    assert_eq!(ran.status, 0, "{}", ran.err());
    let ran = at(folder.path(), &branches(&at_most(3), &[a, b, c]));
    assert_eq!(ran.status, 0, "{}", ran.err());
    let mend = "sink b.st-sink is 1 batches behind the others; if it is gone for good: rm ck/commits/b.st-sink";
    assert!(ran.err().contains(mend), "{}", ran.err());
    for file in ["a.json", "b.json"] {
        assert_eq!(rows(folder.path(), file), numbers(0..40), "{file}");
    }
    assert_eq!(rows(folder.path(), "c.json"), numbers(20..40));
    // Another name is another sink: the target is not its own.
    let ran = at(
        folder.path(),
        &branches(&at_most(4), &[a, ("z", "b.json"), c]),
    );
    assert_eq!(ran.status, 1);
    assert!(
        ran.err()
            .contains("b.json: belongs to sink b.st-sink of query "),
        "{}",
        ran.err()
    );
    // With a target of its own it joins where the query stands; the old one is let go.
    well(folder.path(), "rm ck/commits/b.st-sink");
    let ran = at(
        folder.path(),
        &branches(&at_most(5), &[a, ("z", "z.json"), c]),
    );
    assert_eq!(ran.status, 0, "{}", ran.err());
    assert_eq!(rows(folder.path(), "a.json"), numbers(0..60));
    assert_eq!(rows(folder.path(), "c.json"), numbers(20..60));
    assert_eq!(rows(folder.path(), "b.json"), numbers(0..40));
}

/// A fast branch has delivered what a slow one has not; then it is killed before it has caught up, while the slow one goes
/// on: the next run must start where the state of the fast one stands.
#[test]
fn a_fast_branch_killed_before_it_has_caught_up() {
    let folder = input();
    let line = format!(
        "{SOURCE} | st-tee --keep-going 'fast=$FAST st-agg --mode complete --agg \"sum(n) as n\" -q | st-sink json --file fast.json -q' \
         'slow=$SLOW st-sink json --file slow.json -q' -q"
    );
    let killed = |name: &str, point: &str| {
        let mut killed = bash(&bin().unwrap(), folder.path(), &line);
        killed.env(name, format!("env ST_FAIL={point}"));
        let ran = run(killed).unwrap();
        assert_eq!(ran.status, 1, "{}", ran.err());
    };
    killed("SLOW", "sink.before_commit:2");
    killed("FAST", "stage.after_batch:3");
    let ran = at(folder.path(), &line);
    assert_eq!(ran.status, 0, "{}", ran.err());
    assert_eq!(well(folder.path(), "cat fast.json"), "{\"n\":1770}\n");
    assert_eq!(rows(folder.path(), "slow.json"), numbers(0..60));
    assert_eq!(well(folder.path(), "ls ck/replaying"), "");
}
