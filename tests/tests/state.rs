#![allow(clippy::unwrap_used)]
//! The state file as `st-agg` itself writes and reads it: an epoch costs what it changes, and damage is never taken for state.

use std::fmt::Write as _;
use std::path::Path;

use st_tests::{Outcome, bash, bin, run};

fn ran(folder: &Path, line: &str) -> Outcome {
    run(bash(&bin().unwrap(), folder, line)).unwrap()
}

fn done(folder: &Path, line: &str) -> Outcome {
    let outcome = ran(folder, line);
    assert_eq!(outcome.status, 0, "{line}: {}", outcome.err());
    outcome
}

/// Ends of the closing lines.
fn closings(bytes: &[u8]) -> Vec<usize> {
    let (mut ends, mut at) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if line.starts_with(b"{\"epoch\":") {
            ends.push(at);
        }
    }
    ends
}

/// A million keys, then batches that change a hundred of them: each is a hundred lines and their closing line behind the
/// million's, and nothing is written anew.
#[test]
fn an_epoch_costs_the_keys_it_changes_and_not_those_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let keys = 1_000_000;
    let mut rows = String::with_capacity(16 * keys);
    for key in 0..keys {
        writeln!(rows, "{{\"k\":{key}}}").unwrap();
    }
    std::fs::create_dir(folder.join("in")).unwrap();
    std::fs::write(folder.join("in/00.json"), rows).unwrap();
    let batches = 20;
    for batch in 1..=batches {
        let rows: String = (0..100)
            .map(|n| format!("{{\"k\":{}}}\n", (batch * 7919 + n * 9973) % keys))
            .collect();
        std::fs::write(folder.join(format!("in/{batch:02}.json")), rows).unwrap();
    }
    done(folder, "touch -d @1700000000 in/*.json");
    let line = "st-tail in --max-files-per-trigger 1 --available-now --checkpoint ck --durability process -q |
      st-agg --by k -q | st-sink null -q";
    done(folder, line);
    let state: Vec<_> = std::fs::read_dir(folder.join("ck/state"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(state.len(), 1, "{state:?}");
    let bytes = std::fs::read(&state[0]).unwrap();
    let ends = closings(&bytes);
    // The empty beginning, the million, then the small ones.
    assert_eq!(ends.len(), 2 + batches);
    let first = ends[1];
    assert!(first > 10 * keys, "{first} bytes for a million keys");
    for pair in ends[1..].windows(2) {
        let epoch = &bytes[pair[0]..pair[1]];
        assert_eq!(epoch.iter().filter(|b| **b == b'\n').count(), 101);
        assert!(
            epoch.len() < 101 * 64,
            "{} bytes for a hundred keys",
            epoch.len()
        );
    }
}

/// A query of three batches whose sink was killed before it committed the last: state as of 2, commits as of 1. `wire` is what
/// the source sends to a run after that.
fn interrupted(folder: &Path) -> Vec<u8> {
    std::fs::create_dir(folder.join("in")).unwrap();
    for batch in 0..3 {
        let rows: String = (0..4)
            .map(|n| format!("{{\"k\":\"key {}\",\"v\":{n}.5}}\n", (batch + n) % 5))
            .collect();
        std::fs::write(folder.join(format!("in/{batch}.json")), rows).unwrap();
    }
    done(folder, "touch -d @1700000000 in/*.json");
    let source = "st-tail in --max-files-per-trigger 1 --available-now --checkpoint ck -q";
    let killed = format!(
        "{source} | {AGG} | ST_FAIL=sink.before_commit:3 st-sink sqlite out.db --table t -q"
    );
    assert_ne!(ran(folder, &killed).status, 0);
    done(folder, &format!("{source} > wire"));
    std::fs::read(folder.join(STATE)).unwrap()
}

const AGG: &str = "st-agg --by k --agg 'sum(v) as v, count(*) as n' -q";
const STATE: &str = "ck/state/st-agg@0.ndjson";

/// What `st-agg` makes of this state file.
fn with(folder: &Path, state: &[u8]) -> Outcome {
    std::fs::write(folder.join(STATE), state).unwrap();
    let outcome = ran(folder, &format!("{AGG} < wire"));
    assert!(!outcome.err().contains("panicked"), "{}", outcome.err());
    outcome
}

/// The commit is of epoch 1: all of the file behind that is cut unread, whatever stands there.
#[test]
fn what_follows_the_committed_epoch_is_cut_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = interrupted(folder);
    let ends = closings(&whole);
    assert_eq!(ends.len(), 4);
    let sound = with(folder, &whole);
    assert_eq!(sound.status, 0, "{}", sound.err());
    assert!(
        sound.out().contains("\"$st\":\"batch\",\"id\":2"),
        "{}",
        sound.out()
    );
    let rows = |outcome: &Outcome| -> Vec<String> {
        let lines = outcome.out();
        lines
            .lines()
            .filter(|line| !line.starts_with("{\"$st\""))
            .map(str::to_string)
            .collect()
    };
    let check = |state: &[u8], what: &str| {
        let outcome = with(folder, state);
        assert_eq!(outcome.status, 0, "{what}: {}", outcome.err());
        assert_eq!(rows(&outcome), rows(&sound), "{what}");
        assert_eq!(std::fs::read(folder.join(STATE)).unwrap(), whole, "{what}");
    };
    for length in ends[2]..whole.len() {
        check(&whole[..length], &format!("cut at {length}"));
        let mut flipped = whole.clone();
        flipped[length] ^= 1 << (length % 8);
        check(&flipped, &format!("a bit flipped at {length}"));
    }
}

/// All of it up to the committed epoch must be as it was written.
#[test]
fn a_damaged_committed_epoch_is_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = interrupted(folder);
    let ends = closings(&whole);
    let check = |state: &[u8], what: &str| {
        let outcome = with(folder, state);
        assert_eq!(outcome.status, 1, "{what}");
        let said = outcome.err();
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
        assert!(
            said.starts_with("st-agg: ") && said.contains("st-agg@0.ndjson"),
            "{what}: {said}"
        );
        assert!(
            !outcome.out().contains("\"k\":"),
            "{what}: {}",
            outcome.out()
        );
        assert_eq!(
            std::fs::read(folder.join(STATE)).unwrap(),
            state,
            "{what}: left as it is"
        );
    };
    for at in ends[1]..ends[2] {
        check(&whole[..at], &format!("cut at {at}"));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        check(&flipped, &format!("a bit flipped at {at}"));
    }
    for at in (0..ends[1]).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        check(&flipped, &format!("a bit flipped at {at}"));
    }
    std::fs::remove_file(folder.join(STATE)).unwrap();
    let outcome = ran(folder, &format!("{AGG} < wire"));
    assert_eq!(
        (outcome.status, outcome.err().lines().count()),
        (1, 1),
        "{}",
        outcome.err()
    );
}
