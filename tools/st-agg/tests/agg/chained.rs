//! An aggregation behind another, and windows made upstream.

use serde_json::json;

use crate::run::{Wire, agg, at, row};

const FIRST: [&str; 6] = [
    "--by",
    "window(ts, '5 minutes'), user",
    "--agg",
    "count(*) as n",
    "--mode",
    "append",
];

fn stream() -> String {
    Wire::marked()
        .batch(
            &[
                &row("00:01 a"),
                &row("00:02 a"),
                &row("00:07 a"),
                &row("00:08 b"),
            ],
            Some("00:05"),
        )
        .batch(&[&row("01:03 a")], Some("01:00"))
        .last(&[], Some("01:00"))
        .end()
}

#[test]
fn windows_of_windows_close_in_the_same_batch() {
    let first = agg(&FIRST, &stream()).well();
    let input = first.lines.join("\n") + "\n";
    let expected = |count: &str, sum: i64, start: &str, end: &str| {
        format!(
            r#"{{"{count}":{{"start":"{}","end":"{}"}},"windows":{sum},"rows":4}}"#,
            at(start),
            at(end)
        )
    };
    for by in [
        "window(window, '1 hour') as h",
        "window(window_time(window), '1 hour') as h",
    ] {
        let args = [
            "--by",
            by,
            "--agg",
            "count(*) as windows, sum(n) as rows",
            "--mode",
            "append",
        ];
        let done = agg(&args, &input).well();
        assert_eq!(done.batches()[0], Vec::<&str>::new(), "{by}");
        assert_eq!(
            done.batches()[1],
            [expected("h", 3, "00:00", "01:00")],
            "{by}"
        );
        assert_eq!(done.batches()[2].len(), 1, "{by}");
        let start = &done.markers("start")[0];
        assert_eq!(start["plan"][2]["name"], "st-agg-2");
        assert_eq!(start["watermarks"][0]["columns"], json!([["h", "window"]]));
    }
}

#[test]
fn a_window_from_upstream_is_a_key_that_closes() {
    let first = agg(&FIRST, &stream()).well();
    let input = first.lines.join("\n") + "\n";
    let args = [
        "--by",
        "window",
        "--agg",
        "sum(n) as rows, collect_list(user) as users",
        "--mode",
        "append",
    ];
    let done = agg(&args, &input).well();
    let window = |start: &str, end: &str, rest: &str| {
        format!(
            r#"{{"window":{{"start":"{}","end":"{}"}},{rest}}}"#,
            at(start),
            at(end)
        )
    };
    let expected = [
        vec![window("00:00", "00:05", r#""rows":2,"users":["a"]"#)],
        vec![window("00:05", "00:10", r#""rows":2,"users":["a","b"]"#)],
        vec![window("01:00", "01:05", r#""rows":1,"users":["a"]"#)],
    ];
    assert_eq!(done.batches(), expected);
}

#[test]
fn the_last_moment_of_a_window_is_a_time() {
    let first = agg(&FIRST, &stream()).well();
    let input = first.lines.join("\n") + "\n";
    let done = agg(
        &["--by", "window_time(window) as t", "--mode", "append"],
        &input,
    )
    .well();
    assert_eq!(
        done.batches()[0],
        [r#"{"t":"2025-01-15T00:04:59.999999Z","count":1}"#]
    );
}

#[test]
fn rows_for_a_closed_window_from_upstream_are_late() {
    let start = json!({"schema":"","watermarks":[{"delay":"1 minute","columns":[["w","window"]],"time":at("00:05")}]});
    let window = |start: &str, end: &str| {
        format!(r#"{{"w":{{"start":"{}","end":"{}"}}}}"#, at(start), at(end))
    };
    let rows = [
        window("00:00", "00:05"),
        window("00:01", "00:06"),
        r#"{"w":null}"#.to_string(),
        r#"{"w":{"start":1}}"#.to_string(),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let done = agg(
        &["--by", "w", "--quiet"],
        &Wire::new(start).batch(&rows, Some("00:05")).end(),
    )
    .well();
    assert_eq!(done.batches()[0].len(), 1);
    assert_eq!(
        (
            done.figures()[0]["late"].clone(),
            done.figures()[0]["bad"].clone()
        ),
        (json!(1), json!(2))
    );
}

#[test]
fn sessions_made_upstream_are_merged() {
    let start = json!({
        "sessions": ["w"],
        "watermarks": [{"delay":"1 minute","columns":[["ts","time"],["w","window"]]}],
    });
    let session = |start: &str, end: &str| {
        format!(
            r#"{{"u":"a","w":{{"start":"{}","end":"{}"}}}}"#,
            at(start),
            at(end)
        )
    };
    let rows = [
        session("00:00", "00:05"),
        session("00:05", "00:10"),
        session("00:20", "00:25"),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let done = agg(
        &["--by", "w, u", "--mode", "append"],
        &Wire::new(start.clone()).batch(&rows, Some("00:10")).end(),
    )
    .well();
    let expected = format!(
        r#"{{"w":{{"start":"{}","end":"{}"}},"u":"a","count":2}}"#,
        at("00:00"),
        at("00:10")
    );
    assert_eq!(done.batches()[0], [expected]);
    assert!(done.markers("start")[0].get("sessions").is_none());
    assert_eq!(agg(&["--by", "w, u"], &Wire::new(start).end()).status, 2);
}
