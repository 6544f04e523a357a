#![allow(clippy::unwrap_used)]
//! Growing files through everything that happens to logs. A run is stopped (SIGSTOP) while something happens that it must
//! not see half of.

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use source_tool::{Live, Outcome, Tool};

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-tail"))
}

/// A row of a hundred bytes, so that a few of them tell a file.
fn row(n: u32) -> String {
    format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(80))
}

fn rows(range: std::ops::Range<u32>) -> String {
    range.map(|n| row(n) + "\n").collect()
}

fn append(path: &Path, text: &str) {
    File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// Reads the wire until all these rows have come, in any order.
fn await_rows(live: &mut Live, range: std::ops::Range<u32>) {
    let mut missing: Vec<String> = range.map(row).collect();
    while !missing.is_empty() {
        let line = live.next();
        missing.retain(|row| *row != line);
    }
}

/// The numbers of the rows of a run, sorted: none twice, none missing.
fn numbers(outcome: Outcome) -> Vec<u32> {
    let mut numbers: Vec<u32> = outcome
        .rows()
        .iter()
        .map(|row| {
            serde_json::from_str::<serde_json::Value>(row).unwrap()["n"]
                .as_u64()
                .unwrap() as u32
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn lines_come_as_they_are_written_and_only_whole() {
    let tool = tool();
    let path = tool.file("app.json", "{\"n\":1}\n{\"n\"");
    let mut live = tool.start(&["-f", "app.json"]);
    live.until("{\"n\":1}");
    live.until("batch 0");
    append(&path, ":2}\n");
    live.until("{\"n\":2}");
    live.interrupt();
    assert_eq!(live.finish().status, 0);
}

#[test]
fn a_file_may_come_later() {
    let tool = tool();
    let mut live = tool.start(&["-f", "app.json"]);
    live.until("start -1");
    append(&tool.path("app.json"), &rows(0..1));
    await_rows(&mut live, 0..1);
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..2));
    let mut live = tool.start(&["-f", "app.json"]);
    await_rows(&mut live, 0..2);
    live.pause();
    append(&path, &rows(2..3));
    fs::rename(&path, tool.path("app.json.1")).unwrap();
    append(&path, &rows(3..4));
    live.resume();
    await_rows(&mut live, 2..4);
    // The writer has not noticed the rename yet.
    append(&tool.path("app.json.1"), &rows(4..5));
    await_rows(&mut live, 4..5);
    live.interrupt();
    assert_eq!(numbers(live.finish()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_truncated_file_begins_again_and_its_copy_gives_the_rest() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..5));
    let mut live = tool.start(&["-f", "app.json"]);
    await_rows(&mut live, 0..5);
    live.pause();
    append(&path, &rows(5..7));
    fs::copy(&path, tool.path("app.json.1")).unwrap();
    fs::write(&path, rows(7..8)).unwrap();
    live.resume();
    await_rows(&mut live, 5..8);
    live.interrupt();
    assert_eq!(numbers(live.finish()), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_file_truncated_and_grown_beyond_its_old_length_is_noticed() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..2));
    let mut live = tool.start(&["-f", "app.json"]);
    await_rows(&mut live, 0..2);
    live.pause();
    fs::write(&path, rows(2..9)).unwrap();
    live.resume();
    await_rows(&mut live, 2..9);
    live.interrupt();
    let outcome = live.finish();
    assert!(
        outcome
            .stderr
            .contains("app.json: was truncated after byte 194: begins again"),
        "{}",
        outcome.stderr
    );
    assert_eq!(numbers(outcome), (0..9).collect::<Vec<_>>());
}

#[test]
fn all_files_of_a_glob_are_followed_and_copies_are_not_read_twice() {
    let tool = tool();
    let path = tool.file("logs/a.log", rows(0..5));
    let mut live = tool.start(&["-f", "logs/*.log*", "--format", "json"]);
    await_rows(&mut live, 0..5);
    append(&tool.path("logs/b.log"), &rows(5..6));
    await_rows(&mut live, 5..6);
    // A rename gives a known file another name, a copy the same beginning.
    fs::rename(&path, tool.path("logs/a.log.1")).unwrap();
    fs::copy(tool.path("logs/a.log.1"), tool.path("logs/a.log.2")).unwrap();
    live.says("logs/a.log.2: begins like logs/a.log: taken for a copy");
    append(&path, &rows(6..7));
    append(&tool.path("logs/a.log.1"), &rows(7..8));
    await_rows(&mut live, 6..8);
    live.interrupt();
    assert_eq!(numbers(live.finish()), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn only_what_comes_is_read_if_that_is_wanted() {
    let tool = tool();
    let path = tool.file("app.csv", "a,b\n1,2\n3,4\n5");
    let mut live = tool.start(&["-f", "app.csv", "--from", "latest", "--checkpoint", "ck"]);
    live.until("start -1");
    append(&path, ",6\n");
    live.until("{\"a\":\"5\",\"b\":\"6\"}");
    live.until("batch 0");
    live.interrupt();
    live.finish().ok();
    // A later run goes on where this one ended, and knows the header.
    tool.commit("ck", 0);
    append(&path, "7,8\n");
    let line = [
        "-f",
        "app.csv",
        "--from",
        "latest",
        "--checkpoint",
        "ck",
        "--available-now",
    ];
    assert_eq!(
        tool.run(&line).ok(),
        [
            "start 0",
            "begin 1",
            "{\"a\":\"7\",\"b\":\"8\"}",
            "batch 1",
            "end"
        ]
    );
}

const LINE: [&str; 6] = [
    "-f",
    "app.json",
    "--available-now",
    "--checkpoint",
    "ck",
    "-q",
];

#[test]
fn a_restart_finds_a_renamed_file_again() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..2));
    let first = tool.run(&LINE).ok();
    append(&path, &rows(2..3));
    fs::rename(&path, tool.path("app.json.1")).unwrap();
    append(&path, &rows(3..4));
    let second = tool.run(&LINE).ok();
    assert_eq!(second[1..5], first[1..5], "batch 0 again, from app.json.1");
    assert_eq!(second[5..], ["begin 1", &row(2), &row(3), "batch 1", "end"]);
    // Nothing is read twice.
    tool.commit("ck", 1);
    assert_eq!(tool.run(&LINE).ok(), ["start 1", "end"]);
}

