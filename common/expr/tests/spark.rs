//! Every expression of `spark/expressions.sql` gives the type and the value that Spark gave (`spark/answers.tsv`, written
//! by `spark/ask.py`), both with the row's columns declared and with none declared.
#![allow(clippy::unwrap_used, missing_docs)]

use st_expr::{Columns, Compiler, Env, Schema, Slots, Type};
use st_row::Spans;
use st_time::Zone;

const ROW: &str = include_str!("spark/row.json");
const SCHEMA: &str = include_str!("spark/schema.ddl");
const ANSWERS: &str = include_str!("spark/answers.tsv");

/// Ours on the row: type and text, `\N` for null; `error` if it is refused.
fn answer(schema: Schema, expression: &str) -> (String, String) {
    let mut compiler = Compiler::new(Columns::new(schema), Zone::UTC);
    let compiled = match compiler.expression(expression) {
        Ok(compiled) => compiled,
        Err(error) => return ("error".to_owned(), error.to_string()),
    };
    let mut spans = Spans::default();
    compiler
        .columns
        .fields()
        .locate(ROW.as_bytes(), &mut spans)
        .unwrap();
    let env = Env::new(Zone::UTC);
    let value = compiled.eval(&env, &Slots::new(ROW.as_bytes(), &spans, &[]));
    let text = if value.is_null() {
        "\\N".to_owned()
    } else {
        value.into_text(Zone::UTC).into_owned()
    };
    (
        type_name(compiled.kind()),
        text.replace('\t', "\\t").replace('\n', "\\n"),
    )
}

/// As Spark's `typeof` writes it.
fn type_name(kind: &Type) -> String {
    kind.to_string()
        .to_lowercase()
        .replace(": ", ":")
        .replace(", ", ",")
}

/// Spark's intervals know their units; ours are all one type.
fn same_type(ours: &str, spark: &str) -> bool {
    ours == spark || (ours == "interval" && spark.starts_with("interval ")) || ours.contains("any")
}

fn same_text(ours: &str, spark: &str, spark_type: &str) -> bool {
    let whole = [
        "interval day to second",
        "interval day",
        "interval year to month",
    ];
    ours == spark || (spark_type.starts_with("interval ") && !whole.contains(&spark_type))
}

/// Where we differ on purpose.
const DIFFERENT: &[&str] = &[
    // Spark refuses these; we take them as they are meant.
    "num div 5",
    "ts - '2025-01-01'",
    "interval i hours",
    "cast(map('1', '2') as map<int, int>)",
    // Text and an interval are a timestamp here, and its text there.
    "'2025-01-01' + interval 1 day",
    // Spark orders the members of a struct it has inferred by name; here they stand as in the row.
    "cast(st as string)",
];

#[test]
fn answers_are_sparks() {
    let mut wrong = Vec::new();
    for line in ANSWERS.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [expression, kind, text, open_kind, open_text] = fields[..] else {
            panic!("{line}")
        };
        if DIFFERENT.contains(&expression) {
            continue;
        }
        let (our_kind, our_text) = answer(Schema::parse(SCHEMA).unwrap(), expression);
        let right = if kind == "error" {
            our_kind == "error"
        } else {
            same_type(&our_kind, kind) && same_text(&our_text, text, kind)
        };
        if !right {
            wrong.push(format!(
                "declared: {expression}\n   Spark: {kind} {text}\n   ours:  {our_kind} {our_text}"
            ));
        }
        let (our_kind, our_text) = answer(Schema::default(), expression);
        // An undeclared column's type is not known before its values are, so what Spark refuses may be null here.
        if open_kind != "error" && !same_text(&our_text, open_text, open_kind) {
            wrong.push(format!("open: {expression}\n   Spark: {open_kind} {open_text}\n   ours:  {our_kind} {our_text}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
