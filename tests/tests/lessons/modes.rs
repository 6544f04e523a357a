//! Lesson 02.

use crate::console::{Batch, batches};
use crate::{lesson, succeed, work};

/// Each batch as `A:count:avg` words.
fn short(batches: &[Batch], names: &[&str]) -> Vec<String> {
    batches
        .iter()
        .map(|(_, rows)| {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| {
                    names
                        .iter()
                        .map(|name| row[*name].as_str())
                        .collect::<Vec<_>>()
                        .join(":")
                })
                .collect();
            rows.join(" ")
        })
        .collect()
}

#[test]
fn three_modes_of_one_query() {
    let work = work();
    let ran = succeed(lesson(work.path(), "02-output-modes", ""));
    let read = |mode: &str| {
        batches(&std::fs::read_to_string(work.path().join("out/modes").join(mode)).unwrap())
    };
    let names = ["category", "count", "avg"];

    // By hand: amounts 10 to 24; ABC AAB CBB ACC AAA.
    assert_eq!(
        short(&read("complete"), &names),
        [
            "A:1:10.0 B:1:11.0 C:1:12.0",
            "A:3:12.3 B:2:13.0 C:1:12.0",
            "A:3:12.3 B:4:15.3 C:2:14.0",
            "A:4:14.0 B:4:15.3 C:4:17.3",
            "A:7:17.9 B:4:15.3 C:4:17.3",
        ]
    );
    assert_eq!(
        short(&read("update"), &names),
        [
            "A:1:10.0 B:1:11.0 C:1:12.0",
            "A:3:12.3 B:2:13.0",
            "B:4:15.3 C:2:14.0",
            "A:4:14.0 C:4:17.3",
            "A:7:17.9",
        ]
    );
    assert_eq!(
        short(&read("append"), &["at", "category", "count", "avg"]),
        [
            "",
            "",
            "10:00:A:1:10.0 10:00:B:1:11.0 10:00:C:1:12.0",
            "10:01:A:2:13.5 10:01:B:1:15.0",
            "10:02:B:2:17.5 10:02:C:1:16.0 10:03:A:1:19.0 10:03:C:2:20.5 10:04:A:3:23.0",
        ]
    );
    // Side by side: each line of batches names three.
    let heads: Vec<&str> = ran
        .stdout
        .split(|b| *b == b'\n')
        .filter_map(|l| std::str::from_utf8(l).ok())
        .filter(|l| l.starts_with("Batch:"))
        .collect();
    assert_eq!(heads.len(), 5);
    for (number, head) in heads.iter().enumerate() {
        assert_eq!(
            head.matches(&format!("Batch: {number}")).count(),
            3,
            "{head}"
        );
    }
}
