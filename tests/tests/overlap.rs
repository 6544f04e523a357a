#![allow(clippy::unwrap_used)]
//! A run begins while an earlier one of the same query is still ending: it goes on behind what that one commits last.

use std::fmt::Write as _;
use std::path::Path;

use st_tests::{Outcome, bash, bin, run};

/// Three files of ten rows for each of two sources; `n` counts the rows.
fn input() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, part) in ["left", "right"].iter().enumerate() {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for file in 0..3 {
            let mut text = String::new();
            for n in 0..10 {
                writeln!(text, r#"{{"n":{}}}"#, number * 30 + file * 10 + n).unwrap();
            }
            std::fs::write(folder.path().join(format!("{part}/{file}.json")), text).unwrap();
        }
    }
    folder
}

fn at(folder: &Path, line: &str) -> Outcome {
    run(bash(&bin().unwrap(), folder, line)).unwrap()
}

/// All numbers below `count`, once.
fn numbers(rows: &str, count: usize) {
    let mut seen: Vec<&str> = rows.lines().collect();
    seen.sort_unstable();
    let mut all: Vec<String> = (0..count).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}

/// The locks below two sources are of the earlier run, however young they are, as long as neither has begun.
#[test]
fn two_sources_wait_for_a_sink_that_is_still_delivering() {
    let folder = input();
    let ran = at(
        folder.path(),
        r#"mkfifo go
        query() {
          st-tail left/*.json --max-files-per-trigger 1 --checkpoint ck 2> left.said |
            st-union -q <(st-tail right/*.json --max-files-per-trigger 1 --checkpoint ck --branch r 2> right.said) |
            st-sink exec 'echo $ST_BATCH_ID >> batches; [ -e held ] || { : > held; read x < go; }; cat >> rows' -q
        }
        query & first=$!
        until [ -e held ]; do sleep 0.01; done
        query & second=$!
        until grep -q 'st-sink: waiting for st-sink' left.said && grep -q 'st-sink: waiting for st-sink' right.said; do
          kill -0 $second || exit 3
          sleep 0.01
        done
        echo > go
        wait $first && wait $second && cat rows"#,
    );
    assert_eq!((ran.status, ran.err().as_str()), (0, ""));
    numbers(&ran.out(), 60);
    let batches = std::fs::read_to_string(folder.path().join("batches")).unwrap();
    assert_eq!(batches, "0\n1\n2\n");
}

/// A sink that the machine was too busy to start does not commit beneath the run after it.
#[test]
fn a_stage_that_begins_behind_a_later_run_refuses() {
    let folder = input();
    let ran = at(
        folder.path(),
        r#"mkfifo go
        query() { st-tail left/*.json --max-files-per-trigger 1 --checkpoint ck -q | "$@"; }
        late() { read -r x < go; exec st-sink json out -q; }
        query late & first=$!
        until [ -e ck/sources ] && flock -n ck/locks/st-tail true; do sleep 0.01; done
        query st-sink json out -q || exit 3
        echo > go
        wait $first; echo "it ended with $?" >&2
        cat out/*"#,
    );
    let said = ran.err();
    assert!(
        said.contains("ck/locks/st-tail: a later run of this query has begun")
            && said.contains("it ended with 1"),
        "{said}"
    );
    numbers(&ran.out(), 30);
}
