//! commits/SINK: registration, the floor, consecutive commits, bounded files.

use std::fs;

use serde_json::json;
use st_checkpoint::{Commits, QueryDir, SinkState};

use crate::support::{lines, message, put, query, text};

fn join(dir: &QueryDir, sink: &str, epoch: i64) -> anyhow::Result<Commits> {
    let plan = [
        json!({"tool": "st-tail", "name": "st-tail"}),
        json!({"tool": "st-agg", "name": "hourly"}),
    ];
    Commits::register(dir, sink, epoch, &json!({"file": "out.json"}), &plan)
}

#[test]
fn header_and_records_are_sealed_lines() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    commits.commit(0, 12, None).unwrap();
    commits.commit(1, 0, Some(&json!({"length": 340}))).unwrap();
    let lines = lines(folder.path().join("ck/commits/st-sink"));
    let unsealed: Vec<&str> = lines.iter().map(|line| &line[..line.len() - 18]).collect();
    let header = format!(
        r#"{{"st-commits":1,"query":"{}","sink":"st-sink","joined":-1,"target":{{"file":"out.json"}},"plan":[{{"tool":"st-tail","name":"st-tail"}},{{"tool":"st-agg","name":"hourly"}}]"#,
        dir.id()
    );
    assert_eq!(
        unsealed,
        [
            header.as_str(),
            r#"{"batch":0,"rows":12"#,
            r#"{"batch":1,"rows":0,"detail":{"length":340}"#,
        ]
    );
}

#[test]
fn a_restarted_sink_knows_what_it_delivered() {
    let (_folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    assert_eq!((commits.last(), commits.rows_of(0)), (-1, None));
    commits.commit(0, 12, Some(&json!(["a.json"]))).unwrap();
    commits.commit(1, 5, None).unwrap();
    drop(commits);
    let commits = join(&dir, "st-sink", 1).unwrap();
    assert_eq!((commits.joined(), commits.last()), (-1, 1));
    assert_eq!(
        (commits.rows_of(0), commits.rows_of(1), commits.rows_of(2)),
        (Some(12), Some(5), None)
    );
    assert_eq!(commits.detail_of(0).unwrap(), Some(json!(["a.json"])));
    assert_eq!(commits.detail_of(1).unwrap(), None);
}

#[test]
fn commits_rise_by_one_from_the_epoch_joined() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", 7).unwrap();
    assert_eq!(
        message(commits.commit(7, 1, None), &folder),
        "ck/commits/st-sink: batch 7 cannot follow batch 7"
    );
    commits.commit(8, 1, None).unwrap();
    assert!(commits.commit(10, 1, None).is_err());
}

#[test]
fn the_floor_is_the_least_settled_commit_and_none_without_sinks() {
    let (_folder, dir) = query();
    assert_eq!((dir.floor().unwrap(), dir.committed().unwrap()), (None, -1));
    let mut slow = join(&dir, "slow", -1).unwrap();
    assert_eq!(dir.floor().unwrap(), Some(-1));
    let mut fast = join(&dir, "fast", -1).unwrap();
    for batch in 0..3 {
        fast.commit(batch, 1, None).unwrap();
        assert_eq!(dir.floor().unwrap(), Some(-1));
    }
    // The last record of each may not be synced yet: a run starts from it, and nobody drops anything for it.
    let both = || (dir.floor().unwrap(), dir.committed().unwrap());
    slow.commit(0, 1, None).unwrap();
    assert_eq!(both(), (Some(-1), 0));
    slow.commit(1, 1, None).unwrap();
    assert_eq!(both(), (Some(0), 1));
    // Leaving is removing the file.
    fs::remove_file(dir.path().join("commits/slow")).unwrap();
    assert_eq!(both(), (Some(1), 2));
    // Joining is at the epoch of that start, and is durable.
    join(&dir, "late", 1).unwrap();
    assert_eq!(both(), (Some(1), 1));
}

#[test]
fn sinks_are_seen_with_name_target_and_plan() {
    let (_folder, dir) = query();
    join(&dir, "b", 3).unwrap();
    let mut a = join(&dir, "a", 3).unwrap();
    a.commit(4, 9, None).unwrap();
    let sinks = dir.sinks().unwrap();
    let brief: Vec<(&str, i64, i64)> = sinks
        .iter()
        .map(
            |SinkState {
                 name, joined, last, ..
             }| (name.as_str(), *joined, *last),
        )
        .collect();
    assert_eq!(brief, [("a", 3, 4), ("b", 3, 3)]);
    assert_eq!(sinks[0].target, json!({"file": "out.json"}));
    assert_eq!(sinks[0].file, dir.path().join("commits/a"));
    assert!(sinks[0].is_below("hourly") && !sinks[0].is_below("st-agg"));
    assert!(dir.names_in_plan("hourly").unwrap() && !dir.names_in_plan("st-agg").unwrap());
}

#[test]
fn the_floor_is_read_past_an_unfinished_commit_and_long_details() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    let long = json!("x".repeat(100_000));
    for batch in 0..3 {
        commits.commit(batch, 1, Some(&long)).unwrap();
    }
    let path = folder.path().join("ck/commits/st-sink");
    let whole = text(&path);
    let third = whole.trim_end().rfind('\n').unwrap() + 1;
    for cut in [third, third + 1, third + 50_000, whole.len() - 1] {
        put(&path, &whole[..cut]);
        assert_eq!(dir.committed().unwrap(), 1, "cut to {cut}");
    }
    put(&path, &whole[..whole.find('\n').unwrap() + 1]);
    assert_eq!(dir.floor().unwrap(), Some(-1));
}

