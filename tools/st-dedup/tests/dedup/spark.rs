//! Every case of `spark/cases.json` gives what Spark gave: the rows that pass, those late, those dropped, the keys kept.

use serde_json::{Map, Value, json};

use crate::run::{Wire, dedup};

/// The case in which Spark reads a window as if it were a number, so that every key is forgotten at once. Here a window's
/// moment is its end.
const WINDOWS_WITHIN: &str = "within the watermark: windows";

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("spark/cases.json")).unwrap()
}

fn answers() -> Map<String, Value> {
    serde_json::from_str(include_str!("spark/answers.json")).unwrap()
}

/// The row as the stage gets it: with its window in place of its time, if the case has windows.
fn row(case: &Value, row: &Value) -> String {
    let mut row = row.clone();
    if case["window"].is_string() {
        let ts = row["ts"].as_str().unwrap().to_string();
        let minute: u32 = ts[14..16].parse().unwrap();
        let bound = |minute: u32| format!("{}{minute:02}:00.000Z", &ts[..14]);
        let start = minute / 5 * 5;
        row["w"] = json!({"start": bound(start), "end": bound(start + 5)});
        row.as_object_mut().unwrap().remove("ts");
    }
    row.to_string()
}

fn start(case: &Value) -> Value {
    let mut start = json!({"schema": "i INT, k STRING, n INT, d DOUBLE, ts TIMESTAMP"});
    let mut column = json!(["ts", "time"]);
    if case["window"].is_string() {
        start["schema"] = json!("i INT, k STRING, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>");
        column = json!(["w", "window"]);
    }
    if case["delay"].is_string() {
        start["watermarks"] = json!([{"delay": case["delay"], "columns": [column]}]);
    }
    start
}

#[test]
fn the_answers_are_sparks() {
    let answers = answers();
    let mut batches = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let by: Vec<&str> = case["by"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c.as_str().unwrap())
            .collect();
        let by = by.join(", ");
        let mut args = vec!["--by", &by];
        args.push(if case["within"] == true {
            "--within-watermark"
        } else {
            "--forever"
        });
        let mut wire = Wire::new(start(&case), -1, None);
        for (i, rows) in case["batches"].as_array().unwrap().iter().enumerate() {
            let rows: Vec<String> = rows
                .as_array()
                .unwrap()
                .iter()
                .map(|r| row(&case, r))
                .collect();
            wire = wire.batch(&rows, answers[name][i]["watermark"].as_str());
        }
        let done = dedup(&args, &wire.end());
        if let Some(refusal) = answers[name].get("refused") {
            assert_eq!(done.status, 2, "{name}: Spark refuses: {refusal}");
            continue;
        }
        let done = done.well();
        if name == WINDOWS_WITHIN {
            continue;
        }
        let figures = done.figures();
        for (i, rows) in done.batches().iter().enumerate() {
            let ids = rows
                .iter()
                .map(|row| serde_json::from_str::<Value>(row).unwrap()["i"].clone());
            let figure = |value: &Value| value.as_u64().unwrap_or(0);
            let ours = json!({
                "passed": ids.collect::<Vec<_>>(),
                "late": figure(&figures[i]["late"]),
                "duplicates": figure(&figures[i]["duplicates"]),
                "kept": figure(&figures[i]["state"]["rows"]),
                "watermark": answers[name][i]["watermark"],
            });
            assert_eq!(ours, answers[name][i], "{name}: batch {i}");
            assert_eq!(figures[i].get("filtered"), figures[i].get("duplicates"));
            batches += 1;
        }
    }
    assert!(batches > 50, "{batches}");
}

#[test]
fn within_the_watermark_a_window_counts_by_its_end() {
    let case = cases()
        .into_iter()
        .find(|case| case["name"] == WINDOWS_WITHIN)
        .unwrap();
    let mut wire = Wire::new(start(&case), -1, None);
    // The key is forgotten when the mark is ten minutes past 10:05.
    for (i, (minute, mark)) in [(1, "10:14"), (14, "10:14"), (15, "10:15"), (16, "10:20")]
        .iter()
        .enumerate()
    {
        let row = row(
            &case,
            &json!({"i": i, "k": "a", "ts": format!("2025-01-15T10:{minute:02}:00Z")}),
        );
        wire = wire.batch(&[row], Some(&format!("2025-01-15T{mark}:00.000Z")));
    }
    let done = dedup(&["--by", "k", "--within-watermark"], &wire.end()).well();
    let passed: Vec<usize> = done.batches().iter().map(Vec::len).collect();
    assert_eq!(passed, [1, 0, 0, 1]);
}
