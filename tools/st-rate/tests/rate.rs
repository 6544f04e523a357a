#![allow(clippy::unwrap_used)]
//! st-rate as a user sees it. Timestamps are those of Spark 4.3.0's rate and rate-micro-batch sources.

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use source_tool::Tool;

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-rate"))
}

fn row(time: &str, value: i64) -> String {
    format!("{{\"timestamp\":\"{time}Z\",\"value\":{value}}}")
}

#[test]
fn every_batch_has_so_many_rows_of_one_time() {
    let wire = tool()
        .run(&[
            "--rows-per-batch",
            "2",
            "--rows",
            "5",
            "--start-time",
            "2025-01-15 10:00:00",
            "--advance",
            "1 minute",
        ])
        .ok();
    assert_eq!(
        wire,
        [
            "start -1 timestamp TIMESTAMP, value BIGINT",
            "begin 0",
            &row("2025-01-15T10:00:00.000", 0),
            &row("2025-01-15T10:00:00.000", 1),
            "batch 0",
            "begin 1",
            &row("2025-01-15T10:01:00.000", 2),
            &row("2025-01-15T10:01:00.000", 3),
            "batch 1",
            "begin 2",
            &row("2025-01-15T10:02:00.000", 4),
            "batch 2 final",
            "end",
        ]
    );
}

#[test]
fn rows_of_a_second_are_spread_over_it() {
    let rows = tool()
        .run(&[
            "--rows-per-second",
            "3",
            "--rows",
            "4",
            "--start-time",
            "2025-01-15T10:00:00Z",
        ])
        .rows();
    let want = [
        "10:00:00.000",
        "10:00:00.333",
        "10:00:00.667",
        "10:00:01.000",
    ];
    let want: Vec<_> = want
        .iter()
        .enumerate()
        .map(|(value, time)| row(&format!("2025-01-15T{time}"), value as i64))
        .collect();
    assert_eq!(rows, want);
}

#[test]
fn a_ramp_begins_slowly() {
    let line = [
        "--rows-per-second",
        "10",
        "--ramp-up",
        "4s",
        "--rows",
        "12",
        "--start-time",
        "2025-01-15T10:00:00Z",
    ];
    let rows = tool().run(&line).rows();
    let seconds: Vec<&str> = rows.iter().map(|row| &row[31..33]).collect();
    // In Spark's words 0 2 6 12: two rows in the first second, four in the next, six in the third.
    assert_eq!(seconds.join(" "), "00 00 01 01 01 01 02 02 02 02 02 02");
}

#[test]
fn limits_cut_batches() {
    let wire = tool()
        .run(&[
            "--rows-per-batch",
            "3",
            "--rows",
            "5",
            "--max-rows-per-trigger",
            "2",
        ])
        .ok();
    let shape: Vec<_> = wire
        .iter()
        .map(|line| {
            if line.starts_with('{') {
                "row"
            } else {
                line.as_str()
            }
        })
        .collect();
    assert_eq!(
        shape[1..],
        [
            "begin 0",
            "row",
            "row",
            "batch 0",
            "begin 1",
            "row",
            "batch 1",
            "begin 2",
            "row",
            "row",
            "batch 2 final",
            "end"
        ]
    );
    // Each row has 51 bytes.
    let wire = tool()
        .run(&[
            "--rows-per-batch",
            "9",
            "--rows",
            "4",
            "--max-bytes-per-trigger",
            "52",
        ])
        .ok();
    assert_eq!(
        wire.iter().filter(|line| line.starts_with("batch")).count(),
        2
    );
}

#[test]
fn a_restart_sends_the_same_rows_and_goes_on() {
    let tool = tool();
    let line = [
        "--rows-per-batch",
        "2",
        "--checkpoint",
        "ck",
        "--available-now",
    ];
    let first = tool.run(&line).ok();
    assert_eq!(
        first[1..],
        [
            "begin 0",
            &row("1970-01-01T00:00:00.000", 0),
            &row("1970-01-01T00:00:00.000", 1),
            "batch 0",
            "end"
        ]
    );
    // No sink has it: it comes again.
    let second = tool.run(&line).ok();
    assert_eq!(second[1..5], first[1..5]);
    assert_eq!(second[5], "begin 1");
    tool.commit("ck", 1);
    let third = tool.run(&line).ok();
    assert_eq!(third[0], "start 1 timestamp TIMESTAMP, value BIGINT");
    assert_eq!(
        third[1..4],
        [
            "begin 2".to_string(),
            row("1970-01-01T00:00:02.000", 4),
            row("1970-01-01T00:00:02.000", 5)
        ]
    );
}

#[test]
fn the_start_is_remembered() {
    let tool = tool();
    let first = tool
        .run(&[
            "--rows-per-second",
            "1",
            "--rows",
            "1",
            "--checkpoint",
            "ck",
        ])
        .ok();
    let again = tool
        .run(&[
            "--rows-per-second",
            "1",
            "--rows",
            "1",
            "--checkpoint",
            "ck",
        ])
        .ok();
    assert_eq!(first[1..4], again[1..4]);
}

#[test]
fn another_rate_is_another_stream() {
    let tool = tool();
    tool.run(&["--rows-per-batch", "2", "--rows", "2", "--checkpoint", "ck"])
        .ok();
    let refused = tool.run(&["--rows-per-batch", "3", "--rows", "2", "--checkpoint", "ck"]);
    let said = refused.failure(1);
    assert!(
        said.contains("rows-per-batch") && said.contains("start afresh"),
        "{said}"
    );
}

#[test]
fn it_ends_by_a_signal_and_when_nobody_reads() {
    let tool = tool();
    let mut live = tool.start(&["--rows-per-batch", "10"]);
    live.until("batch 3");
    live.interrupt();
    let wire = live.finish().ok();
    assert!(wire[wire.len() - 2].ends_with(" final"), "{wire:?}");
    assert_eq!(wire[wire.len() - 1], "end");
}

#[test]
fn mistakes_are_one_line() {
    let tool = tool();
    assert_eq!(
        tool.run(&["--rows-per-batch", "2", "--start-time", "soon"])
            .failure(2),
        "--start-time: `soon` is no time: write it as 2025-01-15T10:30:00Z"
    );
    assert_eq!(
        tool.run(&["--rows-per-batch", "2", "--ramp-up", "2s"])
            .stderr
            .lines()
            .count(),
        1
    );
    assert_eq!(tool.run(&["--rows-per-second", "0"]).status, 2);
}
