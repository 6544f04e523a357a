//! State: a run that starts at an epoch passes what the run before it would have passed.

use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Done, Wire, dedup, dedup_until, query_dir};

const BATCHES: [(&[(&str, u32)], u32); 5] = [
    (&[("a", 1), ("b", 2), ("a", 1), ("c", 4)], 0),
    (&[("a", 1), ("d", 9), ("b", 12)], 2),
    (&[("a", 3), ("b", 12), ("e", 13), ("e", 2)], 3),
    (&[("a", 20), ("d", 9), ("c", 4)], 10),
    (&[("b", 12), ("a", 20), ("e", 13), ("f", 21)], 11),
];

fn at(minute: u32) -> String {
    format!("2025-01-15T10:{minute:02}:00.000Z")
}

fn start(checkpoint: Option<(&Path, &str)>) -> Value {
    let mut start = json!({
        "schema": "ts TIMESTAMP",
        "watermarks": [{"delay": "10 minutes", "columns": [["ts", "time"]]}],
    });
    if let Some((dir, id)) = checkpoint {
        start["checkpoint"] = json!(dir);
        start["query"] = json!(id);
    }
    start
}

fn feed(checkpoint: Option<(&Path, &str)>, from: usize) -> Wire {
    let mark = from.checked_sub(1).map(|before| at(BATCHES[before].1));
    let mut wire = Wire::new(start(checkpoint), from as i64 - 1, mark.as_deref());
    for (rows, mark) in &BATCHES[from..] {
        let rows: Vec<String> = rows
            .iter()
            .map(|(k, minute)| format!(r#"{{"k":"{k}","ts":"{}"}}"#, at(*minute)))
            .collect();
        wire = wire.batch(&rows, Some(&at(*mark)));
    }
    wire
}

fn states(done: &Done) -> Vec<Value> {
    done.figures()
        .iter()
        .map(|figures| figures["state"]["rows"].clone())
        .collect()
}

const KINDS: [&[&str]; 3] = [
    &["--by", "k, ts"],
    &["--by", "k", "--within-watermark"],
    &["--by", "k", "--forever"],
];

#[test]
fn a_run_continues_at_any_epoch() {
    for args in KINDS {
        let whole = dedup(args, &feed(None, 0).end()).well();
        for from in 1..BATCHES.len() {
            let root = tempfile::tempdir().unwrap();
            let (dir, id) = query_dir(root.path());
            let first = dedup(args, &feed(Some((&dir, &id)), 0).broken());
            assert_eq!(first.status, 1, "{}", first.said);
            let second = dedup(args, &feed(Some((&dir, &id)), from).end()).well();
            assert_eq!(
                second.batches(),
                whole.batches()[from..],
                "{args:?} from {from}"
            );
            assert_eq!(
                states(&second),
                states(&whole)[from..],
                "{args:?} from {from}"
            );
        }
    }
}

#[test]
fn killed_at_any_step_it_goes_on_the_same() {
    for args in KINDS {
        let whole = dedup(args, &feed(None, 0).end()).well();
        let mut kills = 0;
        for point in [
            "stage.row",
            "stage.before_batch",
            "state.before_write",
            "state.mid_write",
            "state.direct",
            "state.before_sync",
            "state.after_sync",
            "stage.after_batch",
            "replace.before_rename",
        ] {
            for count in [1, 3] {
                let root = tempfile::tempdir().unwrap();
                let (dir, id) = query_dir(root.path());
                let fail = format!("{point}:{count}");
                let killed = dedup_until(Some(&fail), args, &feed(Some((&dir, &id)), 0).end());
                if killed.status == 0 {
                    continue;
                }
                kills += 1;
                // The sink has what was handed on with its batch marker.
                let from = killed.figures().len();
                let again = dedup(args, &feed(Some((&dir, &id)), from).end()).well();
                assert_eq!(again.batches(), whole.batches()[from..], "{args:?} {fail}");
                assert_eq!(states(&again), states(&whole)[from..], "{args:?} {fail}");
            }
        }
        assert!(kills > 10, "{kills}");
    }
}

#[test]
fn a_changed_definition_names_old_and_new() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    dedup(KINDS[1], &feed(Some((&dir, &id)), 0).broken());
    for (args, change) in [
        (
            KINDS[0],
            r#"by[1] was nothing, now "ts TIMESTAMP"; kept was "within the watermark of ts", now "with ts""#,
        ),
        (
            KINDS[2],
            r#"kept was "within the watermark of ts", now "for ever""#,
        ),
        (
            &["--by", "other", "--within-watermark"],
            r#"by[0] was "k", now "other""#,
        ),
    ] {
        let refused = dedup(args, &feed(Some((&dir, &id)), 2).end());
        assert_eq!(refused.status, 1);
        let said =
            format!("the definition changed: {change}: give the old options, or start afresh");
        assert!(refused.said.contains(&said), "{}", refused.said);
    }
}

#[test]
fn a_foreign_or_damaged_state_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    dedup(KINDS[0], &feed(Some((&dir, &id)), 0).broken());
    let file = dir.join("state/st-dedup@0.ndjson");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(r#"{"k":["2025-01-15T10:01:00.000Z","a"],"v":true}"#),
        "{text}"
    );
    std::fs::write(
        &file,
        text.replacen("10:01:00.000Z\",\"a\"", "10:01:00.000Z\",\"z\"", 1),
    )
    .unwrap();
    let refused = dedup(KINDS[0], &feed(Some((&dir, &id)), 2).end());
    assert_eq!(refused.status, 1);
    assert!(
        refused
            .said
            .contains("damaged, the checksum up to here differs"),
        "{}",
        refused.said
    );
    // Of another stage, under this name.
    std::fs::write(
        &file,
        text.replace("\"stage\":\"st-dedup\"", "\"stage\":\"st-agg\""),
    )
    .unwrap();
    let refused = dedup(KINDS[0], &feed(Some((&dir, &id)), 2).end());
    assert!(
        refused.said.contains("is the state of st-agg"),
        "{}",
        refused.said
    );
    std::fs::remove_file(&file).unwrap();
    std::fs::write(dir.join("state/st-dedup@0.ndjson"), "").unwrap();
    let refused = dedup(KINDS[0], &feed(Some((&dir, &id)), 2).end());
    assert!(
        refused.said.contains("without its header"),
        "{}",
        refused.said
    );
}

