//! On plain rows: one batch, no markers.

use crate::run::agg;

#[test]
fn plain_rows_in_plain_rows_out() {
    let input = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n";
    assert_eq!(
        agg(&["--agg", "sum(n * n) as s"], input).well().lines,
        [r#"{"s":55}"#]
    );
    assert_eq!(
        agg(&["--by", "n % 2 as odd"], input).well().lines,
        [r#"{"odd":0,"count":2}"#, r#"{"odd":1,"count":3}"#]
    );
    // Rows that are no rows make an empty batch; zero bytes make none.
    assert_eq!(agg::<&str>(&[], "\n").well().lines, [r#"{"count":0}"#]);
    assert_eq!(agg::<&str>(&[], "").well().lines, Vec::<String>::new());
    assert_eq!(agg(&["--by", "n"], "").well().lines, Vec::<String>::new());
}

#[test]
fn values_that_are_equal_are_one_group() {
    let keys = |rows: &str| agg(&["--by", "k"], rows).well().lines;
    assert_eq!(
        keys("{\"k\":1}\n{\"k\":1.0}\n{\"k\":1e0}\n"),
        [r#"{"k":1,"count":3}"#]
    );
    assert_eq!(
        keys("{\"k\":0.0}\n{\"k\":-0.0}\n"),
        [r#"{"k":0,"count":2}"#]
    );
    assert_eq!(
        keys("{\"k\":\"a\\u0062\"}\n{\"k\":\"ab\"}\n"),
        [r#"{"k":"ab","count":2}"#]
    );
    assert_eq!(keys("{\"k\":null}\n{}\n"), [r#"{"k":null,"count":2}"#]);
    assert_eq!(keys("{\"k\":\"1\"}\n{\"k\":1}\n").len(), 2);
    assert_eq!(
        keys("{\"k\":{\"a\":1,\"b\":[1,null]}}\n{\"k\": { \"a\" : 1.0, \"b\":[1, null]}}\n"),
        [r#"{"k":{"a":1,"b":[1,null]},"count":2}"#]
    );
}

#[test]
fn names_are_sparks_unless_given() {
    let done = agg(
        &[
            "--by",
            "upper(k), v + 1",
            "--agg",
            "sum(v), count(*), sum(v) / count(*) as `mean value`",
        ],
        "{\"k\":\"a\",\"v\":1}\n",
    );
    assert_eq!(
        done.well().lines,
        [r#"{"upper(k)":"A","(v + 1)":2,"sum(v)":1,"count(1)":1,"mean value":1.0}"#]
    );
}

#[test]
fn keys_may_be_used_beside_aggregates() {
    let input = "{\"k\":\"a\",\"v\":1}\n{\"k\":\"a\",\"v\":3}\n";
    let done = agg(
        &[
            "--by",
            "k, upper(k) as u",
            "--agg",
            "concat(upper(k), ':', k, ':', count(*)) as t",
        ],
        input,
    )
    .well();
    assert_eq!(done.lines, [r#"{"k":"a","u":"A","t":"A:a:2"}"#]);
    let windowed = agg(
        &[
            "--by",
            "window(ts, '1 minute')",
            "--agg",
            "date_format(window.start, 'HH:mm') as minute",
        ],
        "{\"ts\":\"2025-01-15T10:30:31Z\"}\n",
    );
    let expected = r#"{"window":{"start":"2025-01-15T10:30:00.000Z","end":"2025-01-15T10:31:00.000Z"},"minute":"10:30"}"#;
    assert_eq!(windowed.well().lines, [expected]);
}

#[test]
fn a_time_zone_reads_local_times() {
    let input = "{\"ts\":\"2025-01-15 10:30:00\"}\n";
    let done = agg(
        &["--by", "window(ts, '1 hour')", "--tz", "Europe/Berlin"],
        input,
    )
    .well();
    assert_eq!(
        done.lines,
        [
            r#"{"window":{"start":"2025-01-15T09:00:00.000Z","end":"2025-01-15T10:00:00.000Z"},"count":1}"#
        ]
    );
}

#[test]
fn a_checkpoint_of_its_own_keeps_the_state_of_plain_input() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = dir.path().join("ck");
    let args = [
        "--by",
        "k",
        "--agg",
        "count(*) as n, sum(v) as s",
        "--checkpoint",
        checkpoint.to_str().unwrap(),
    ];
    assert_eq!(
        agg(&args, "{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":2}\n")
            .well()
            .lines
            .len(),
        2
    );
    assert_eq!(
        agg(&args, "{\"k\":\"a\",\"v\":0.5}\n").well().lines,
        [r#"{"k":"a","n":2,"s":1.5}"#]
    );
    assert_eq!(
        agg(&args, "{\"k\":\"b\",\"v\":3}\n").well().lines,
        [r#"{"k":"b","n":2,"s":5}"#]
    );
}
