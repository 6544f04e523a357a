#![allow(clippy::unwrap_used)]
//! Kills one stage of a query at a chosen step, runs the same line again, and compares with an uninterrupted run.
//!
//! `ST_FAIL=point:count` makes a tool built for tests kill itself with SIGKILL the count-th time it passes a point, and
//! `ST_FAIL_SEEN` makes it write down which it passes; each line below runs its stages behind `$S1`, `$S2`, … so that one of
//! them can be given these variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use st_tests::{bash, bin, run};

/// A query, and a command that prints all it delivered.
struct Query {
    line: &'static str,
    stages: usize,
    result: &'static str,
}

/// Six files of events: some late, one that is no JSON, times that close windows as they go.
fn input(folder: &Path) {
    let events = folder.join("events");
    std::fs::create_dir(&events).unwrap();
    for file in 0..6 {
        let mut text = String::new();
        for n in 0..20 {
            let second = file * 120 + n * 7;
            let late = if n == 13 { 400 } else { 0 };
            let at = 1_000_000 + second - late;
            let (minute, second) = (at / 60 % 60, at % 60);
            let hour = at / 3600 % 24;
            writeln!(
                text,
                r#"{{"ts":"2025-01-15T{hour:02}:{minute:02}:{second:02}Z","kind":"{}","n":{}}}"#,
                ["a", "b", "c"][n as usize % 3],
                file * 20 + n
            )
            .unwrap();
        }
        if file % 2 == 1 {
            text.push_str("not json\n");
        }
        std::fs::write(events.join(format!("{file}.json")), text).unwrap();
    }
    // The query's id is the same in every run, and with it what rand() gives.
    std::fs::create_dir(folder.join("ck")).unwrap();
    let metadata = r#"{"st-checkpoint":1,"id":"0b52a41f-6d1e-4c1b-9a65-c36c1d2f7e11","kind":"query","created_by":"test"}"#;
    std::fs::write(folder.join("ck/metadata"), format!("{metadata}\n")).unwrap();
    // Files are read in the order of their times.
    for file in 0..6 {
        let time = std::time::SystemTime::UNIX_EPOCH
            + std::time::Duration::from_secs(1_700_000_000 + file);
        let path = events.join(format!("{file}.json"));
        std::fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

const WINDOWS: &str = "$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
  $S2 st-watermark ts '30 seconds' -q |
  $S3 st-agg --by 'window(ts, \"1 minute\", \"30 seconds\") as window, kind' --agg 'count(*) as n, sum(n) as total' -q";

fn check(name: &str, query: Query) {
    let bin = bin().unwrap();
    let whole = tempfile::tempdir().unwrap();
    input(whole.path());
    let mut watched = bash(&bin, whole.path(), query.line);
    for stage in 1..=query.stages {
        let seen = whole.path().join(format!("seen.{stage}"));
        watched.env(
            format!("S{stage}"),
            format!("env ST_FAIL_SEEN={}", seen.display()),
        );
    }
    let ran = run(watched).unwrap();
    assert_eq!(ran.status, 0, "{name}: {}", ran.err());
    let expected = run(bash(&bin, whole.path(), query.result)).unwrap();
    assert_eq!(expected.status, 0, "{name}: {}", expected.err());
    assert!(!expected.stdout.is_empty(), "{name}: delivered nothing");

    let mut kills = 0;
    for stage in 1..=query.stages {
        let seen = std::fs::read_to_string(whole.path().join(format!("seen.{stage}"))).unwrap();
        let mut passed = BTreeMap::new();
        for point in seen.lines() {
            *passed.entry(point).or_insert(0) += 1;
        }
        for (point, times) in passed {
            for count in BTreeSet::from([1, times.min(3)]) {
                let folder = tempfile::tempdir().unwrap();
                input(folder.path());
                let mut killed = bash(&bin, folder.path(), query.line);
                killed.env(format!("S{stage}"), format!("env ST_FAIL={point}:{count}"));
                let first = run(killed).unwrap();
                if first.status == 0 {
                    // It passes this point less often if the others are slow.
                    break;
                }
                kills += 1;
                let again = run(bash(&bin, folder.path(), query.line)).unwrap();
                let place = format!("{name}: stage {stage} killed at {point}:{count}");
                assert_eq!(
                    again.status,
                    0,
                    "{place}\n--- killed\n{}--- again\n{}",
                    first.err(),
                    again.err()
                );
                let delivered = run(bash(&bin, folder.path(), query.result)).unwrap();
                assert_eq!(
                    delivered.out(),
                    expected.out(),
                    "{place}\n{}\n{}",
                    first.err(),
                    again.err()
                );
            }
        }
    }
    assert!(kills >= 2 * query.stages, "{name}: only {kills} kills");
}

/// Files of a folder that a reader sees, and the side files of the query.
const FILES: &str = "find out -type f ! -name '.*' | sort | while read -r f; do echo \"== $f\"; cat \"$f\"; done; cat ck/rejects/*";

#[test]
fn json_folder_with_sliding_windows_in_append_mode() {
    let line = format!("{WINDOWS} --mode append | $S4 st-sink json out -q");
    check(
        "json folder",
        Query {
            line: line.leak(),
            stages: 4,
            result: FILES,
        },
    );
}

#[test]
fn partitioned_parquet_folder() {
    let line = format!("{WINDOWS} --mode append | $S4 st-sink parquet out --partition-by kind -q");
    check(
        "parquet folder",
        Query {
            line: line.leak(),
            stages: 4,
            result: "find out -type f ! -name '.*' | sort | xargs sha256sum",
        },
    );
}

#[test]
fn sqlite_in_update_mode() {
    let line = format!("{WINDOWS} | $S4 st-sink sqlite out.db --table t -q");
    let result = "sqlite3 out.db 'select * from t order by window_start, window_end, kind'";
    check(
        "sqlite",
        Query {
            line: line.leak(),
            stages: 4,
            result,
        },
    );
}

#[test]
fn one_file_that_grows() {
    let line = "$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
      $S2 st-map --where 'n % 2 = 0' --set 'r = rand(), now = cast(null as string)' -q |
      $S3 st-sink csv --file out.csv -q";
    check(
        "one file",
        Query {
            line,
            stages: 3,
            result: "cat out.csv ck/rejects/*",
        },
    );
}

#[test]
fn one_file_replaced_in_complete_mode() {
    let line = "$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
      $S2 st-agg --by kind --agg 'count(*) as n, avg(n) as mean' --mode complete --order-by 'n desc, kind' -q |
      $S3 st-sink json --file top.json -q";
    check(
        "complete",
        Query {
            line,
            stages: 3,
            result: "cat top.json",
        },
    );
}

#[test]
fn a_command_gets_each_batch_whole() {
    let line =
        "mkdir -p got; $S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
      $S2 st-sink exec 'cat > got/$ST_BATCH_ID.new && mv got/$ST_BATCH_ID.new got/$ST_BATCH_ID' -q";
    check(
        "exec",
        Query {
            line,
            stages: 2,
            result: "for f in got/?; do echo \"== $f\"; cat \"$f\"; done",
        },
    );
}

#[test]
fn three_branches_of_one_source() {
    let line = "$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
      $S2 st-tee \\
        'files=st-map --where \"kind = \\\"a\\\"\" -q | st-sink json out -q' \\
        'table=st-agg --by kind -q | st-sink sqlite out.db --table t -q' \\
        'whole=st-agg --mode complete --agg \"sum(n) as n\" -q | st-sink json --file whole.json -q'";
    let result = "cat out/*; sqlite3 out.db 'select * from t order by kind'; cat whole.json";
    check(
        "tee",
        Query {
            line,
            stages: 2,
            result,
        },
    );
}
