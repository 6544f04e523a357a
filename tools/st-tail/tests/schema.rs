#![allow(clippy::unwrap_used)]
//! Schemas that change between two runs over one checkpoint, and columns that are the names of folders.

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use source_tool::Tool;

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-tail"))
}

fn rows(wire: &[String]) -> Vec<&str> {
    let rows = wire.iter().map(String::as_str);
    rows.filter(|line| line.starts_with('{')).collect()
}

fn start(tool: &Tool, arguments: &[&str]) -> String {
    let out = tool.command(arguments).output().unwrap().stdout;
    let text = String::from_utf8(out).unwrap();
    text.lines().next().unwrap_or_default().to_string()
}

/// The first batch is not committed, so it is read again, as it was read: its `n` is text, though a number is declared now.
#[test]
fn a_wider_schema_goes_on_and_replays_with_the_old_one() {
    let tool = tool();
    tool.file("in/a.csv", "k,n\nx,1\n");
    let query = |schema| {
        [
            "in",
            "--available-now",
            "--checkpoint",
            "ck",
            "--schema",
            schema,
        ]
    };
    assert_eq!(
        rows(&tool.run(&query("k STRING")).ok()),
        [r#"{"k":"x","n":"1"}"#]
    );
    tool.file("in/b.csv", "k,n\ny,2\n");
    assert_eq!(
        rows(&tool.run(&query("k STRING, n INT")).ok()),
        [r#"{"k":"x","n":"1"}"#, r#"{"k":"y","n":2}"#]
    );
    tool.file("in/c.csv", "k,n\nz,3000000000\n");
    let wider = tool.run(&query("n BIGINT, k STRING")).ok();
    assert_eq!(rows(&wider)[2], r#"{"k":"z","n":3000000000}"#);
}

#[test]
fn a_column_that_went_or_became_another_is_named_and_refused() {
    let tool = tool();
    tool.file("in/a.json", "{\"a\":1,\"b\":2}\n");
    let query = |schema| {
        [
            "in",
            "--available-now",
            "--checkpoint",
            "ck",
            "--schema",
            schema,
        ]
    };
    tool.run(&query("a INT, b INT")).ok();
    let err = tool
        .run(&query("a STRING, b BIGINT, c INT"))
        .failure(1)
        .to_string();
    assert!(
        err.contains(r#"the definition changed: schema.a was "INT", now "STRING"; schema.b was "INT", now "BIGINT" (safe); schema.c was nothing, now "INT" (safe): give the old options, or start afresh with a new --checkpoint"#),
        "{err}"
    );
    let err = tool.run(&query("a INT")).failure(1).to_string();
    assert!(err.contains(r#"schema.b was "INT", now nothing"#), "{err}");
    let err = tool
        .run(&["in", "--available-now", "--checkpoint", "ck"])
        .failure(1)
        .to_string();
    assert!(err.contains("schema was "), "{err}");
}

/// Without a header columns go by position: more may stand behind those there were, and nowhere else.
#[test]
fn without_a_header_columns_are_added_at_the_end() {
    let tool = tool();
    tool.file("in/a.csv", "1,2\n");
    let query = |schema| {
        [
            "in",
            "--available-now",
            "--checkpoint",
            "ck",
            "--header",
            "false",
            "--schema",
            schema,
        ]
    };
    tool.run(&query("a INT, b INT")).ok();
    let err = tool
        .run(&query("c INT, a INT, b INT"))
        .failure(1)
        .to_string();
    assert!(err.contains(r#"columns[0] was "a", now "c""#), "{err}");
    tool.file("in/b.csv", "3,4,5\n");
    let wire = tool.run(&query("a INT, b INT, c INT")).ok();
    assert_eq!(rows(&wire), [r#"{"a":1,"b":2}"#, r#"{"a":3,"b":4,"c":5}"#]);
}

/// A run that failfast has ended may go on in another mode.
#[test]
fn failfast_names_file_and_line_and_may_be_given_up() {
    let tool = tool();
    tool.file("in/a.json", "{\"a\":1}\n");
    let query = |mode| {
        [
            "in",
            "--available-now",
            "--checkpoint",
            "ck",
            "--schema",
            "a INT",
            "--mode",
            mode,
        ]
    };
    tool.run(&query("failfast")).ok();
    tool.file("in/b.json", "{\"a\":2}\n\n{\"a\":\"x\"}\n{\"a\":4}\n");
    let err = tool.run(&query("failfast")).failure(1).to_string();
    assert!(
        err.contains(r#"in/b.json:3: column `a`: "x" is no INT: "#),
        "{err}"
    );
    assert_eq!(
        rows(&tool.run(&query("dropmalformed")).ok()),
        [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":4}"#]
    );
    let rejects = std::fs::read_to_string(tool.path("ck/rejects/st-tail.ndjson")).unwrap();
    assert!(rejects.contains(r#""in/b.json:3""#), "{rejects}");
}

// Answers of Spark 4.3.0: spark.read.json over the same folders.
#[test]
fn folders_are_columns() {
    let tool = tool();
    tool.file("in/date=2025-01-15/hour=01/a.json", "{\"v\":0}\n{}\n");
    tool.file(
        "in/date=2025-01-16/hour=10/b.json",
        "{\"v\":1,\"hour\":99}\n",
    );
    tool.file(
        "in/date=2025-01-16/hour=__HIVE_DEFAULT_PARTITION__/c.json",
        "{\"v\":2}\n",
    );
    let query = ["in", "--available-now"];
    assert_eq!(
        rows(&tool.run(&query).ok()),
        [
            r#"{"v":0,"date":"2025-01-15","hour":1}"#,
            r#"{"date":"2025-01-15","hour":1}"#,
            r#"{"v":1,"hour":10,"date":"2025-01-16"}"#,
            r#"{"v":2,"date":"2025-01-16","hour":null}"#,
        ]
    );
    assert!(start(&tool, &query).contains("\"schema\":\"date DATE, hour INT\""));
    let typed = ["in", "--available-now", "--schema", "hour STRING"];
    assert_eq!(
        rows(&tool.run(&typed).ok())[0],
        r#"{"v":0,"date":"2025-01-15","hour":"01"}"#
    );
    assert!(start(&tool, &typed).contains("\"schema\":\"hour STRING, date DATE\""));
    // The folder that is given is no column, unless the base lies above it.
    let one = ["in/date=2025-01-15", "--available-now"];
    assert_eq!(rows(&tool.run(&one).ok())[0], r#"{"v":0,"hour":1}"#);
    let glob = ["in/*/*/a.json", "--available-now"];
    assert_eq!(rows(&tool.run(&glob).ok())[0], r#"{"v":0}"#);
    let based = ["in/*/*/a.json", "--available-now", "--base-path", "in"];
    assert_eq!(
        rows(&tool.run(&based).ok())[0],
        r#"{"v":0,"date":"2025-01-15","hour":1}"#
    );
}

#[test]
fn a_folder_that_does_not_fit_is_named_and_the_types_stay() {
    let tool = tool();
    tool.file("in/x=1/a.json", "{\"v\":0}\n");
    let query = ["in", "--available-now", "--checkpoint", "ck"];
    tool.run(&query).ok();
    tool.file("in/x=2.5/b.json", "{\"v\":1}\n");
    let err = tool.run(&query).failure(1).to_string();
    assert!(
        err.contains("in/x=2.5/b.json: the folder x=2.5: `2.5` is no INT"),
        "{err}"
    );
    let mut skipping = query.to_vec();
    skipping.push("--skip-lost");
    assert_eq!(rows(&tool.run(&skipping).ok()), [r#"{"v":0,"x":1}"#]);
}
