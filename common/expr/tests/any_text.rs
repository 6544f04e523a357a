//! Whatever the text and whatever the row, there is an answer or a message, never a panic.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use st_expr::{
    Columns, Compiler, Env, Schema, Slots, parse_assignments, parse_list, parse_order, write_json,
};
use st_row::Spans;
use st_time::Zone;

const PIECES: &[&str] = &[
    "a",
    "b",
    "s",
    "ts",
    "day",
    "st",
    "list",
    "dec",
    "m",
    "x",
    "->",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "div",
    "=",
    "<=>",
    "<",
    ">=",
    "!=",
    "||",
    "::",
    "&",
    ">>",
    "<<",
    "~",
    "!",
    "and",
    "or",
    "not",
    "is",
    "null",
    "in",
    "between",
    "like",
    "rlike",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast",
    "try_cast",
    "as",
    "int",
    "double",
    "decimal(5,2)",
    "string",
    "date",
    "timestamp",
    "array<int>",
    "interval",
    "days",
    "hour",
    "'1'",
    "'2025-01-15'",
    "'%a_'",
    "\"q\"",
    "`n`",
    "1",
    "0",
    "-7",
    "2.5",
    "1e3",
    "9223372036854775807",
    "99999999999999999999",
    "true",
    "transform",
    "aggregate",
    "filter",
    "if",
    "coalesce",
    "upper",
    "round",
    "explode",
    "window",
    "count",
    "distinct",
    "named_struct",
    "'é😀",
    "§",
    "\\",
    "'",
    "\"",
    "`",
    "/*",
    "--",
    "é",
    "1x",
    "struct",
    "map",
    "array",
    "pmod",
    "asc",
    "desc",
    "nulls",
    "last",
];

const SCHEMA: &str = "a INT, ts TIMESTAMP, day DATE, dec DECIMAL(10,2), st STRUCT<x: INT, y: STRING>, \
    list ARRAY<INT>, m MAP<STRING, INT>";

const ROW: &[u8] = br#"{"a": 7, "b": [1, {"x": -0.5}], "s": "h\u00e9", "ts": "2025-01-15T10:30:00Z",
    "day": "2025-01-31", "dec": 12.34, "st": {"x": 1, "y": "z"}, "list": [1, null, 3], "m": {"k": 1}, "n": 1e400}"#;

fn answer(text: &str) {
    let _ = parse_assignments(text).map_err(|error| error.to_string());
    let _ = parse_order(text).map_err(|error| error.to_string());
    let _ = Schema::parse(text).map_err(|error| error.to_string());
    let items = match parse_list(text) {
        Ok(items) => items,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for schema in ["", SCHEMA] {
        for item in &items {
            assert!(
                text.contains(item.source()) && !item.name().is_empty()
                    || item.expr.text() == Some("")
            );
            let mut compiler =
                Compiler::new(Columns::new(Schema::parse(schema).unwrap()), Zone::UTC);
            let compiled = match compiler.item(item) {
                Ok(compiled) => compiled,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    continue;
                }
            };
            let mut spans = Spans::default();
            compiler.columns.fields().locate(ROW, &mut spans).unwrap();
            let env = Env::new(Zone::UTC);
            let mut out = Vec::new();
            write_json(
                &mut out,
                &compiled.eval(&env, &Slots::new(ROW, &spans, &[])),
                Zone::UTC,
            );
            st_row::validate(format!("{{\"v\":{}}}", String::from_utf8(out).unwrap()).as_bytes())
                .unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
        answer(&pieces.join(" "));
    }

    #[test]
    fn of_operators(pieces in prop::collection::vec(
        (prop::sample::select(&["a", "b", "s", "ts", "day", "st.x", "list[1]", "dec", "m['k']", "n", "1", "0", "2.5", "null",
            "'1'", "'2025-01-15'", "true", "interval 1 day", "1e3", "-9223372036854775808", "x.y[0]"][..]),
         prop::sample::select(&["+", "-", "*", "/", "%", "div", "=", "<=>", "<", "and", "or", "||", "&", "<<", "in (1, 's',",
            "between 1 and", "like"][..])), 1..5)) {
        let text: Vec<String> = pieces.iter().map(|(a, b)| format!("{a} {b}")).collect();
        answer(&format!("{} a", text.join(" ")));
    }

    #[test]
    fn of_characters(text in any::<String>()) {
        answer(&text);
    }
}
