#![allow(clippy::unwrap_used)]
//! The rules of two inputs in `docs/PROTOCOL.md`, by number, and what holds behind a union.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

struct Ran {
    status: i32,
    lines: Vec<String>,
    err: String,
}

impl Ran {
    fn rows(&self) -> Vec<&str> {
        let lines = self.lines.iter().map(String::as_str);
        lines
            .filter(|line| !line.starts_with("{\"$st\":"))
            .collect()
    }

    fn markers(&self, kind: &str) -> Vec<Value> {
        let lines = self
            .lines
            .iter()
            .filter(|line| line.starts_with("{\"$st\":"));
        let markers = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        markers.filter(|marker| marker["$st"] == kind).collect()
    }
}

/// `st-union` in bash, with `$0` for the program.
fn run(folder: &Path, line: &str) -> Ran {
    let output = Command::new("bash")
        .args([
            "-c",
            &format!("timeout 20 {line}"),
            env!("CARGO_BIN_EXE_st-union"),
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        lines: out.lines().map(str::to_string).collect(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// One batch: its rows, its clock's second, the minute of its mark, and whether it is final.
type Batch<'a> = (&'a [&'a str], u32, Option<u32>, bool);

fn stream(name: &str, start: Value, batches: &[Batch<'_>]) -> String {
    let mut first = json!({
        "$st": "start", "v": 1, "query": name, "epoch": -1, "schema": "", "mode": "append", "keys": [],
        "watermarks": [], "plan": [{"tool": "st-tail", "name": "st-tail", "options": {"of": name}}],
    });
    for (field, value) in start.as_object().unwrap() {
        first[field] = value.clone();
    }
    let mut text = format!("{first}\n");
    let mut given = None;
    for (id, (rows, second, mark, last)) in batches.iter().enumerate() {
        let time = format!("2025-01-15T00:00:{second:02}.000Z");
        text += &format!("{}\n", json!({"$st": "begin", "id": id, "time": time}));
        rows.iter().for_each(|row| text += &format!("{row}\n"));
        let mark = mark.map(|minute| format!("2025-01-15T10:{minute:02}:00.000Z"));
        if mark != given {
            text += &format!(
                "{}\n",
                json!({"$st": "watermark", "time": mark, "columns": {}})
            );
            given.clone_from(&mark);
        }
        let stages = json!([{"name": "st-tail", "in": rows.len(), "out": rows.len(), "ms": 0}]);
        text += &format!(
            "{}\n",
            json!({"$st": "batch", "id": id, "final": last, "watermark": mark, "stages": stages})
        );
    }
    text + "{\"$st\":\"end\"}\n"
}

fn two(l: &str, r: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("l"), l).unwrap();
    std::fs::write(folder.path().join("r"), r).unwrap();
    run(folder.path(), "$0 <(cat r) < l")
}

fn timed(delay: &str) -> Value {
    json!({"schema": "t TIMESTAMP", "watermarks": [{"delay": delay, "columns": [["t", "time"]], "time": null}]})
}

#[test]
fn w20_inputs_are_of_one_kind_and_one_query() {
    let plain = two("{\"a\":1}\n", "{\"b\":2}\n");
    let mut rows = plain.rows();
    rows.sort_unstable();
    assert_eq!(
        (plain.status, rows),
        (0, vec![r#"{"a":1}"#, r#"{"b":2}"#]),
        "{}",
        plain.err
    );
    let marked = stream("l", json!({}), &[]);
    let mixed = two(&marked, "{\"b\":2}\n");
    assert_eq!(mixed.status, 1);
    assert!(
        mixed
            .err
            .contains("holds plain rows, and stdin is a marked stream"),
        "{}",
        mixed.err
    );
    assert_eq!(mixed.markers("abort").len(), 1);
    let named = two(&marked, &stream("r", json!({}), &[]));
    let plan = &named.markers("start")[0]["plan"];
    assert_eq!(plan[0]["name"], "st-tail");
    assert_eq!(plan[1]["inputs"][0][0]["name"], "st-tail-2");
    let checkpointed = json!({"query": "q", "checkpoint": "/nowhere"});
    let twice = two(
        &stream("l", checkpointed.clone(), &[]),
        &stream("r", checkpointed, &[]),
    );
    assert!(
        twice.err.contains("two stages of the query are called st-tail: give this one another --name, or its source --branch NAME"),
        "{}",
        twice.err
    );
    let late = two(
        &marked,
        "{\"$st\":\"begin\",\"id\":0,\"time\":\"2025-01-15T00:00:00.000Z\"}\n",
    );
    assert!(
        late.err.contains("does not begin with its start marker"),
        "{}",
        late.err
    );
}

#[test]
fn w21_batches_are_joined_by_their_ids() {
    let l = stream(
        "l",
        timed("1 minute"),
        &[
            (&["{\"l\":0}"], 1, Some(10), false),
            (&["{\"l\":1}"], 5, Some(20), true),
        ],
    );
    let r = stream(
        "r",
        timed("2 minutes"),
        &[
            (&["{\"r\":0}"], 3, None, false),
            (&["{\"r\":1}"], 4, Some(15), true),
        ],
    );
    let ran = two(&l, &r);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        ran.rows(),
        [r#"{"l":0}"#, r#"{"r":0}"#, r#"{"l":1}"#, r#"{"r":1}"#]
    );
    let times: Vec<Value> = ran
        .markers("begin")
        .iter()
        .map(|begin| begin["time"].clone())
        .collect();
    assert_eq!(
        times,
        ["2025-01-15T00:00:03.000Z", "2025-01-15T00:00:05.000Z"]
    );
    let batches = ran.markers("batch");
    assert_eq!(batches[0]["watermark"], Value::Null);
    assert_eq!(batches[1]["watermark"], "2025-01-15T10:15:00.000Z");
    assert_eq!(
        (&batches[0]["final"], &batches[1]["final"]),
        (&json!(false), &json!(true))
    );
    let names: Vec<&str> = batches[0]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["st-tail", "st-tail-2", "st-union"]);
    assert_eq!(batches[1]["stages"][2]["in"], 2);
    let start = &ran.markers("start")[0];
    assert_eq!(start["watermarks"][0]["columns"], json!([["t", "time"]]));
}

#[test]
fn w22_an_input_that_has_ended_is_empty_and_holds_its_mark() {
    let l = stream(
        "l",
        timed("1 minute"),
        &[(&["{\"l\":0}"], 9, Some(10), true)],
    );
    let r = stream(
        "r",
        timed("1 minute"),
        &[
            (&[], 1, Some(5), false),
            (&["{\"r\":1}"], 2, Some(30), false),
            (&[], 3, Some(40), true),
        ],
    );
    let ran = two(&l, &r);
    assert_eq!(
        (ran.status, ran.rows()),
        (0, vec![r#"{"l":0}"#, r#"{"r":1}"#]),
        "{}",
        ran.err
    );
    let marks: Vec<Value> = ran
        .markers("batch")
        .iter()
        .map(|batch| batch["watermark"].clone())
        .collect();
    assert_eq!(
        marks,
        [
            "2025-01-15T10:05:00.000Z",
            "2025-01-15T10:10:00.000Z",
            "2025-01-15T10:10:00.000Z"
        ]
    );
    let times: Vec<Value> = ran
        .markers("begin")
        .iter()
        .map(|begin| begin["time"].clone())
        .collect();
    assert_eq!(times, ["2025-01-15T00:00:09.000Z"; 3]);
    assert_eq!(ran.markers("batch")[2]["final"], true);
    assert_eq!(ran.markers("end").len(), 1);
}

#[test]
fn w23_one_writer_of_two_inputs_is_not_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let row = format!("{{\"wide\":\"{}\"}}", "x".repeat(1000));
    let rows = vec![row.as_str(); 24_000];
    std::fs::write(
        folder.path().join("l"),
        stream("l", json!({}), &[(&rows, 1, None, true)]),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("r"),
        stream("r", json!({}), &[(&["{\"last\":1}"], 1, None, true)]),
    )
    .unwrap();
    let line =
        "bash -c 'mkfifo a b; { cat l > a; cat r > b; } & \"$0\" b < a | grep -vc st; wait' \"$0\"";
    let ran = run(folder.path(), line);
    assert_eq!(ran.lines, ["24000"], "{}", ran.err);
}

#[test]
fn w24_what_is_wrong_with_an_input_is_told_with_its_name() {
    let good = stream(
        "l",
        json!({}),
        &[(&["{}"], 1, None, false), (&["{}"], 1, None, false)],
    );
    let abort = "{\"$st\":\"abort\",\"stage\":\"other\",\"reason\":\"it broke\"}\n";
    let ran = two(&good, abort);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert_eq!(format!("{}\n", ran.lines[0]), abort);
    let lines: Vec<&str> = good.lines().collect();
    let broken = [
        (
            lines[..3].join("\n") + "\n",
            "the stream broke off in batch 0, which is discarded",
        ),
        (
            lines[..4].join("\n") + "\n",
            "the stream broke off without its end marker",
        ),
        (
            good.replace("\"$st\":\"begin\",\"id\":1", "\"$st\":\"begin\",\"id\":2"),
            "batch 2 begins where batch 1 was due",
        ),
        (
            good.replace("\"$st\":\"batch\",\"id\":0", "\"$st\":\"batch\",\"id\":7"),
            "batch 7 ends where batch 0 has begun",
        ),
        (good.clone() + "{}\n", "a line after the end of the stream"),
        (
            format!("{good}{good}"),
            "a line after the end of the stream",
        ),
        (
            good.replace("\"$st\":\"end\"", "\"$st\":\"other\""),
            "unknown marker `other`",
        ),
    ];
    for (text, said) in broken {
        let ran = two(&good, &text);
        assert_eq!(ran.status, 1, "{said}");
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}

#[test]
fn types_widen_and_times_stay_bounded_if_all_bound_them() {
    let l = stream(
        "l",
        json!({"schema": "a INT, b STRING", "columns": ["a", "b"]}),
        &[],
    );
    let r = stream(
        "r",
        json!({"schema": "b DATE, c INT, a BIGINT", "columns": ["b", "c", "a"]}),
        &[],
    );
    let start = &two(&l, &r).markers("start")[0];
    assert_eq!(start["schema"], "a BIGINT, b STRING, c INT");
    assert_eq!(start["columns"], json!(["a", "b", "c"]));
    let ran = two(&l, &stream("r", json!({"schema": "a ARRAY<INT>"}), &[]));
    assert_eq!(ran.status, 2);
    assert!(
        ran.err
            .contains("`a` is INT in one stream and ARRAY<INT> in another"),
        "{}",
        ran.err
    );
    let start = &two(
        &stream("l", timed("1 minute"), &[]),
        &stream("r", json!({}), &[]),
    )
    .markers("start")[0];
    assert_eq!(start["watermarks"][0]["columns"], json!([]));
    let ran = two(
        &l,
        &stream("r", json!({"mode": "update", "keys": ["a"]}), &[]),
    );
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("replace earlier ones (update mode)"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_is_no_stream() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.json"), "{}\n").unwrap();
    let ran = run(folder.path(), "$0 f.json < f.json");
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.err,
        "st-union: f.json: is no stream but files, which a source reads: <(st-tail f.json)\n"
    );
}
