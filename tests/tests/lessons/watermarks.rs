//! Lesson 07.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::console::{batches, rows};
use crate::{data, lesson, succeed, work};

#[derive(Default)]
struct Group {
    hundredths: i64,
    count: i64,
    delay: i64,
}

/// Window, sensor, hundredths of a degree, readings, greatest delay.
type Closed = (String, String, i64, i64, i64);

/// What the query must do, one file after the other: windows that close, rows that are late, windows that stay.
struct Expected {
    closed: Vec<Vec<Closed>>,
    late: Vec<(i64, Value)>,
    held: Vec<usize>,
}

fn expected(files: &[Vec<Value>]) -> Expected {
    let mut expected = Expected {
        closed: Vec::new(),
        late: Vec::new(),
        held: Vec::new(),
    };
    let mut groups: BTreeMap<(i64, String), Group> = BTreeMap::new();
    let (mut mark, mut newest) = (i64::MIN, i64::MIN);
    for (batch, file) in files.iter().enumerate() {
        for row in file {
            let event = data::seconds(&row["event_time"]);
            newest = newest.max(event);
            let start = event.div_euclid(30) * 30;
            if start + 30 <= mark {
                expected.late.push((batch as i64, row.clone()));
                continue;
            }
            let group = groups
                .entry((start, row["sensor_id"].as_str().unwrap().to_string()))
                .or_default();
            group.hundredths += data::cents(&row["temperature"]);
            group.count += 1;
            group.delay = group.delay.max(data::seconds(&row["arrival_time"]) - event);
        }
        mark = mark.max(newest - 20);
        let last = batch + 1 == files.len();
        let closed: Vec<(i64, String)> = groups
            .keys()
            .filter(|(start, _)| last || start + 30 <= mark)
            .cloned()
            .collect();
        expected.closed.push(
            closed
                .into_iter()
                .map(|key| {
                    let group = groups.remove(&key).unwrap();
                    (
                        data::window(key.0, 30),
                        key.1,
                        group.hundredths,
                        group.count,
                        group.delay,
                    )
                })
                .collect(),
        );
        expected.held.push(groups.len());
    }
    expected
}

#[test]
fn closed_windows_late_rows_and_a_state_that_does_not_grow() {
    let work = work();
    let ran = succeed(lesson(work.path(), "07-watermarks", ""));
    let expected = expected(&data::by_file(&work.path().join("data/sensors")));

    let seen = rows(&batches(&ran.out()));
    let whole: Vec<_> = expected.closed.iter().flatten().collect();
    assert_eq!(seen.len(), whole.len());
    let mut seen: Vec<_> = seen.iter().collect();
    seen.sort_by_key(|row| (row["window"].clone(), row["sensor_id"].clone()));
    for (row, (window, sensor, hundredths, count, delay)) in seen.iter().zip(whole) {
        assert_eq!((&row["window"], &row["sensor_id"]), (window, sensor));
        let average = (*hundredths as f64 / *count as f64).round() / 100.0;
        let close = (row["avg_temp"].parse::<f64>().unwrap() - average).abs();
        assert!(close < 0.0101, "{row:?} {average}");
        assert_eq!(
            (row["reading_count"].clone(), row["max_delay"].clone()),
            (count.to_string(), delay.to_string())
        );
    }

    assert!(expected.late.len() >= 3);
    let late = std::fs::read_to_string(work.path().join("out/sensors-late.ndjson")).unwrap();
    let late: Vec<(i64, Value)> = late
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| (record["batch"].as_i64().unwrap(), record["row"].clone()))
        .collect();
    assert_eq!(late, expected.late);

    // The report the lesson prints: windows held after each batch.
    let held: Vec<usize> = ran
        .out()
        .lines()
        .filter_map(|line| line.split_once(", held ")?.1.trim().parse().ok())
        .collect();
    assert_eq!(held, expected.held);
    assert_eq!(held.last(), Some(&0));
}
