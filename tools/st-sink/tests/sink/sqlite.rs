//! A table: inserted into, updated by key, replaced; each batch once, whatever happens.

use rusqlite::Connection;

use crate::harness::{Dir, Stream};

impl Dir {
    /// Each row of a query as `a|b`, null as nothing.
    fn sql(&self, query: &str) -> Vec<String> {
        let connection = Connection::open(self.path("t.db")).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        let count = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells = (0..count).map(|i| {
                Ok(match row.get_ref(i)? {
                    rusqlite::types::ValueRef::Null => String::new(),
                    rusqlite::types::ValueRef::Integer(x) => x.to_string(),
                    rusqlite::types::ValueRef::Real(x) => format!("{x:?}"),
                    rusqlite::types::ValueRef::Text(x) => String::from_utf8_lossy(x).into_owned(),
                    rusqlite::types::ValueRef::Blob(x) => format!("{x:02x?}"),
                })
            });
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

const TABLE: [&str; 4] = ["sqlite", "t.db", "--table", "t"];

#[test]
fn append_mode_inserts_and_adds_columns() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"price DECIMAL(10,2), t TIMESTAMP\"")
        .batch(&[r#"{"price":12.30,"t":"2025-01-15T10:30:00Z","zip":"00123"}"#])
        .batch(&[r#"{"window":{"start":"a","end":"b"},"tags":["x", 1],"zip":99}"#])
        .end();
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(
        dir.sql("select * from t"),
        ["12.3|2025-01-15 10:30:00|00123|||", "||99|a|b|[\"x\", 1]"]
    );
    assert_eq!(
        dir.sql("select name, type from pragma_table_info('t')"),
        [
            "price|",
            "t|TIMESTAMP",
            "zip|",
            "window_start|",
            "window_end|",
            "tags|"
        ]
    );
}

#[test]
fn a_row_whose_columns_no_table_takes_is_rejected_and_the_others_stay() {
    let dir = Dir::new();
    let many: Vec<String> = (0..2000).map(|n| format!("\"c{n}\":{n}")).collect();
    let many = format!("{{{}}}", many.join(","));
    let input = Stream::new(-1, "\"mode\":\"append\"")
        .batch(&[
            r#"{"a":1}"#,
            r#"{"a":2,"nul\u0000":3}"#,
            &many,
            r#"{"a":4}"#,
        ])
        .batch(&[r#"{"a":5,"ÄÖ":6}"#])
        .batch(&[r#"{"a":7,"ÄÖ":8}"#])
        .end();
    let ran = dir.sink(&TABLE, &input);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(dir.sql("select * from t"), ["1|", "4|", "5|6", "7|8"]);
}

#[test]
fn update_mode_replaces_rows_by_key_null_keys_too() {
    let dir = Dir::new();
    let schema = "\"schema\":\"window STRUCT<start: TIMESTAMP, end: TIMESTAMP>, n BIGINT\"";
    let start = format!("{schema},\"mode\":\"update\",\"keys\":[\"window\",\"k\"]");
    let row = |hour: i64, key: &str, n: i64| {
        format!(
            "{{\"window\":{{\"start\":\"2025-01-15T0{hour}:00:00Z\",\"end\":\"2025-01-15T0{}:00:00Z\"}},\"k\":{key},\"n\":{n}}}",
            hour + 1
        )
    };
    let input = Stream::new(-1, &start)
        .batch(&[&row(1, "\"a\"", 1), &row(1, "null", 1), &row(2, "\"a\"", 1)])
        .batch(&[&row(1, "null", 2), &row(2, "\"a\"", 2), &row(2, "\"a\"", 3)])
        .end();
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(
        dir.sql("select window_start, k, n from t order by 1, 2"),
        [
            "2025-01-15 01:00:00||2",
            "2025-01-15 01:00:00|a|1",
            "2025-01-15 02:00:00|a|3"
        ]
    );
    assert_eq!(
        dir.sql("select name from pragma_index_info('t_keys')"),
        ["window_start", "window_end", "k"]
    );
}

#[test]
fn an_update_without_its_key_columns_is_refused() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"update\",\"keys\":[\"k\"]")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&TABLE, &input)
        .refused(&["no column `k`", "st-map"]);
    assert!(
        dir.sql("select name from sqlite_master where name = 't'")
            .is_empty()
    );
}

#[test]
fn complete_mode_replaces_the_whole_table() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"complete\"")
        .batch(&[r#"{"k":"a","n":1}"#, r#"{"k":"b","n":1}"#])
        .batch(&[r#"{"k":"a","n":2}"#])
        .end();
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(dir.sql("select * from t"), ["a|2"]);
    // Without a checkpoint another run replaces what this one wrote.
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(dir.sql("select * from t"), ["a|2"]);
}

#[test]
fn the_declared_table_is_there_before_the_first_row() {
    let dir = Dir::new();
    dir.sink(
        &TABLE,
        &Stream::new(-1, "\"schema\":\"k STRING, n INT\"").end(),
    )
    .quietly();
    assert_eq!(
        dir.sql("select name, type from pragma_table_info('t')"),
        ["k|TEXT", "n|INTEGER"]
    );
}

#[test]
fn undeclared_columns_stand_where_the_rows_have_them() {
    let dir = Dir::new();
    let start = "\"schema\":\"w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, n INT\"";
    let input = Stream::new(-1, start)
        .batch(&[])
        .batch(&[r#"{"w":null,"k":"a","n":1}"#])
        .batch(&[r#"{"w":null,"later":true,"n":2}"#])
        .end();
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(
        dir.sql("select name from pragma_table_info('t')"),
        ["w_start", "w_end", "k", "n", "later"]
    );
    assert_eq!(dir.sql("select * from t"), ["||a|1|", "|||2|1"]);
}

#[test]
fn an_update_without_keys_is_one_row() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"update\"")
        .batch(&[r#"{"n":1}"#])
        .batch(&[r#"{"n":2}"#])
        .end();
    dir.sink(&TABLE, &input).quietly();
    assert_eq!(dir.sql("select * from t"), ["2"]);
}

#[test]
fn a_batch_that_reached_the_table_and_not_the_checkpoint_is_not_taken_twice() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let stream = |epoch: i64, upto: i64| {
        (epoch + 1..=upto)
            .fold(Stream::new(epoch, &start), |stream, n| {
                stream.batch(&[&format!("{{\"n\":{n}}}")])
            })
            .end()
    };
    dir.sink(&TABLE, &stream(-1, 1)).quietly();
    // As if the run had died between the table's commit and the checkpoint's.
    let commits = dir.path("ck/commits/st-sink");
    let text = std::fs::read_to_string(&commits).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(
        &commits,
        format!("{}\n", lines[..lines.len() - 1].join("\n")),
    )
    .unwrap();
    assert_eq!(dir.query().committed().unwrap(), 0);
    dir.sink(&TABLE, &stream(0, 2)).quietly();
    assert_eq!(dir.sql("select n from t"), ["0", "1", "2"]);
}

#[test]
fn a_checkpoint_older_than_the_table_is_refused() {
    for (ahead, said) in [
        (1, "has batch 1 with 1 rows, which now has 2"),
        (
            2,
            "stands at batch 2, but the checkpoint only at batch 0, an older copy",
        ),
    ] {
        let dir = Dir::new();
        let start = dir.checkpoint();
        let first = Stream::new(-1, &start).batch(&[r#"{"n":0}"#]);
        dir.sink(&TABLE, &first.end()).quietly();
        let commits = dir.path("ck/commits/st-sink");
        let old = std::fs::read_to_string(&commits).unwrap();
        let more = (0..ahead).fold(Stream::new(0, &start), |more, _| {
            more.batch(&[r#"{"n":1}"#])
        });
        dir.sink(&TABLE, &more.end()).quietly();
        std::fs::write(&commits, &old).unwrap();
        let other = Stream::new(0, &start).batch(&[r#"{"n":8}"#, r#"{"n":9}"#]);
        let ran = dir.sink(&TABLE, &other.end());
        assert!(ran.err.contains(said), "{}", ran.err);
        assert_eq!(ran.status, 1);
    }
}

#[test]
fn foreign_tables_are_refused_and_left_as_they_are() {
    let dir = Dir::new();
    Connection::open(dir.path("t.db"))
        .unwrap()
        .execute_batch("create table t(x); insert into t values (7)")
        .unwrap();
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&TABLE, &input)
        .refused(&["t.db: table t", "--overwrite", "--table"]);
    assert_eq!(dir.sql("select * from t"), ["7"]);
    let over = ["sqlite", "t.db", "--table", "t", "--overwrite"];
    dir.sink(&over, &input).quietly();
    assert_eq!(dir.sql("select * from t"), ["1"]);
    dir.sink(&TABLE, &input)
        .refused(&["earlier run", "--overwrite", "--append"]);
    dir.sink(&["sqlite", "t.db", "--table", "t", "--append"], &input)
        .quietly();
    assert_eq!(dir.sql("select * from t"), ["1", "1"]);
    // Two tables of one database belong to two sinks.
    dir.sink(&["sqlite", "t.db", "--table", "other"], &input)
        .quietly();
    assert_eq!(dir.sql("select * from other"), ["1"]);
}

#[test]
fn a_database_that_was_put_back_is_refused() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &TABLE,
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    std::fs::copy(dir.path("t.db"), dir.path("copy.db")).unwrap();
    dir.sink(&TABLE, &Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end())
        .quietly();
    std::fs::rename(dir.path("copy.db"), dir.path("t.db")).unwrap();
    let more = Stream::new(1, &start).batch(&[r#"{"n":3}"#]).end();
    dir.sink(&TABLE, &more)
        .refused(&["stands at batch 0", "delivered batch 1", "rm "]);
    std::fs::remove_file(dir.path("t.db")).unwrap();
    dir.sink(&TABLE, &more).refused(&["table t: is gone"]);
}

#[test]
fn a_table_that_was_dropped_is_not_begun_anew_silently() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &TABLE,
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    Connection::open(dir.path("t.db"))
        .unwrap()
        .execute_batch("drop table t")
        .unwrap();
    let more = Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end();
    dir.sink(&TABLE, &more)
        .refused(&["table t: is gone", "rm "]);
}

#[test]
fn what_is_no_database_is_refused() {
    let dir = Dir::new();
    dir.write("t.db", &"no database at all ".repeat(100));
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&TABLE, &input)
        .refused(&["t.db:", "not a database"]);
}

#[test]
fn readers_see_whole_batches_while_the_sink_runs() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    let dir = Dir::new();
    // The command line ends with a second sink that says when the first batch is in.
    let mut child = Command::new(env!("CARGO_BIN_EXE_st-sink"))
        .args(["memory", "t.db", "--table", "t"])
        .current_dir(dir.path(""))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(
            Stream::new(-1, "\"schema\":\"n INT\"")
                .batch(&[r#"{"n":1}"#])
                .open(&[r#"{"n":2}"#])
                .text
                .as_bytes(),
        )
        .unwrap();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert_eq!(said, "st-sink: sqlite3 t.db 'select * from t'\n");
    // The table is there from the start; the first batch comes as a whole, the second not before its end.
    let seen = loop {
        let seen = dir.sql("select n from t");
        if !seen.is_empty() {
            break seen;
        }
        std::thread::yield_now();
    };
    assert_eq!(seen, ["1"]);
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(dir.sql("select n from t"), ["1"]);
}

#[test]
fn killed_at_any_step_each_row_is_there_once() {
    for step in [
        "sink.mid_output",
        "sink.after_output",
        "sink.before_commit",
        "commits.mid_write",
        "sink.after_commit",
    ] {
        for mode in ["append", "update", "complete"] {
            let dir = Dir::new();
            let start = dir.checkpoint() + &format!(",\"mode\":\"{mode}\",\"keys\":[\"k\"]");
            let stream = |epoch: i64| {
                (epoch + 1..3)
                    .fold(Stream::new(epoch, &start), |stream, n| {
                        stream.batch(&[&format!("{{\"k\":{},\"n\":{n}}}", n % 2)])
                    })
                    .end()
            };
            dir.killed(step, 2, &TABLE, &stream(-1));
            dir.sink(&TABLE, &stream(dir.query().committed().unwrap()))
                .quietly();
            let expected: &[&str] = match mode {
                "append" => &["0|0", "1|1", "0|2"],
                "update" => &["1|1", "0|2"],
                _ => &["0|2"],
            };
            assert_eq!(
                dir.sql("select k, n from t order by n"),
                expected,
                "{mode} {step}"
            );
        }
    }
}
