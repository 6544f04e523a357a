//! Lesson 06.

use std::collections::BTreeMap;

use crate::console::{Row, batches};
use crate::{data, lesson, succeed, work};

/// Window and category to count, average and maximum, with windows of `size` seconds every ten.
fn expected(size: i64) -> BTreeMap<(String, String), (i64, f64, f64)> {
    let mut groups: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for value in 0..30 {
        let at = 1_736_935_200 + value;
        let reading = ((50.0 + 40.0 * (value as f64).sin()) * 10.0).round() / 10.0;
        let category = ["A", "B", "C"][value as usize % 3].to_string();
        let mut start = at / 10 * 10;
        while start + size > at {
            groups
                .entry((data::window(start, size), category.clone()))
                .or_default()
                .push(reading);
            start -= 10;
        }
    }
    let summary = |readings: Vec<f64>| {
        let mean = readings.iter().sum::<f64>() / readings.len() as f64;
        (
            readings.len() as i64,
            (mean * 100.0).round() / 100.0,
            readings.into_iter().fold(f64::MIN, f64::max),
        )
    };
    groups
        .into_iter()
        .map(|(key, readings)| (key, summary(readings)))
        .collect()
}

fn seen(rows: &[Row]) -> BTreeMap<(String, String), (i64, f64, f64)> {
    let number = |row: &Row, name: &str| row[name].parse::<f64>().unwrap();
    rows.iter()
        .map(|row| {
            let key = (row["window"].clone(), row["category"].clone());
            (
                key,
                (
                    number(row, "count") as i64,
                    number(row, "average"),
                    number(row, "highest"),
                ),
            )
        })
        .collect()
}

#[test]
fn tumbling_and_sliding() {
    let work = work();
    let ran = succeed(lesson(work.path(), "06-windows", ""));
    let batches = batches(&ran.out());
    assert_eq!(batches.len(), 2);
    assert_eq!((batches[0].1.len(), batches[1].1.len()), (9, 12));
    assert_eq!(seen(&batches[0].1), expected(10));
    assert_eq!(seen(&batches[1].1), expected(20));
}
