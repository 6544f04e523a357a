//! What a user of `st-state` sees. The checkpoints are made by the library, as the tools would.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use st_checkpoint::{
    Commits, Durability, Holder, Kind, OffsetRecord, Offsets, Patience, QueryDir, Recorded,
    StateFile,
};
use tempfile::TempDir;

struct Done {
    out: String,
    said: String,
    status: i32,
}

fn state_with(fail: Option<&str>, args: &[&str], input: &str) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-state"));
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(point) = fail {
        command.env("ST_FAIL", point);
    }
    let mut child = command.spawn().unwrap();
    // Who does not read its input may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        out: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap_or(-1),
    }
}

fn state(args: &[&str]) -> Done {
    state_with(None, args, "")
}

fn lines(done: Done) -> Vec<Value> {
    assert_eq!((done.status, done.said.as_str()), (0, ""));
    done.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A query of three batches, with one stage and two sinks, of which `slow` has only the first batch.
fn query() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ck");
    let dir = QueryDir::create_or_open(&path, Kind::Query, Durability::Process, "st-tail").unwrap();
    let mut offsets =
        Offsets::open(&dir, "st-tail", &json!({"paths": ["in"]}), &|_| false).unwrap();
    let mut agg = StateFile::open(
        &dir,
        "st-agg",
        &json!({"by": ["k"], "limit": 3}),
        -1,
        &|_| false,
    )
    .unwrap();
    let plan = [
        json!({"tool": "st-tail", "name": "st-tail"}),
        json!({"tool": "st-agg", "name": "st-agg"}),
    ];
    let mut fast = Commits::register(&dir, "fast", -1, &json!({"file": "a"}), &plan).unwrap();
    let mut slow = Commits::register(&dir, "slow", -1, &json!({"file": "b"}), &plan).unwrap();
    for batch in 0..3 {
        let record = OffsetRecord {
            batch,
            time: "2025-01-15T10:30:00.000Z".to_string(),
            is_final: false,
            rows: 1,
            range: Recorded::new(&json!({})).unwrap(),
            memory: None,
            filled: false,
            since: None,
        };
        offsets.append(&record).unwrap();
        agg.put(b"[\"all\"]", format!("[{batch}]").as_bytes())
            .unwrap();
        match batch {
            0 => agg.put(b"[\"x\"]", b"[7]").unwrap(),
            1 => agg.put(b"[\"y\"]", b"[8]").unwrap(),
            _ => agg.remove(b"[\"x\"]").unwrap(),
        }
        agg.close_epoch(batch, 2, "null").unwrap();
        fast.commit(batch, 1, None).unwrap();
        if batch == 0 {
            slow.commit(batch, 1, None).unwrap();
        }
    }
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_checkpoint_is_listed() {
    let (_folder, dir) = query();
    let listed = lines(state(&["list", text(&dir)]));
    assert_eq!(listed[0]["floor"], 0);
    assert_eq!(
        listed[1..],
        [
            json!({"source": "st-tail", "first": 0, "last": 2, "definition": {"paths": ["in"]}}),
            json!({"stage": "st-agg", "first": -1, "last": 2, "keys": 2, "definition": {"by": ["k"], "limit": 3}}),
            json!({"sink": "fast", "joined": -1, "last": 2, "ahead": 2, "target": {"file": "a"}}),
            json!({"sink": "slow", "joined": -1, "last": 0, "ahead": 0, "target": {"file": "b"}}),
        ]
    );
}

#[test]
fn states_are_shown_and_compared_at_any_epoch() {
    let (_folder, dir) = query();
    let row = |epoch: i64, key: &str, value: i64| json!({"stage": "st-agg", "epoch": epoch, "key": [key], "value": [value]});
    let show = |args: &[&str]| lines(state(&[&["show", text(&dir)], args].concat()));
    assert_eq!(show(&[]), [row(2, "all", 2), row(2, "y", 8)]);
    assert_eq!(
        show(&["st-agg", "--epoch", "1"]),
        [row(1, "all", 1), row(1, "x", 7), row(1, "y", 8)]
    );
    assert_eq!(show(&["st-agg", "--epoch", "-1"]), [] as [Value; 0]);
    let diff = lines(state(&[
        "diff",
        text(&dir),
        "st-agg",
        "--from",
        "0",
        "--to",
        "2",
    ]));
    assert_eq!(
        diff,
        [
            json!({"change": "changed", "key": ["all"], "from": [0], "to": [2]}),
            json!({"change": "removed", "key": ["x"], "from": [7]}),
            json!({"change": "added", "key": ["y"], "to": [8]}),
        ]
    );
}

#[test]
fn what_was_read_is_told_if_asked() {
    let (_folder, dir) = query();
    let ck = text(&dir);
    for (args, said) in [
        (
            &["list", ck, "-v"][..],
            "st-state: every sink has batch 0: the next run starts behind it\n",
        ),
        (
            &["-v", "show", ck],
            "st-state: st-agg: read as of epoch 2, the last one kept: 2 keys\n",
        ),
        (
            &["show", ck, "st-agg", "--epoch", "1", "-vv"],
            "st-state: st-agg: read as of epoch 1, as asked: 3 keys\nst-state: st-agg: defined by {\"by\":[\"k\"],\"limit\":3}\n",
        ),
    ] {
        let done = state(args);
        assert_eq!((done.status, done.said.as_str()), (0, said), "{args:?}");
        assert!(!done.out.is_empty());
    }
}

#[test]
fn what_is_not_there_is_named() {
    let (folder, dir) = query();
    let ck = text(&dir);
    for (args, said) in [
        (
            &["show", ck, "st-agg", "--epoch", "9"][..],
            format!("{ck}: no epoch 9 of st-agg: those kept are -1 to 2"),
        ),
        (
            &["show", ck, "other"],
            format!("{ck}: no state of a stage `other`: there are st-agg"),
        ),
        (
            &["show", text(folder.path())],
            format!(
                "{}: no checkpoint there: name the folder given to --checkpoint",
                folder.path().display()
            ),
        ),
        (
            &["forget", ck, "other"],
            format!("{ck}: no sink is called `other`: there are fast, slow"),
        ),
    ] {
        let done = state(args);
        assert_eq!((done.status, done.said), (1, format!("st-state: {said}\n")));
        assert_eq!(done.out, "", "no wire");
    }
    let file = dir.join("state/st-agg@0.ndjson");
    let damaged = std::fs::read_to_string(&file)
        .unwrap()
        .replacen("[7]", "[9]", 1);
    std::fs::write(&file, damaged).unwrap();
    let done = state(&["show", ck]);
    assert_eq!(done.status, 1);
    assert!(done.said.contains("epoch 0: byte"), "{}", done.said);
    assert_eq!(done.out, "", "nothing is shown that is not proven");
}

fn plan(agg: &Value, source: &Value, sinks: &[&str]) -> String {
    let sinks = sinks
        .iter()
        .map(|sink| json!({"plan": [{"tool": "st-sink", "name": sink, "options": {}}]}));
    json!({"plan": [
        {"tool": "st-tail", "name": "st-tail", "options": {}, "schema": "", "kept": {"definition": source, "safe": []}},
        {"tool": "st-agg", "name": "st-agg", "options": {}, "kept": {"definition": agg, "safe": ["limit"]}},
        {"tool": "st-dedup", "name": "st-dedup", "options": {}, "kept": {"definition": {"by": ["k"]}, "safe": []}},
        {"tool": "st-tee", "name": "st-tee", "options": {}, "branches": sinks.collect::<Vec<_>>()},
    ]})
    .to_string()
}

#[test]
fn a_changed_line_is_told_whether_it_may_go_on() {
    let (_folder, dir) = query();
    let ck = text(&dir);
    let source = json!({"paths": ["in"]});
    let both = ["fast", "slow"];
    let check = |plan: String| state_with(None, &["check", ck], &plan);
    let same = json!({"by": ["k"], "limit": 3});
    let done = check(plan(&same, &source, &both));
    assert_eq!(
        (done.status, done.out.as_str()),
        (
            0,
            "st-tail: goes on\nst-agg: goes on\nst-dedup: is new and begins empty\n"
        )
    );
    let other = json!({"by": ["k", "n"], "limit": 4});
    let done = check(plan(&other, &json!({"paths": ["out"]}), &["fast"]));
    assert_eq!(done.status, 1);
    assert_eq!(
        done.out,
        format!(
            "st-tail: refused: paths[0] was \"in\", now \"out\"\n\
             st-agg: refused: by[1] was nothing, now \"n\"; limit was 3, now 4 (safe)\n\
             st-dedup: is new and begins empty\n\
             slow: this sink is not in this line and would hold it back: st-state forget {ck} slow\n"
        )
    );
    assert_eq!(
        done.said,
        format!(
            "st-state: {ck}: this line may not go on from here: 3 of its stages stand against it\n"
        )
    );
    // A safe change waits for the sinks to agree, as at a start.
    let safe = json!({"by": ["k"], "limit": 4});
    let done = check(plan(&safe, &source, &both));
    assert_eq!(done.status, 1);
    assert!(
        done.out.contains(
            "st-agg: limit was 3, now 4: waits until sink fast stands where the others do"
        ) || done.out.contains(
            "st-agg: limit was 3, now 4 (safe): waits until sink fast stands where the others do"
        ),
        "{}",
        done.out
    );
    assert_eq!(state(&["forget", ck, "slow"]).status, 0);
    let done = check(plan(&safe, &source, &["fast"]));
    assert_eq!(
        (done.status, done.out.lines().nth(1)),
        (0, Some("st-agg: goes on: limit was 3, now 4 (safe)"))
    );
    let done = check("st-tail: failed".to_string());
    assert_eq!(done.status, 1);
    assert_eq!(
        done.said,
        "st-state: stdin: not a plan: give the source --explain=json and end the line with st-sink\n"
    );
}

#[test]
fn a_sink_is_forgotten_unless_the_query_runs() {
    let (_folder, dir) = query();
    let ck = text(&dir);
    let look = QueryDir::open_to_look(&dir).unwrap();
    let holder = Holder::this("st-agg", "2025-01-15T10:00:00.000Z");
    let running = look
        .lock(
            "st-agg",
            &holder,
            &mut Patience::new(Duration::ZERO, |_| Ok(())),
            &mut |_| {},
        )
        .unwrap();
    let done = state(&["forget", ck, "slow"]);
    assert_eq!(done.status, 1);
    assert!(
        done.said.contains("still held by st-agg (process"),
        "{}",
        done.said
    );
    // Looking goes on.
    assert_eq!(state(&["show", ck]).status, 0);
    drop(running);
    let done = state(&["forget", ck, "slow"]);
    assert_eq!(
        (done.status, done.said.as_str()),
        (
            0,
            "st-state: slow: forgotten; the next run starts behind batch 2\n"
        )
    );
    let done = state(&["forget", ck, "fast"]);
    assert_eq!(done.status, 2);
    assert!(
        done.said
            .starts_with("st-state: fast: is the only sink: without it"),
        "{}",
        done.said
    );
    let done = state(&["forget", ck, "fast", "--force"]);
    assert_eq!(
        (done.status, done.said.as_str()),
        (0, "st-state: fast: forgotten; no sink is left\n")
    );
}

#[test]
fn forgetting_can_be_killed_and_repeated() {
    for count in 1..4 {
        let (_folder, dir) = query();
        let ck = text(&dir);
        for folder in ["progress", "replaying"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        std::fs::write(dir.join("progress/slow"), "{}\n").unwrap();
        std::fs::write(
            dir.join("replaying/slow"),
            "{\"sink\":\"slow\",\"epoch\":0}\n",
        )
        .unwrap();
        let killed = state_with(
            Some(&format!("forget.before_remove:{count}")),
            &["forget", ck, "slow"],
            "",
        );
        assert_eq!(killed.status, -1, "{}", killed.said);
        let done = state(&["forget", ck, "slow"]);
        assert_eq!(done.status, 0, "{}", done.said);
        for folder in ["progress", "replaying", "commits"] {
            assert!(!dir.join(folder).join("slow").exists(), "{folder}");
        }
        assert_eq!(
            QueryDir::open_to_look(&dir).unwrap().committed().unwrap(),
            2
        );
    }
}
