//! Sessions: merged while they are open, emitted when the watermark reaches their end.

use crate::run::{Wire, agg, at, row};

const APPEND: [&str; 4] = [
    "--by",
    "session_window(ts, '5 minutes') as s, user",
    "--mode",
    "append",
];

fn session(start: &str, end: &str, user: &str, count: i64) -> String {
    format!(
        r#"{{"s":{{"start":"{}","end":"{}"}},"user":"{user}","count":{count}}}"#,
        at(start),
        at(end)
    )
}

fn wire(batches: &[(&[&str], &str)]) -> String {
    let mut wire = Wire::marked();
    for (rows, mark) in batches {
        let rows: Vec<String> = rows.iter().map(|text| row(text)).collect();
        wire = wire.batch(
            &rows.iter().map(String::as_str).collect::<Vec<_>>(),
            Some(mark),
        );
    }
    wire.end()
}

#[test]
fn sessions_of_the_trace() {
    // The trace of the output modes; Spark's answer with idle batches.
    let input = wire(&[
        (&["00:04 u2"], "2025-01-14T23:54:00.000Z"),
        (&["00:21 u1"], "00:11"),
        (&["00:02 late1", "00:22 u1"], "00:12"),
        (&["00:22 u3"], "00:12"),
        (&["00:40 u4"], "00:30"),
    ]);
    let done = agg(&APPEND, &input).well();
    let expected = [
        vec![],
        vec![session("00:04", "00:09", "u2", 1)],
        vec![],
        vec![],
        vec![
            session("00:21", "00:27", "u1", 2),
            session("00:22", "00:27", "u3", 1),
        ],
    ];
    assert_eq!(done.batches(), expected);
    assert_eq!(done.figures()[2]["late"], 1);
}

#[test]
fn a_row_that_bridges_two_sessions_makes_them_one() {
    let input = wire(&[
        (&["00:00 a", "00:08 a", "00:20 b"], "00:04"),
        (&["00:04 a"], "00:12"),
        (&[], "00:13"),
    ]);
    let done = agg(&APPEND, &input).well();
    assert_eq!(
        done.batches(),
        [vec![], vec![], vec![session("00:00", "00:13", "a", 3)]]
    );
    assert_eq!(done.figures()[1]["state"]["rows"], 2);
}

#[test]
fn a_row_is_late_by_its_own_end_even_if_a_session_is_open() {
    // The open session runs to 00:09; the row alone would end at 00:06.
    let input = wire(&[
        (&["00:04 a"], "00:06"),
        (&["00:01 a"], "00:06"),
        (&[], "00:09"),
    ]);
    let done = agg(&APPEND, &input).well();
    assert_eq!(
        done.batches(),
        [vec![], vec![], vec![session("00:04", "00:09", "a", 1)]]
    );
    assert_eq!(done.figures()[1]["late"], 1);
}

#[test]
fn the_gap_may_be_the_rows_own() {
    let rows = [
        r#"{"ts":"2025-01-15T00:00:00Z","user":"a","gap":"1 minute"}"#,
        r#"{"ts":"2025-01-15T00:02:00Z","user":"a","gap":"10 minutes"}"#,
        r#"{"ts":"2025-01-15T00:10:00Z","user":"a","gap":"1 minute"}"#,
        r#"{"ts":"2025-01-15T00:20:00Z","user":"a","gap":"0 seconds"}"#,
        r#"{"ts":"2025-01-15T00:20:00Z","user":"a","gap":null}"#,
    ];
    let input = Wire::marked().last(&rows, None).end();
    let by = "session_window(ts, gap) as s, user";
    let done = agg(&["--by", by, "--mode", "append", "--quiet"], &input).well();
    assert_eq!(
        done.batches()[0],
        [
            session("00:00", "00:01", "a", 1),
            session("00:02", "00:12", "a", 2)
        ]
    );
    assert_eq!(done.figures()[0]["bad"], 2);
    let by =
        "session_window(ts, case when user = 'a' then '2 minutes' else '5 minutes' end) as s, user";
    let done = agg(
        &["--by", by, "--mode", "complete"],
        &Wire::marked().batch(&[&row("00:00 a")], None).end(),
    )
    .well();
    assert_eq!(done.batches()[0], [session("00:00", "00:02", "a", 1)]);
}

#[test]
fn complete_mode_keeps_all_sessions() {
    let input = wire(&[
        (&["00:00 a"], "00:04"),
        (&["00:30 a"], "00:20"),
        (&["00:00 a"], "00:20"),
    ]);
    let done = agg(
        &[
            "--by",
            "session_window(ts, '5 minutes') as s, user",
            "--mode",
            "complete",
        ],
        &input,
    )
    .well();
    assert_eq!(
        done.batches()[2],
        [
            session("00:00", "00:05", "a", 2),
            session("00:30", "00:35", "a", 1)
        ]
    );
}

#[test]
fn states_of_sessions_that_meet_are_merged() {
    let rows = ["00:00 x 1.5", "00:08 x 4.5", "00:04 x 3"].map(|text| {
        let parts: Vec<&str> = text.split(' ').collect();
        format!(
            r#"{{"ts":"{}","user":"{}","v":{}}}"#,
            at(parts[0]),
            parts[1],
            parts[2]
        )
    });
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let aggregates = "sum(v) as a, avg(v) as b, min(v) as c, max(v) as d, first(v) as e, last(v) as f, stddev(v) as g, \
        collect_list(v) as h, median(v) as i, percentile_approx(v, 0.5) as j, mode(v) as k, max_by(user, v) as l, \
        approx_count_distinct(v) as m, listagg(cast(v as string), '|') as n, count_if(v > 2) as o, corr(v, v) as p, \
        bool_or(v > 4) as q, skewness(v) as r, kurtosis(v) as t";
    let by = [
        "--by",
        "session_window(ts, '5 minutes') as s, user",
        "--mode",
        "append",
        "--agg",
        aggregates,
    ];
    let done = agg(&by, &Wire::marked().last(&rows, None).end()).well();
    let found: serde_json::Value = serde_json::from_str(done.batches()[0][0]).unwrap();
    let expected = serde_json::json!({
        "s": {"start": at("00:00"), "end": at("00:13")}, "user": "x",
        "a": 9.0, "b": 3.0, "c": 1.5, "d": 4.5, "e": 1.5, "f": 3, "g": 1.5, "h": [1.5, 4.5, 3], "i": 3.0, "j": 3,
        "k": 1.5, "l": "x", "m": 3, "n": "1.5|4.5|3", "o": 2, "p": 1.0, "q": true, "r": 0.0, "t": -1.5,
    });
    for (name, value) in expected.as_object().unwrap() {
        let near = match (found[name].as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            _ => found[name] == *value,
        };
        assert!(near, "{name}: {} instead of {value}", found[name]);
    }
}
