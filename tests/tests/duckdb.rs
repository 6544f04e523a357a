#![allow(clippy::unwrap_used)]
//! The main job on real input: 200,000 shop events in 20 files, windows compared row by row with DuckDB's answers, which
//! `scripts/compare-with-duckdb --write` has put into `golden/shop-windows.ndjson`.

use serde_json::Value;
use st_tests::{bash, bin, root, run};

/// What a line of bash prints; it must succeed.
fn printed(folder: &std::path::Path, line: &str) -> String {
    let ran = run(bash(&bin().unwrap(), folder, line)).unwrap();
    assert_eq!(ran.status, 0, "{line}\n{}", ran.err());
    ran.out()
}

#[test]
fn windows_and_late_rows_are_those_of_duckdb() {
    let golden = std::fs::read_to_string(root().join("tests/golden/shop-windows.ndjson")).unwrap();
    let mut lines = golden
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    let (mut revenue, mut on_time, mut late) = (Vec::new(), Vec::new(), 0);
    for line in lines {
        let mut row = line.as_array().unwrap().clone();
        match row.remove(0).as_str().unwrap() {
            "revenue" => revenue.push(row),
            _ => {
                late += row.pop().unwrap().as_i64().unwrap();
                if row[1] != 0 {
                    on_time.push(row);
                }
            }
        }
    }
    assert!(revenue.len() > 1000 && on_time.len() > 500 && late > 10);

    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), "\"$ROOT\"/scripts/shop-events data 20 10000");
    let sha256 = printed(folder.path(), "cat data/*.json | sha256sum");
    assert_eq!(
        sha256.split_whitespace().next(),
        header["sha256"].as_str(),
        "the generated data have changed: run scripts/compare-with-duckdb --write, and look at the difference"
    );

    let rows = |query: &str| -> Vec<Vec<Value>> {
        printed(folder.path(), header["queries"][query].as_str().unwrap())
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Map<String, Value>>(line).unwrap())
            .map(|row| row.into_iter().map(|(_, value)| value).collect())
            .collect()
    };
    for (query, expected) in [("revenue", revenue), ("late", on_time)] {
        let seen = rows(query);
        for (at, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            assert_eq!(seen, expected, "{query}: row {at}");
        }
        assert_eq!(seen.len(), expected.len(), "{query}");
    }
    let kept = std::fs::read_to_string(folder.path().join("late.ndjson")).unwrap();
    assert_eq!(kept.lines().count() as i64, late);
}
