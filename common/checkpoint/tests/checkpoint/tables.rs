//! tables/STAGE: a replay finds the version that was joined, as long as one may come.

use std::fs;

use serde_json::Value;
use st_checkpoint::{Commits, QueryDir, Uses};

use crate::support::{files, lines, query};

fn open(dir: &QueryDir) -> Uses {
    Uses::open(dir, "st-join").unwrap()
}

#[test]
fn a_batch_keeps_the_version_it_was_joined_with() {
    let (_folder, dir) = query();
    let mut uses = open(&dir);
    assert_eq!(uses.of(0).unwrap(), None);
    uses.keep("one", b"{\"id\":1}\n").unwrap();
    uses.note(0, "one").unwrap();
    uses.note(1, "one").unwrap();
    uses.keep("two", b"{\"id\":2}\n").unwrap();
    uses.note(2, "two").unwrap();
    // A replay notes nothing anew.
    uses.note(1, "two").unwrap();
    let uses = open(&dir);
    assert_eq!(
        [1, 2, 3].map(|batch| uses.of(batch).unwrap()),
        [Some("one"), Some("two"), None]
    );
    assert_eq!(uses.read("one").unwrap(), b"{\"id\":1}\n");
    assert_eq!(lines(dir.path().join("tables/st-join")).len(), 4);
    fs::remove_file(dir.path().join("tables/st-join.one")).unwrap();
    let gone = format!("{:#}", uses.read("one").unwrap_err());
    assert!(
        gone.contains("tables/st-join.one: cannot be read: restore it from a copy"),
        "{gone}"
    );
}

#[test]
fn ids_rise_by_one_and_an_unfinished_record_is_cut() {
    let (_folder, dir) = query();
    let mut uses = open(&dir);
    uses.note(4, "one").unwrap();
    assert!(uses.note(6, "one").is_err());
    let path = dir.path().join("tables/st-join");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"batch\":5,\"vers"].concat()).unwrap();
    assert_eq!(open(&dir).of(5).unwrap(), None);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn versions_below_the_floor_go_with_their_records() {
    let (_folder, dir) = query();
    let mut commits = Commits::register(&dir, "st-sink", -1, &Value::Null, &[]).unwrap();
    let mut uses = open(&dir);
    for batch in 0..300 {
        let version = if batch < 50 { "old" } else { "new" };
        uses.keep(version, b"{}\n").unwrap();
        uses.note(batch, version).unwrap();
        commits.commit(batch, 0, None).unwrap();
    }
    assert_eq!(
        files(&dir.path().join("tables")),
        ["st-join", "st-join.new"]
    );
    assert_eq!(open(&dir).of(299).unwrap(), Some("new"));
    assert!(lines(dir.path().join("tables/st-join")).len() < 250);
    // What was forgotten is not joined with what is there now instead.
    let unknown = open(&dir).of(0).unwrap_err().to_string();
    assert!(
        unknown.contains(
            "the table that batch 0 was joined with is not known: restore it from a copy"
        ),
        "{unknown}"
    );
}
