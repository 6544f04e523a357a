//! State files under damage: every truncation and every flipped bit is repaired (an unfinished
//! tail) or refused (anything else), and never read as another state.

use std::fs;

use st_checkpoint::StateFile;

use crate::state::{Keys, fill, filled, keys, open, with_state};
use crate::support::{put, query};

/// Ends of the closing lines of epochs −1, 0, 1, ….
fn closings(bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if line.starts_with(b"{\"epoch\":") {
            ends.push(at);
        }
    }
    ends
}

/// The state as of the epoch, or `None` if it is refused; then with one line of explanation.
fn outcome(opened: anyhow::Result<StateFile>) -> Option<(i64, Keys)> {
    match opened {
        Ok(state) => Some((state.epoch(), keys(&state))),
        Err(error) => {
            let shown = format!("{error:#}");
            assert!(
                shown.contains("state/st-agg@0.ndjson: ") && !shown.contains('\n'),
                "{shown}"
            );
            None
        }
    }
}

#[test]
fn truncation_at_every_byte_is_refused_or_cuts_an_unfinished_tail() {
    let (_folder, dir) = with_state();
    let path = dir.path().join("state/st-agg@0.ndjson");
    let whole = fs::read(&path).unwrap();
    let ends = closings(&whole);
    for length in 0..whole.len() {
        let closed = ends.iter().filter(|end| **end <= length).count() as i64 - 2;
        for epoch in 0..4 {
            put(&path, &whole[..length]);
            let expected =
                (epoch <= closed).then(|| (epoch, filled()[epoch as usize + 1].0.clone()));
            assert_eq!(
                outcome(open(&dir, epoch)),
                expected,
                "{length} bytes, epoch {epoch}"
            );
            if expected.is_none() {
                assert_eq!(fs::read(&path).unwrap(), &whole[..length], "left as it is");
            }
        }
    }
}

#[test]
fn a_flipped_bit_at_every_place_is_refused_or_lies_in_what_is_cut() {
    let (_folder, dir) = with_state();
    let path = dir.path().join("state/st-agg@0.ndjson");
    let mut state = open(&dir, 3).unwrap();
    state.put(b"9", b"9").unwrap();
    drop(state);
    let whole = fs::read(&path).unwrap();
    let ends = closings(&whole);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[at] ^= 1 << bit;
            for epoch in [0, 3] {
                put(&path, &broken);
                let index = epoch as usize + 1;
                let expected = (at >= ends[index]).then(|| (epoch, filled()[index].0.clone()));
                assert_eq!(
                    outcome(open(&dir, epoch)),
                    expected,
                    "byte {at} bit {bit} epoch {epoch}"
                );
            }
        }
    }
}

#[test]
fn a_missing_or_doubled_or_swapped_line_is_refused() {
    let (_folder, dir) = with_state();
    let path = dir.path().join("state/st-agg@0.ndjson");
    let whole = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    for at in 0..lines.len() {
        let mut missing = lines.clone();
        missing.remove(at);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        let mut swapped = lines.clone();
        swapped.swap(at, (at + 1) % lines.len());
        for broken in [missing, doubled, swapped] {
            let broken = broken.concat();
            put(&path, &broken);
            // Epochs 1 and 2 close without a change between them, so a lost last line shows
            // only as an earlier end, which an epoch asked for does not accept.
            let got = outcome(open(&dir, 3));
            let harmless = broken.starts_with(&whole);
            assert_eq!(got.is_some(), harmless, "line {at}");
        }
    }
}

#[test]
fn messages_name_file_epoch_and_byte() {
    let (folder, dir) = with_state();
    let path = dir.path().join("state/st-agg@0.ndjson");
    let whole = fs::read(&path).unwrap();
    let mut broken = whole.clone();
    let ends = closings(&whole);
    broken[ends[1] + 10] ^= 1;
    put(&path, &broken);
    let line = whole[ends[1]..].iter().position(|b| *b == b'\n').unwrap() + ends[1] + 1;
    assert_eq!(
        crate::support::message(open(&dir, 3), &folder),
        format!(
            "ck/state/st-agg@0.ndjson: epoch 1: byte {line}: damaged, the checksum up to here \
             differs: restore it from a copy, or start afresh with a new --checkpoint"
        )
    );
}

#[test]
fn a_damaged_new_generation_does_not_fall_back_to_the_old_one_silently() {
    let (_folder, dir) = query();
    let mut state = open(&dir, -1).unwrap();
    fill(&mut state);
    let live = keys(&state);
    state
        .compact(|put| {
            live.iter()
                .try_for_each(|(k, v)| put(k.as_bytes(), v.as_bytes()))
        })
        .unwrap();
    drop(state);
    let new = dir.path().join("state/st-agg@4.ndjson");
    let mut bytes = fs::read(&new).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    put(&new, &bytes);
    assert!(open(&dir, 3).is_err());
    // At an epoch the old one serves, the new one is not needed and not read.
    assert_eq!(open(&dir, 2).unwrap().epoch(), 2);
}