/// A run starts, and asks where it stands, while the killed sink's file is opened and its unfinished record cut.
#[test]
fn who_asks_while_a_file_is_cut_sees_what_was_committed() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    let long = json!("x".repeat(10_000));
    for batch in 0..3 {
        commits.commit(batch, 1, Some(&long)).unwrap();
    }
    drop(commits);
    let path = folder.path().join("ck/commits/st-sink");
    let whole = text(&path);
    let torn = format!("{whole}{}", &whole[whole.len() - 9_000..whole.len() - 1])
        .replacen("\n\n", "\n", 1);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                assert_eq!(dir.committed().unwrap(), 2);
                asked += 1;
            }
            asked
        });
        for _ in 0..200 {
            // As it was left; never a moment at which it is shorter than what was committed.
            let mut file = fs::File::options().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut file, &torn.as_bytes()[whole.len()..]).unwrap();
            assert_eq!(join(&dir, "st-sink", -1).unwrap().last(), 2);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(asks.join().unwrap() > 0);
    });
}

#[test]
fn an_unfinished_commit_is_cut_and_done_again() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    commits.commit(0, 12, None).unwrap();
    commits.commit(1, 13, None).unwrap();
    let path = folder.path().join("ck/commits/st-sink");
    let whole = text(&path);
    put(&path, &whole[..whole.len() - 7]);
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    assert_eq!(commits.last(), 0);
    commits.commit(1, 13, None).unwrap();
    assert_eq!(text(&path), whole);
}

#[test]
fn a_flipped_bit_anywhere_is_refused_by_the_sink() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    commits.commit(0, 12, None).unwrap();
    drop(commits);
    let path = folder.path().join("ck/commits/st-sink");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 1 << (at % 8);
        put(&path, &broken);
        let text = message(join(&dir, "st-sink", -1), &folder);
        assert!(text.contains("damaged"), "byte {at}: {text}");
    }
}

#[test]
fn damage_is_refused_by_those_who_ask_for_the_floor() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    commits.commit(0, 12, None).unwrap();
    let path = folder.path().join("ck/commits/st-sink");
    put(&path, text(&path).replace("\"rows\":12", "\"rows\":13"));
    let text = message(dir.floor(), &folder);
    assert!(text.starts_with("ck/commits/st-sink: byte "), "{text}");
    assert!(text.contains("damaged, its checksum differs"), "{text}");
}

#[test]
fn another_target_is_refused_with_the_mend() {
    let (folder, dir) = query();
    join(&dir, "st-sink", -1).unwrap();
    let moved = Commits::register(&dir, "st-sink", -1, &json!({"file": "new.json"}), &[]);
    assert_eq!(
        message(moved, &folder),
        "ck/commits/st-sink: this sink has delivered to {\"file\":\"out.json\"}, not to \
         {\"file\":\"new.json\"}: give it the old target, another --name, or rm \
         ck/commits/st-sink to begin anew"
    );
}

#[test]
fn a_changed_plan_is_recorded_and_commits_stay() {
    let (_folder, dir) = query();
    join(&dir, "st-sink", -1)
        .unwrap()
        .commit(0, 3, None)
        .unwrap();
    let plan = [json!({"tool": "st-dedup", "name": "st-dedup"})];
    let commits =
        Commits::register(&dir, "st-sink", 0, &json!({"file": "out.json"}), &plan).unwrap();
    assert_eq!((commits.last(), commits.rows_of(0)), (0, Some(3)));
    assert!(dir.names_in_plan("st-dedup").unwrap() && !dir.names_in_plan("hourly").unwrap());
}

#[test]
fn the_file_is_bounded_and_keeps_what_is_at_or_above_the_floor() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    let path = folder.path().join("ck/commits/st-sink");
    for batch in 0..2500 {
        commits.commit(batch, batch as u64, None).unwrap();
        assert!(lines(&path).len() <= 1001, "batch {batch}");
    }
    drop(commits);
    let commits = join(&dir, "st-sink", -1).unwrap();
    assert_eq!(
        (commits.last(), commits.rows_of(2499), commits.rows_of(0)),
        (2499, Some(2499), None)
    );
    assert_eq!(dir.committed().unwrap(), 2499);
}

#[test]
fn records_above_a_lagging_floor_stay_however_many() {
    let (_folder, dir) = query();
    join(&dir, "lagging", 99).unwrap();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    for batch in 0..1500 {
        commits.commit(batch, 1, None).unwrap();
    }
    assert!((100..1500).all(|batch| commits.rows_of(batch) == Some(1)));
}

#[test]
fn the_floors_own_record_stays() {
    let (_folder, dir) = query();
    join(&dir, "lagging", 700).unwrap();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    for batch in 0..1001 {
        commits.commit(batch, 1, None).unwrap();
    }
    assert_eq!(
        (commits.rows_of(699), commits.rows_of(700)),
        (None, Some(1))
    );
}

#[test]
fn a_registration_removed_under_a_running_sink_is_noticed() {
    let (folder, dir) = query();
    let mut commits = join(&dir, "st-sink", -1).unwrap();
    fs::remove_file(dir.path().join("commits/st-sink")).unwrap();
    let text = message(commits.commit(0, 1, None), &folder);
    assert!(
        text.starts_with("ck/commits/st-sink: was removed while the query runs"),
        "{text}"
    );
}
