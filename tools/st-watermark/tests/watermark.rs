//! What a user of `st-watermark` sees. Times are small enough to check by hand: all on 2025-01-15 in the hour of ten.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-watermark"));
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

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || _ = stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The lines written, those of figures without their milliseconds.
fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let parse = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for stage in line
            .get_mut("stages")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            stage.as_object_mut().unwrap().remove("ms");
        }
        line
    };
    text.lines().map(parse).collect()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn at(time: &str) -> String {
    format!("2025-01-15T10:{time}.000Z")
}

fn start(epoch: i64, more: &str) -> String {
    format!(
        r#"{{"$st":"start","v":1,"query":"q","epoch":{epoch}{more},"mode":"append","keys":[],"plan":[]}}"#
    )
}

/// A batch with its clock, its rows' times, and what upstream says of its own watermark.
fn batch(id: i64, clock: &str, times: &[&str]) -> String {
    let mut text = format!(
        "{{\"$st\":\"begin\",\"id\":{id},\"time\":\"{}\"}}\n",
        at(clock)
    );
    for time in times {
        text += &format!("{{\"ts\":\"{}\"}}\n", at(time));
    }
    text + &format!(
        "{{\"$st\":\"batch\",\"id\":{id},\"final\":false,\"watermark\":null,\"stages\":[]}}\n"
    )
}

/// The marks announced, batch by batch.
fn marks(output: &Output) -> Vec<Option<String>> {
    assert_eq!(said(output), "");
    let batches = lines(output)
        .into_iter()
        .filter(|line| line["$st"] == "batch");
    batches
        .map(|batch| batch["watermark"].as_str().map(str::to_string))
        .collect()
}

