//! Every expression of `spark/expressions.sql` gives the type and the value that Spark gave (`spark/answers.tsv`, written
//! by `spark/ask.py`), both with the row's columns declared and with none declared.
#![allow(clippy::unwrap_used, missing_docs)]

use st_expr::{
    Columns, Compiler, Env, Schema, Slots, Type, Value, parse_list, read_json, write_json,
};
use st_row::Spans;
use st_time::Zone;

const ROW: &str = include_str!("spark/row.json");
const SCHEMA: &str = include_str!("spark/schema.ddl");
const ANSWERS: &str = include_str!("spark/answers.tsv");

/// The lines of an answers file, cut at the tabs.
fn lines(answers: &str) -> impl Iterator<Item = Vec<&str>> {
    answers.lines().map(|line| line.split('\t').collect())
}

/// As the answers files write a value's text.
fn shown(value: Value<'_>) -> String {
    if value.is_null() {
        return "\\N".to_owned();
    }
    value
        .into_text(Zone::UTC)
        .replace('\t', "\\t")
        .replace('\n', "\\n")
}

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
    (type_name(compiled.kind()), shown(value))
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
    // Spark completes a time with the day of its wall clock, which a replay would not read the same.
    "cast('10:30' as timestamp) is null",
    // Spark orders the members of a struct it has inferred by name; here they stand as in the row.
    "cast(st as string)",
];

#[test]
fn answers_are_sparks() {
    let mut wrong = Vec::new();
    for line in lines(ANSWERS) {
        let [expression, kind, text, open_kind, open_text] = line[..] else {
            panic!("{line:?}")
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

#[test]
fn columns_are_named_as_spark_names_them() {
    // Spark shows the arguments it adds to these.
    let different = ["split(s, ',')", "percentile_approx(d, 0.5)"];
    for line in lines(include_str!("spark/names.tsv")) {
        let [expression, name] = line[..] else {
            panic!("{line:?}")
        };
        if !different.contains(&expression) {
            assert_eq!(
                parse_list(expression).unwrap()[0].name(),
                name,
                "{expression}"
            );
        }
    }
}

#[test]
fn json_is_read_as_spark_reads_it() {
    let different = [
        // A number is no timestamp: its unit is not known. Spark takes seconds.
        ("TIMESTAMP", "1700000000"),
        // Integers never wrap.
        ("TINYINT", "200"),
        // Text is the number's as it stands.
        ("STRING", "1.50"),
        ("STRING", "1e3"),
    ];
    let mut wrong = Vec::new();
    for line in lines(include_str!("spark/json.tsv")) {
        let [kind, raw, text] = line[..] else {
            panic!("{line:?}")
        };
        let ours = shown(read_json(
            raw.as_bytes(),
            &Type::parse(kind).unwrap(),
            Zone::UTC,
        ));
        if ours != text && !different.contains(&(kind, raw)) {
            wrong.push(format!("{kind} {raw}: Spark {text}, ours {ours}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn json_is_written_as_spark_writes_it() {
    let different = [
        // Decimals are plain numbers, and microseconds are not cut.
        "cast(0.0000001 as decimal(10,7))",
        "timestamp '2025-01-15 10:30:00.123456'",
    ];
    let mut wrong = Vec::new();
    for line in lines(include_str!("spark/write.tsv")) {
        let [expression, text] = line[..] else {
            panic!("{line:?}")
        };
        if different.contains(&expression) {
            continue;
        }
        let mut compiler = Compiler::new(Columns::new(Schema::parse(SCHEMA).unwrap()), Zone::UTC);
        let compiled = compiler.expression(expression).unwrap();
        let mut spans = Spans::default();
        compiler
            .columns
            .fields()
            .locate(ROW.as_bytes(), &mut spans)
            .unwrap();
        let env = Env::new(Zone::UTC);
        let mut out = Vec::new();
        write_json(
            &mut out,
            &compiled.eval(&env, &Slots::new(ROW.as_bytes(), &spans, &[])),
            Zone::UTC,
        );
        let ours = format!("{{\"c\":{}}}", String::from_utf8(out).unwrap());
        if ours != text {
            wrong.push(format!("{expression}: Spark {text}, ours {ours}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
