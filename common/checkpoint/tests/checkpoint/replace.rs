//! Durable files: replaced whole or not at all; made by one only.

use std::fs;
use std::io::Write;

use anyhow::bail;
use st_checkpoint::{Durability, create_exclusive, replace_file};
use tempfile::TempDir;

use crate::support::{files, message, text};

#[test]
fn a_file_is_replaced_and_nothing_else_is_left() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("top.json");
    for content in ["one", "two"] {
        replace_file(&path, Durability::Power, |w| {
            Ok(w.write_all(content.as_bytes())?)
        })
        .unwrap();
        assert_eq!(text(&path), content);
        assert_eq!(files(folder.path()), ["top.json"]);
    }
}

#[test]
fn a_failure_while_writing_leaves_the_old_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("top.json");
    fs::write(&path, "old").unwrap();
    let failed = replace_file(&path, Durability::Power, |w| {
        w.write_all(b"half")?;
        bail!("no more rows")
    });
    assert_eq!(message(failed, &folder), "no more rows");
    assert_eq!(
        (text(&path).as_str(), files(folder.path())),
        ("old", vec!["top.json".to_string()])
    );
}

#[test]
fn a_leftover_of_a_killed_run_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("top.json");
    fs::write(folder.path().join(".top.json.tmp"), "a longer leftover").unwrap();
    replace_file(&path, Durability::Process, |w| Ok(w.write_all(b"new")?)).unwrap();
    assert_eq!(
        (text(&path).as_str(), files(folder.path())),
        ("new", vec!["top.json".to_string()])
    );
}

#[test]
fn a_folder_that_takes_no_file_is_an_error_with_the_path() {
    let failed = replace_file(
        std::path::Path::new("/proc/none"),
        Durability::Process,
        |_| Ok(()),
    );
    let folder = TempDir::new().unwrap();
    let text = message(failed, &folder);
    assert!(
        text.starts_with("/proc/.none.tmp: cannot write: "),
        "{text}"
    );
}

#[test]
fn only_one_makes_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("owner");
    assert!(create_exclusive(&path, Durability::Power, b"first").unwrap());
    assert!(!create_exclusive(&path, Durability::Power, b"second").unwrap());
    assert_eq!(
        (text(&path).as_str(), files(folder.path())),
        ("first", vec!["owner".to_string()])
    );
}
