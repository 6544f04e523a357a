//! What the start marker says behind the stage, and what is refused at the start.

use crate::common::{END, lines, refused, run, said, shape, start};
use serde_json::{Value, json};

const TYPED: &str = r#","schema":"ts TIMESTAMP, price DECIMAL(10,2), n INT""#;
const BOUND: &str = r#","schema":"ts TIMESTAMP, window STRUCT<start: TIMESTAMP, end: TIMESTAMP>","watermarks":[{"delay":"1 minute","columns":[["ts","time"],["window","window"]],"time":null}]"#;
const UPDATE: &str = r#","mode":"update","keys":["window","k"]"#;

fn schema(arguments: &[&str]) -> String {
    shape(arguments, TYPED)["schema"]
        .as_str()
        .unwrap()
        .to_string()
}

#[test]
fn the_schema_follows() {
    assert_eq!(
        schema(&["--where", "n > 1"]),
        "ts TIMESTAMP, price DECIMAL(10,2), n INT"
    );
    assert_eq!(
        schema(&["--set", "d = to_date(ts), x = other, s = 'a'"]),
        "ts TIMESTAMP, price DECIMAL(10,2), n INT, d DATE, s STRING"
    );
    assert_eq!(
        schema(&["--set", "n = other"]),
        "ts TIMESTAMP, price DECIMAL(10,2)"
    );
    assert_eq!(
        schema(&["--set", "n = n > 1"]),
        "ts TIMESTAMP, price DECIMAL(10,2), n BOOLEAN"
    );
    assert_eq!(schema(&["--drop", "price, other"]), "ts TIMESTAMP, n INT");
    assert_eq!(
        schema(&["--rename", "n as m, price = ts"]),
        "ts DECIMAL(10,2), m INT"
    );
    assert_eq!(
        schema(&["--select", "price as p, other, ts"]),
        "p DECIMAL(10,2), ts TIMESTAMP"
    );
    assert_eq!(
        schema(&["--select", "*, explode(array(1)) as e"]),
        "ts TIMESTAMP, price DECIMAL(10,2), n INT, e INT"
    );
    assert_eq!(
        schema(&["--through", "cat"]),
        "ts TIMESTAMP, price DECIMAL(10,2), n INT"
    );
}

#[test]
fn types_are_known_to_what_comes_after() {
    assert_eq!(
        schema(&[
            "--set",
            "a = n",
            "--rename",
            "a as b",
            "--select",
            "b + 1 as c"
        ]),
        "c INT"
    );
    assert_eq!(
        schema(&[
            "--set",
            "a = to_date(ts)",
            "--through",
            "cat",
            "--select",
            "a"
        ]),
        "a DATE"
    );
}

fn bounded(arguments: &[&str]) -> Value {
    shape(arguments, BOUND)["watermarks"][0]["columns"].clone()
}

#[test]
fn a_rename_keeps_the_watermark_and_a_computed_time_loses_it() {
    assert_eq!(
        bounded(&["--rename", "ts as t"]),
        json!([["t", "time"], ["window", "window"]])
    );
    assert_eq!(
        bounded(&["--set", "t = ts"]),
        json!([["ts", "time"], ["window", "window"], ["t", "time"]])
    );
    assert_eq!(
        bounded(&["--set", "ts = ts + interval 1 hour"]),
        json!([["window", "window"]])
    );
    assert_eq!(
        bounded(&["--set", "ts = ts"]),
        json!([["window", "window"], ["ts", "time"]])
    );
    assert_eq!(bounded(&["--drop", "ts"]), json!([["window", "window"]]));
    assert_eq!(
        bounded(&["--select", "window as w, 1 as ts"]),
        json!([["w", "window"]])
    );
    assert_eq!(
        bounded(&["--set", "t = window_time(window)", "--drop", "ts, window"]),
        json!([["t", "time"]])
    );
    assert_eq!(
        bounded(&["--select", "x, *"]),
        json!([["ts", "time"], ["window", "window"]])
    );
}

