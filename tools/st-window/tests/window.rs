//! What a user of `st-window` sees. Windows are PySpark 4.3.0's answers for the same times.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-window"));
    command
        .args(arguments)
        .env_remove("ST_TZ")
        .env_remove("ST_CHECKPOINT");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn feed(command: &mut Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || _ = stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn run(arguments: &[&str], input: &str) -> Output {
    feed(&mut command(arguments), input)
}

fn printed(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn window(start: &str, end: &str) -> String {
    format!(r#"{{"start":"2025-01-15T{start}Z","end":"2025-01-15T{end}Z"}}"#)
}

const START: &str =
    r#"{"$st":"start","v":1,"query":"q","epoch":-1,"mode":"append","keys":[],"plan":[]"#;

fn marked(fields: &str, rows: &str) -> String {
    let begin = r#"{"$st":"begin","id":0,"time":"2025-01-15T11:00:00.000Z"}"#;
    let batch = r#"{"$st":"batch","id":0,"final":true,"watermark":null,"stages":[]}"#;
    format!("{START}{fields}}}\n{begin}\n{rows}{batch}\n{{\"$st\":\"end\"}}\n")
}

/// The lines of a marked stream.
fn lines(output: &Output) -> Vec<Value> {
    printed(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_row_gets_its_window_and_keeps_its_bytes() {
    let output = run(
        &["ts", "5 minutes"],
        "{ \"ts\" : \"2025-01-15 10:07:30.123456\",\"n\": 1.00}\n",
    );
    let expected = format!(
        "{{ \"ts\" : \"2025-01-15 10:07:30.123456\",\"n\": 1.00,\"window\":{}}}\n",
        window("10:05:00.000", "10:10:00.000")
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(printed(&output), expected);
}

#[test]
fn a_window_the_row_has_is_replaced_in_its_place() {
    let output = run(
        &["ts", "5m"],
        "{\"window\":7,\"ts\":\"2025-01-15T10:07:30Z\",\"n\":1}\n",
    );
    let expected = format!(
        "{{\"window\":{},\"ts\":\"2025-01-15T10:07:30Z\",\"n\":1}}\n",
        window("10:05:00.000", "10:10:00.000")
    );
    assert_eq!(printed(&output), expected);
}

#[test]
fn a_row_comes_once_for_each_sliding_window() {
    let output = run(
        &["ts", "20 minutes", "10 minutes", "--as", "w"],
        "{\"ts\":\"2025-01-15 10:07:30\"}\n",
    );
    let row = |start, end| {
        format!(
            "{{\"ts\":\"2025-01-15 10:07:30\",\"w\":{}}}\n",
            window(start, end)
        )
    };
    assert_eq!(
        printed(&output),
        row("09:50:00.000", "10:10:00.000") + &row("10:00:00.000", "10:20:00.000")
    );
}

#[test]
fn sessions_begin_with_their_row() {
    let output = run(
        &["ts", "--session", "5 minutes"],
        "{\"ts\":\"2025-01-15 10:07:30.5\"}\n",
    );
    assert_eq!(
        printed(&output),
        format!(
            "{{\"ts\":\"2025-01-15 10:07:30.5\",\"window\":{}}}\n",
            window("10:07:30.500", "10:12:30.500")
        )
    );
}

#[test]
fn a_gap_of_its_own_for_each_row() {
    let gap = "case n when 1 then '5 minutes' when 2 then '0 seconds' when 3 then '-1 minute' when 4 then null when 5 then 'x' end";
    let rows: String = (1..=5)
        .map(|n| format!("{{\"ts\":\"2025-01-15 10:00:00\",\"n\":{n}}}\n"))
        .collect();
    let output = run(&["ts", "--session", gap], &marked("", &rows));
    assert_eq!(said(&output), "");
    let lines = lines(&output);
    let kept: Vec<&Value> = lines.iter().filter(|line| line["n"].is_number()).collect();
    // Spark drops the others too.
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["window"]["end"], "2025-01-15T10:05:00.000Z");
    let figures = &lines[lines.len() - 2]["stages"][0];
    assert_eq!(
        (&figures["filtered"], &figures["failed"]),
        (&json!(4), &json!(1))
    );
    // A month is as long as the month.
    let output = run(
        &["ts", "--session", "make_interval(0, n)"],
        "{\"ts\":\"2025-01-31\",\"n\":1}\n",
    );
    assert!(
        printed(&output).contains("\"end\":\"2025-02-28T00:00:00.000Z\""),
        "{}",
        printed(&output)
    );
}

#[test]
fn rows_without_a_time_are_kept_with_the_rejects() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.ndjson");
    let rows = "{\"ts\":null}\n{\"ts\":17}\n{\"ts\":\"soon\"}\n{\"n\":1}\n";
    let output = run(
        &["ts", "5m", "--rejects", rejects.to_str().unwrap()],
        &marked("", rows),
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let figures = &lines(&output)[2]["stages"][0];
    assert_eq!(
        (&figures["in"], &figures["out"], &figures["bad"]),
        (&json!(4), &json!(0), &json!(4))
    );
    let reasons: Vec<Value> = std::fs::read_to_string(rejects)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].clone())
        .collect();
    let null = "event time `ts` is null";
    let number = "event time `ts` is a number: timestamp_millis(ts) makes it a time";
    assert_eq!(
        reasons,
        [null, number, "event time `ts` is no timestamp", null]
    );
    let strict = run(&["ts", "5m", "--strict"], "{\"ts\":null}\n");
    assert_eq!(strict.status.code(), Some(1));
}

#[test]
fn the_start_declares_the_window_and_its_watermark() {
    let fields = r#","schema":"ts TIMESTAMP, n INT","watermarks":[{"delay":"1 minute","columns":[["ts","time"]],"time":null}]"#;
    let start = &lines(&run(&["ts", "20m", "10m"], &marked(fields, "")))[0];
    assert_eq!(
        start["schema"],
        "ts TIMESTAMP, n INT, window STRUCT<start: TIMESTAMP, end: TIMESTAMP>"
    );
    assert_eq!(
        start["watermarks"][0]["columns"],
        json!([["ts", "time"], ["window", "window"]])
    );
    assert_eq!(start["sessions"], Value::Null);
    let options =
        json!({"column": "ts", "size": "20 minutes", "slide": "10 minutes", "as": "window"});
    assert_eq!(
        start["plan"][0],
        json!({"tool": "st-window", "name": "st-window", "options": options})
    );
    let start = &lines(&run(
        &["ts", "--session", "5m", "--as", "visit"],
        &marked(fields, ""),
    ))[0];
    assert_eq!(start["sessions"], json!(["visit"]));
    // A column that is no session any more.
    let start = &lines(&run(
        &["ts", "5m"],
        &marked(r#","sessions":["window"]"#, ""),
    ))[0];
    assert_eq!(start["sessions"], Value::Null);
}

#[test]
fn windows_are_put_into_larger_ones_by_their_end() {
    let row = format!(
        "{{\"window\":{}}}\n",
        window("09:55:00.000", "10:00:00.000")
    );
    let typed = r#","schema":"window STRUCT<start: TIMESTAMP, end: TIMESTAMP>""#;
    for input in [row.clone(), marked("", &row), marked(typed, &row)] {
        let output = run(&["window", "10 minutes"], &input);
        let expected = format!(
            "{{\"window\":{}}}\n",
            window("09:50:00.000", "10:00:00.000")
        );
        assert!(printed(&output).contains(&expected), "{}", printed(&output));
    }
}

#[test]
fn dates_and_text_are_times_as_in_spark() {
    let rows = "{\"d\":\"2025-01-15\",\"s\":\" 2025-01-15 10:07:30 \"}\n";
    let typed = r#","schema":"d DATE, s STRING""#;
    let of_date = run(&["d", "5m"], &marked(typed, rows));
    assert!(
        printed(&of_date).contains(&window("00:00:00.000", "00:05:00.000")),
        "{}",
        printed(&of_date)
    );
    let of_text = run(&["s", "5m"], &marked(typed, rows));
    assert!(
        printed(&of_text).contains(&window("10:05:00.000", "10:10:00.000")),
        "{}",
        printed(&of_text)
    );
}

#[test]
fn a_zone_aligns_days_only_if_asked_to() {
    let row = "{\"ts\":\"2025-01-15T23:30:00Z\"}\n";
    let berlin = run(&["ts", "1 day", "--tz", "Europe/Berlin"], row);
    assert!(
        printed(&berlin).contains(
            "\"start\":\"2025-01-15T23:00:00.000Z\",\"end\":\"2025-01-16T23:00:00.000Z\""
        )
    );
    let spark = feed(command(&["ts", "1 day"]).env("ST_TZ", "Europe/Berlin"), row);
    assert!(
        printed(&spark).contains("\"start\":\"2025-01-15T00:00:00.000Z\""),
        "{}",
        printed(&spark)
    );
    // Both read a time without a zone as Berlin's.
    let local = feed(
        command(&["ts", "1 hour"]).env("ST_TZ", "Europe/Berlin"),
        "{\"ts\":\"2025-01-15 10:30:00\"}\n",
    );
    assert!(
        printed(&local).contains("\"start\":\"2025-01-15T09:00:00.000Z\""),
        "{}",
        printed(&local)
    );
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let refused = |arguments: &[&str], fields: &str| {
        let output = run(arguments, &marked(fields, ""));
        assert_eq!(output.status.code(), Some(2));
        said(&output)
            .strip_prefix("st-window: ")
            .unwrap()
            .to_string()
    };
    assert_eq!(
        refused(&["ts", "5m", "10m"], ""),
        "SLIDE (10 minutes) must not be longer than SIZE (5 minutes): rows between two windows would be in none\n"
    );
    assert!(
        refused(&["ts", "1 month"], "").starts_with("SIZE (1 month): a month has no fixed length")
    );
    assert!(refused(&["ts", "five"], "").contains("write it like '10 minutes'"));
    assert!(refused(&["ts", "5m", "--session", "5m"], "").contains("cannot be used with"));
    assert!(refused(&["ts", "--session", "0s"], "").contains("must be longer than nothing"));
    assert!(
        refused(&["ts", "--session", "gap("], "")
            .contains("--session wants a duration like '5 minutes', or an expression")
    );
    assert_eq!(
        refused(&["n", "5m"], r#","schema":"n INT""#),
        "`n` has the type INT, which is no time: st-map --set 'n = timestamp_millis(n)' (or timestamp_seconds) makes one of it\n"
    );
    let update = START
        .replace("append", "update")
        .replace("\"keys\":[]", "\"keys\":[\"k\"]")
        + "}\n";
    let output = run(&["ts", "20m", "10m"], &update);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("replace each other by their keys (k)"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_row_passes_at_once_even_byte_by_byte() {
    let mut child = command(&["ts", "5m"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        for byte in b"{\"ts\":\"2025-01-15 10:07:30\"}\n" {
            stdin.write_all(&[*byte]).unwrap();
        }
        // Would wait for ever if the row did.
        assert!(stdout.next().unwrap().unwrap().contains("10:05:00.000Z"));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn nobody_reads_and_nowhere_to_write() {
    let rows = "{\"ts\":\"2025-01-15 10:07:30\"}\n".repeat(100_000);
    let mut child = command(&["ts", "5m"]).spawn().unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(rows.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = feed(
        command(&["ts", "5m"]).stdout(full),
        "{\"ts\":\"2025-01-15\"}\n",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("No space left"), "{}", said(&output));
}
