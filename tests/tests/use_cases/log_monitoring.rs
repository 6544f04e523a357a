//! Log monitoring: figures on the console, which may repeat a batch after a kill, and errors in a topic, which may not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::answers::{ask, over, same};
use crate::console::batches;
use crate::killed::{committed, kill_when};
use crate::topics::{broker, members, messages};
use crate::{query, succeed, work};

/// Lines of the usual form, taken apart by position.
const LINES: &str = "
    with line as (
      select file, unixepoch(substr(line, 1, 19)) as t, substr(line, 12, 12) as clock, trim(substr(line, 25, 5)) as level,
        substr(line, 32, instr(line, ']') - 32) as service, substr(line, instr(line, ']') + 2) as message
      from data where line like '2025-%')";

/// What each batch must show: the windows that it has lines for, with their figures so far.
fn expected(work: &Path) -> BTreeMap<i64, BTreeSet<String>> {
    let data = over(&work.join("data/log-monitoring"));
    let rows = ask(
        &data,
        &format!(
            "{LINES},
            counted as (
              select file, t / 300 * 300 as start, service, count(*) as lines, sum(level = 'WARN') as warnings,
                sum(level in ('ERROR', 'FATAL')) as errors
              from line group by file, start, service),
            grown as (
              select file, start, service, sum(lines) over so_far as lines, sum(warnings) over so_far as warnings,
                sum(errors) over so_far as errors
              from counted window so_far as (partition by start, service order by file))
            select file, '{{' || datetime(start, 'unixepoch') || ', ' || datetime(start + 300, 'unixepoch') || '}}', service,
              lines, warnings, errors, printf('%.1f', round(100.0 * errors / lines, 1)) from grown"
        ),
    );
    let mut expected: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let (batch, row) = row.split_once('|').unwrap();
        expected
            .entry(batch.parse().unwrap())
            .or_default()
            .insert(row.to_string());
    }
    expected
}

/// What all runs together have shown of each batch; a row that a kill cut short is left out.
fn shown(printed: &str) -> BTreeMap<i64, BTreeSet<String>> {
    let names = [
        "window", "service", "lines", "warnings", "errors", "percent",
    ];
    let mut shown: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for (batch, rows) in batches(printed) {
        let whole = rows.iter().filter(|row| row.len() == names.len());
        let text = whole.map(|row| names.map(|name| row[name].clone()).join("|"));
        shown.entry(batch).or_default().extend(text);
    }
    shown
}

#[test]
fn killed_in_the_middle_the_console_shows_each_batch_as_sqlite_has_it() {
    let work = work("log-monitoring");
    let checkpoint = work.path().join("ck/log-monitoring");
    let levels = |pace: &str| {
        let branches = format!(
            "levels=levels >>'{}'",
            work.path().join("printed").display()
        );
        query(work.path(), "log-monitoring", &branches, pace)
    };
    for batches in [4, 9, 14] {
        kill_when(levels("--trigger 50ms"), || {
            committed(&checkpoint, "levels.st-sink") >= batches
        });
    }
    assert!(committed(&checkpoint, "levels.st-sink") < 20);
    succeed(levels("--available-now"));
    let printed = std::fs::read_to_string(work.path().join("printed")).unwrap();
    assert_eq!(shown(&printed), expected(work.path()));
    let other = work.path().join("out/log-monitoring/other-lines.ndjson");
    let traces = over(&work.path().join("data/log-monitoring"));
    let traces = ask(&traces, "select line from data where line like '    at %'");
    assert!(!traces.is_empty());
    assert_eq!(
        std::fs::read_to_string(other).unwrap().lines().count(),
        traces.len()
    );
}

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn killed_in_the_middle_each_error_is_in_the_topic_once() {
    let work = work("log-monitoring");
    let checkpoint = work.path().join("ck/log-monitoring");
    let query = |pace: &str| {
        let mut command = query(work.path(), "log-monitoring", "", pace);
        command.env("KAFKA", broker());
        command
    };
    for batches in [4, 9, 14] {
        kill_when(query("--trigger 50ms"), || {
            committed(&checkpoint, "errors.st-sink") >= batches
        });
    }
    succeed(query("--available-now"));
    let errors = ask(
        &over(&work.path().join("data/log-monitoring")),
        &format!(
            "{LINES} select '2025-01-15T' || replace(clock, ',', '.') || 'Z', level, service, message from line
             where level in ('ERROR', 'FATAL')"
        ),
    );
    assert!(errors.len() > 100);
    let received = messages(work.path(), "log-errors");
    same(
        &members(&received, &["time", "level", "service", "message"]),
        &errors,
    );
    assert!(received.iter().all(|(key, row)| row["service"] == **key));
}
