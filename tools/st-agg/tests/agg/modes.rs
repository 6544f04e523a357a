//! The three output modes over one trace: what Spark emits when it idles between batches (a watermark of ten minutes,
//! windows of five, one batch per line of the trace).

use serde_json::json;

use crate::run::{Wire, agg, counted, row};

const BY: [&str; 4] = ["--by", "window(ts, '5 minutes'), user", "--mode", "append"];

/// The rows of each batch of the trace, and the watermark after it.
fn trace() -> String {
    let batches: [(&[&str], &str); 5] = [
        (&["00:04 u2"], "2025-01-14T23:54:00.000Z"),
        (&["00:21 u1"], "00:11"),
        (&["00:02 late1", "00:22 u1"], "00:12"),
        (&["00:02 late2", "00:05 edge", "00:22 u3"], "00:12"),
        (&["00:40 u4"], "00:30"),
    ];
    let mut wire = Wire::marked();
    for (rows, mark) in batches {
        let rows: Vec<String> = rows.iter().map(|text| row(text)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        wire = wire.batch(&rows, Some(mark));
    }
    wire.end()
}

fn rows(expected: &[&[&str]]) -> Vec<Vec<String>> {
    expected
        .iter()
        .map(|batch| batch.iter().map(|row| counted(row)).collect())
        .collect()
}

#[test]
fn append_emits_a_window_in_the_batch_that_closes_it() {
    let done = agg(&BY, &trace()).well();
    let expected: [&[&str]; 5] = [
        &[],
        &["00:00 u2 1"],
        &[],
        &[],
        &["00:20 u1 2", "00:20 u3 1"],
    ];
    assert_eq!(done.batches(), rows(&expected));
    let figures = done.figures();
    let late: Vec<_> = figures
        .iter()
        .map(|figures| figures["late"].as_i64().unwrap_or(0))
        .collect();
    assert_eq!(late, [0, 0, 1, 2, 0]);
    let state: Vec<_> = figures
        .iter()
        .map(|figures| {
            ["rows", "updated", "removed"].map(|name| figures["state"][name].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        state,
        [[1, 1, 0], [1, 1, 1], [1, 1, 0], [2, 1, 0], [1, 1, 2]]
    );
    assert_eq!(figures[4]["in"], 1);
    assert_eq!(figures[4]["out"], 2);
}

#[test]
fn update_emits_what_had_input_even_if_it_is_evicted_at_once() {
    let done = agg(&["--by", "window(ts, '5 minutes'), user"], &trace()).well();
    let expected: [&[&str]; 5] = [
        &["00:00 u2 1"],
        &["00:20 u1 1"],
        &["00:20 u1 2"],
        &["00:20 u3 1"],
        &["00:40 u4 1"],
    ];
    assert_eq!(done.batches(), rows(&expected));
    let held: Vec<_> = done
        .figures()
        .iter()
        .map(|figures| figures["state"]["rows"].clone())
        .collect();
    assert_eq!(held, [1, 1, 1, 2, 1]);
    // A window that is closed by its own batch's watermark is emitted once and not kept.
    let wire = Wire::marked()
        .batch(&[&row("00:04 a")], Some("00:05"))
        .end();
    let done = agg(&["--by", "window(ts, '5 minutes'), user"], &wire).well();
    assert_eq!(done.batches(), rows(&[&["00:00 a 1"]]));
    assert_eq!(done.figures()[0]["state"]["rows"], 0);
}

#[test]
fn complete_emits_everything_and_drops_nothing() {
    let done = agg(
        &[
            "--by",
            "window(ts, '5 minutes'), user",
            "--mode",
            "complete",
        ],
        &trace(),
    )
    .well();
    assert_eq!(done.batches()[3].len(), 6);
    let expected: [&[&str]; 1] = [&[
        "00:00 late1 1",
        "00:00 late2 1",
        "00:00 u2 1",
        "00:05 edge 1",
        "00:20 u1 2",
        "00:20 u3 1",
        "00:40 u4 1",
    ]];
    assert_eq!(done.batches()[4..], rows(&expected));
    assert!(
        done.figures()
            .iter()
            .all(|figures| figures.get("late").is_none())
    );
    assert_eq!(done.figures()[4]["state"]["rows"], 7);
}

#[test]
fn a_window_is_closed_when_the_watermark_reaches_its_end() {
    let just_before = Wire::marked()
        .batch(&[&row("00:04 a")], Some("2025-01-15T00:04:59.999Z"))
        .end();
    assert_eq!(agg(&BY, &just_before).well().batches(), rows(&[&[]]));
    let reached = Wire::marked()
        .batch(&[&row("00:04 a")], Some("00:05"))
        .end();
    assert_eq!(agg(&BY, &reached).well().batches(), rows(&[&["00:00 a 1"]]));
}

#[test]
fn the_last_batch_emits_what_is_open() {
    let wire = Wire::marked()
        .batch(&[&row("00:04 b")], None)
        .last(&[&row("00:01 a")], Some("00:01"))
        .end();
    assert_eq!(
        agg(&BY, &wire).well().batches(),
        rows(&[&[], &["00:00 a 1", "00:00 b 1"]])
    );
}

#[test]
fn a_raw_time_is_a_key_that_closes_at_itself() {
    let wire = Wire::marked()
        .batch(
            &[
                &row("00:04 a"),
                r#"{"ts":"2025-01-15 00:04:00","user":"b"}"#,
                r#"{"user":"c"}"#,
            ],
            Some("00:03"),
        )
        .batch(&[&row("00:03 late"), &row("00:05 d")], Some("00:04"))
        .end();
    let done = agg(&["--by", "ts", "--mode", "append"], &wire).well();
    // One instant in two spellings; a null is a group that no watermark closes.
    assert_eq!(
        done.batches(),
        [
            vec![],
            vec![r#"{"ts":"2025-01-15T00:04:00.000Z","count":2}"#]
        ]
    );
    assert_eq!(done.figures()[1]["late"], 1);
    assert_eq!(done.figures()[1]["state"]["rows"], 2);
}

#[test]
fn sliding_windows_hold_a_row_each() {
    let wire = Wire::marked()
        .last(&[&row("00:04 a"), &row("00:06 a")], Some("00:00"))
        .end();
    let done = agg(
        &[
            "--by",
            "window(ts, '10 minutes', '5 minutes'), user",
            "--mode",
            "append",
        ],
        &wire,
    )
    .well();
    let window = |start: &str, end: &str, count: i64| {
        let at = crate::run::at;
        format!(
            r#"{{"window":{{"start":"{}","end":"{}"}},"user":"a","count":{count}}}"#,
            at(start),
            at(end)
        )
    };
    let before = "2025-01-14T23:55:00.000Z";
    assert_eq!(
        done.batches()[0],
        [
            window(before, "00:05", 1),
            window("00:00", "00:10", 2),
            window("00:05", "00:15", 1)
        ]
    );
}

#[test]
fn rows_of_many_keys_and_slices_in_any_order_reach_each_of_their_windows() {
    // Minute, key and value of 5,000 rows: more slices of keys than are remembered at a time.
    let rows: Vec<(i64, u64, i64)> = (0..5000u64)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20)
        .map(|r| ((r % 600) as i64, r / 600 % 40, (r / 24_000 % 100) as i64))
        .collect();
    let line = |(minute, key, value): &(i64, u64, i64)| {
        let (hour, minute) = (minute / 60, minute % 60);
        format!(r#"{{"ts":"2025-01-15T{hour:02}:{minute:02}:30Z","k":"{key}","v":{value}}}"#)
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    // 2025-01-15T00:00Z in minutes since 1970; windows of 30 minutes begin at every seventh.
    let midnight = 28_948_320;
    let expected = |rows: &[(i64, u64, i64)]| {
        let mut groups = std::collections::BTreeMap::new();
        for (minute, key, value) in rows {
            let last = (midnight + minute) / 7 * 7;
            for start in (0..5).map(|back| last - 7 * back) {
                if start + 30 > midnight + minute {
                    let group = groups
                        .entry((start - midnight, *key))
                        .or_insert((0, 0, 0, -1));
                    group.0 += 1;
                    group.1 += value;
                    group.2 += i64::from(*value < 50);
                    group.3 = group.3.max(*value);
                }
            }
        }
        groups
    };
    let by = [
        "--by",
        "window(ts, '30 minutes', '7 minutes'), k",
        "--mode",
        "complete",
        "--agg",
        "count(*) as n, sum(v) as s, count(*) filter (where v < 50) as few, max(v) as top",
    ];
    let wire = Wire::bare()
        .batch(&lines[..2000], None)
        .batch(&lines[2000..], None)
        .end();
    let done = agg(&by, &wire).well();
    for (batch, upto) in done.batches().iter().zip([2000, 5000]) {
        let mut found = std::collections::BTreeMap::new();
        for row in batch {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let start = row["window"]["start"].as_str().unwrap();
            let part = |at: usize| start[at..at + 2].parse::<i64>().unwrap();
            let start = (part(8) - 15) * 1440 + part(11) * 60 + part(14);
            let number = |name: &str| row[name].as_i64().unwrap();
            let key = row["k"].as_str().unwrap().parse().unwrap();
            let values = (number("n"), number("s"), number("few"), number("top"));
            found.insert((start, key), values);
        }
        assert_eq!(found, expected(&rows[..upto]), "{upto} rows");
    }
}

#[test]
fn windows_are_aligned_to_1970_and_the_slide_need_not_divide_the_size() {
    let input = "{\"ts\":\"2025-01-15T12:00:00Z\"}\n";
    let starts = |window: &str| -> Vec<String> {
        let done = agg(&["--by", window], input).well();
        let starts = done
            .lines
            .iter()
            .map(|line| line.split('"').nth(5).unwrap().to_string());
        starts.collect()
    };
    // 2025-01-09 was a Thursday, as 1970-01-01 was.
    assert_eq!(starts("window(ts, '7 days')"), ["2025-01-09T00:00:00.000Z"]);
    assert_eq!(
        starts("window(ts, '1 hour', '1 hour', '15 minutes')"),
        ["2025-01-15T11:15:00.000Z"]
    );
    assert_eq!(
        starts("window(ts, '10 seconds', '4 seconds')"),
        [
            "2025-01-15T11:59:52.000Z",
            "2025-01-15T11:59:56.000Z",
            "2025-01-15T12:00:00.000Z"
        ]
    );
}

#[test]
fn a_query_without_keys_gives_a_row_for_every_batch() {
    let wire = Wire::bare()
        .batch(&[], None)
        .batch(&[r#"{"v":2}"#], None)
        .batch(&[], None)
        .end();
    let done = agg(&["--agg", "count(*) as n, sum(v) as s"], &wire).well();
    let expected = [
        [r#"{"n":0,"s":null}"#],
        [r#"{"n":1,"s":2}"#],
        [r#"{"n":1,"s":2}"#],
    ];
    assert_eq!(done.batches(), expected);
    let keyed = agg(&["--by", "k"], &Wire::bare().batch(&[], None).end()).well();
    assert_eq!(keyed.batches(), [Vec::<&str>::new()]);
}

#[test]
fn order_and_limit_cut_the_whole_result() {
    let words: Vec<String> = ["b", "a", "c", "b", "d", "c", "b"]
        .iter()
        .map(|w| format!("{{\"w\":\"{w}\"}}"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let wire = Wire::bare().batch(&words, None).end();
    let top = [
        "--by",
        "w",
        "--mode",
        "complete",
        "--order-by",
        "count desc, w desc",
        "--limit",
        "3",
    ];
    let expected = [[
        r#"{"w":"b","count":3}"#,
        r#"{"w":"c","count":2}"#,
        r#"{"w":"d","count":1}"#,
    ]];
    assert_eq!(agg(&top, &wire).well().batches(), expected);
    let by_expression = [
        "--by",
        "w",
        "--mode",
        "complete",
        "--order-by",
        "count % 2, upper(w)",
        "--limit",
        "1",
    ];
    assert_eq!(
        agg(&by_expression, &wire).well().batches(),
        [[r#"{"w":"c","count":2}"#]]
    );
    let first = agg(&["--by", "w", "--mode", "complete", "--limit", "1"], &wire).well();
    assert_eq!(first.batches(), [[r#"{"w":"a","count":1}"#]]);
}

#[test]
fn rows_come_in_the_order_of_their_keys() {
    let rows = [
        r#"{"k":"b"}"#,
        r#"{"k":"a","n":10}"#,
        r#"{"k":"a","n":9}"#,
        r#"{"k":null}"#,
        r#"{"k":"a","n":-1.5}"#,
        r#"{"k":"a"}"#,
    ];
    let done = agg(&["--by", "k, n"], &Wire::bare().batch(&rows, None).end()).well();
    let expected = [
        r#"{"k":null,"n":null,"count":1}"#,
        r#"{"k":"a","n":null,"count":1}"#,
        r#"{"k":"a","n":-1.5,"count":1}"#,
        r#"{"k":"a","n":9,"count":1}"#,
        r#"{"k":"a","n":10,"count":1}"#,
        r#"{"k":"b","n":null,"count":1}"#,
    ];
    assert_eq!(done.batches()[0], expected);
}

#[test]
fn what_follows_is_told_what_it_gets() {
    let done = agg(
        &[
            "--by",
            "window(ts, '5 minutes') as w, user",
            "--agg",
            "count(*) as n, max(x) as m",
        ],
        &trace(),
    )
    .well();
    let start = &done.markers("start")[0];
    assert_eq!(start["mode"], "update");
    assert_eq!(start["keys"], json!(["w", "user"]));
    assert_eq!(
        start["schema"],
        "w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, user STRING, n BIGINT"
    );
    assert_eq!(start["watermarks"][0]["columns"], json!([["w", "window"]]));
    assert_eq!(start["plan"][1]["name"], "st-agg");
    let complete = agg(
        &["--by", "window(ts, '5 minutes') as w", "--mode", "complete"],
        &trace(),
    )
    .well();
    assert_eq!(
        complete.markers("start")[0]["watermarks"][0]["columns"],
        json!([])
    );
    let other = agg(&["--by", "user"], &trace()).well();
    assert_eq!(
        other.markers("start")[0]["watermarks"][0]["columns"],
        json!([])
    );
    assert_eq!(other.markers("watermark").len(), 4);
}
