//! Scalar functions and operators against the answers of real Spark: `functions/*.ndjson`, written by `functions/answers.py`.
//!
//! Each line is an expression, its answer as text and its type. Where we differ on purpose, `functions/differences.txt` has the
//! expression, our answer and the reason; a difference that is gone must leave that file.

#![allow(clippy::unwrap_used)]

use st_expr::function::Function;
use st_expr::{Columns, Compiler, Decimal, Env, Interval, Schema, Slots, Type, Value, functions};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What an expression gives: its text and its type, or the reason why there is none.
#[derive(Debug, PartialEq, Clone)]
enum Answer {
    Is(Option<String>, String),
    Fails(String),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Is(Some(text), kind) => write!(f, "{text:?} {kind}"),
            Answer::Is(None, kind) => write!(f, "null {kind}"),
            Answer::Fails(why) => write!(f, "fails: {why}"),
        }
    }
}

/// The row that expressions may name columns of; none is declared.
const ROW: &str = include_str!("functions/row.json");

/// Evaluates one expression as text.
fn evaluate(expression: &str, zone: st_time::Zone) -> Result<(Option<String>, u64), String> {
    let mut compiler = Compiler::new(Columns::new(Schema::default()), zone);
    let env = Env::new(zone);
    let compiled = compiler
        .expression(&format!("cast(({expression}) as string)"))
        .map_err(|e| e.to_string())?;
    let mut spans = st_row::Spans::default();
    let row = ROW.trim_end().as_bytes();
    compiler
        .columns
        .fields()
        .locate(row, &mut spans)
        .map_err(|e| e.to_string())?;
    let value = compiled.eval(&env, &Slots::new(row, &spans, &[]));
    let failures = env.failures.count();
    Ok((value.as_str().map(str::to_owned), failures))
}

fn ours(expression: &str, zone: st_time::Zone) -> Answer {
    match evaluate(expression, zone) {
        Err(why) => Answer::Fails(why.lines().next().unwrap_or_default().to_owned()),
        Ok((None, failures)) if failures > 0 => Answer::Fails("null, counted".to_owned()),
        Ok((text, _)) => match evaluate(&format!("typeof({expression})"), zone) {
            Ok((kind, _)) => Answer::Is(text, kind.unwrap_or_default()),
            Err(why) => Answer::Fails(why),
        },
    }
}

/// Spark keeps apart kinds of intervals and timestamps that are one type here.
fn one_type(kind: &str) -> String {
    match kind {
        kind if kind.starts_with("interval") => "interval".to_owned(),
        "timestamp_ntz" => "timestamp".to_owned(),
        other => other.to_owned(),
    }
}

/// True if the type is left to each row's values, as columns of row.json are not declared.
fn is_open(kind: &str) -> bool {
    kind.contains("any") || kind.contains("void")
}

/// True if ours is Spark's answer: where Spark fails we fail or give a null that is counted; a null that Spark gives we may
/// also count.
fn agree(spark: &Answer, ours: &Answer) -> bool {
    match (spark, ours) {
        (Answer::Fails(_), Answer::Fails(_)) => true,
        (Answer::Is(None, _), Answer::Fails(why)) => why == "null, counted",
        (Answer::Is(text, kind), Answer::Is(own, have)) => {
            text == own && (one_type(kind) == *have || is_open(have))
        }
        _ => false,
    }
}

#[test]
fn answers_are_sparks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions");
    let differences = fs::read_to_string(folder.join("differences.txt")).unwrap();
    let mut differences: BTreeMap<&str, &str> = differences
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (expression, rest) = line.split_once(" => ").unwrap();
            (expression, rest.split_once(" # ").unwrap().0)
        })
        .collect();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "ndjson")
    });
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines().skip(1) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            let expression = text("expr").unwrap();
            let spark = match text("error") {
                Some(error) => Answer::Fails(error),
                None => Answer::Is(text("answer"), text("type").unwrap()),
            };
            count += 1;
            let zone = text("zone").map_or(st_time::Zone::UTC, |zone| zone.parse().unwrap());
            let own = ours(&expression, zone);
            let listed = differences.remove(expression.as_str());
            match (agree(&spark, &own), listed) {
                (true, None) => {}
                (true, Some(_)) => wrong.push(format!("{expression}: no difference any more")),
                (false, Some(listed)) if own.to_string() == listed => {}
                (false, _) => wrong.push(format!(
                    "{expression}\n    Spark: {spark}\n    ours:  {own}"
                )),
            }
        }
    }
    wrong.extend(
        differences
            .keys()
            .map(|expression| format!("{expression}: listed as a difference, but not asked")),
    );
    assert!(count > 1000, "only {count} answers were found");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Values that tend to be forgotten, one of each kind and some more.