#[test]
fn keys_follow_names_and_cannot_be_lost_in_an_update_stream() {
    assert_eq!(
        shape(&["--rename", "k as key"], UPDATE)["keys"],
        json!(["window", "key"])
    );
    assert_eq!(
        shape(&["--select", "n, k as key, window"], UPDATE)["keys"],
        json!(["window", "key"])
    );
    assert_eq!(
        shape(&["--set", "k = upper(k)"], UPDATE)["keys"],
        json!(["window", "k"])
    );
    let reason = "`k` is a key of this update stream (window, k): without it a sink cannot tell which row an update replaces: keep it, or use st-agg --mode append or complete";
    assert_eq!(
        refused(&["--drop", "k"], UPDATE),
        format!("--drop k: {reason}")
    );
    assert_eq!(
        refused(&["--select", "window, n"], UPDATE),
        format!("--select: {reason}")
    );
    assert_eq!(
        refused(&["--rename", "n as k"], UPDATE),
        format!("--rename n as k: {reason}")
    );
    assert!(
        refused(&["--set", "x = explode(xs)"], UPDATE)
            .starts_with("x: rows of this update stream replace each other")
    );
    let complete = UPDATE.replace("update", "complete");
    assert_eq!(
        shape(&["--drop", "k"], &complete)["keys"],
        json!(["window"])
    );
    assert_eq!(
        shape(&["--select", "upper(k) as k"], &complete)["keys"],
        json!([])
    );
}

#[test]
fn sessions_follow_names() {
    let sessions = r#","sessions":["window"]"#;
    assert_eq!(
        shape(&["--rename", "window as w"], sessions)["sessions"],
        json!(["w"])
    );
    assert_eq!(
        shape(&["--select", "k, window as v"], sessions)["sessions"],
        json!(["v"])
    );
    assert_eq!(shape(&["--drop", "window"], sessions).get("sessions"), None);
    assert_eq!(
        shape(&["--set", "window = 1"], sessions).get("sessions"),
        None
    );
    assert_eq!(
        shape(&["--where", "true"], sessions)["sessions"],
        json!(["window"])
    );
}

#[test]
fn the_plan_shows_the_steps() {
    let plan = shape(
        &["--set", "a = 1", "--where", "a > 0", "--set", "b = 2"],
        "",
    )["plan"]
        .clone();
    let options = json!({"steps": [{"set": "a = 1"}, {"where": "a > 0"}, {"set": "b = 2"}]});
    assert_eq!(
        plan,
        json!([{"tool": "st-map", "name": "st-map", "options": options}])
    );
}

#[test]
fn mistakes_show_their_place_and_the_mend() {
    let at = |message: &str, text: &str, caret: &str| format!("{message}\n  {text}\n  {caret}");
    assert_eq!(
        refused(&["--where", "a ="], ""),
        at(
            "--where: expected an expression, found the end",
            "a =",
            "   ^"
        )
    );
    assert!(refused(&["--set", "q = uper(a)"], "").starts_with(&at(
        "--set: no function uper: did you mean upper?",
        "q = uper(a)",
        "    ^^^^"
    )));
    assert_eq!(
        refused(&["--where", "sum(a) > 1"], ""),
        at(
            "--where: sum is an aggregate, which needs groups: use it in `st-agg --agg`",
            "sum(a) > 1",
            "^^^"
        )
    );
    assert!(refused(&["--set", "a = substring(b)"], "").contains("takes 2 to 3 arguments, not 1"));
    assert_eq!(
        refused(&["--select", "a as x", "--where", "y = 1"], ""),
        at("--where: no column `y`: did you mean `x`?", "y = 1", "^")
    );
    assert_eq!(
        refused(&["--drop", "a", "--where", "a = 1"], ""),
        at("--where: column `a` is gone by now", "a = 1", "^")
    );
    assert_eq!(
        refused(&["--select", "a, *, *"], ""),
        at(
            "--select: `*` stands here once more than needed",
            "a, *, *",
            "      ^"
        )
    );
    assert_eq!(
        refused(&["--select", "a, b as a"], ""),
        "--select: two columns are called `a`: give one another name with `as`"
    );
    assert!(
        refused(&["--rename", "a + 1 as b"], "")
            .starts_with("--rename: expected OLD as NEW, two columns' names")
    );
    assert!(
        refused(&["--select", "explode(a) as x, explode(b) as y"], "")
            .contains("put the second one into a --select or --set of its own")
    );
    let marker = "no column may be called `$st`: it is how markers begin; choose another name";
    assert_eq!(
        refused(&["--set", "`$st` = 1"], ""),
        format!("--set: {marker}")
    );
    assert_eq!(
        refused(&["--select", "1 as `$st`"], ""),
        format!("--select: {marker}")
    );
    assert_eq!(
        refused(&["--rename", "a as `$st`"], ""),
        format!("--rename: {marker}")
    );
    assert!(refused(&["--where", "n"], TYPED).starts_with("--where: "));
}

#[test]
fn stages_behind_hear_of_a_refusal() {
    let output = run(&["--where", "a ="], &(start("") + END));
    assert_eq!(lines(&output)[0]["$st"], "abort");
    // So does one that reads plain rows: it gets none.
    let output = run(&["--where", "a ="], "{}\n");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(said(&output).starts_with("st-map: --where: expected an expression"));
}
