//! Owners: a target is ours, or absent or empty; anything else is refused and left alone.

use std::fs;

use st_checkpoint::{Claim, Durability, Target, claim};
use tempfile::TempDir;

use crate::support::{files, message, text};

fn take(target: Target<'_>, query: &str, sink: &str) -> anyhow::Result<Claim> {
    claim(target, query, sink, Durability::Process)
}

#[test]
fn an_absent_target_is_taken_and_then_kept() {
    let folder = TempDir::new().unwrap();
    let (file, dir) = (
        folder.path().join("out.json"),
        folder.path().join("parts/by-day"),
    );
    for target in [Target::File(&file), Target::Dir(&dir)] {
        assert_eq!(take(target, "q1", "st-sink").unwrap(), Claim::Taken);
        assert_eq!(take(target, "q1", "st-sink").unwrap(), Claim::Kept);
    }
    assert_eq!(
        files(folder.path()),
        [".out.json.st-owner", "parts/by-day/.st-owner"]
    );
    assert_eq!(
        text(folder.path().join(".out.json.st-owner")),
        "{\"st-owner\":1,\"query\":\"q1\",\"sink\":\"st-sink\"}\n"
    );
}

#[test]
fn what_a_killed_claim_left_goes_with_the_next() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out.json");
    let left = folder.path().join("..out.json.st-owner.0.tmp");
    for claim in [Claim::Taken, Claim::Kept] {
        fs::write(&left, "").unwrap();
        assert_eq!(take(Target::File(&file), "q1", "st-sink").unwrap(), claim);
        assert_eq!(files(folder.path()), [".out.json.st-owner"]);
    }
}

#[test]
fn ours_stays_ours_with_something_in_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out.json");
    take(Target::File(&file), "q1", "st-sink").unwrap();
    fs::write(&file, "rows").unwrap();
    assert_eq!(
        take(Target::File(&file), "q1", "st-sink").unwrap(),
        Claim::Kept
    );
}

#[test]
fn an_empty_target_is_taken() {
    let folder = TempDir::new().unwrap();
    let (file, dir) = (folder.path().join("out.json"), folder.path().join("parts"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&dir).unwrap();
    assert_eq!(
        take(Target::File(&file), "q1", "st-sink").unwrap(),
        Claim::Taken
    );
    assert_eq!(
        take(Target::Dir(&dir), "q1", "st-sink").unwrap(),
        Claim::Taken
    );
}

#[test]
fn an_unexplained_target_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let (file, dir) = (folder.path().join("out.json"), folder.path().join("parts"));
    fs::write(&file, "thesis").unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("x"), "y").unwrap();
    assert_eq!(
        message(take(Target::File(&file), "q1", "st-sink"), &folder),
        "out.json: exists and no query is known to have written it: name another target, or remove it"
    );
    assert!(take(Target::Dir(&dir), "q1", "st-sink").is_err());
    assert_eq!(files(folder.path()), ["out.json", "parts/x"]);
}

#[test]
fn a_foreign_target_is_refused_with_its_owner() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out.json");
    take(Target::File(&file), "q1", "st-sink").unwrap();
    for (query, sink) in [("q2", "st-sink"), ("q1", "other")] {
        assert_eq!(
            message(take(Target::File(&file), query, sink), &folder),
            "out.json: belongs to sink st-sink of query q1: name another target, \
             or remove it together with .out.json.st-owner"
        );
    }
}

#[test]
fn a_newer_or_damaged_owner_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out.json");
    let owner = folder.path().join(".out.json.st-owner");
    fs::write(&owner, "{\"st-owner\":2}").unwrap();
    assert!(
        message(take(Target::File(&file), "q", "s"), &folder).contains("written by a newer st")
    );
    for bad in ["", "{", "{\"st-owner\":1}"] {
        fs::write(&owner, bad).unwrap();
        let text = message(take(Target::File(&file), "q", "s"), &folder);
        assert!(
            text.starts_with(".out.json.st-owner: does not name an owner"),
            "{text}"
        );
    }
}