#[test]
fn late_rows_and_bad_rows_are_kept_with_their_reasons() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    dedup(&["--by", "k, ts"], &feed(Some((&dir, &id)), 0).end()).well();
    let late = std::fs::read_to_string(dir.join("rejects/st-dedup.late.ndjson")).unwrap();
    let first: Value = serde_json::from_str(late.lines().next().unwrap()).unwrap();
    assert_eq!(
        first["reason"],
        "event time 2025-01-15T10:02:00.000Z is not after the watermark 2025-01-15T10:02:00.000Z"
    );
    assert_eq!(
        (&first["batch"], &first["row"]["k"]),
        (&json!(2), &json!("e"))
    );
}

/// Keys `from` to `from + 8000`, long enough that a log grows, at a minute.
fn many(from: usize, minute: u32) -> Vec<String> {
    let row = |n| {
        let ts = at(minute);
        format!(r#"{{"k":"a rather long key so that a log grows, number {n}","ts":"{ts}"}}"#)
    };
    (from..from + 8000).map(row).collect()
}

fn generations(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("state")).unwrap().count()
}

#[test]
fn keys_that_are_kept_for_ever_are_written_once_and_read_back() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    let mut wire = Wire::new(json!({"checkpoint": dir, "query": id}), -1, None);
    for batch in 0..6 {
        wire = wire.batch(&many(batch % 3 * 8000, 0), None);
    }
    let args = ["--by", "k", "--forever"];
    let done = dedup(&args, &wire.end()).well();
    let passed: Vec<usize> = done.batches().iter().map(Vec::len).collect();
    assert_eq!(passed, [8000, 8000, 8000, 0, 0, 0]);
    assert_eq!(generations(&dir), 1);
    let again = Wire::new(json!({"checkpoint": dir, "query": id}), 5, None);
    let again = dedup(&args, &again.batch(&many(8000, 0), None).end()).well();
    assert_eq!(again.batches(), [Vec::<&str>::new()]);
    assert_eq!(again.figures()[0]["state"]["rows"], 24000);
}

#[test]
fn a_state_of_forgotten_keys_is_compacted_and_reads_back() {
    let root = tempfile::tempdir().unwrap();
    let (dir, id) = query_dir(root.path());
    let mut wire = Wire::new(start(Some((&dir, &id))), -1, None);
    for (batch, minute) in [8, 16, 24, 32, 40, 48].into_iter().enumerate() {
        // Each batch closes the one before.
        let rows = many(batch * 8000, minute);
        wire = wire.batch(&rows, Some(&at(minute - 1)));
    }
    let args = ["--by", "k, ts"];
    let done = dedup(&args, &wire.end()).well();
    assert_eq!(done.figures()[5]["state"]["rows"], 8000);
    let files = generations(&dir);
    assert!(files > 1, "{files}");
    let again = Wire::new(start(Some((&dir, &id))), 5, Some(&at(47)));
    let again = again.batch(&many(5 * 8000, 48), Some(&at(47)));
    let again = dedup(&args, &again.end()).well();
    assert_eq!(again.batches(), [Vec::<&str>::new()]);
    assert_eq!(again.figures()[0]["state"]["rows"], 8000);
}
