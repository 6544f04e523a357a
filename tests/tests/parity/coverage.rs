//! That nothing is left out: every function and aggregate stands in a question put to Spark, every difference in
//! docs/SEMANTICS.md.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::case::{self, Case};

/// Functions that have no answer to compare: they depend on the clock or on chance, or are not Spark's
/// (`iff`, `regexp_extract_named`).
const NOT_ASKED: &[&str] = &[
    "iff",
    "current_date",
    "current_timestamp",
    "current_timezone",
    "curdate",
    "localtimestamp",
    "now",
    "rand",
    "randn",
    "regexp_extract_named",
    "random",
    "uuid",
];

/// The tests of the suite itself.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("every-function-is-asked", every_function),
        Trial::test("every-aggregate-is-asked", every_aggregate),
        Trial::test("every-difference-is-listed", every_difference),
    ]
}

/// All cases of all topics.
fn cases() -> Result<Vec<Case>, Failed> {
    Ok(case::topics(&crate::folder())?
        .into_values()
        .flatten()
        .collect())
}

/// The words that are called in the lines of the cases.
fn called() -> Result<BTreeSet<String>, Failed> {
    let mut called = BTreeSet::new();
    for case in cases()? {
        for text in [&case.st, &case.select] {
            for (at, _) in text.match_indices('(') {
                let before = text[..at].trim_end();
                let start = before
                    .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .map_or(0, |at| at + 1);
                called.insert(before[start..].to_lowercase());
            }
        }
    }
    Ok(called)
}

fn missing<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Failed> {
    let called = called()?;
    let missing: Vec<&str> = names
        .filter(|name| !called.contains(*name) && !NOT_ASKED.contains(name))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("in no case: {}", missing.join(", ")).into()),
    }
}

fn every_function() -> Result<(), Failed> {
    missing(st_expr::compile::function_names())
}

fn every_aggregate() -> Result<(), Failed> {
    missing(st_expr::compile::aggregate_and_generator_names())
}

/// The words after `differs` stand in the page, so do the reasons beside the expressions of st-expr.
fn every_difference() -> Result<(), Failed> {
    let root = st_tests::root();
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = squeezed(&read(&root.join("docs/SEMANTICS.md"))?);
    let mut reasons: BTreeSet<String> = cases()?
        .into_iter()
        .filter_map(|case| case.because)
        .collect();
    let expressions = read(&root.join("common/expr/tests/functions/differences.txt"))?;
    for line in expressions.lines().filter(|line| !line.starts_with('#')) {
        reasons.extend(
            line.rsplit_once(" # ")
                .map(|(_, reason)| reason.to_string()),
        );
    }
    let unlisted: Vec<String> = reasons
        .into_iter()
        .filter(|reason| reason.is_empty() || !page.contains(&squeezed(reason)))
        .collect();
    match unlisted.is_empty() {
        true => Ok(()),
        false => Err(format!("not in docs/SEMANTICS.md:\n{}", unlisted.join("\n")).into()),
    }
}
