//! The spool: positions, sealed batches, kept tails, forgotten segments.

use std::fs;

use st_checkpoint::{QueryDir, Spool};

use crate::support::{files, message, put, query};

fn read(spool: &Spool, from: u64, to: u64, crc: u32) -> anyhow::Result<String> {
    let mut got = Vec::new();
    spool.read(from, to, crc, &mut |block| {
        got.extend_from_slice(block);
        Ok(())
    })?;
    Ok(String::from_utf8(got)?)
}

fn unrecorded(spool: &Spool, recorded: u64) -> String {
    let mut got = Vec::new();
    spool
        .read_unrecorded(recorded, &mut |block| {
            got.extend_from_slice(block);
            Ok(())
        })
        .unwrap();
    String::from_utf8(got).unwrap()
}

/// Segments of about ten bytes; per batch its end and checksum.
fn filled(dir: &QueryDir, batches: &[&str]) -> (Spool, Vec<(u64, u32)>) {
    let mut spool = Spool::open_sized(dir, "st-listen", 0, 10).unwrap();
    let mut ends = vec![(0, 0)];
    for batch in batches {
        for line in batch.split_inclusive('\n') {
            spool.append(line.as_bytes()).unwrap();
        }
        let crc = spool.seal().unwrap();
        ends.push((spool.position(), crc));
    }
    (spool, ends)
}

#[test]
fn batches_are_read_again_across_segments() {
    let (_folder, dir) = query();
    let (spool, ends) = filled(&dir, &["one\ntwo\n", "three\nfour\n", "", "five\n"]);
    assert_eq!(
        files(&dir.path().join("sources")),
        [
            "st-listen.spool/00000000000000000000",
            "st-listen.spool/00000000000000000019"
        ]
    );
    let all = ["one\ntwo\n", "three\nfour\n", "", "five\n"];
    for (i, batch) in all.iter().enumerate() {
        assert_eq!(
            read(&spool, ends[i].0, ends[i + 1].0, ends[i + 1].1).unwrap(),
            *batch
        );
    }
    drop(spool);
    let spool = Spool::open_sized(&dir, "st-listen", ends[4].0, 10).unwrap();
    assert_eq!(
        read(&spool, ends[3].0, ends[4].0, ends[4].1).unwrap(),
        "five\n"
    );
    assert_eq!(unrecorded(&spool, ends[4].0), "");
}

#[test]
fn lines_no_batch_has_are_kept_and_belong_to_the_next() {
    let (_folder, dir) = query();
    let (spool, ends) = filled(&dir, &["one\n", "two\nthree\n"]);
    drop(spool);
    // Only the first was recorded before the run died.
    let mut spool = Spool::open_sized(&dir, "st-listen", ends[1].0, 10).unwrap();
    assert_eq!(unrecorded(&spool, ends[1].0), "two\nthree\n");
    spool.append(b"four\n").unwrap();
    let crc = spool.seal().unwrap();
    let end = spool.position();
    assert_eq!(
        read(&spool, ends[1].0, end, crc).unwrap(),
        "two\nthree\nfour\n"
    );
}

#[test]
fn a_line_is_in_the_spool_before_it_can_be_passed_on() {
    let (_folder, dir) = query();
    let mut spool = Spool::open(&dir, "st-listen", 0).unwrap();
    spool.append(b"one\n").unwrap();
    // No seal, and no end that could write what is left: as after kill -9.
    std::mem::forget(spool);
    let spool = Spool::open(&dir, "st-listen", 0).unwrap();
    assert_eq!(unrecorded(&spool, 0), "one\n");
}

#[test]
fn an_unfinished_last_line_is_cut() {
    let (_folder, dir) = query();
    let (spool, ends) = filled(&dir, &["one\ntwo\n"]);
    drop(spool);
    let path = dir
        .path()
        .join("sources/st-listen.spool/00000000000000000000");
    put(&path, "one\ntwo\nthree\nfo");
    let spool = Spool::open_sized(&dir, "st-listen", ends[1].0, 10).unwrap();
    assert_eq!(
        (spool.position(), unrecorded(&spool, ends[1].0).as_str()),
        (14, "three\n")
    );
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    drop(spool);
    put(&path, "one\ntwo\nth");
    let spool = Spool::open_sized(&dir, "st-listen", ends[1].0, 10).unwrap();
    assert_eq!(spool.position(), 8);
}

#[test]
fn what_lies_below_a_position_is_forgotten_by_segments() {
    let (folder, dir) = query();
    let (mut spool, ends) = filled(&dir, &["0123456789\n", "abcdefghij\n", "ABC\n"]);
    spool.forget_below(10).unwrap();
    assert_eq!(files(&dir.path().join("sources")).len(), 3);
    spool.forget_below(ends[2].0).unwrap();
    assert_eq!(
        files(&dir.path().join("sources")),
        ["st-listen.spool/00000000000000000022"]
    );
    assert_eq!(
        read(&spool, ends[2].0, ends[3].0, ends[3].1).unwrap(),
        "ABC\n"
    );
    let text = message(read(&spool, ends[1].0, ends[2].0, ends[2].1), &folder);
    assert!(
        text.starts_with("ck/sources/st-listen.spool: byte 11 is gone"),
        "{text}"
    );
    drop(spool);
    let spool = Spool::open_sized(&dir, "st-listen", ends[3].0, 10).unwrap();
    assert_eq!(
        read(&spool, ends[2].0, ends[3].0, ends[3].1).unwrap(),
        "ABC\n"
    );
}

#[test]
fn a_damaged_batch_is_refused_before_any_of_it_is_handed_out() {
    let (folder, dir) = query();
    let (spool, ends) = filled(&dir, &["one\ntwo\n"]);
    let path = dir
        .path()
        .join("sources/st-listen.spool/00000000000000000000");
    for at in 0..8 {
        for bit in 0..8 {
            let mut bytes = b"one\ntwo\n".to_vec();
            bytes[at] ^= 1 << bit;
            put(&path, &bytes);
            let mut blocks = 0;
            let refused = spool.read(0, 8, ends[1].1, &mut |_| {
                blocks += 1;
                Ok(())
            });
            assert!(
                message(refused, &folder).contains("bytes 0 to 8: damaged, the checksum differs")
            );
            assert_eq!(blocks, 0);
        }
    }
}

#[test]
fn a_spool_shorter_than_the_offsets_say_is_refused() {
    let (folder, dir) = query();
    let (spool, ends) = filled(&dir, &["one\n", "two\n"]);
    drop(spool);
    let path = dir
        .path()
        .join("sources/st-listen.spool/00000000000000000000");
    put(&path, "one\ntw");
    let text = message(Spool::open(&dir, "st-listen", ends[2].0), &folder);
    assert!(
        text.contains("ends at byte 6, but the offsets count on 8"),
        "{text}"
    );
    fs::remove_file(&path).unwrap();
    assert!(Spool::open(&dir, "st-listen", ends[2].0).is_err());
}