#[test]
fn a_whole_stream() {
    let rows = [
        r#"{ "ts" : "2025-01-15 10:30:00", "n": 1.00 }"#,
        r#"{"ts":null}"#,
        r#"{"n":2}"#,
        r#"{"ts":"soon"}"#,
    ];
    let mut input = start(-1, r#","schema":"n DOUBLE""#) + "\n";
    input += &format!(
        "{{\"$st\":\"begin\",\"id\":0,\"time\":\"{}\"}}\n",
        at("31:00")
    );
    input += &(rows.join("\n") + "\n");
    input += "{\"$st\":\"batch\",\"id\":0,\"final\":true,\"watermark\":null,\"stages\":[]}\n{\"$st\":\"end\"}\n";
    let output = run(&["ts", "10m"], &input);
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    // Rows keep their bytes.
    assert_eq!(text.lines().skip(2).take(4).collect::<Vec<_>>(), rows);
    let lines = lines(&output);
    assert_eq!(lines[0]["schema"], "n DOUBLE, ts TIMESTAMP");
    assert_eq!(
        lines[0]["watermarks"],
        json!([{"delay": "10 minutes", "columns": [["ts", "time"]], "time": null}])
    );
    let node = json!({"tool": "st-watermark", "name": "st-watermark", "options": {"column": "ts", "delay": "10 minutes"}});
    assert_eq!(lines[0]["plan"], json!([node]));
    assert_eq!(
        lines[6],
        json!({"$st": "watermark", "time": at("20:00"), "columns": {}})
    );
    let event_time = json!({"min": at("30:00"), "avg": at("30:00"), "max": at("30:00")});
    let figures = json!({"name": "st-watermark", "in": 4, "out": 4, "event_time": event_time, "no_event_time": 3});
    let mut last = lines[7].clone();
    // How long it took is another figure each time.
    last["stages"][0].as_object_mut().unwrap().remove("us");
    assert_eq!(
        last,
        json!({"$st": "batch", "id": 0, "final": true, "watermark": at("20:00"), "stages": [figures]})
    );
    assert_eq!(lines[8], json!({"$st": "end"}));
}

#[test]
fn the_mark_follows_the_greatest_time_and_never_goes_back() {
    let batches = batch(0, "30:00", &[])
        + &batch(1, "30:01", &["20:00", "22:00", "21:00"])
        + &batch(2, "30:02", &["05:00"]);
    let output = run(
        &["ts", "10 minutes"],
        &(start(-1, "") + "\n" + &batches + "{\"$st\":\"end\"}\n"),
    );
    assert_eq!(marks(&output), [None, Some(at("12:00")), Some(at("12:00"))]);
    // A mark that has not moved is not said again.
    assert_eq!(
        lines(&output)
            .iter()
            .filter(|line| line["$st"] == "watermark")
            .count(),
        1
    );
}

#[test]
fn plain_input_becomes_a_marked_stream() {
    let output = run(
        &["ts", "1 minute"],
        &format!("{{\"ts\":\"{}\"}}\nnonsense\n", at("05:00")),
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said(&output).starts_with("st-watermark: not JSON at byte"),
        "{}",
        said(&output)
    );
    let kinds: Vec<Value> = lines(&output)
        .iter()
        .map(|line| line["$st"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            json!("start"),
            json!("begin"),
            Value::Null,
            json!("watermark"),
            json!("batch"),
            json!("end")
        ]
    );
    let batch = &lines(&output)[4];
    assert_eq!(
        (&batch["final"], &batch["watermark"]),
        (&json!(true), &json!(at("04:00")))
    );
    assert_eq!(
        (&batch["stages"][0]["in"], &batch["stages"][0]["bad"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn a_row_passes_at_once() {
    let mut child = command(&["ts", "1 minute"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    for byte in format!("{{\"ts\":\"{}\"}}\n", at("05:00")).bytes() {
        stdin.write_all(&[byte]).unwrap();
    }
    // The input stays open.
    let row = stdout
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.starts_with("{\"ts\""));
    assert_eq!(row, Some(format!("{{\"ts\":\"{}\"}}", at("05:00"))));
    drop(stdin);
    assert_eq!(stdout.last().unwrap().unwrap(), "{\"$st\":\"end\"}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn silence_moves_the_mark_by_the_clock() {
    let batches = batch(0, "30:00", &["20:00"])
        + &batch(1, "30:59", &[])
        + &batch(2, "31:00", &[])
        + &batch(3, "33:00", &[])
        + &batch(4, "33:01", &["20:01"]);
    let input = start(-1, "") + "\n" + &batches + "{\"$st\":\"end\"}\n";
    let output = run(&["ts", "5 minutes", "--idle-timeout", "1 minute"], &input);
    let expected = ["15:00", "15:00", "16:00", "18:00", "18:00"].map(|time| Some(at(time)));
    assert_eq!(marks(&output), expected);
}

#[test]
fn of_two_watermarks_the_least_rules_and_columns_tell_the_others() {
    let earlier = r#","watermarks":[{"delay":"1 minute","columns":[["seen","time"],["w","window"]],"time":null}]"#;
    let mark = |time: &str| {
        format!(
            "{{\"$st\":\"watermark\",\"time\":\"{}\",\"columns\":{{}}}}\n",
            at(time)
        )
    };
    let with = |id: i64, times: &[&str], announced: Option<&str>, in_force: Option<&str>| {
        let text = batch(id, "30:00", times);
        let text = match in_force {
            Some(time) => text.replace(
                "\"watermark\":null",
                &format!("\"watermark\":\"{}\"", at(time)),
            ),
            None => text,
        };
        match announced {
            Some(time) => text.replace("{\"$st\":\"batch\"", &(mark(time) + "{\"$st\":\"batch\"")),
            None => text,
        }
    };
    let input = start(-1, earlier)
        + "\n"
        + &with(0, &["20:00"], None, None)
        + &with(1, &[], Some("12:00"), Some("12:00"))
        + &with(2, &["30:00"], Some("40:00"), Some("40:00"))
        + "{\"$st\":\"end\"}\n";
    let output = run(&["ts", "5 minutes"], &input);
    // An input that has said nothing holds the mark back.
    assert_eq!(marks(&output), [None, Some(at("12:00")), Some(at("25:00"))]);
    let said: Vec<Value> = lines(&output)
        .into_iter()
        .filter(|line| line["$st"] == "watermark")
        .collect();
    assert_eq!(said[0]["columns"], json!({"ts": at("15:00")}));
    assert_eq!(
        said[1]["columns"],
        json!({"seen": at("40:00"), "w": at("40:00")})
    );
    assert_eq!(lines(&output)[0]["watermarks"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_a_watermark_is_refused_at_the_start() {
    let refused = |arguments: &[&str], more: &str| {
        let output = run(arguments, &(start(-1, more) + "\n"));
        assert_eq!(output.status.code(), Some(2));
        let said = said(&output)
            .strip_prefix("st-watermark: ")
            .unwrap()
            .trim_end()
            .to_string();
        (said, lines(&output).first().cloned())
    };
    let (reason, abort) = refused(&["ts", "1m"], r#","schema":"ts STRING""#);
    let expected = "the event time `ts` has the type STRING but must be TIMESTAMP: st-map --set 'ts = to_timestamp(ts)' makes it one";
    assert_eq!(reason, expected);
    assert_eq!(
        abort,
        Some(json!({"$st": "abort", "stage": "st-watermark", "reason": expected}))
    );
    let twice = r#","watermarks":[{"delay":"1 minute","columns":[["ts","time"]],"time":null}]"#;
    assert_eq!(
        refused(&["ts", "1m"], twice).0,
        "`ts` has a watermark already, with a delay of 1 minute: redefining it is disallowed: leave one of the two out"
    );
    assert!(
        refused(&["ts", "-1m"], "")
            .0
            .contains("the delay (-1m) must not be negative")
    );
    assert!(
        refused(&["a.ts", "1m"], "")
            .0
            .contains("make it one first with st-map --set 'name = a.ts'")
    );
    assert!(
        refused(&["ts", "ten"], "")
            .0
            .contains("write it like '10 minutes'")
    );
}

#[test]
fn idle_time_out_needs_batches() {
    let output = run(&["ts", "1m", "--idle-timeout", "1m"], "{}\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("st-tail - --heartbeat"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_session_zone_reads_times_without_one() {
    let input = "{\"ts\":\"2025-01-15 10:05:00\"}\n";
    let output = run(&["ts", "0s", "--tz", "Europe/Berlin"], input);
    assert_eq!(
        marks(&output),
        [Some("2025-01-15T09:05:00.000Z".to_string())]
    );
}

/// A checkpoint as a source leaves it after no commit; the state goes on where the epoch asks.
#[test]
fn a_restart_goes_on_from_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let query = st_checkpoint::QueryDir::create_or_open(
        &folder.path().join("ck"),
        st_checkpoint::Kind::Query,
        st_checkpoint::Durability::Process,
        "test",
    )
    .unwrap();
    let with = |epoch: i64| {
        let more = format!(r#","checkpoint":{}"#, json!(query.absolute()));
        start(epoch, &more).replace("\"q\"", &json!(query.id()).to_string()) + "\n"
    };
    let run_from = |epoch: i64, batches: &str| {
        run(
            &["ts", "1 minute"],
            &(with(epoch) + batches + "{\"$st\":\"end\"}\n"),
        )
    };
    let first = run_from(
        -1,
        &(batch(0, "30:00", &["10:00"]) + &batch(1, "30:01", &["20:00"])),
    );
    assert_eq!(marks(&first), [Some(at("09:00")), Some(at("19:00"))]);
    // Batch 1 was not committed by the sink: it comes again, here with other rows.
    let again = run_from(
        0,
        &(batch(1, "30:01", &["05:00"]) + &batch(2, "30:02", &[])),
    );
    assert_eq!(
        lines(&again)[0]["watermarks"][0]["time"],
        json!(at("09:00"))
    );
    assert_eq!(marks(&again), [Some(at("09:00")), Some(at("09:00"))]);
    let state = std::fs::read_dir(folder.path().join("ck/state"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(
        read(&state).contains(r#"{"k":"ts","v":{"greatest":"2025-01-15T10:10:00.000Z""#),
        "{}",
        read(&state)
    );
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn its_own_checkpoint_keeps_the_mark_across_runs_of_plain_input() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let run_on = |time: &str| {
        run(
            &["ts", "1 minute", "--checkpoint", own.to_str().unwrap()],
            &format!("{{\"ts\":\"{}\"}}\n", at(time)),
        )
    };
    assert_eq!(marks(&run_on("20:00")), [Some(at("19:00"))]);
    let second = run_on("10:00");
    assert_eq!(
        lines(&second)[0]["watermarks"][0]["time"],
        json!(at("19:00"))
    );
    assert_eq!(marks(&second), [Some(at("19:00"))]);
}

#[test]
fn nobody_reads_and_nowhere_to_write() {
    let rows = format!("{{\"ts\":\"{}\"}}\n", at("05:00")).repeat(200_000);
    let mut child = command(&["ts", "1m"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(rows.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = command(&["ts", "1m"]).stdout(full).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "st-watermark: stdout: cannot write: No space left on device (os error 28)\n"
    );
}
