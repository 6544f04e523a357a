//! A command per batch.

use crate::harness::{Dir, Stream};

#[test]
fn each_batch_is_the_input_of_one_run() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"update\",\"keys\":[\"n\"]")
        .batch(&[r#"{"n":1}"#, r#"{"n":2}"#])
        .batch(&[])
        .batch(&[r#"{"n":3}"#])
        .end();
    let command = "echo $ST_QUERY_ID $ST_BATCH_ID $ST_MODE $ST_KEYS; cat";
    assert_eq!(
        dir.sink(&["exec", command], &input).quietly(),
        "q 0 update n\n{\"n\":1}\n{\"n\":2}\nq 2 update n\n{\"n\":3}\n"
    );
    assert_eq!(
        dir.sink(&["exec", "--empty", "echo $ST_BATCH_ID; wc -l"], &input)
            .quietly(),
        "0\n2\n1\n0\n2\n1\n"
    );
}

#[test]
fn a_command_that_does_not_read_is_no_failure() {
    let dir = Dir::new();
    let rows: Vec<String> = (0..50_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    dir.sink(
        &["exec", "true"],
        &Stream::new(-1, "\"schema\":\"\"").batch(&rows).end(),
    )
    .quietly();
}

#[test]
fn a_failure_leaves_the_batch_uncommitted_and_it_runs_again() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let input = Stream::new(-1, &start)
        .batch(&[r#"{"n":1}"#])
        .batch(&[r#"{"n":2}"#])
        .end();
    let ran = dir.sink(&["exec", "cat >> seen; test $ST_BATCH_ID = 0"], &input);
    ran.refused(&["exec:", "status 1", "batch 1", "not committed"]);
    assert_eq!(dir.query().committed().unwrap(), 0);
    dir.sink(
        &["exec", "cat >> seen"],
        &Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end(),
    )
    .quietly();
    assert_eq!(dir.read("seen"), "{\"n\":1}\n{\"n\":2}\n{\"n\":2}\n");
    dir.sink(
        &["exec", "kill -9 $$"],
        &Stream::new(1, &start).batch(&[r#"{"n":3}"#]).end(),
    )
    .refused(&["killed by signal 9"]);
}

#[test]
fn ctrl_c_does_not_reach_the_command() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    assert_eq!(
        dir.sink(
            &["exec", "kill -INT $$; bash -c 'kill -INT $$; echo alive'"],
            &input
        )
        .quietly(),
        "alive\n"
    );
}
