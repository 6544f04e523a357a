//! State: a run that starts at an epoch gives what the run before it would have given.

use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Done, Wire, fold, fold_until, query_dir};

const BATCHES: [(&[(&str, u32)], u32); 6] = [
    (&[("a", 1), ("b", 2), ("a", 1), ("c", 4)], 0),
    (&[("a", 1), ("d", 9), ("b", 12)], 2),
    (&[("a", 3), ("b", 12), ("e", 13), ("e", 2)], 3),
    (&[("a", 20), ("d", 9), ("c", 4)], 10),
    (&[], 16),
    (&[("b", 17), ("a", 20), ("e", 18), ("f", 21)], 24),
];

fn at(minute: u32) -> String {
    format!("2025-01-15T10:{minute:02}:00.000Z")
}

fn feed(checkpoint: Option<(&Path, &str)>, from: usize) -> Wire {
    let mut start = json!({
        "schema": "ts TIMESTAMP",
        "watermarks": [{"delay": "10 minutes", "columns": [["ts", "time"]]}],
    });
    if let Some((dir, id)) = checkpoint {
        start["checkpoint"] = json!(dir);
        start["query"] = json!(id);
    }
    let mark = from.checked_sub(1).map(|before| at(BATCHES[before].1));
    let mut wire = Wire::new(start, from as i64 - 1, mark.as_deref());
    for (rows, mark) in &BATCHES[from..] {
        let rows: Vec<String> = rows
            .iter()
            .map(|(k, minute)| format!(r#"{{"k":"{k}","n":{minute}.10,"ts":"{}"}}"#, at(*minute)))
            .collect();
        wire = wire.batch(&rows, Some(&at(*mark)));
    }
    wire
}

/// Event-time and clock timers, a time to live, numbers of several kinds, and what is no number.
const ARGS: [&str; 8] = [
    "--by",
    "k",
    "--ttl",
    "3 hours",
    "--update",
    ".n += 1 | .sum += $row.n | .third = .sum / 3 | .odd = nan | .all += [$row.n] | timer($time + 300) | clock_timer($now + 7200) | \
     emit($key + {n, sum, third, odd, all, timers: timers | length})",
    "--on-timer",
    "emit($key + {at: $time | iso, n, third, timers, clock_timers}) | .n += 100",
];

fn states(done: &Done) -> Vec<Value> {
    let state = |figures: &Value| {
        json!([
            figures["state"]["rows"],
            figures["timers"],
            figures["fired"]
        ])
    };
    done.figures().iter().map(state).collect()
}

#[test]
fn a_run_continues_at_any_epoch() {
    let whole = fold(&ARGS, &feed(None, 0).end()).well();
    assert!(
        whole
            .lines
            .iter()
            .filter(|line| line.contains("\"at\""))
            .count()
            > 8
    );
    for from in 1..BATCHES.len() {
        let root = tempfile::tempdir().unwrap();
        let (dir, id) = query_dir(root.path());
        let first = fold(&ARGS, &feed(Some((&dir, &id)), 0).broken());
        assert_eq!(first.status, 1, "{}", first.said);
        let second = fold(&ARGS, &feed(Some((&dir, &id)), from).end()).well();
        assert_eq!(second.batches(), whole.batches()[from..], "from {from}");
        assert_eq!(states(&second), states(&whole)[from..], "from {from}");
    }
}

#[test]
fn killed_at_any_step_it_goes_on_the_same() {
    let whole = fold(&ARGS, &feed(None, 0).end()).well();
    let mut kills = 0;
    for point in [
        "stage.row",
        "stage.before_batch",
        "state.before_write",
        "state.mid_write",
        "state.before_sync",
        "state.after_sync",
        "stage.after_batch",
        "replace.before_rename",
    ] {
        for count in [1, 2, 5] {
            let root = tempfile::tempdir().unwrap();
            let (dir, id) = query_dir(root.path());
            let fail = format!("{point}:{count}");
            let killed = fold_until(Some(&fail), &ARGS, &feed(Some((&dir, &id)), 0).end());
            if killed.status == 0 {
                continue;
            }
            kills += 1;
            // The sink has what was handed on with its batch marker.
            let from = killed.figures().len();
            let again = fold(&ARGS, &feed(Some((&dir, &id)), from).end()).well();
            assert_eq!(again.batches(), whole.batches()[from..], "{fail}");
            assert_eq!(states(&again), states(&whole)[from..], "{fail}");
        }
    }
    assert!(kills > 15, "{kills}");
}

#[test]
fn other_keys_are_refused_and_other_programs_go_on() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    let count = [
        "--by",
        "k",
        "--init",
        "0",
        "--update",
        ". + 1 | emit($key + {n: .})",
    ];
    fold(&count, &feed(Some((&dir, &id)), 0).broken());
    let other = [
        "--by",
        "n",
        "--init",
        "0",
        "--update",
        ". + 1 | emit($key + {n: .})",
    ];
    let refused = fold(&other, &feed(Some((&dir, &id)), 1).end());
    assert_eq!(refused.status, 1);
    let said =
        r#"the definition changed: by[0] was "k", now "n": give the old options, or start afresh"#;
    assert!(refused.said.contains(said), "{}", refused.said);
    let tens = [
        "--by",
        "k",
        "--init",
        "0",
        "--update",
        ". + 10 | emit($key + {n: .})",
    ];
    let went_on = fold(&tens, &feed(Some((&dir, &id)), 1).end()).well();
    assert_eq!(went_on.batches()[0][0], r#"{"k":"a","n":12}"#);
    let text = std::fs::read_to_string(dir.join("state/st-fold@2.ndjson")).unwrap();
    assert!(
        text.contains(". + 10"),
        "the new definition is in the generation begun after it: {text}"
    );
}

#[test]
fn a_foreign_or_damaged_state_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    fold(&ARGS, &feed(Some((&dir, &id)), 0).broken());
    let file = dir.join("state/st-fold@0.ndjson");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(r#"{"k":["a"],"v":{"state":{"n":2,"sum":2.2,"#),
        "{text}"
    );
    std::fs::write(&file, text.replacen(r#""n":2,"#, r#""n":3,"#, 1)).unwrap();
    let refused = fold(&ARGS, &feed(Some((&dir, &id)), 2).end());
    assert_eq!(refused.status, 1);
    assert!(
        refused
            .said
            .contains("damaged, the checksum up to here differs"),
        "{}",
        refused.said
    );
    std::fs::write(
        &file,
        text.replace("\"stage\":\"st-fold\"", "\"stage\":\"st-dedup\""),
    )
    .unwrap();
    let refused = fold(&ARGS, &feed(Some((&dir, &id)), 2).end());
    assert!(
        refused.said.contains("is the state of st-dedup"),
        "{}",
        refused.said
    );
}
