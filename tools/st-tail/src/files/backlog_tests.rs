#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::Parser;

use super::*;
use crate::args::Arguments;

/// A file that was written long ago.
fn old_file(path: &Path) {
    fs::write(path, "{}\n").unwrap();
    let time = SystemTime::now() - Duration::from_secs(3600);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

/// A directory that has not changed for long.
fn settle(folder: &Path) {
    let time = SystemTime::now() - Duration::from_secs(3600);
    File::open(folder).unwrap().set_modified(time).unwrap();
}

fn backlog(folder: &Path) -> Backlog {
    let arguments = Arguments::parse_from(["st-tail", folder.to_str().unwrap()]);
    Backlog::new(&Config::new(&arguments).unwrap(), "st-tail")
}

#[test]
fn a_directory_is_listed_once_however_many_batches_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3000 {
        old_file(&folder.path().join(format!("{n:04}.json")));
    }
    settle(folder.path());
    let (mut backlog, mut seen) = (backlog(folder.path()), Seen::default());
    backlog.begin(&mut seen, false).unwrap();
    let listed = backlog.listing.ended();
    for n in 0..3000 {
        let found = backlog.next(&mut seen).unwrap().unwrap();
        assert!(
            found.path.ends_with(&format!("/{n:04}.json")),
            "{}",
            found.path
        );
    }
    // Used up, but the directory has not changed.
    assert_eq!(backlog.next(&mut seen).unwrap(), None);
    assert_eq!(backlog.listing.ended(), listed);

    old_file(&folder.path().join("new.json"));
    let found = std::iter::repeat_with(|| backlog.next(&mut seen).unwrap())
        .flatten()
        .next()
        .unwrap();
    assert!(found.path.ends_with("/new.json"));
    assert!(backlog.listing.ended() > listed);
}

#[test]
fn a_directory_that_changed_a_moment_ago_is_listed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut backlog, mut seen) = (backlog(folder.path()), Seen::default());
    old_file(&folder.path().join("a.json"));
    backlog.begin(&mut seen, false).unwrap();
    assert!(backlog.next(&mut seen).unwrap().is_some());
    // The next name may come within the same tick of the clock.
    let time = fs::metadata(folder.path()).unwrap().modified().unwrap();
    old_file(&folder.path().join("b.json"));
    File::open(folder.path())
        .unwrap()
        .set_modified(time)
        .unwrap();
    let found = std::iter::repeat_with(|| backlog.next(&mut seen).unwrap())
        .flatten()
        .next()
        .unwrap();
    assert!(found.path.ends_with("/b.json"));
}
