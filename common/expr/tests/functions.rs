//! Scalar functions and operators against the answers of real Spark: `functions/*.ndjson`, written by `functions/answers.py`.
//!
//! Each line is an expression, its answer as text and its type. Where we differ on purpose, `functions/differences.txt` has the
//! expression, our answer and the reason; a difference that is gone must leave that file.

#![allow(clippy::unwrap_used)]

use st_expr::{Columns, Compiler, Env, Schema, Slots};
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

/// Evaluates one expression as text, without a row.
fn evaluate(expression: &str) -> Result<(Option<String>, u64), String> {
    let mut compiler = Compiler::new(Columns::new(Schema::default()), st_time::Zone::UTC);
    let env = Env::new(st_time::Zone::UTC);
    let compiled = compiler
        .expression(&format!("cast(({expression}) as string)"))
        .map_err(|e| e.to_string())?;
    let value = compiled.eval(&env, &Slots::of_values(&[]));
    let failures = env.failures.count();
    Ok((value.as_str().map(str::to_owned), failures))
}

fn ours(expression: &str) -> Answer {
    match evaluate(expression) {
        Err(why) => Answer::Fails(why.lines().next().unwrap_or_default().to_owned()),
        Ok((None, failures)) if failures > 0 => Answer::Fails("null, counted".to_owned()),
        Ok((text, _)) => match evaluate(&format!("typeof({expression})")) {
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

/// True if ours is Spark's answer: where Spark fails we fail or give a null that is counted; a null that Spark gives we may
/// also count.
fn agree(spark: &Answer, ours: &Answer) -> bool {
    match (spark, ours) {
        (Answer::Fails(_), Answer::Fails(_)) => true,
        (Answer::Is(None, _), Answer::Fails(why)) => why == "null, counted",
        (Answer::Is(text, kind), Answer::Is(own, have)) => text == own && one_type(kind) == *have,
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
            let own = ours(&expression);
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
