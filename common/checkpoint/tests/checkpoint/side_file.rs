//! Side files: every row kept once with its place and reason; cut back on a restart.

use std::path::Path;

use serde_json::Value;
use st_checkpoint::{QueryDir, SideFile, SideKind};

use crate::support::{files, message, put, query, text};

fn rejects(dir: &QueryDir, epoch: i64) -> anyhow::Result<SideFile> {
    SideFile::open(dir, "st-map", SideKind::Rejects, None, epoch)
}

fn batches(path: &Path) -> Vec<i64> {
    let parse = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["batch"]
            .as_i64()
            .unwrap()
    };
    text(path).lines().map(parse).collect()
}

/// Batches 0 to 3 with two rows each.
fn filled(dir: &QueryDir, user: Option<&Path>) -> String {
    let mut side = SideFile::open(dir, "st-map", SideKind::Rejects, user, -1).unwrap();
    for batch in 0..4 {
        side.append(batch, "not JSON", Some("a.json:7"), b"x")
            .unwrap();
        side.append(batch, "not JSON", None, b"y").unwrap();
        side.sync().unwrap();
    }
    text(side.path())
}

#[test]
fn a_row_is_kept_as_json_as_text_or_as_base64() {
    let (_folder, dir) = query();
    let mut side = rejects(&dir, -1).unwrap();
    side.append(
        0,
        "late by 3 s",
        Some("in/a.json:12"),
        br#" {"a": [1, "x"]} "#,
    )
    .unwrap();
    side.append(0, "not JSON", None, br#"{"a": "#).unwrap();
    side.append(0, "not UTF-8", None, b"caf\xe9").unwrap();
    side.append(0, "a forged \"marker\"", None, br#"{"$st":"end"}"#)
        .unwrap();
    side.append(0, "two lines", None, b"{\n}").unwrap();
    side.append(0, "not an object", None, b"NaN").unwrap();
    side.append(0, "empty", None, b"").unwrap();
    side.sync().unwrap();
    let head = format!(
        r#"{{"query":"{}","stage":"st-map","batch":0,"reason":"#,
        dir.id()
    );
    let expected = [
        r#""late by 3 s","at":"in/a.json:12","row":{"a": [1, "x"]}}"#,
        r#""not JSON","row":"{\"a\": "}"#,
        r#""not UTF-8","row_base64":"Y2Fm6Q=="}"#,
        r#""a forged \"marker\"","row":{"$st":"end"}}"#,
        r#""two lines","row":"{\n}"}"#,
        r#""not an object","row":"NaN"}"#,
        r#""empty","row":""}"#,
    ];
    let expected: String = expected
        .iter()
        .map(|tail| format!("{head}{tail}\n"))
        .collect();
    assert_eq!(text(dir.path().join("rejects/st-map.ndjson")), expected);
}

#[test]
fn a_stage_without_bad_rows_leaves_no_file() {
    let (_folder, dir) = query();
    let mut side = rejects(&dir, -1).unwrap();
    side.sync().unwrap();
    drop(side);
    assert_eq!(files(dir.path()), ["metadata"]);
}

#[test]
fn late_rows_have_a_file_of_their_own() {
    let (_folder, dir) = query();
    let mut late = SideFile::open(&dir, "st-agg", SideKind::Late, None, -1).unwrap();
    late.append(0, "late", None, b"{}").unwrap();
    late.sync().unwrap();
    assert_eq!(
        files(dir.path()),
        ["metadata", "rejects/st-agg.late.ndjson"]
    );
}

#[test]
fn records_of_batches_after_the_epoch_are_cut_and_written_again() {
    for epoch in -1..4 {
        let (_folder, dir) = query();
        let whole = filled(&dir, None);
        let mut side = rejects(&dir, epoch).unwrap();
        let expected: Vec<i64> = (0..=epoch).flat_map(|batch| [batch, batch]).collect();
        assert_eq!(batches(side.path()), expected);
        for batch in epoch + 1..4 {
            side.append(batch, "not JSON", Some("a.json:7"), b"x")
                .unwrap();
            side.append(batch, "not JSON", None, b"y").unwrap();
            side.sync().unwrap();
        }
        assert_eq!(text(side.path()), whole);
    }
}

#[test]
fn truncation_at_any_byte_is_cut_back_to_whole_records_of_the_epoch() {
    let (_folder, dir) = query();
    let whole = filled(&dir, None);
    let path = dir.path().join("rejects/st-map.ndjson");
    let of_epoch_1 = whole
        .lines()
        .take(4)
        .map(|line| line.len() + 1)
        .sum::<usize>();
    for length in of_epoch_1..whole.len() {
        put(&path, &whole[..length]);
        drop(rejects(&dir, 1).unwrap());
        assert_eq!(text(&path), whole[..of_epoch_1], "cut to {length}");
    }
}

#[test]
fn rows_longer_than_a_block_are_cut_back_too() {
    let (_folder, dir) = query();
    let mut side = rejects(&dir, -1).unwrap();
    let long = vec![b'x'; 100_000];
    for batch in 0..3 {
        side.append(batch, "too long", None, &long).unwrap();
    }
    side.sync().unwrap();
    drop(side);
    let side = rejects(&dir, 0).unwrap();
    assert_eq!(batches(side.path()), [0]);
}

#[test]
fn a_users_file_is_cut_back_the_same_way() {
    let (folder, dir) = query();
    let path = folder.path().join("kept/bad.ndjson");
    let whole = filled(&dir, Some(&path));
    put(&path, &whole[..whole.len() - 3]);
    drop(SideFile::open(&dir, "st-map", SideKind::Rejects, Some(&path), 2).unwrap());
    assert_eq!(batches(&path), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn a_users_file_that_ends_with_something_else_is_refused_and_left_alone() {
    let (folder, dir) = query();
    let path = folder.path().join("bad.ndjson");
    let (_other, other) = query();
    let foreign = filled(&other, Some(&folder.path().join("other.ndjson")));
    for content in ["thesis", "thesis\n", "{\"query\":1}\n", foreign.as_str()] {
        put(&path, content);
        let refused = SideFile::open(&dir, "st-map", SideKind::Rejects, Some(&path), -1);
        assert_eq!(
            message(refused, &folder),
            "bad.ndjson: ends with something st-map did not write in this query: \
             name another file, or move this one away"
        );
        assert_eq!(text(&path), content);
    }
}

#[test]
fn two_stages_cannot_share_a_file() {
    let (folder, dir) = query();
    let path = folder.path().join("bad.ndjson");
    let _one = SideFile::open(&dir, "st-map", SideKind::Rejects, Some(&path), -1).unwrap();
    let two = SideFile::open(&dir, "st-agg", SideKind::Late, Some(&path), -1);
    assert_eq!(
        message(two, &folder),
        "bad.ndjson: another stage writes to it: give each stage a file of its own"
    );
}

#[test]
fn damage_in_our_own_file_is_refused() {
    let (folder, dir) = query();
    let whole = filled(&dir, None);
    let path = dir.path().join("rejects/st-map.ndjson");
    put(&path, whole + "damage\n");
    let text = message(rejects(&dir, 3), &folder);
    assert!(
        text.starts_with("ck/rejects/st-map.ndjson: byte "),
        "{text}"
    );
    assert!(
        text.ends_with("damaged, not a record of st-map: move the file away"),
        "{text}"
    );
}

#[test]
fn without_a_checkpoint_records_are_only_appended() {
    let (folder, _dir) = query();
    let path = folder.path().join("bad.ndjson");
    put(&path, "something\n");
    let mut one = SideFile::plain(&path, None, "st-map").unwrap();
    let mut two = SideFile::plain(&path, Some("q"), "st-agg").unwrap();
    one.append(0, "a", None, b"1").unwrap();
    two.append(0, "b", None, b"2").unwrap();
    one.append(1, "c", None, b"3").unwrap();
    assert_eq!(
        text(&path),
        "something\n\
         {\"query\":null,\"stage\":\"st-map\",\"batch\":0,\"reason\":\"a\",\"row\":1}\n\
         {\"query\":\"q\",\"stage\":\"st-agg\",\"batch\":0,\"reason\":\"b\",\"row\":2}\n\
         {\"query\":null,\"stage\":\"st-map\",\"batch\":1,\"reason\":\"c\",\"row\":3}\n"
    );
}