fn odd_values() -> Vec<Value<'static>> {
    vec![
        Value::Null,
        Value::Boolean(true),
        Value::Integer(i64::MIN),
        Value::Integer(-1),
        Value::Integer(3),
        Value::Integer(i64::MAX),
        Value::Double(f64::NAN),
        Value::Double(-1e300),
        Value::Decimal(Decimal {
            unscaled: 10i128.pow(38) - 1,
            scale: 38,
        }),
        Value::text(""),
        Value::text("é😀\n"),
        Value::text("[{\"a'b\":[1"),
        Value::text("2025-01-15 10:30:00"),
        Value::text("%5$-0#,.3d(yyyy"),
        Value::Binary(vec![0, 255].into()),
        Value::Date(i32::MIN),
        Value::Timestamp(i64::MAX),
        Value::Timestamp(i64::MIN),
        Value::Interval(Interval {
            months: i32::MAX,
            days: i32::MIN,
            micros: i64::MIN,
        }),
        Value::Array(vec![Value::Null, Value::Integer(1), Value::text("x")]),
        Value::Map(vec![(Value::text("k"), Value::Null)]),
        Value::Struct(vec![
            ("end".into(), Value::text("x")),
            ("b".into(), Value::Null),
        ]),
    ]
}

/// The calls of a function with undeclared columns: with one name fewer than it has, it would not be called at all.
fn calls(function: &Function) -> impl Iterator<Item = usize> {
    let most = function.arity.1.min(function.arity.0.max(3));
    function.arity.0..=most
}

#[test]
fn any_values_give_a_value_or_a_counted_null() {
    let values = odd_values();
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let env = Env::new(st_time::Zone::UTC);
    for function in functions::all() {
        for count in calls(function).filter(|count| *count <= names.len()) {
            let columns = Columns::of_values(names.iter().map(|name| (*name, Type::Any)));
            let call = format!("{}({})", function.names[0], names[..count].join(", "));
            // Some want constants, and say so.
            let Ok(compiled) = Compiler::new(columns, st_time::Zone::UTC).expression(&call) else {
                continue;
            };
            // Every value in every place beside every other; the places after the third repeat.
            for pick in 0..values.len().pow(count.min(3) as u32) {
                let at =
                    |place: u32| values[pick / values.len().pow(place % 3) % values.len()].clone();
                let row: Vec<_> = (0..names.len() as u32).map(at).collect();
                let value = compiled.eval(&env, &Slots::of_values(&row));
                let mut json = Vec::new();
                st_expr::write_json(&mut json, &value, st_time::Zone::UTC);
                assert!(std::str::from_utf8(&json).is_ok(), "{call} of {row:?}");
            }
        }
    }
}

#[test]
fn any_constants_are_used_or_refused() {
    let constants = [
        "'('",
        "'[a-'",
        "'(?<n>x)|\\\\1'",
        "'%5$-0#,.3d %'",
        "'$[*].a[9999999999999999999]'",
        "'yyyy[MM'''",
        "'a INT, b STRUCT<'",
        "'#,##0.0#E0;'",
        "'éé😀'",
        "-2147483648",
        "2147483647",
        "null",
        "''",
        "map('mode', null)",
        "array(null)",
    ];
    let values = odd_values();
    let env = Env::new(st_time::Zone::UTC);
    for function in functions::all() {
        for count in calls(function).filter(|count| *count > 1) {
            for constant in constants {
                for place in 0..count {
                    let args: Vec<_> = (0..count)
                        .map(|i| if i == place { constant } else { "a" })
                        .collect();
                    let call = format!("{}({})", function.names[0], args.join(", "));
                    let columns = Columns::of_values([("a", Type::Any)]);
                    let Ok(compiled) = Compiler::new(columns, st_time::Zone::UTC).expression(&call)
                    else {
                        continue;
                    };
                    for value in &values {
                        compiled.eval(&env, &Slots::of_values(std::slice::from_ref(value)));
                    }
                }
            }
        }
    }
}
