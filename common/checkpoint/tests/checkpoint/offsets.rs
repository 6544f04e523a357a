//! offsets/SOURCE: one record per batch, durable, consecutive, forgotten only below the floor.

use std::fs;

use serde_json::json;
use st_checkpoint::{Change, OffsetRecord, Offsets, QueryDir, Recorded};
use tempfile::TempDir;

use crate::support::{lines, message, put, query, text};

fn record(batch: i64) -> OffsetRecord {
    OffsetRecord {
        batch,
        time: format!("2026-01-01T00:00:{:02}.000Z", batch % 60),
        is_final: false,
        rows: 5,
        range: Recorded::new(&json!({"files": [format!("{batch}.json")]})).unwrap(),
        memory: None,
        filled: false,
        since: None,
    }
}

fn open(dir: &QueryDir) -> anyhow::Result<Offsets> {
    Offsets::open(dir, "st-tail", &json!({"path": "data"}), &|_: &Change| {
        false
    })
}

fn with_batches(count: i64) -> (TempDir, QueryDir, Offsets) {
    let (folder, dir) = query();
    let mut offsets = open(&dir).unwrap();
    for batch in 0..count {
        offsets.append(&record(batch)).unwrap();
    }
    (folder, dir, offsets)
}

#[test]
fn header_and_records_are_sealed_lines() {
    let (folder, dir, mut offsets) = with_batches(1);
    let full = OffsetRecord {
        memory: Some(json!({"seen": 7})),
        is_final: true,
        ..record(1)
    };
    offsets.append(&full).unwrap();
    let lines = lines(folder.path().join("ck/offsets/st-tail"));
    let unsealed: Vec<&str> = lines.iter().map(|line| &line[..line.len() - 18]).collect();
    let header = format!(
        r#"{{"st-offsets":1,"query":"{}","source":"st-tail","definition":{{"path":"data"}}"#,
        dir.id()
    );
    assert_eq!(
        unsealed,
        [
            header.as_str(),
            r#"{"batch":0,"time":"2026-01-01T00:00:00.000Z","final":false,"rows":5,"range":{"files":["0.json"]}"#,
            r#"{"batch":1,"time":"2026-01-01T00:00:01.000Z","final":true,"rows":5,"range":{"files":["1.json"]},"memory":{"seen":7}"#,
        ]
    );
    // CRC-32 (IEEE) of the bytes before `,"crc"`, by Python's binascii.crc32.
    assert!(lines[1].ends_with(r#","crc":"a866787c"}"#), "{}", lines[1]);
}

#[test]
fn what_was_appended_is_there_in_the_next_run() {
    let (_folder, dir, offsets) = with_batches(3);
    drop(offsets);
    let offsets = open(&dir).unwrap();
    assert_eq!(offsets.last(), Some(2));
    assert_eq!(offsets.get(1).unwrap(), Some(record(1)));
    assert_eq!(offsets.get(3).unwrap(), None);
    assert_eq!(offsets.get(-1).unwrap(), None);
    assert_eq!(offsets.after(0).unwrap(), [record(1), record(2)]);
    assert_eq!(offsets.after(-1).unwrap().len(), 3);
    assert_eq!(offsets.after(2).unwrap(), []);
}

#[test]
fn ids_rise_by_one() {
    let (folder, _dir, mut offsets) = with_batches(2);
    for wrong in [1, 3] {
        assert_eq!(
            message(offsets.append(&record(wrong)), &folder),
            format!("ck/offsets/st-tail: batch {wrong} cannot follow batch 1")
        );
    }
    offsets.append(&record(2)).unwrap();
}

#[test]
fn a_gap_in_the_file_is_refused() {
    let (folder, dir, offsets) = with_batches(3);
    drop(offsets);
    let path = folder.path().join("ck/offsets/st-tail");
    let kept: Vec<String> = lines(&path)
        .into_iter()
        .enumerate()
        .filter(|(i, _)| *i != 2)
        .map(|(_, l)| l + "\n")
        .collect();
    put(&path, kept.concat());
    let text = message(open(&dir), &folder);
    assert!(
        text.starts_with("ck/offsets/st-tail: line 3: batch 2 follows batch 0: "),
        "{text}"
    );
}

#[test]
fn a_torn_last_line_is_cut_at_whatever_byte_and_appending_goes_on() {
    let (folder, dir, offsets) = with_batches(3);
    drop(offsets);
    let path = folder.path().join("ck/offsets/st-tail");
    let whole = text(&path);
    let two = whole.trim_end().rfind('\n').unwrap() + 1;
    for length in two..whole.len() {
        put(&path, &whole[..length]);
        let mut offsets = open(&dir).unwrap();
        assert_eq!(offsets.last(), Some(1), "cut to {length}");
        assert_eq!(text(&path), whole[..two]);
        offsets.append(&record(2)).unwrap();
        assert_eq!(text(&path), whole);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_with_its_line() {
    let (folder, dir, offsets) = with_batches(2);
    drop(offsets);
    let path = folder.path().join("ck/offsets/st-tail");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[at] ^= 1 << bit;
            put(&path, &broken);
            let line = whole[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let text = message(open(&dir), &folder);
            let expected =
                format!("ck/offsets/st-tail: line {line}: damaged, its checksum differs: ");
            assert!(text.starts_with(&expected), "byte {at} bit {bit}: {text}");
            assert_eq!(
                fs::read(&path).unwrap(),
                broken,
                "a refused file is left as it is"
            );
        }
    }
}

#[test]
fn an_empty_or_foreign_or_newer_file_is_refused() {
    let (folder, dir, offsets) = with_batches(1);
    drop(offsets);
    let path = folder.path().join("ck/offsets/st-tail");
    put(&path, "");
    assert!(
        message(open(&dir), &folder).starts_with("ck/offsets/st-tail: empty, without its header")
    );

    let (other, _, offsets) = with_batches(1);
    drop(offsets);
    fs::copy(other.path().join("ck/offsets/st-tail"), &path).unwrap();
    assert!(message(open(&dir), &folder).starts_with("ck/offsets/st-tail: belongs to query "));
}

#[test]
fn records_are_forgotten_when_many_and_most_are_below_the_floor() {
    let (folder, dir, mut offsets) = with_batches(300);
    let mut folded = Vec::new();
    let mut forget = |offsets: &mut Offsets, floor| {
        let mut fold = |gone: &[OffsetRecord]| {
            folded.extend(gone.iter().map(|record| record.batch));
            Ok(())
        };
        offsets.forget_below(floor, &mut fold).unwrap();
    };
    for floor in [-1, 0, 100, 150] {
        forget(&mut offsets, floor);
        assert_eq!(offsets.after(-1).unwrap().len(), 300, "floor {floor}");
    }
    forget(&mut offsets, 200);
    assert_eq!(folded, (0..200).collect::<Vec<i64>>());
    assert_eq!(offsets.get(199).unwrap(), None);
    assert_eq!(
        offsets.get(200).unwrap(),
        Some(record(200)),
        "the floor's own record stays"
    );
    offsets.append(&record(300)).unwrap();
    assert_eq!(
        offsets.length(),
        fs::metadata(folder.path().join("ck/offsets/st-tail"))
            .unwrap()
            .len()
    );
    drop(offsets);
    let offsets = open(&dir).unwrap();
    assert_eq!(
        (offsets.last(), offsets.after(250).unwrap().len()),
        (Some(300), 50)
    );
    assert_eq!(offsets.after(298).unwrap(), [record(299), record(300)]);
    assert!(
        message(offsets.after(100), &folder)
            .contains("begins at batch 200, but batch 101 is needed")
    );
}

#[test]
fn the_last_record_is_never_forgotten() {
    let (_folder, _dir, mut offsets) = with_batches(300);
    offsets.forget_below(1000, &mut |_| Ok(())).unwrap();
    assert_eq!(offsets.after(298).unwrap(), [record(299)]);
    assert_eq!(offsets.get(298).unwrap(), None);
}

#[test]
fn nothing_is_dropped_if_folding_fails() {
    let (folder, _dir, mut offsets) = with_batches(300);
    let failed = offsets.forget_below(299, &mut |_| anyhow::bail!("no room"));
    assert_eq!(message(failed, &folder), "no room");
    assert_eq!(offsets.after(-1).unwrap().len(), 300);
}

#[test]
fn a_changed_definition_names_old_and_new() {
    let (folder, dir, offsets) = with_batches(1);
    drop(offsets);
    let reopened = |safe: bool| {
        Offsets::open(&dir, "st-tail", &json!({"path": "other"}), &|_: &Change| {
            safe
        })
    };
    assert_eq!(
        message(reopened(false), &folder),
        "ck/offsets/st-tail: the definition changed: path was \"data\", now \"other\": \
         give the old options, or start afresh with a new --checkpoint"
    );
    drop(reopened(true).unwrap());
    // It took the place of the old one.
    assert!(message(open(&dir), &folder).contains("path was \"other\", now \"data\""));
}

#[test]
fn before_the_first_batch_any_definition_will_do() {
    let (_folder, dir) = query();
    drop(open(&dir).unwrap());
    assert!(Offsets::open(&dir, "st-tail", &json!({"path": "x"}), &|_: &Change| false).is_ok());
}

#[test]
fn a_checkpoint_removed_under_a_running_source_is_noticed() {
    let (folder, dir, mut offsets) = with_batches(1);
    fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(
        message(offsets.append(&record(1)), &folder),
        "ck/offsets/st-tail: was removed while the query runs: \
         restore it from a copy, or start afresh with a new --checkpoint"
    );
    assert!(open(&dir).is_err());
    assert!(!dir.path().exists(), "no shell without metadata comes back");
}
