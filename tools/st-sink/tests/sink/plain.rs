//! Rows on stdout, and plain rows as input.

use crate::harness::{Dir, Stream};

#[test]
fn bare_into_a_pipe_is_the_rows_alone() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{ "n": 1.0 }"#])
        .batch(&[r#"{"n":null,"m":{"x":null}}"#])
        .end();
    assert_eq!(
        dir.sink(&[], &input).quietly(),
        "{ \"n\": 1.0 }\n{\"n\":null,\"m\":{\"x\":null}}\n"
    );
    assert_eq!(
        dir.sink(&["json", "--ignore-null-fields"], &input)
            .quietly(),
        "{\"n\":1.0}\n{\"m\":{}}\n"
    );
}

#[test]
fn csv_has_one_header_whatever_the_batches() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"t TIMESTAMP, s STRING\"")
        .batch(&[])
        .batch(&[r#"{"t":"2025-01-15 10:30:00","s":"","x":{"a":1,"b":[1, 2]}}"#])
        .batch(&[r#"{"s":"a,\"b\"","t":null}"#])
        .end();
    assert_eq!(
        dir.sink(&["csv"], &input).quietly(),
        "t,s,x_a,x_b\n2025-01-15T10:30:00.000Z,\"\",1,\"[1, 2]\"\n,\"a,\"\"b\"\"\",,\n"
    );
    assert_eq!(
        dir.sink(&["csv", "--no-header", "--sep", "\\t"], &input)
            .quietly(),
        "2025-01-15T10:30:00.000Z\t\"\"\t1\t[1, 2]\n\t\"a,\"\"b\"\"\"\t\t\n"
    );
}

#[test]
fn text_takes_one_column() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"value":"a\tb"}"#, r#"{"n":1.50}"#, r#"{"x":null}"#])
        .end();
    assert_eq!(dir.sink(&["text"], &input).quietly(), "a\tb\n1.50\n\n");
    let ran = dir.sink(
        &["text", "--rejects", "bad"],
        "{\"a\":1,\"b\":2}\n{\"a\":3}\n",
    );
    assert_eq!((ran.status, ran.out.as_str()), (0, "3\n"));
    ran.says(&["1 bad row: see bad"]);
    let two = Stream::new(-1, "\"schema\":\"a INT, b INT\"").end();
    dir.sink(&["text"], &two)
        .refused(&["text:", "a, b", "st-map --select"]);
}

#[test]
fn plain_rows_are_one_batch() {
    let dir = Dir::new();
    let out = dir.sink(&["console"], "{\"n\":1}\n\n{\"n\":2}\n").quietly();
    assert_eq!(out.matches("Batch:").count(), 1);
    dir.sink(&["json", "out"], "{\"n\":1}\n{\"n\":2}\n")
        .quietly();
    assert_eq!(
        dir.read("out/batch-00000000.json"),
        "{\"n\":1}\n{\"n\":2}\n"
    );
    dir.sink(&["console"], "").refused(&["nothing arrived"]);
}

#[test]
fn a_checkpoint_of_its_own_counts_batches_across_runs() {
    let dir = Dir::new();
    let arguments = ["json", "out", "--checkpoint", "ck"];
    dir.sink(&arguments, "{\"n\":1}\n").quietly();
    dir.sink(&arguments, "").refused(&["nothing arrived"]);
    dir.sink(&arguments, "{\"n\":2}\n").quietly();
    assert_eq!(
        dir.files(),
        [
            "out/.st-owner",
            "out/batch-00000000.json",
            "out/batch-00000001.json"
        ]
    );
    assert_eq!(dir.read("out/batch-00000001.json"), "{\"n\":2}\n");
}

#[test]
fn rows_that_are_none_are_kept_aside() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let ran = dir.sink(
        &["json", "out"],
        &Stream::new(-1, &start)
            .batch(&[r#"{"n":1}"#, "oops", "[1]"])
            .end(),
    );
    assert_eq!(ran.status, 0);
    ran.says(&["2 bad rows: see ck/rejects/st-sink.ndjson"]);
    assert_eq!(dir.read("out/batch-00000000.json"), "{\"n\":1}\n");
    assert_eq!(dir.read("ck/rejects/st-sink.ndjson").lines().count(), 2);
    assert_eq!(dir.sink(&["json", "quiet", "-q"], "oops\n").err, "");
}

#[test]
fn a_replay_keeps_its_rejects() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let rows = ["oops", r#"{"n":1}"#];
    dir.sink(
        &["json", "out", "-q"],
        &Stream::new(-1, &start).batch(&rows).end(),
    )
    .quietly();
    dir.sink(
        &["json", "out", "-q"],
        &Stream::new(-1, &start).batch(&rows).batch(&rows).end(),
    )
    .quietly();
    assert_eq!(dir.read("ck/rejects/st-sink.ndjson").lines().count(), 2);
    assert_eq!(
        dir.files(),
        [
            "out/.st-owner",
            "out/batch-00000000.json",
            "out/batch-00000001.json"
        ]
    );
}
