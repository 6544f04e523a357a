//! Tables: the same characters as Spark's console sink prints.

use crate::harness::{Dir, Stream};

const CELLS: &str = include_str!("../spark/cells.ndjson");
const DDL: &str = include_str!("../spark/cells.ddl");
const GOLDEN: &str = include_str!("../spark/console.golden");

/// `tests/spark/console.py` made the expectations with Spark 4.3.0.
#[test]
fn tables_are_sparks() {
    let dir = Dir::new();
    let rows: Vec<&str> = CELLS.lines().collect();
    let start = format!("\"schema\":{}", serde_json::to_string(DDL.trim()).unwrap());
    let mut sections = 0;
    for section in GOLDEN.split("### ").skip(1) {
        let (options, expected) = section.split_once('\n').unwrap();
        let rows = if options == "empty" {
            &[]
        } else {
            rows.as_slice()
        };
        let mut arguments = vec!["console"];
        arguments.extend(
            options
                .split_whitespace()
                .filter(|option| *option != "empty"),
        );
        let out = dir
            .sink(&arguments, &Stream::new(-1, &start).batch(rows).end())
            .quietly();
        assert_eq!(out, expected, "{options}");
        sections += 1;
    }
    assert_eq!(sections, 8);
}

#[test]
fn undeclared_columns_stand_where_the_rows_have_them() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"b STRING\"")
        .batch(&[
            r#"{"z":1,"b":"x","s":{"p":1,"q":[null]}}"#,
            r#"{"y":12345678901234567890,"z":2.50}"#,
        ])
        .end();
    let expected = "\
-------------------------------------------
Batch: 0
-------------------------------------------
+--------------------+---+----+-----------+
|y                   |z  |b   |s          |
+--------------------+---+----+-----------+
|NULL                |1  |x   |{1, [NULL]}|
|12345678901234567890|2.5|NULL|NULL       |
+--------------------+---+----+-----------+

";
    assert_eq!(dir.sink(&["console"], &input).quietly(), expected);
}

#[test]
fn the_sessions_time_zone_is_that_of_the_cells() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"t TIMESTAMP\"")
        .batch(&[r#"{"t":"2025-01-15T10:30:00Z"}"#])
        .end();
    let out = dir
        .sink(&["console", "--tz", "Asia/Tokyo"], &input)
        .quietly();
    assert!(out.contains("|2025-01-15 19:30:00|"), "{out}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let dir = Dir::new();
    let out = dir
        .sink(&["console"], "{\"t\":\"\\u001b[2Jx\"}\n")
        .quietly();
    assert!(out.contains(r"|\u001B[2Jx|"), "{out}");
}

#[test]
fn a_batch_that_breaks_off_is_not_printed() {
    let dir = Dir::new();
    let ran = dir.sink(
        &["console"],
        &Stream::new(-1, "\"schema\":\"\"")
            .open(&[r#"{"n":1}"#])
            .text,
    );
    ran.refused(&["batch 0", "discarded"]);
    assert_eq!(ran.out, "");
}

#[test]
fn live_without_a_terminal_prints_batch_by_batch() {
    let dir = Dir::new();
    let out = dir.sink(&["console", "--live"], "{\"n\":1}\n").quietly();
    assert!(out.starts_with("-----") && out.contains("|1  |"), "{out}");
}
