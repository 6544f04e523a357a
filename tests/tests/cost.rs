#![allow(clippy::unwrap_used)]
//! What rows, groups and batches cost, against each other: gross regressions show without a clock of any one machine.
//!
//! Processor time of a stage is compared with that of the same stage on other input, the best of three each; what is written is
//! compared exactly. How fast st is against others is what `make bench` tells.

use std::fmt::Write as _;
use std::path::Path;

use st_tests::{bash, bin, run};

/// Rows with as many different ids as `ids`.
fn write_rows(file: &Path, rows: std::ops::Range<u64>, ids: u64) {
    let mut text = String::new();
    for row in rows {
        let kind = if row % 16 == 0 { "purchase" } else { "view" };
        writeln!(
            text,
            r#"{{"id":"k{:06}","timestamp":"2025-01-15T10:{:02}:00Z","kind":"{kind}","price":{}.25}}"#,
            row % ids,
            row % 60,
            row % 90
        )
        .unwrap();
    }
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// Seconds of processor time, and what was printed.
fn cost(folder: &Path, line: &str) -> (f64, String) {
    let timed = format!("TIMEFORMAT=%U; time {line}");
    let runs = (0..3).map(|_| {
        let outcome = run(bash(&bin().unwrap(), folder, &timed)).unwrap();
        assert_eq!(outcome.status, 0, "{line}: {}", outcome.err());
        let seconds = outcome.err().trim().parse().unwrap();
        (seconds, outcome.out())
    });
    runs.min_by(|(a, _): &(f64, _), (b, _)| a.total_cmp(b))
        .unwrap()
}

#[test]
fn twice_the_rows_cost_twice_as_much() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("small.json"), 0..20_000, 500);
    write_rows(&folder.path().join("large.json"), 0..80_000, 500);
    let line =
        |file| format!("st-agg -q --by kind --agg 'count(*) as n, sum(price) as sum' < {file}");
    let (small, _) = cost(folder.path(), &line("small.json"));
    let (large, rows) = cost(folder.path(), &line("large.json"));
    // By hand: 16 divides into 80000 rows 5000 times; prices go round every 90 rows.
    assert!(rows.contains(r#"{"kind":"purchase","n":5000,"#), "{rows}");
    assert!(rows.contains(r#"{"kind":"view","n":75000,"#), "{rows}");
    assert!(
        large < small * 4.0 * 2.0 + 0.05,
        "{small} s, then {large} s"
    );
}

#[test]
fn a_new_group_costs_a_few_rows_of_a_known_one() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("few.json"), 0..40_000, 10);
    write_rows(&folder.path().join("many.json"), 0..40_000, 40_000);
    let line = |file| format!("st-agg -q --by id --agg 'sum(price) as sum' < {file} | tail -n 1");
    let (few, _) = cost(folder.path(), &line("few.json"));
    let (many, last) = cost(folder.path(), &line("many.json"));
    assert_eq!(last, "{\"id\":\"k039999\",\"sum\":39.25}\n");
    assert!(many < few * 12.0 + 0.05, "{few} s, then {many} s");
}

#[test]
fn an_epoch_writes_the_keys_that_changed_whatever_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let written = |held: u64| {
        let here = folder.path().join(held.to_string());
        let line =
            "st-tail -q --available-now --checkpoint ck rows | st-agg -q --by id | st-sink -q null";
        let size = || -> u64 {
            let state = std::fs::read_dir(here.join("ck/state")).unwrap();
            state
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum()
        };
        write_rows(&here.join("rows/0.json"), 0..held, held);
        cost_once(&here, line);
        let before = size();
        write_rows(&here.join("rows/1.json"), 0..100, 100);
        cost_once(&here, line);
        size() - before
    };
    assert_eq!(written(1_000), written(9_000));
}

fn cost_once(folder: &Path, line: &str) {
    let outcome = run(bash(&bin().unwrap(), folder, line)).unwrap();
    assert_eq!(
        (outcome.status, outcome.err()),
        (0, String::new()),
        "{line}"
    );
}
