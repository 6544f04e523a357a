//! `--else`: what a condition refuses, kept as it came.

use std::fs;
use std::path::Path;

use crate::common::{END, batch, command, feed, refused, said, start};
use serde_json::json;
use st_checkpoint::{Durability, Kind, QueryDir};

fn query(folder: &Path) -> QueryDir {
    QueryDir::create_or_open(&folder.join("ck"), Kind::Query, Durability::Process, "test").unwrap()
}

fn run_from(folder: &Path, epoch: i64, batches: &str) -> std::process::Output {
    let query = query(folder);
    let fields = format!(
        r#","query":{},"epoch":{epoch},"checkpoint":{}"#,
        json!(query.id()),
        json!(query.absolute())
    );
    let mut command = command(&[
        "--set",
        "m = n",
        "--where",
        "m > 0",
        "--else",
        "else.ndjson",
    ]);
    feed(
        command.current_dir(folder),
        &(start(&fields) + batches + END),
    )
}

#[test]
fn rows_whose_where_is_not_true_are_kept_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&[
        "--set",
        "n = n + 1",
        "--where",
        "n > 1",
        "--where",
        "n < 9",
        "--else",
        "else.ndjson",
    ]);
    command.current_dir(folder.path());
    for _ in 0..2 {
        let output = feed(
            &mut command,
            "{\"n\": 0}\n{\"n\":1}\n{\"x\":1}\n{\"n\":8}\n",
        );
        assert_eq!(
            (output.status.code(), output.stdout.as_slice()),
            (Some(0), &b"{\"n\":2}\n"[..])
        );
    }
    // Without a checkpoint it is only appended to.
    let kept = "{\"n\": 0}\n{\"x\":1}\n{\"n\":8}\n";
    assert_eq!(
        fs::read_to_string(folder.path().join("else.ndjson")).unwrap(),
        kept.repeat(2)
    );
}

#[test]
fn with_a_checkpoint_each_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = run_from(
        folder,
        -1,
        &(batch(0, "{\"n\":0}\n{\"n\":1}\n") + &batch(1, "{\"n\":-1}\n") + &batch(2, "")),
    );
    assert_eq!((first.status.code(), said(&first)), (Some(0), ""));
    let kept = || fs::read_to_string(folder.join("else.ndjson")).unwrap();
    assert_eq!(kept(), "{\"n\":0}\n{\"n\":-1}\n");
    // Batch 1 and what a kill left behind come again.
    fs::write(folder.join("else.ndjson"), kept() + "{\"n\":-").unwrap();
    let again = run_from(
        folder,
        0,
        &(batch(1, "{\"n\":-1}\n") + &batch(2, "{\"n\":-2}\n")),
    );
    assert_eq!((again.status.code(), said(&again)), (Some(0), ""));
    assert_eq!(kept(), "{\"n\":0}\n{\"n\":-1}\n{\"n\":-2}\n");
}

#[test]
fn a_file_of_others_is_never_cut() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("else.ndjson"), "precious\n").unwrap();
    let output = run_from(folder.path(), -1, &batch(0, "{\"n\":0}\n"));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output)
            .starts_with("st-map: --else else.ndjson: else.ndjson: exists and no query is known"),
        "{}",
        said(&output)
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("else.ndjson")).unwrap(),
        "precious\n"
    );
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_from(folder.path(), -1, &batch(0, "{\"n\":0}\n"));
    fs::write(folder.path().join("else.ndjson"), "").unwrap();
    let output = run_from(folder.path(), 0, &batch(1, ""));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("has 0 bytes, but 8 were written up to batch 0"),
        "{}",
        said(&output)
    );
}

#[test]
fn it_needs_a_condition_on_rows_that_came() {
    assert!(
        refused(&["--else", "f"], "").starts_with("--else keeps the rows that a condition refuses")
    );
    let behind = refused(
        &[
            "--set",
            "x = explode(xs)",
            "--where",
            "x > 1",
            "--else",
            "f",
        ],
        "",
    );
    assert!(
        behind.starts_with("--else: the rows that explode made are not the rows that came"),
        "{behind}"
    );
}
