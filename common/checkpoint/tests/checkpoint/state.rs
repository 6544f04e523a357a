//! state/STAGE@EPOCH: an epoch is what was closed, and every start at it finds just that.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use st_checkpoint::{Change, Commits, Durability, Kind, QueryDir, StateFile};
use tempfile::TempDir;

use crate::support::{BY, files, lines, message, query};

pub type Keys = BTreeMap<String, String>;

pub fn definition() -> Value {
    json!({"by": ["category"], "agg": ["count(*)"]})
}

pub fn open(dir: &QueryDir, epoch: i64) -> anyhow::Result<StateFile> {
    StateFile::open(dir, "st-agg", &definition(), epoch, &|_: &Change| false)
}

pub fn keys(state: &StateFile) -> Keys {
    let mut found = Keys::new();
    state
        .restore(|key, value| {
            let key = String::from_utf8(key.to_vec())?;
            match value {
                Some(value) => found.insert(key, String::from_utf8(value.to_vec())?),
                None => found.remove(&key),
            };
            Ok(())
        })
        .unwrap();
    found
}

fn map(pairs: &[(&str, &str)]) -> Keys {
    pairs
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect()
}

/// Epochs 0 to 3: set a and b; change a; nothing; remove b.
pub fn fill(state: &mut StateFile) {
    state.put(br#"["a"]"#, b"1").unwrap();
    state.put(br#"["b"]"#, br#"{"n":[1,"}"]}"#).unwrap();
    state.close_epoch(0, 2, r#"{"mark":5}"#).unwrap();
    state.put(br#"["a"]"#, b"2").unwrap();
    state.close_epoch(1, 2, r#"{"mark":6}"#).unwrap();
    state.close_epoch(2, 2, r#"{"mark":6}"#).unwrap();
    state.remove(br#"["b"]"#).unwrap();
    state.close_epoch(3, 1, r#"{"mark":9}"#).unwrap();
}

/// What [`fill`] leaves at each epoch from −1 on: keys, their number, the stage's figures.
pub fn filled() -> Vec<(Keys, u64, &'static str)> {
    let b = (r#"["b"]"#, r#"{"n":[1,"}"]}"#);
    vec![
        (map(&[]), 0, "null"),
        (map(&[(r#"["a"]"#, "1"), b]), 2, r#"{"mark":5}"#),
        (map(&[(r#"["a"]"#, "2"), b]), 2, r#"{"mark":6}"#),
        (map(&[(r#"["a"]"#, "2"), b]), 2, r#"{"mark":6}"#),
        (map(&[(r#"["a"]"#, "2")]), 1, r#"{"mark":9}"#),
    ]
}

pub fn with_state() -> (TempDir, QueryDir) {
    let (folder, dir) = query();
    fill(&mut open(&dir, -1).unwrap());
    (folder, dir)
}

fn register(dir: &QueryDir, sink: &str, epoch: i64) -> Commits {
    Commits::register(dir, sink, epoch, &Value::Null, &[json!({"name": "st-agg"})]).unwrap()
}

fn state_files(dir: &QueryDir) -> Vec<String> {
    files(&dir.path().join("state"))
}

#[test]
fn lines_are_a_header_keys_and_a_closing_line_per_epoch() {
    let (_folder, dir) = with_state();
    let lines = lines(dir.path().join("state/st-agg@0.ndjson"));
    let unsealed: Vec<&str> = lines
        .iter()
        .map(|line| {
            if line.starts_with("{\"epoch") {
                &line[..line.len() - 18]
            } else {
                line
            }
        })
        .collect();
    let header = format!(
        r#"{{"st-state":1,"query":"{}","stage":"st-agg","definition":{{"by":["category"],"agg":["count(*)"]}},"base":-1}}"#,
        dir.id()
    );
    assert_eq!(
        unsealed,
        [
            header.as_str(),
            r#"{"epoch":-1,"keys":0,"meta":null"#,
            r#"{"k":["a"],"v":1}"#,
            r#"{"k":["b"],"v":{"n":[1,"}"]}}"#,
            r#"{"epoch":0,"keys":2,"meta":{"mark":5}"#,
            r#"{"k":["a"],"v":2}"#,
            r#"{"epoch":1,"keys":2,"meta":{"mark":6}"#,
            r#"{"epoch":2,"keys":2,"meta":{"mark":6}"#,
            r#"{"k":["b"]}"#,
            r#"{"epoch":3,"keys":1,"meta":{"mark":9}"#,
        ]
    );
    assert!(
        lines
            .iter()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
}

#[test]
fn a_start_at_an_epoch_finds_just_that_and_cuts_what_follows() {
    for (index, (expected, live, meta)) in filled().into_iter().enumerate() {
        let epoch = index as i64 - 1;
        let (_folder, dir) = with_state();
        let state = open(&dir, epoch).unwrap();
        assert_eq!(keys(&state), expected, "epoch {epoch}");
        assert_eq!(
            (state.epoch(), state.live_keys(), state.meta()),
            (epoch, live, meta)
        );
        assert_eq!(fs::metadata(state.path()).unwrap().len(), state.bytes());
        if epoch < 3 {
            assert!(message(open(&dir, 3), &_folder).contains("but epoch 3 is needed"));
        }
    }
}

#[test]
fn a_replay_writes_the_same_bytes_again() {
    let (_folder, dir) = with_state();
    let path = dir.path().join("state/st-agg@0.ndjson");
    let whole = fs::read(&path).unwrap();
    fill(&mut open(&dir, -1).unwrap());
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn changes_of_an_epoch_that_was_not_closed_are_gone() {
    let (_folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    // More than one block, so that a part of it reaches the file.
    for key in 0..100_000 {
        state.put(key.to_string().as_bytes(), b"0").unwrap();
    }
    assert!(fs::metadata(state.path()).unwrap().len() > 1 << 18);
    drop(state);
    assert_eq!(keys(&open(&dir, 3).unwrap()), filled()[4].0);
}

#[test]
fn epochs_rise_by_one() {
    let (folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    for wrong in [3, 5] {
        assert_eq!(
            message(state.close_epoch(wrong, 0, "null"), &folder),
            format!("ck/state/st-agg@0.ndjson: epoch {wrong} cannot follow epoch 3")
        );
    }
    state.close_epoch(4, 1, "null").unwrap();
}

#[test]
fn figures_that_are_no_json_are_refused() {
    let (_folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    assert!(state.close_epoch(4, 1, "{\n}").is_err());
    assert!(state.close_epoch(4, 1, "{").is_err());
    state.close_epoch(4, 1, "{}").unwrap();
    assert_eq!(open(&dir, 4).unwrap().epoch(), 4);
}

#[test]
fn no_file_is_a_fresh_state_for_a_stage_no_plan_names() {
    let (_folder, dir) = query();
    let mut state = open(&dir, 7).unwrap();
    assert_eq!((state.epoch(), keys(&state)), (7, Keys::new()));
    state.put(b"1", b"1").unwrap();
    state.close_epoch(8, 1, "null").unwrap();
    assert_eq!(state_files(&dir), ["st-agg@8.ndjson"]);
    assert_eq!(keys(&open(&dir, 8).unwrap()), map(&[("1", "1")]));
}

#[test]
fn no_file_for_a_stage_that_has_run_is_refused() {
    let (folder, dir) = query();
    register(&dir, "st-sink", -1).commit(0, 1, None).unwrap();
    assert_eq!(
        message(open(&dir, 0), &folder),
        "ck/state/st-agg@*.ndjson: missing as of epoch 0, though st-agg has run in this query: \
         restore it from a copy, or start afresh with a new --checkpoint"
    );
    assert!(open(&dir, -1).is_ok(), "nothing was delivered yet");
}

#[test]
fn a_stage_that_was_away_for_a_while_is_told_how_to_begin_anew() {
    let (folder, dir) = with_state();
    assert_eq!(
        message(open(&dir, 20), &folder),
        format!(
            "ck/state/st-agg@0.ndjson: ends at epoch 3, byte {}, but epoch 20 is needed: \
             no sink knows st-agg yet: rm ck/state/st-agg@0.ndjson to begin it empty",
            fs::metadata(dir.path().join("state/st-agg@0.ndjson"))
                .unwrap()
                .len()
        )
    );
}

#[test]
fn stages_whose_names_begin_alike_do_not_meet() {
    let (_folder, dir) = with_state();
    let other = StateFile::open(&dir, "st-agg-2", &definition(), -1, &|_: &Change| false).unwrap();
    assert_eq!(keys(&other), Keys::new());
    assert_eq!(keys(&open(&dir, 3).unwrap()), filled()[4].0);
}

fn compact(state: &mut StateFile) {
    let live = keys(state);
    state
        .compact(|put| {
            live.iter()
                .try_for_each(|(k, v)| put(k.as_bytes(), v.as_bytes()))
        })
        .unwrap();
}

#[test]
fn a_new_generation_begins_with_a_snapshot_and_the_old_one_stays_above_the_floor() {
    let (_folder, dir) = with_state();
    let mut sink = register(&dir, "st-sink", -1);
    let mut state = open(&dir, 3).unwrap();
    compact(&mut state);
    assert_eq!(state_files(&dir), ["st-agg@0.ndjson", "st-agg@4.ndjson"]);
    assert_eq!(
        (keys(&state), state.epoch(), state.meta()),
        (filled()[4].0.clone(), 3, r#"{"mark":9}"#)
    );
    let snapshot: Vec<String> = lines(dir.path().join("state/st-agg@4.ndjson"));
    assert_eq!(snapshot.len(), 3);
    assert_eq!(snapshot[1], r#"{"k":["a"],"v":2}"#);
    for epoch in 4..6 {
        state.close_epoch(epoch, 1, "null").unwrap();
        assert_eq!(state_files(&dir).len(), 2, "floor −1");
    }
    for batch in 0..3 {
        sink.commit(batch, 1, None).unwrap();
    }
    state.close_epoch(6, 1, "null").unwrap();
    assert_eq!(
        state_files(&dir).len(),
        2,
        "floor 1, the new one begins as of 3"
    );
    sink.commit(3, 1, None).unwrap();
    sink.commit(4, 1, None).unwrap();
    state.close_epoch(7, 1, "null").unwrap();
    assert_eq!(state_files(&dir), ["st-agg@4.ndjson"]);
    drop(state);
    assert_eq!(keys(&open(&dir, 3).unwrap()), filled()[4].0);
}

#[test]
fn a_start_before_a_generation_drops_it_and_takes_the_older_one() {
    for epoch in -1..3 {
        let (_folder, dir) = with_state();
        compact(&mut open(&dir, 3).unwrap());
        let state = open(&dir, epoch).unwrap();
        assert_eq!(keys(&state), filled()[(epoch + 1) as usize].0);
        assert_eq!(state_files(&dir), ["st-agg@0.ndjson"]);
    }
}

#[test]
fn a_start_at_a_generation_drops_the_older_ones() {
    let (_folder, dir) = with_state();
    compact(&mut open(&dir, 3).unwrap());
    assert_eq!(keys(&open(&dir, 3).unwrap()), filled()[4].0);
    assert_eq!(state_files(&dir), ["st-agg@4.ndjson"]);
}

#[test]
fn of_several_old_generations_those_go_whose_successor_the_floor_has_reached() {
    let (_folder, dir) = query();
    let mut sink = register(&dir, "st-sink", -1);
    let mut state = open(&dir, -1).unwrap();
    for epoch in 0..6 {
        state.put(b"1", epoch.to_string().as_bytes()).unwrap();
        state.close_epoch(epoch, 1, "null").unwrap();
        if epoch % 2 == 1 {
            compact(&mut state);
        }
    }
    let names = [
        "st-agg@0.ndjson",
        "st-agg@2.ndjson",
        "st-agg@4.ndjson",
        "st-agg@6.ndjson",
    ];
    assert_eq!(state_files(&dir), names);
    for batch in 0..5 {
        sink.commit(batch, 1, None).unwrap();
    }
    state.close_epoch(6, 1, "null").unwrap();
    assert_eq!(
        state_files(&dir),
        names[2..],
        "floor 3 is served by the one as of 3"
    );
    drop(state);
    assert_eq!(keys(&open(&dir, 4).unwrap()), map(&[("1", "4")]));
}

#[test]
fn compaction_is_wanted_when_the_log_has_outgrown_the_snapshot() {
    let (_folder, dir) = query();
    let mut state = open(&dir, -1).unwrap();
    let value = vec![b'1'; 1000];
    let mut epoch = 0;
    while !state.wants_compaction() {
        assert!(state.bytes() < (1 << 20) + 5000, "wanted from 1 MiB on");
        state.put(b"1", &value).unwrap();
        state.close_epoch(epoch, 1, "null").unwrap();
        epoch += 1;
    }
    assert!(state.bytes() > 1 << 20);
    compact(&mut state);
    assert!(state.bytes() < 2000 && !state.wants_compaction());
}

#[test]
fn compaction_is_wanted_when_most_lines_are_of_no_live_key() {
    const KEYS: u64 = 30_000;
    let (_folder, dir) = query();
    let mut state = open(&dir, -1).unwrap();
    let wanted: Vec<bool> = (0..4)
        .map(|epoch| {
            for key in 0..KEYS {
                state
                    .put(format!("\"a key, number {key}\"").as_bytes(), b"1")
                    .unwrap();
            }
            state.close_epoch(epoch, KEYS, "null").unwrap();
            // As a later run would see it.
            let reopened = open(&dir, epoch).unwrap();
            assert_eq!(reopened.wants_compaction(), state.wants_compaction());
            state.wants_compaction()
        })
        .collect();
    // Three times as many lines as keys, and the closing lines, are too many.
    assert_eq!(wanted, [false, false, true, true]);
    for key in 0..KEYS {
        state
            .remove(format!("\"a key, number {key}\"").as_bytes())
            .unwrap();
    }
    state.close_epoch(4, 0, "null").unwrap();
    state.compact(|_| Ok(())).unwrap();
    assert!(!state.wants_compaction());
}

#[test]
fn compaction_in_the_middle_of_an_epoch_is_refused() {
    let (folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    state.put(b"1", b"1").unwrap();
    assert!(message(state.compact(|_| Ok(())), &folder).contains("in the middle of an epoch"));
    for key in 0..100_000 {
        state.put(key.to_string().as_bytes(), b"0").unwrap();
    }
    assert!(state.compact(|_| Ok(())).is_err());
}

#[test]
fn a_failed_compaction_leaves_the_old_generation_in_use() {
    let (_folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    assert!(
        state
            .compact(|put| put(b"1", b"1").and_then(|()| anyhow::bail!("no")))
            .is_err()
    );
    state.close_epoch(4, 1, "null").unwrap();
    assert_eq!(state_files(&dir), ["st-agg@0.ndjson"]);
    assert_eq!(keys(&open(&dir, 4).unwrap()), filled()[4].0);
}

#[test]
fn an_unsafe_change_of_the_definition_is_refused_with_old_and_new() {
    let (folder, dir) = with_state();
    let other = json!({"by": ["brand"], "agg": ["count(*)"], "limit": 3});
    let opened = StateFile::open(&dir, "st-agg", &other, 3, &|change| change.path == "limit");
    assert_eq!(
        message(opened, &folder),
        "ck/state/st-agg@0.ndjson: the definition changed: by[0] was \"category\", now \"brand\"; \
         limit was nothing, now 3 (safe): give the old options, or start afresh with a new --checkpoint"
    );
    assert!(open(&dir, 3).is_ok(), "the old line still runs");
}

#[test]
fn a_safe_change_is_taken_over_at_the_next_compaction() {
    let (_folder, dir) = with_state();
    let other = json!({"by": ["category"], "agg": ["count(*)"], "limit": 3});
    let reopen = |epoch| StateFile::open(&dir, "st-agg", &other, epoch, &|_: &Change| true);
    let mut state = reopen(3).unwrap();
    assert_eq!(keys(&state), filled()[4].0);
    assert!(state.wants_compaction());
    state.close_epoch(4, 1, "null").unwrap();
    compact(&mut state);
    assert!(!state.wants_compaction());
    drop(state);
    assert!(!reopen(4).unwrap().wants_compaction());
}

#[test]
fn a_safe_change_waits_until_all_sinks_below_agree() {
    let (folder, dir) = with_state();
    let mut slow = register(&dir, "slow", 1);
    register(&dir, "fast", 3);
    Commits::register(&dir, "elsewhere", 2, &Value::Null, &[]).unwrap();
    let other = json!({"by": ["category"], "agg": ["count(*)"], "limit": 3});
    let reopen = |epoch| StateFile::open(&dir, "st-agg", &other, epoch, &|_: &Change| true);
    assert_eq!(
        message(reopen(1), &folder),
        "ck/state/st-agg@0.ndjson: the definition changed (limit was nothing, now 3) while sink \
         fast stands at batch 3 and another at 1: run the old line until they agree"
    );
    slow.commit(2, 1, None).unwrap();
    slow.commit(3, 1, None).unwrap();
    assert!(reopen(3).is_ok());
}

#[test]
fn before_anything_is_kept_any_definition_will_do() {
    let (_folder, dir) = with_state();
    let other = json!({"by": ["brand"]});
    let state = StateFile::open(&dir, "st-agg", &other, -1, &|_: &Change| false).unwrap();
    assert_eq!((state.epoch(), keys(&state)), (-1, Keys::new()));
    drop(state);
    assert!(message(open(&dir, 0), &_folder).contains("but epoch 0 is needed"));
}

#[test]
fn in_a_directory_of_its_own_a_stage_must_find_its_state() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ck");
    let dir = QueryDir::create_or_open(&path, Kind::Stage, Durability::Power, BY).unwrap();
    let mut commits = Commits::register(&dir, "st-agg", -1, &Value::Null, &[]).unwrap();
    let mut state = open(&dir, -1).unwrap();
    fill(&mut state);
    compact(&mut state);
    (0..5).for_each(|batch| commits.commit(batch, 1, None).unwrap());
    state.close_epoch(4, 1, "null").unwrap();
    assert_eq!(
        state_files(&dir),
        ["st-agg@4.ndjson"],
        "its own commits are its floor"
    );
    drop(state);
    assert_eq!(keys(&open(&dir, 3).unwrap()), filled()[4].0);
    fs::remove_file(path.join("state/st-agg@4.ndjson")).unwrap();
    assert!(
        message(open(&dir, 3), &folder).contains("missing as of epoch 3, though st-agg has run")
    );
}

#[test]
fn a_renamed_or_foreign_file_is_refused() {
    let (folder, dir) = with_state();
    let state = dir.path().join("state");
    fs::rename(state.join("st-agg@0.ndjson"), state.join("st-agg@2.ndjson")).unwrap();
    assert!(
        message(open(&dir, 3), &folder)
            .contains("is the state of st-agg from epoch 0, its name says otherwise")
    );
    fs::rename(state.join("st-agg@2.ndjson"), state.join("st-top@0.ndjson")).unwrap();
    let top = StateFile::open(&dir, "st-top", &definition(), 3, &|_: &Change| false);
    assert!(message(top, &folder).contains("is the state of st-agg from epoch 0"));
    let (_other, other) = with_state();
    fs::copy(
        other.path().join("state/st-agg@0.ndjson"),
        state.join("st-agg@0.ndjson"),
    )
    .unwrap();
    assert!(message(open(&dir, 3), &folder).contains("belongs to query "));
}

#[test]
fn a_state_file_removed_under_a_running_stage_is_noticed() {
    let (folder, dir) = with_state();
    let mut state = open(&dir, 3).unwrap();
    fs::remove_dir_all(dir.path()).unwrap();
    let text = message(state.close_epoch(4, 1, "null"), &folder);
    assert!(
        text.starts_with("ck/state/st-agg@0.ndjson: was removed while the query runs"),
        "{text}"
    );
    assert!(!dir.path().exists());
}