#[test]
fn a_restart_finds_a_compressed_copy() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..3));
    let first = tool.run(&LINE).ok();
    append(&path, &rows(3..4));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&fs::read(&path).unwrap()).unwrap();
    fs::write(tool.path("app.json.1.gz"), encoder.finish().unwrap()).unwrap();
    fs::write(&path, rows(4..5)).unwrap();
    let second = tool.run(&LINE).ok();
    assert_eq!(second[1..6], first[1..6]);
    assert_eq!(second[6..], ["begin 1", &row(3), &row(4), "batch 1", "end"]);
}

#[test]
fn another_file_with_the_same_inode_is_another_file() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..2));
    tool.run(&LINE).ok();
    tool.commit("ck", 0);
    // Written over in place, it keeps its inode: the system does the same when it uses one again.
    fs::write(&path, rows(5..9)).unwrap();
    let mut loud = LINE.to_vec();
    loud.pop();
    let second = tool.run(&loud);
    assert!(
        second
            .stderr
            .contains("app.json: the file that was read up to byte 194 is gone"),
        "{}",
        second.stderr
    );
    assert_eq!(numbers(second), [5, 6, 7, 8]);
}

#[test]
fn rows_of_several_files_are_replayed_in_the_order_they_were_read() {
    let tool = tool();
    let (a, b) = (tool.path("a.log"), tool.path("b.log"));
    append(&a, "");
    append(&b, "");
    let line = [
        "-f",
        "a.log",
        "b.log",
        "--format",
        "json",
        "--trigger",
        "1h",
        "--checkpoint",
        "ck",
    ];
    let mut live = tool.start(&line);
    live.until("start -1");
    for (n, file) in [&b, &a, &b, &b, &a].into_iter().enumerate() {
        append(file, &rows(n as u32..n as u32 + 1));
        await_rows(&mut live, n as u32..n as u32 + 1);
    }
    live.interrupt();
    live.finish().ok();
    let again: Vec<&str> = line
        .iter()
        .copied()
        .chain(["--available-now"])
        .filter(|word| !matches!(*word, "--trigger" | "1h"))
        .collect();
    assert_eq!(tool.run(&again).rows().join("\n") + "\n", rows(0..5));
}

