//! replaying/SINK: a sink that is ahead stands where its stages were cut back to, until it has caught up.

use serde_json::Value;
use st_checkpoint::{Commits, QueryDir};

use crate::support::{files, query, text};

fn register(dir: &QueryDir, sink: &str, batches: i64) -> Commits {
    let mut commits = Commits::register(dir, sink, -1, &Value::Null, &[]).unwrap();
    for batch in 0..batches {
        commits.commit(batch, 1, None).unwrap();
    }
    commits
}

#[test]
fn a_sink_ahead_stands_where_its_stages_were_cut_back_to() {
    let (_folder, dir) = query();
    let fast = register(&dir, "fast.st-sink", 8);
    let mut slow = register(&dir, "slow.st-sink", 3);
    assert_eq!(dir.committed().unwrap(), 2);
    dir.replaying_from(2, false).unwrap();
    assert_eq!(files(&dir.path().join("replaying")), ["fast.st-sink"]);
    let announced = text(dir.path().join("replaying/fast.st-sink"));
    assert_eq!(announced, "{\"sink\":\"fast.st-sink\",\"epoch\":2}\n");
    // The slow branch goes on and the fast one dies on its way.
    for batch in 3..6 {
        slow.commit(batch, 1, None).unwrap();
    }
    assert_eq!(dir.committed().unwrap(), 2);
    dir.replaying_from(2, false).unwrap();
    fast.caught_up().unwrap();
    assert_eq!(
        dir.committed().unwrap(),
        2,
        "the slow one is ahead now, too"
    );
    slow.caught_up().unwrap();
    assert_eq!(
        (dir.floor().unwrap(), dir.committed().unwrap()),
        (Some(4), 5)
    );
    fast.caught_up().unwrap();
}

#[test]
fn a_sink_that_has_left_holds_nothing_back() {
    let (_folder, dir) = query();
    register(&dir, "fast.st-sink", 8);
    register(&dir, "slow.st-sink", 3);
    dir.replaying_from(2, false).unwrap();
    std::fs::remove_file(dir.path().join("commits/fast.st-sink")).unwrap();
    dir.replaying_from(2, false).unwrap();
    assert_eq!(files(&dir.path().join("replaying")), [""; 0]);
}
