//! Tables of a real PostgreSQL, read back with its own client.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod crash;
mod harness;
mod values;

use harness::Dir;

#[test]
fn rows_are_added_and_a_second_run_goes_on() {
    let dir = Dir::new("adds");
    let sink = ["--table", "t", "--create"];
    let schema = ",\"schema\":\"id BIGINT, at TIMESTAMP\"";
    let one = "{\"id\":1,\"at\":\"2025-01-15T10:30:00.000Z\",\"note\":\"a\"}";
    dir.quietly(
        &sink,
        &dir.stream(
            schema,
            -1,
            &[&[one], &["{\"id\":2,\"at\":null,\"note\":\"b\\t\\\\\"}"]],
        ),
    );
    dir.quietly(&sink, &dir.stream(schema, 1, &[&["{\"id\":3}"]]));
    assert_eq!(
        dir.ask("SELECT id, at AT TIME ZONE 'UTC', note FROM t ORDER BY id"),
        ["1|2025-01-15 10:30:00|a", "2||b\t\\", "3||"]
    );
    assert_eq!(
        dir.ask("SELECT sink, batch, rows FROM _st_commits"),
        ["st-sink|2|1"]
    );
}

#[test]
fn rows_replace_those_of_their_key_and_null_is_a_key() {
    let dir = Dir::new("upserts");
    let sink = ["--table", "t", "--create"];
    let start = ",\"schema\":\"k STRING, n BIGINT\",\"mode\":\"update\",\"keys\":[\"k\"]";
    let batches: &[&[&str]] = &[
        &[
            "{\"k\":\"a\",\"n\":1}",
            "{\"k\":null,\"n\":1}",
            "{\"k\":\"b\",\"n\":1}",
        ],
        &[
            "{\"k\":\"a\",\"n\":2}",
            "{\"k\":null,\"n\":2}",
            "{\"k\":\"a\",\"n\":3}",
        ],
    ];
    dir.quietly(&sink, &dir.stream(start, -1, batches));
    assert_eq!(
        dir.ask("SELECT k, n FROM t ORDER BY k NULLS FIRST"),
        ["|2", "a|3", "b|1"]
    );
}

#[test]
fn complete_mode_replaces_all_rows() {
    let dir = Dir::new("replaces");
    let sink = ["--table", "t", "--create"];
    let start = ",\"schema\":\"k STRING, n BIGINT\",\"mode\":\"complete\"";
    let batches: &[&[&str]] = &[
        &["{\"k\":\"a\",\"n\":1}", "{\"k\":\"b\",\"n\":1}"],
        &["{\"k\":\"c\",\"n\":2}"],
    ];
    dir.quietly(&sink, &dir.stream(start, -1, batches));
    assert_eq!(dir.ask("SELECT k, n FROM t"), ["c|2"]);
}

#[test]
fn a_table_of_the_users_is_taken_as_it_is() {
    let dir = Dir::new("users");
    let rows = "{\"Id\":7,\"tags\":[\"a\",\"b,c\"],\"doc\":{\"x\":1}}\n";
    dir.refused(
        &["--table", "t"],
        rows,
        &["table t: is not there: make it, or give --create"],
    );
    dir.ask("CREATE SCHEMA shop; CREATE TABLE shop.t (id INT PRIMARY KEY, tags TEXT[], doc JSON, seen TIMESTAMPTZ DEFAULT 'epoch')");
    dir.quietly(&["--table", "shop.t"], rows);
    assert_eq!(
        dir.ask("SELECT id, tags[2], doc->>'x', extract(epoch FROM seen)::int FROM shop.t"),
        ["7|b,c|1|0"]
    );
    dir.ask("CREATE TABLE u (id INT)");
    dir.refused(
        &["--table", "u"],
        &dir.stream(",\"schema\":\"id INT, more STRING\"", -1, &[]),
        &["has no column `more`: add it, give --create, or st-map --drop 'more'"],
    );
}

#[test]
fn tables_of_others_are_refused() {
    let dir = Dir::new("owners");
    dir.ask("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)");
    let first = dir.stream("", -1, &[&["{\"n\":2}"]]);
    dir.refused(
        &["--table", "t", "--create"],
        &first,
        &["no query is known to have written it", "--overwrite"],
    );
    dir.quietly(&["--table", "t", "--create", "--overwrite"], &first);
    assert_eq!(dir.ask("SELECT n FROM t"), ["2"]);
    dir.refused(
        &["--table", "t", "--create"],
        "{\"n\":3}\n",
        &["belongs to sink st-sink of query"],
    );
    // The database put back to an older state, or taken away.
    dir.ask("UPDATE _st_commits SET batch = -1");
    dir.refused(
        &["--table", "t", "--create"],
        &dir.stream("", 0, &[]),
        &["stands at batch -1"],
    );
    dir.ask("DELETE FROM _st_commits");
    dir.refused(
        &["--table", "t", "--create"],
        &dir.stream("", 0, &[]),
        &["is gone"],
    );
}

#[test]
fn a_server_that_is_not_there_is_named_and_no_password_is() {
    let dir = Dir::on("postgresql://u:hunter2@127.0.0.1:1/d");
    dir.refused(
        &["--table", "t"],
        "{}\n",
        &["127.0.0.1:1/d", "see that the server runs"],
    );
    let (_, said) = dir.sink(&["--table", "t"], "{}\n");
    assert!(!said.contains("hunter2"));
    dir.refused(
        &["postgresql://u:p@h/d", "--table", "t"],
        "",
        &["no place for a password"],
    );
    let dir = Dir::on("postgresql://hunter2");
    dir.refused(
        &["--table", "t", "@nowhere"],
        "",
        &["nowhere: cannot be read"],
    );
}
