//! joining/BRANCH: the floor waits for sinks that have not read their start yet.

use serde_json::Value;
use st_checkpoint::{Commits, Holder, Patience, QueryDir};

use crate::support::{files, query};

fn register(dir: &QueryDir, sink: &str, epoch: i64) -> Commits {
    Commits::register(dir, sink, epoch, &Value::Null, &[]).unwrap()
}

#[test]
fn the_floor_stays_until_a_slow_branch_has_joined() {
    let (_folder, dir) = query();
    for branch in ["fast", "slow"] {
        dir.joining(branch, -1).unwrap();
    }
    assert_eq!(dir.floor().unwrap(), None);
    let mut fast = register(&dir, "fast.st-sink", -1);
    dir.joined("fast").unwrap();
    for batch in 0..5 {
        fast.commit(batch, 1, None).unwrap();
    }
    assert_eq!(
        (dir.floor().unwrap(), dir.committed().unwrap()),
        (Some(-1), -1)
    );
    let mut slow = register(&dir, "slow.st-sink", -1);
    dir.joined("slow").unwrap();
    slow.commit(0, 1, None).unwrap();
    assert_eq!(
        (dir.floor().unwrap(), dir.committed().unwrap()),
        (Some(-1), 0)
    );
    assert_eq!(files(&dir.path().join("joining")), [""; 0]);
}

#[test]
fn the_announcement_is_a_line_to_read() {
    let (_folder, dir) = query();
    dir.joining("top", 41).unwrap();
    let path = dir.path().join("joining/top");
    assert_eq!(
        crate::support::text(path),
        "{\"branch\":\"top\",\"epoch\":41}\n"
    );
}

#[test]
fn a_branch_that_never_joined_holds_the_next_run_back() {
    let (_folder, dir) = query();
    dir.joining("slow", -1).unwrap();
    let mut fast = register(&dir, "fast.st-sink", -1);
    fast.commit(0, 1, None).unwrap();
    let holder = Holder::this("st-tail", "");
    let lock = dir
        .lock("st-tail", &holder, &mut Patience::default(), &mut |_| {})
        .unwrap();
    dir.await_other_locks(&["st-tail"], "", &mut Patience::default(), &mut |_| {})
        .unwrap();
    assert_eq!(dir.committed().unwrap(), -1);
    assert_eq!(dir.announced().unwrap(), [("slow".to_string(), -1)]);
    drop(lock);
}

#[test]
fn branches_that_are_no_more_hold_nothing_back() {
    let (_folder, dir) = query();
    register(&dir, "fast.st-sink", 3);
    dir.joining("gone", -1).unwrap();
    dir.joining("fast", 2).unwrap();
    dir.keep_joining(|branch| branch == "fast").unwrap();
    assert_eq!(dir.committed().unwrap(), 2);
}

#[test]
fn joining_twice_or_never_is_no_error() {
    let (_folder, dir) = query();
    dir.joined("a").unwrap();
    dir.joining("a", 1).unwrap();
    dir.joining("a", 2).unwrap();
    dir.joined("a").unwrap();
    dir.joined("a").unwrap();
    assert!(dir.joining("../a", 1).is_err());
}
