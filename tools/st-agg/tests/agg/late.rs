//! Rows for closed windows are counted and kept; rows without a time are counted and kept elsewhere.

use crate::run::{Wire, agg, row};

fn read(path: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn late_rows_are_kept_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("late.ndjson");
    let wire = Wire::marked()
        .batch(&[], Some("00:11"))
        .batch(&[&row("00:02 a"), &row("00:12 b")], None)
        .end();
    let done = agg(
        &[
            "--by",
            "window(ts, '5 minutes'), user",
            "--late",
            file.to_str().unwrap(),
        ],
        &wire,
    )
    .well();
    assert_eq!(done.figures()[1]["late"], 1);
    let kept = read(&file);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let text = kept[0].to_string();
    assert!(
        text.contains(
            "[2025-01-15T00:00:00.000Z, 2025-01-15T00:05:00.000Z) was closed at the watermark"
        ),
        "{text}"
    );
    assert!(text.contains("2025-01-15T00:02:00.000Z"), "{text}");
}

#[test]
fn a_row_may_be_late_for_one_window_and_live_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("late.ndjson");
    let wire = Wire::marked()
        .batch(&[], Some("00:05"))
        .batch(&[&row("00:04 a")], None)
        .end();
    let by = [
        "--by",
        "window(ts, '10 minutes', '5 minutes'), user",
        "--late",
        file.to_str().unwrap(),
    ];
    let done = agg(&by, &wire).well();
    // 23:55 to 00:05 is closed, 00:00 to 00:10 is not.
    assert_eq!(done.batches()[1].len(), 1);
    assert_eq!(done.figures()[1]["late"], 1);
    assert!(read(&file)[0].to_string().contains("counted in 1 later"));
}

#[test]
fn a_row_without_a_time_is_a_bad_row() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.ndjson");
    let rows = [
        r#"{"ts":null}"#,
        r#"{"user":"a"}"#,
        r#"{"ts":"soon"}"#,
        r#"{"ts":17}"#,
        r#"{"ts":"2025-01-15T00:00:00Z"}"#,
    ];
    let wire = Wire::bare().batch(&rows, None).end();
    let done = agg(
        &[
            "--by",
            "window(ts, '5 minutes')",
            "--rejects",
            file.to_str().unwrap(),
        ],
        &wire,
    )
    .well();
    assert_eq!(done.figures()[0]["bad"], 4);
    assert_eq!(done.batches()[0].len(), 1);
    let kept: Vec<String> = read(&file).iter().map(ToString::to_string).collect();
    assert!(kept[0].contains("event time `ts` is null"), "{kept:?}");
    assert!(
        kept[2].contains("event time `ts` is no timestamp"),
        "{kept:?}"
    );
    assert!(
        kept[3].contains("timestamp_millis(ts) makes it a time"),
        "{kept:?}"
    );
    let strict = agg(&["--by", "window(ts, '5 minutes')", "--strict"], &wire);
    assert_eq!(strict.status, 1);
    assert!(
        strict.said.contains("event time `ts` is null"),
        "{}",
        strict.said
    );
}

#[test]
fn what_cannot_be_computed_is_null_and_counted() {
    let rows = [r#"{"v":9223372036854775807}"#, r#"{"v":1}"#, r#"{"v":"x"}"#];
    let done = agg(
        &["--agg", "sum(v) as s, count(*) as n"],
        &Wire::bare().batch(&rows, None).end(),
    )
    .well();
    assert_eq!(done.batches()[0], [r#"{"s":null,"n":3}"#]);
    // The text, and the sum that does not fit.
    assert_eq!(done.figures()[0]["failed"], 2);
    let back = agg(
        &["--agg", "sum(v) as s"],
        &Wire::bare()
            .batch(&[rows[0], rows[1], r#"{"v":-2}"#], None)
            .end(),
    )
    .well();
    assert_eq!(back.batches()[0], [r#"{"s":9223372036854775806}"#]);
}
