#![allow(clippy::unwrap_used)]
//! Queries that were killed and kept, with all their files: today's tools go on where they were, and deliver what a run from
//! the beginning delivers.

use std::fs;
use std::path::Path;

use st_tests::{bash, bin, root, run};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The query's input, what came later included, in the order of its files' times.
fn complete(folder: &Path) {
    copy(&folder.join("later"), &folder.join("events"));
    let mut names: Vec<_> = fs::read_dir(folder.join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for (n, name) in names.iter().enumerate() {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + n as u64);
        let file = fs::File::options().append(true).open(name).unwrap();
        file.set_modified(time).unwrap();
    }
}

fn result(folder: &Path) -> String {
    let ran = run(bash(&bin().unwrap(), folder, "bash ./cmd")).unwrap();
    let said = (ran.status, ran.err());
    assert_eq!(said, (0, String::new()), "{}", folder.display());
    run(bash(&bin().unwrap(), folder, "bash ./result"))
        .unwrap()
        .out()
}

#[test]
fn kept_queries_go_on() {
    let formats = fs::read_dir(root().join("tests/kept")).unwrap();
    let formats = formats.map(|entry| entry.unwrap().path());
    let mut tried = 0;
    for kept in formats
        .filter(|path| path.is_dir())
        .flat_map(|format| fs::read_dir(format).unwrap())
    {
        let kept = kept.unwrap().path();
        let name = kept.file_name().unwrap().to_string_lossy().into_owned();
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        copy(&kept, old.path());
        for part in ["events", "later"] {
            copy(&kept.join(part), &new.path().join(part));
        }
        // Of the same id, so that rand() gives the same.
        fs::create_dir(new.path().join("ck")).unwrap();
        for part in ["cmd", "result", "ck/metadata"] {
            fs::copy(kept.join(part), new.path().join(part)).unwrap();
        }
        complete(old.path());
        complete(new.path());
        let (went_on, from_the_beginning) = (result(old.path()), result(new.path()));
        assert!(
            from_the_beginning.lines().count() > 3,
            "{name}: {from_the_beginning}"
        );
        assert_eq!(went_on, from_the_beginning, "{name}");
        tried += 1;
    }
    assert!(tried >= 4, "{tried}");
}
