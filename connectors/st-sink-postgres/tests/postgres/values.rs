//! What columns become, and rows the server does not take.

use std::fs;

use crate::harness::Dir;

#[test]
fn declared_types_become_sqls() {
    let dir = Dir::new("types");
    let schema = ",\"schema\":\"b BOOLEAN, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), s STRING, x BINARY, day DATE, t TIMESTAMP, a ARRAY<INT>, window STRUCT<start: TIMESTAMP, end: TIMESTAMP>\"";
    let row = "{\"b\":true,\"i\":1,\"l\":9007199254740993,\"d\":\"NaN\",\"m\":12.30,\"s\":\"é\\n\",\"x\":\"aGk=\",\"day\":\"2025-01-15\",\"t\":\"2025-01-15T10:30:00.123456Z\",\"a\":[1,null],\"window\":{\"start\":\"2025-01-15T10:30:00.000Z\",\"end\":null},\"free\":10,\"mixed\":1,\"none\":null}";
    let more = "{\"free\":10.5,\"mixed\":2.5}";
    dir.quietly(
        &["--table", "t", "--create"],
        &dir.stream(schema, -1, &[&[row], &[more]]),
    );
    assert_eq!(
        dir.ask("SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position"),
        [
            "b boolean", "i integer", "l bigint", "d double precision", "m numeric", "s text", "x bytea", "day date",
            "t timestamp with time zone", "a jsonb", "window_start timestamp with time zone",
            "window_end timestamp with time zone", "free numeric", "mixed numeric",
        ]
    );
    assert_eq!(
        dir.ask("SELECT b, i, l, d, m, s = E'é\\n', convert_from(x, 'UTF8'), day, t AT TIME ZONE 'UTC', a, window_start AT TIME ZONE 'UTC', window_end, free FROM t"),
        ["t|1|9007199254740993|NaN|12.30|t|hi|2025-01-15|2025-01-15 10:30:00.123456|[1, null]|2025-01-15 10:30:00||10", "||||||||||||10.5"]
    );
}

#[test]
fn a_row_the_server_does_not_take_is_rejected_and_the_others_are_not() {
    let dir = Dir::new("rejects");
    dir.ask("CREATE TABLE t (n INT PRIMARY KEY CHECK (n <> 13), s TEXT)");
    let rows: Vec<String> = (0..3000)
        .map(|n| match n {
            5 => "{\"n\":\"five\"}".to_string(),
            1700 => "{\"n\":1700,\"s\":\"nul \\u0000\"}".to_string(),
            2999 => "{\"n\":0}".to_string(),
            n => format!("{{\"n\":{n},\"s\":\"x\"}}"),
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let stream = dir.stream("", -1, &[&rows, &["{\"n\":-1}", "{\"n\":-2,\"other\":1}"]]);
    let (status, _) = dir.sink(&["--table", "t"], &stream);
    assert_eq!(status, 0);
    // 3002 rows in: 13, five, the NUL, the second 0 and the one with a foreign column are not there.
    assert_eq!(dir.ask("SELECT count(*) FROM t"), ["2997"]);
    let kept = fs::read_to_string(dir.path("ck/rejects/st-sink.dead-letters.ndjson")).unwrap();
    let reasons: Vec<&str> = kept.lines().collect();
    assert_eq!(reasons.len(), 4, "{kept}");
    for (line, part) in
        reasons
            .iter()
            .zip(["\\\"five\\\"", "check constraint", "0x00", "duplicate key"])
    {
        assert!(line.contains(part), "no {part} in {line}");
    }
    let kept = fs::read_to_string(dir.path("ck/rejects/st-sink.ndjson")).unwrap();
    assert!(kept.contains("table t has no column `other`"), "{kept}");
    // The same batches once more, for another sink's sake: nothing is kept twice.
    assert_eq!(dir.sink(&["--table", "t"], &stream).0, 0);
    let again = fs::read_to_string(dir.path("ck/rejects/st-sink.dead-letters.ndjson")).unwrap();
    assert_eq!(again.lines().count(), 4);
}

#[test]
fn upserts_need_a_unique_index_on_a_table_of_the_users() {
    let dir = Dir::new("indexes");
    dir.ask("CREATE TABLE t (k TEXT, n BIGINT)");
    let stream = dir.stream(
        ",\"mode\":\"update\",\"keys\":[\"k\"]",
        -1,
        &[&["{\"k\":\"a\",\"n\":1}"]],
    );
    dir.refused(
        &["--table", "t"],
        &stream,
        &["needs a unique index: CREATE UNIQUE INDEX ON \"t\" (\"k\")"],
    );
    dir.ask("CREATE UNIQUE INDEX ON t (k)");
    dir.quietly(&["--table", "t"], &stream);
    assert_eq!(dir.ask("SELECT k, n FROM t"), ["a|1"]);
}
