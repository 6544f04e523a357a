//! Rows in, rows out: operations alone and one after the other.

use crate::common::{END, batch, lines, rows, run, said, start};
use serde_json::json;

const ROW: &str = "{\"a\": 1,  \"b\":\"x y\",\"c\":{\"d\":[1,2.50]}}\n";

fn one(arguments: &[&str]) -> String {
    let rows = rows(arguments, ROW);
    assert_eq!(rows.len(), 1, "{arguments:?}: {rows:?}");
    rows[0].clone()
}

#[test]
fn where_passes_the_same_bytes() {
    assert_eq!(one(&["--where", "a = 1 and b like 'x%'"]), ROW.trim_end());
    assert!(rows(&["--where", "a > 1"], ROW).is_empty());
    // Neither true nor false.
    assert!(rows(&["--where", "missing > 1"], ROW).is_empty());
}

#[test]
fn set_changes_in_place_and_adds_at_the_end() {
    assert_eq!(
        one(&["--set", "a = a + 1, e = a * 10"]),
        r#"{"a": 2,  "b":"x y","c":{"d":[1,2.50]},"e":20}"#
    );
    assert_eq!(
        one(&["--set", "a = b, b = a"]),
        r#"{"a": "x y",  "b":"x y","c":{"d":[1,2.50]}}"#
    );
    assert_eq!(
        one(&["--set", "`a b` = null"]),
        r#"{"a": 1,  "b":"x y","c":{"d":[1,2.50]},"a b":null}"#
    );
    assert_eq!(rows(&["--set", "x = 1"], "{}\n"), [r#"{"x":1}"#]);
}

#[test]
fn set_twice_sets_the_last_value() {
    assert_eq!(
        one(&[
            "--set",
            "a = 5",
            "--set",
            "a = a + 1, a = a * 2",
            "--select",
            "a"
        ]),
        r#"{"a":12}"#
    );
    assert_eq!(one(&["--set", "n = 1", "--drop", "n"]), ROW.trim_end());
    assert_eq!(
        one(&["--set", "n = a + 1", "--rename", "n as m", "--set", "n = 7"]),
        r#"{"a": 1,  "b":"x y","c":{"d":[1,2.50]},"m":2,"n":7}"#
    );
}

#[test]
fn values_that_are_copied_keep_their_bytes() {
    let row = "{\"big\":123456789012345678901234567890,\"o\":{ \"x\" :1.0e2},\"s\":\"\\u00e9\"}\n";
    let copied = r#"{"n":123456789012345678901234567890,"p":{ "x" :1.0e2},"x":1.0e2,"s":"\u00e9"}"#;
    assert_eq!(
        rows(&["--select", "big as n, o as p, o.x, s"], row),
        [copied]
    );
    let set = rows(&["--set", "n = big, x = o.x"], row);
    assert!(
        set[0].ends_with(r#","n":123456789012345678901234567890,"x":1.0e2}"#),
        "{}",
        set[0]
    );
}

#[test]
fn select_makes_rows_of_one_shape() {
    assert_eq!(
        one(&["--select", "c.d[1] as z, b, upper(b), missing"]),
        r#"{"z":2.50,"b":"x y","upper(b)":"X Y","missing":null}"#
    );
}

#[test]
fn select_star_is_all_there_are() {
    assert_eq!(
        one(&["--select", "*, a * 2 as p"]),
        r#"{"a": 1,  "b":"x y","c":{"d":[1,2.50]},"p":2}"#
    );
    assert_eq!(
        one(&["--select", "a * 2 as p, *, 1 as q"]),
        r#"{"p":2,"a": 1,  "b":"x y","c":{"d":[1,2.50]},"q":1}"#
    );
    // A name the row has is not there twice.
    assert_eq!(
        one(&["--select", "upper(b) as b, *"]),
        r#"{"b":"X Y","a": 1,"c":{"d":[1,2.50]}}"#
    );
    assert_eq!(
        one(&["--select", "*, upper(b) as b"]),
        r#"{"a": 1,  "b":"X Y","c":{"d":[1,2.50]}}"#
    );
    assert_eq!(rows(&["--select", "1 as x, *"], "{}\n"), [r#"{"x":1}"#]);
    // After a select they are known.
    assert_eq!(
        one(&[
            "--select",
            "a as x, b",
            "--select",
            "x + 1 as y, *",
            "--drop",
            "x"
        ]),
        r#"{"y":2,"b":"x y"}"#
    );
    // Each item sees the columns as they were.
    assert_eq!(
        one(&["--select", "a + 1 as a, a + 1 as b"]),
        r#"{"a":2,"b":2}"#
    );
}

#[test]
fn members_in_front_can_be_changed_again() {
    let front = |more: &[&str]| one(&[&["--select", "a + 1 as p, *"], more].concat());
    assert_eq!(
        front(&["--set", "p = p * 2"]),
        r#"{"p":4,"a": 1,  "b":"x y","c":{"d":[1,2.50]}}"#
    );
    assert_eq!(front(&["--drop", "p, c"]), r#"{"a": 1,  "b":"x y"}"#);
    assert_eq!(
        front(&["--rename", "p as a"]),
        r#"{"a":2,"b":"x y","c":{"d":[1,2.50]}}"#
    );
    assert_eq!(
        front(&["--rename", "a as p", "--where", "p = 1"]),
        r#"{"p": 1,  "b":"x y","c":{"d":[1,2.50]}}"#
    );
}

#[test]
fn drop_and_rename() {
    assert_eq!(one(&["--drop", "a, c"]), r#"{"b":"x y"}"#);
    assert_eq!(one(&["--drop", "missing"]), ROW.trim_end());
    let renamed = r#"{"x": 1,  "y":"x y","c":{"d":[1,2.50]}}"#;
    assert_eq!(one(&["--rename", "a as x, b = y"]), renamed);
}

#[test]
fn renamed_columns_are_read_by_their_new_name() {
    assert_eq!(
        one(&[
            "--rename",
            "a as x",
            "--where",
            "x = 1",
            "--set",
            "x = x + 1, a = 5"
        ]),
        r#"{"x": 2,  "b":"x y","c":{"d":[1,2.50]},"a":5}"#
    );
    assert_eq!(
        one(&["--rename", "a as b"]),
        r#"{"b": 1,"c":{"d":[1,2.50]}}"#
    );
}

#[test]
fn explode_gives_a_row_each() {
    let words = rows(
        &[
            "--select",
            r#"explode(split(value, " ")) as word"#,
            "--where",
            r#"word <> """#,
        ],
        "{\"value\":\"to be  or\"}\n{\"value\":\"\"}\n",
    );
    assert_eq!(
        words,
        [r#"{"word":"to"}"#, r#"{"word":"be"}"#, r#"{"word":"or"}"#]
    );
    let set = rows(
        &[
            "--set",
            "w = explode(c.d)",
            "--set",
            "v = w + a",
            "--drop",
            "c",
        ],
        ROW,
    );
    assert_eq!(
        set,
        [
            r#"{"a": 1,  "b":"x y","w":1,"v":2}"#,
            r#"{"a": 1,  "b":"x y","w":2.5,"v":3.5}"#
        ]
    );
    let positions = rows(
        &[
            "--select",
            "a, posexplode(split(b, ' ')) as (i, w), upper(b) as u",
        ],
        ROW,
    );
    assert_eq!(
        positions,
        [
            r#"{"a":1,"i":0,"w":"x","u":"X Y"}"#,
            r#"{"a":1,"i":1,"w":"y","u":"X Y"}"#
        ]
    );
    let twice = rows(
        &[
            "--set",
            "x = explode(array(1, 2))",
            "--set",
            "y = explode(array(3, 4))",
            "--select",
            "x, y",
        ],
        "{}\n",
    );
    assert_eq!(
        twice,
        [
            r#"{"x":1,"y":3}"#,
            r#"{"x":1,"y":4}"#,
            r#"{"x":2,"y":3}"#,
            r#"{"x":2,"y":4}"#
        ]
    );
    assert!(
        rows(
            &["--set", "x = explode(xs)"],
            "{\"xs\":[]}\n{\"xs\":null}\n{}\n"
        )
        .is_empty()
    );
    assert_eq!(
        rows(&["--set", "x = explode_outer(xs)"], "{\"xs\":[]}\n"),
        [r#"{"xs":[],"x":null}"#]
    );
}

#[test]
fn operations_are_applied_in_the_order_given() {
    assert_eq!(rows(&["--where", "a = 1", "--set", "a = 2"], ROW).len(), 1);
    assert_eq!(rows(&["--set", "a = 2", "--where", "a = 1"], ROW).len(), 0);
}

#[test]
fn of_a_name_that_occurs_twice_the_last_one_counts() {
    assert_eq!(
        rows(&["--set", "a = a + 1"], "{\"a\":1,\"b\":0,\"\\u0061\":5}\n"),
        [r#"{"b":0,"\u0061":6}"#]
    );
}

#[test]
fn declared_columns_are_read_as_their_type() {
    let input = start(r#","schema":"t TIMESTAMP, d DECIMAL(10,2), s STRING""#)
        + &batch(
            0,
            "{\"t\":\"2025-01-15 10:00:00\",\"d\":0.10,\"s\":7}\n{\"t\":\"2025-01-15T11:00:00+01:00\",\"d\":\"0.20\",\"s\":\"7\"}\n",
        )
        + END;
    let output = run(
        &[
            "--where",
            "t = timestamp '2025-01-15 10:00:00' and s = '7'",
            "--set",
            "d = d * 3",
        ],
        &input,
    );
    let written: Vec<serde_json::Value> = lines(&output)
        .into_iter()
        .filter(|line| line["t"].is_string())
        .collect();
    assert_eq!(
        (&written[0]["d"], &written[1]["d"]),
        (&json!(0.3), &json!(0.6))
    );
    assert!(
        crate::common::printed(&output).contains("\"d\":0.30,"),
        "{}",
        crate::common::printed(&output)
    );
}

#[test]
fn every_row_is_counted_once() {
    let rows = "{\"a\":1}\n{\"a\":2,\"skip\":true}\n{\"a\":\"x\"}\n{\"xs\":[]}\n";
    let output = run(
        &["--where", "skip is null", "--set", "b = cast(a as int) + 1"],
        &(start("") + &batch(0, rows) + END),
    );
    let lines = lines(&output);
    let figures = &lines[lines.len() - 2]["stages"][0];
    assert_eq!(
        (&figures["in"], &figures["out"], &figures["filtered"]),
        (&json!(4), &json!(3), &json!(1))
    );
    assert_eq!(figures["failed"], json!(1), "{figures}");
}

#[test]
fn strict_stops_at_what_cannot_be_computed() {
    let output = run(
        &["--set", "b = cast(a as int)", "--strict"],
        "{\"a\":\"x\"}\n",
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output), "st-map: 'x' is no INT\n");
}

#[test]
fn a_replay_computes_the_same() {
    let input =
        start("") + &batch(3, "{\"n\":1}\n{\"n\":2}\n").replace("\"id\":3", "\"id\":0") + END;
    let arguments = [
        "--set",
        "r = rand(), u = uuid(), t = current_timestamp(), w = explode(array(1, 2)), v = uuid()",
    ];
    let first = lines(&run(&arguments, &input));
    let second = lines(&run(&arguments, &input));
    assert_eq!(first[2..6], second[2..6]);
    assert_eq!(first[2]["t"], "2025-01-15T10:03:00.000Z");
    assert_ne!(first[2]["r"], first[4]["r"]);
    assert_ne!(first[2]["u"], first[2]["v"]);
    // Of an exploded row the rest is the same.
    assert_eq!(first[2]["u"], first[3]["u"]);
}
