//! Timers: when they fire, in which order, and what becomes of them at the end. Expected rows are worked out by hand.

use serde_json::{Value, json};

use crate::run::{Done, Wire, fold};

fn at(minute: u32) -> String {
    format!("2025-01-15T10:{minute:02}:00.000Z")
}

fn rows(rows: &[(&str, u32)]) -> Vec<String> {
    let row =
        |(user, minute): &(&str, u32)| format!(r#"{{"user":"{user}","ts":"{}"}}"#, at(*minute));
    rows.iter().map(row).collect()
}

fn start() -> Value {
    json!({"schema": "ts TIMESTAMP", "watermarks": [{"delay": "1 minute", "columns": [["ts", "time"]]}]})
}

fn figures(done: &Done, name: &str) -> Vec<u64> {
    done.figures()
        .iter()
        .map(|figures| figures[name].as_u64().unwrap_or(0))
        .collect()
}

const SILENT: [&str; 6] = [
    "--by",
    "user",
    "--update",
    "cancel | timer($time + 600) | .last = $time",
    "--on-timer",
    "emit($key + {silent_since: .last | iso, at: $time | iso}) | empty",
];

#[test]
fn a_user_who_falls_silent_is_told_once() {
    let wire = Wire::new(start(), -1, None)
        .batch(&rows(&[("a", 0), ("b", 1), ("a", 4)]), Some(&at(3)))
        // b's timer stands at 10:11; it fires once the watermark has reached it, as Spark's.
        .batch(&rows(&[("c", 12)]), Some(&at(11)))
        .batch(&rows(&[]), Some("2025-01-15T10:11:00.001Z"))
        .batch(&rows(&[("a", 13), ("c", 20)]), Some(&at(19)))
        .batch(&rows(&[("d", 59)]), Some(&at(58)));
    let done = fold(&SILENT, &wire.end()).well();
    let silent = |user: &str, minute: u32| {
        format!(
            r#"{{"user":"{user}","silent_since":"{}","at":"{}"}}"#,
            at(minute),
            at(minute + 10)
        )
    };
    let expected = [
        vec![],
        vec![silent("b", 1)],
        vec![],
        vec![],
        vec![silent("a", 13), silent("c", 20)],
    ];
    assert_eq!(done.batches(), expected);
    assert_eq!(figures(&done, "timers"), [2, 2, 2, 2, 1]);
    assert_eq!(figures(&done, "fired"), [0, 1, 0, 0, 2]);
    let kept: Vec<u64> = done
        .figures()
        .iter()
        .map(|f| f["state"]["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(kept, [2, 2, 2, 2, 1]);
}

#[test]
fn after_the_last_batch_all_timers_of_event_time_are_due() {
    let wire = Wire::new(start(), -1, None)
        .batch(&rows(&[("b", 5), ("a", 5), ("c", 1)]), Some(&at(4)))
        .last(&rows(&[("b", 6)]), Some(&at(5)));
    let args = [
        "--by",
        "user",
        "--update",
        "timer($time + 600) | clock_timer($now + 86400) | .n += 1",
        // A timer that is set now would be due too; it waits for a batch that never comes.
        "--on-timer",
        "emit($key + {n, at: $time | iso, left: timers | length}) | timer($time + 60)",
    ];
    let done = fold(&args, &wire.end()).well();
    let row = |user: &str, n: u32, minute: u32, left: u32| {
        format!(
            r#"{{"user":"{user}","n":{n},"at":"{}","left":{left}}}"#,
            at(minute),
            n = n,
            left = left
        )
    };
    let expected = [
        row("c", 1, 11, 0),
        row("a", 1, 15, 0),
        row("b", 2, 15, 1),
        row("b", 2, 16, 0),
    ];
    assert_eq!(done.batches()[1], expected);
    assert_eq!(
        figures(&done, "timers")[1],
        3 + 4,
        "those set meanwhile, and the clock's"
    );
}

#[test]
fn timers_of_the_clock_fire_once_a_batch_begins_after_them() {
    // Batch N's clock stands at N o'clock.
    let wire = Wire::new(json!({}), -1, None)
        .batch(&rows(&[("b", 0), ("a", 0)]), None)
        .batch(&rows(&[("c", 0)]), None)
        .batch(&rows(&[]), None)
        .batch(&rows(&[]), None)
        .last(&rows(&[]), None);
    let args = [
        "--by",
        "user",
        "--update",
        "clock_timer($now + 3600) | .since = $now",
        "--on-timer",
        "emit($key + {since: .since | iso, at: $time | iso, now: now | iso}) | null",
    ];
    let done = fold(&args, &wire.end()).well();
    let clock = |hour: u32| format!("2025-01-15T{hour:02}:00:00.000Z");
    let row = |user: &str, hour: u32| {
        format!(
            r#"{{"user":"{user}","since":"{}","at":"{}","now":"{}"}}"#,
            clock(hour),
            clock(hour + 1),
            clock(hour + 2)
        )
    };
    let expected = [
        vec![],
        vec![],
        vec![row("a", 0), row("b", 0)],
        vec![row("c", 1)],
        vec![],
    ];
    assert_eq!(done.batches(), expected);
}

#[test]
fn rows_behind_the_watermark_are_late_if_event_time_has_timers() {
    let wire = || {
        Wire::new(start(), -1, None)
            .batch(&rows(&[("a", 9)]), Some(&at(8)))
            .batch(&rows(&[("a", 8), ("a", 9)]), Some(&at(8)))
            .end()
    };
    let done = fold(&SILENT, &wire()).well();
    assert_eq!(figures(&done, "late"), [0, 1]);
    let counting = [
        "--by",
        "user",
        "--init",
        "0",
        "--update",
        ". + 1 | emit({n: .})",
    ];
    let done = fold(&counting, &wire()).well();
    assert_eq!(figures(&done, "late"), [0, 0]);
    assert_eq!(
        done.batches(),
        [vec!["{\"n\":1}"], vec!["{\"n\":2}", "{\"n\":3}"]]
    );
}

#[test]
fn a_timer_that_fails_is_counted_and_leaves_the_state() {
    let wire = || {
        Wire::new(start(), -1, None)
            .batch(&rows(&[("a", 0), ("b", 0)]), Some(&at(0)))
            .batch(&rows(&[("c", 30)]), Some(&at(29)))
            .batch(&rows(&[("a", 30), ("b", 30)]), Some(&at(29)))
            .end()
    };
    let args = [
        "--by",
        "user",
        "--update",
        "timer($time + 60) | .n += 1 | emit($key + {n})",
        "--on-timer",
        "emit({lost: 1}) | if $key.user == \"a\" then error(\"no a\") else .n = 10 end",
    ];
    let done = fold(&args, &wire());
    assert_eq!(done.status, 0);
    assert_eq!(
        done.said,
        "st-fold: --on-timer: key [\"a\"]: no a: counted as failed; --strict stops at the first\n"
    );
    assert_eq!(figures(&done, "failed"), [0, 1, 0]);
    assert_eq!(
        done.batches()[1],
        ["{\"user\":\"c\",\"n\":1}", "{\"lost\":1}"]
    );
    assert_eq!(
        done.batches()[2],
        ["{\"user\":\"a\",\"n\":2}", "{\"user\":\"b\",\"n\":11}"]
    );
    let strict = fold(&[&args[..], &["--strict"]].concat(), &wire());
    assert_eq!(strict.status, 1);
    assert!(
        strict.said.contains("--on-timer: key [\"a\"]: no a"),
        "{}",
        strict.said
    );
}

#[test]
fn states_are_forgotten_after_their_time_to_live() {
    // Batch N's clock stands at N o'clock.
    let user = |users: &[&str]| -> Vec<String> {
        users
            .iter()
            .map(|u| format!(r#"{{"user":"{u}"}}"#))
            .collect()
    };
    let wire = Wire::new(json!({}), -1, None)
        .batch(&user(&["a", "b"]), None)
        .batch(&user(&["a"]), None)
        .batch(&user(&["a", "b"]), None)
        .batch(&user(&[]), None)
        .batch(&user(&["a"]), None);
    let args = [
        "--by",
        "user",
        "--ttl",
        "2 hours",
        "--init",
        "0",
        "--update",
        ". + 1 | emit($key + {n: .})",
    ];
    let done = fold(&args, &wire.end()).well();
    let counts: Vec<Vec<String>> = done
        .batches()
        .iter()
        .map(|rows| {
            let row = |row: &&str| serde_json::from_str::<Value>(row).unwrap();
            rows.iter()
                .map(row)
                .map(|row| format!("{}{}", row["user"].as_str().unwrap(), row["n"]))
                .collect()
        })
        .collect();
    assert_eq!(
        counts,
        [
            vec!["a1", "b1"],
            vec!["a2"],
            vec!["a3", "b1"],
            vec![],
            vec!["a1"]
        ]
    );
    let kept: Vec<u64> = done
        .figures()
        .iter()
        .map(|f| f["state"]["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(kept, [2, 2, 2, 2, 1]);
}