#[test]
fn what_is_recorded_and_gone_is_refused() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..2));
    tool.run(&LINE).ok();
    fs::remove_file(&path).unwrap();
    let refused = tool.run(&LINE);
    assert_eq!(
        refused.failure(1),
        "batch 0 cannot be read again: app.json: bytes 0 to 194 are gone, under any name of its folder: put the file back, or go on without them with --skip-lost"
    );
    let line: Vec<&str> = LINE.into_iter().chain(["--skip-lost"]).collect();
    assert_eq!(tool.run(&line).ok()[1..], ["begin 0", "batch 0", "end"]);
}

#[test]
fn a_restored_file_is_found_by_what_it_is() {
    let tool = tool();
    let path = tool.file("app.json", rows(0..4));
    let first = tool.run(&LINE).ok();
    // Another inode, the same content, under another name.
    fs::write(tool.path("restored.json"), rows(0..5)).unwrap();
    fs::remove_file(&path).unwrap();
    let second = tool.run(&LINE).ok();
    assert_eq!(second[1..7], first[1..7]);
    assert_eq!(second[7..], ["begin 1", &row(4), "batch 1", "end"]);
}

#[test]
fn the_unfinished_line_of_an_only_run_is_read() {
    let tool = tool();
    tool.file("app.txt", "a\nb");
    assert_eq!(
        tool.run(&["-f", "app.txt", "--available-now"]).rows(),
        ["{\"value\":\"a\"}", "{\"value\":\"b\"}"]
    );
}

#[test]
fn places_outlive_their_records() {
    let tool = tool();
    let path = tool.file("app.json", "");
    let line = [
        "-f",
        "app.json",
        "--available-now",
        "--checkpoint",
        "ck",
        "--max-rows-per-trigger",
        "1",
        "--durability",
        "process",
    ];
    append(&path, &rows(0..230));
    tool.run(&line).ok();
    tool.commit("ck", 229);
    append(&path, &rows(230..231));
    assert_eq!(
        tool.run(&line).ok()[1..],
        ["begin 230", &row(230), "batch 230", "end"]
    );
    assert!(tool.records("ck/offsets/st-tail").len() < 10);
    tool.commit("ck", 230);
    append(&path, &rows(231..232));
    assert_eq!(
        tool.run(&line).ok()[1..],
        ["begin 231", &row(231), "batch 231", "end"]
    );
}

#[test]
fn a_file_that_was_replaced_long_ago_is_read_to_its_very_end() {
    let tool = tool();
    let path = tool.file("app.txt", "a\nb");
    let line = [
        "-f",
        "app.txt",
        "--available-now",
        "--checkpoint",
        "ck",
        "-q",
    ];
    // The file's times are old, as the harness writes it; its last line may still be written.
    assert_eq!(tool.run(&line).rows(), ["{\"value\":\"a\"}"]);
    tool.commit("ck", 0);
    fs::rename(&path, tool.path("app.txt.1")).unwrap();
    append(&path, "c\n");
    assert_eq!(
        tool.run(&line).rows(),
        ["{\"value\":\"c\"}", "{\"value\":\"b\"}"]
    );
    tool.commit("ck", 1);
    assert_eq!(tool.run(&line).rows(), Vec::<String>::new());
}
