//! Aggregates against Spark's answers (`spark/answers.py` asks for them).

use serde_json::{Map, Value};

use crate::run::{Wire, agg};

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agg/spark")
}

fn answers() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("answers.json")).unwrap()).unwrap()
}

/// Equal, doubles to twelve digits: Spark adds them up in another order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs()) || (a - b).abs() < 1e-14
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn compare(schema: &str, only: impl Fn(&str) -> bool) {
    let answers = answers();
    let data = std::fs::read_to_string(folder().join("rows.ndjson")).unwrap();
    let rows: Vec<&str> = data.lines().collect();
    let wire = Wire::new(serde_json::json!({ "schema": schema }))
        .batch(&rows, None)
        .end();
    let groups = answers["groups"].as_object().unwrap();
    let asked: Vec<(&String, &Value)> = groups.iter().filter(|(agg, _)| only(agg)).collect();
    assert!(asked.len() > 20);
    let list: Vec<String> = asked
        .iter()
        .enumerate()
        .map(|(i, (agg, _))| format!("{agg} as r{i}"))
        .collect();
    let done = agg(&["--by", "g", "--agg", &list.join(", ")], &wire).well();
    let mut wrong = Vec::new();
    let results: Vec<Map<String, Value>> = done.batches()[0]
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(results.len(), 5);
    for result in &results {
        let group = result["g"].as_str().unwrap();
        for (i, (agg, expected)) in asked.iter().enumerate() {
            let found = &result[&format!("r{i}")];
            if !same(found, &expected[group]) {
                wrong.push(format!(
                    "{agg} of {group}: {found}, Spark: {}",
                    expected[group]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_aggregate_gives_sparks_answer() {
    compare(answers()["schema"].as_str().unwrap(), |_| true);
}

#[test]
fn undeclared_columns_give_the_same_numbers() {
    // All but what needs a type to be one: times, and decimals made of results.
    let times = ["(t)", "(t ", "t as date", "max(t)", "max_by(t", "(t, "];
    compare("", |agg| !times.iter().any(|time| agg.contains(time)));
}

#[test]
fn sketches_of_many_numbers_give_sparks_answer() {
    for (sketch, sizes) in answers()["sketches"].as_object().unwrap() {
        for (size, expected) in sizes.as_object().unwrap() {
            let size: i64 = size.parse().unwrap();
            let input: String = (0..size)
                .map(|i| format!("{{\"n\":{}}}\n", i * 7919 % 100_003))
                .collect();
            let done = agg(&["--agg", &format!("{sketch} as r")], &input).well();
            let found: Value = serde_json::from_str(&done.lines[0]).unwrap();
            let (found, expected) = (&found["r"], expected);
            // Between linear counting and plain HyperLogLog, Spark takes the bias from a table, we compute it.
            let registers = if sketch.contains("0.01") { 16_384 } else { 512 };
            let table =
                sketch.contains("distinct") && (registers * 3 / 4..registers * 5).contains(&size);
            if table {
                let (a, b) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
                assert!(
                    (a - b).abs() <= 0.01 * b,
                    "{sketch} of {size}: {a}, Spark: {b}"
                );
            } else {
                assert!(
                    same(found, expected),
                    "{sketch} of {size}: {found}, Spark: {expected}"
                );
            }
        }
    }
}
