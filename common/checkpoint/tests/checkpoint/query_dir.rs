//! metadata: created once, exclusively; anything that is not ours is refused with the mend.

use std::fs;
use std::thread;

use st_checkpoint::{Durability, Kind, QueryDir};
use tempfile::TempDir;

use crate::support::{BY, files, message, query, reopen, text};

fn open(folder: &TempDir, kind: Kind) -> anyhow::Result<QueryDir> {
    QueryDir::create_or_open(&folder.path().join("ck"), kind, Durability::Process, BY)
}

#[test]
fn metadata_is_one_line_with_format_id_kind_and_maker() {
    let (folder, dir) = query();
    assert_eq!(
        text(folder.path().join("ck/metadata")),
        format!(
            "{{\"st-checkpoint\":1,\"id\":\"{}\",\"kind\":\"query\",\"created_by\":\"st-test 0.1.0\"}}\n",
            dir.id()
        )
    );
    assert_eq!(files(&folder.path().join("ck")), ["metadata"]);
}

#[test]
fn a_second_run_finds_the_same_query() {
    let (folder, dir) = query();
    assert_eq!(reopen(&folder).id(), dir.id());
}

#[test]
fn folders_above_are_made() {
    let folder = TempDir::new().unwrap();
    let deep = folder.path().join("a/b/ck");
    let dir = QueryDir::create_or_open(&deep, Kind::Query, Durability::Power, BY).unwrap();
    assert_eq!(dir.absolute(), fs::canonicalize(deep).unwrap());
}

#[test]
fn runs_that_race_for_a_new_folder_agree_on_one_id() {
    let folder = TempDir::new().unwrap();
    let ids: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| open(&folder, Kind::Query).unwrap().id().to_string()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(files(&folder.path().join("ck")), ["metadata"]);
}

#[test]
fn a_newer_format_is_refused_by_both_ways_in() {
    let (folder, _) = query();
    let path = folder.path().join("ck");
    fs::write(
        path.join("metadata"),
        "{\"st-checkpoint\":2,\"uuid\":\"x\"}\n",
    )
    .unwrap();
    let expected =
        "ck/metadata: written by a newer st (format 2, this one knows 1): install that version";
    assert_eq!(message(open(&folder, Kind::Query), &folder), expected);
    let existing = QueryDir::open_existing(&path, "x", Durability::Process);
    assert_eq!(message(existing, &folder), expected);
}

#[test]
fn damaged_metadata_is_refused() {
    let (folder, _) = query();
    for bad in [
        "",
        "{",
        "[1]",
        "{\"st-checkpoint\":\"1\"}",
        "{\"st-checkpoint\":1}",
    ] {
        fs::write(folder.path().join("ck/metadata"), bad).unwrap();
        let text = message(open(&folder, Kind::Query), &folder);
        assert!(text.starts_with("ck/metadata: "), "{text}");
        assert!(text.ends_with("restore it from a copy, or start afresh with a new --checkpoint"));
    }
}

#[test]
fn a_folder_with_something_else_in_it_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("ck")).unwrap();
    fs::write(folder.path().join("ck/thesis.tex"), "x").unwrap();
    assert_eq!(
        message(open(&folder, Kind::Query), &folder),
        "ck: holds 'thesis.tex' but no metadata, so it is no checkpoint: \
         name a new or empty folder as --checkpoint"
    );
    assert_eq!(files(&folder.path().join("ck")), ["thesis.tex"]);
}

#[test]
fn what_an_interrupted_creation_leaves_is_no_obstacle() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("ck")).unwrap();
    fs::write(folder.path().join("ck/.metadata.77.tmp"), "{\"st-che").unwrap();
    assert!(open(&folder, Kind::Query).is_ok());
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("ck"), "x").unwrap();
    let text = message(open(&folder, Kind::Query), &folder);
    assert!(text.starts_with("ck: cannot make the folder: "), "{text}");
}

#[test]
fn the_other_kind_is_refused_with_the_mend() {
    let (folder, dir) = query();
    assert_eq!(
        message(open(&folder, Kind::Stage), &folder),
        "ck: is the checkpoint of a query, made by its source: give --checkpoint to the \
         source alone, or name a folder of its own for this stage"
    );
    drop(dir);
    let folder = TempDir::new().unwrap();
    let dir = open(&folder, Kind::Stage).unwrap();
    let expected = "ck: is the checkpoint of a single stage on plain input: \
                    name another folder as --checkpoint for the query";
    assert_eq!(message(open(&folder, Kind::Query), &folder), expected);
    let existing = QueryDir::open_existing(dir.path(), dir.id(), Durability::Process);
    assert_eq!(message(existing, &folder), expected);
}

#[test]
fn a_stage_opens_the_directory_its_stream_names_and_no_other() {
    let (folder, dir) = query();
    let open = |id: &str| QueryDir::open_existing(dir.path(), id, Durability::Process);
    assert_eq!(open(dir.id()).unwrap().id(), dir.id());
    assert_eq!(
        message(open("other"), &folder),
        format!(
            "ck: is the checkpoint of query {}, but the stream is of query other: \
             give --checkpoint to the source alone",
            dir.id()
        )
    );
    let missing = folder.path().join("elsewhere");
    assert_eq!(
        message(
            QueryDir::open_existing(&missing, "q", Durability::Process),
            &folder
        ),
        "elsewhere: no checkpoint there, though the stream is of query q: \
         run all stages where the source's --checkpoint can be reached"
    );
    assert!(!missing.exists());
}
