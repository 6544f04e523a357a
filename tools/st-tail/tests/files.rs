#![allow(clippy::unwrap_used)]
//! Files, directories and globs as a user sees them.

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use std::io::Write;

use source_tool::Tool;

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-tail"))
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Rows `{"n":from}` …
fn rows(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// The wire without its rows' text.
fn shape(wire: &[String]) -> String {
    let lines = wire.iter().map(|line| {
        if line.starts_with('{') {
            "row"
        } else {
            line.as_str()
        }
    });
    lines.collect::<Vec<_>>().join(", ")
}

#[test]
fn named_files_are_one_final_batch() {
    let tool = tool();
    tool.file("b.json", "{\"a\" : 1}\n{\"a\":2}");
    tool.file("a.json", "{\"a\":3}\n");
    assert_eq!(
        tool.run(&["a.json", "b.json"]).ok(),
        [
            "start -1",
            "begin 0",
            "{\"a\" : 1}",
            "{\"a\":2}",
            "{\"a\":3}",
            "batch 0 final",
            "end"
        ]
    );
}

#[test]
fn a_directory_is_read_oldest_first_and_some_names_are_left_alone() {
    let tool = tool();
    for (name, n) in [
        ("in/z.json", 0),
        ("in/a.json", 1),
        ("in/.x.json", 9),
        ("in/_S.json", 9),
        ("in/b.json.tmp", 9),
        ("in/sub/c.json", 2),
    ] {
        tool.file(name, rows(n..n + 1));
    }
    tool.file("in/empty.json", "");
    let wire = tool
        .run(&["in/", "--available-now", "--max-files-per-trigger", "1"])
        .ok();
    assert_eq!(
        wire[1..],
        [
            "begin 0",
            "{\"n\":0}",
            "batch 0",
            "begin 1",
            "{\"n\":1}",
            "batch 1 final",
            "end"
        ]
    );
    assert_eq!(
        tool.run(&["in", "--available-now", "--latest-first"])
            .rows(),
        ["{\"n\":1}", "{\"n\":0}"]
    );
    assert_eq!(
        tool.run(&["in", "--available-now", "--recursive"])
            .rows()
            .len(),
        3
    );
}

#[test]
fn globs_reach_into_folders() {
    let tool = tool();
    for (name, n) in [
        ("in/1/a.json", 0),
        ("in/2/b.json", 1),
        ("in/2/b.csv", 9),
        ("in/2/3/c.json", 2),
        ("in/x.json", 3),
    ] {
        tool.file(name, rows(n..n + 1));
    }
    let read = |glob: &str| tool.run(&[glob, "--available-now"]).rows().join("");
    assert_eq!(read("in/*/*.json"), "{\"n\":0}{\"n\":1}");
    assert_eq!(read("in/{1,2}/?.json"), "{\"n\":0}{\"n\":1}");
    assert_eq!(read("in/*/b.json"), "{\"n\":1}");
    assert_eq!(read("in/**/*.json"), "{\"n\":0}{\"n\":1}{\"n\":2}{\"n\":3}");
    assert_eq!(read("*/[x-z].json"), "{\"n\":3}");
}

#[test]
fn a_watched_directory_gives_each_new_file_once() {
    let tool = tool();
    tool.file("in/a.json", rows(0..1));
    let mut live = tool.start(&["in"]);
    live.until("batch 0");
    std::fs::rename(tool.file("new.json", rows(1..3)), tool.path("in/new.json")).unwrap();
    assert_eq!(
        live.until("batch 1"),
        ["begin 1", "{\"n\":1}", "{\"n\":2}", "batch 1"]
    );
    // Begun empty and filled later, as a shell's redirection does.
    std::fs::write(tool.path("in/slow.json"), "").unwrap();
    std::fs::write(tool.path("in/other.json"), rows(3..4)).unwrap();
    assert_eq!(live.until("batch 2"), ["begin 2", "{\"n\":3}", "batch 2"]);
    std::fs::write(tool.path("in/slow.json"), rows(4..5)).unwrap();
    assert_eq!(live.until("batch 3"), ["begin 3", "{\"n\":4}", "batch 3"]);
    live.interrupt();
    assert_eq!(
        live.finish().ok().split_off(14),
        ["begin 4", "batch 4 final", "end"]
    );
}

#[test]
fn limits_cut_batches() {
    let tool = tool();
    tool.file("in/a.json", rows(0..3));
    tool.file("in/b.json", rows(3..4));
    let run = |option: &str, value: &str| {
        shape(&tool.run(&["in", "--available-now", option, value]).ok()[1..])
    };
    let halves = "begin 0, row, row, batch 0, begin 1, row, row, batch 1 final, end";
    assert_eq!(run("--max-rows-per-trigger", "2"), halves);
    // A row and its newline have eight bytes: the second one reaches nine.
    assert_eq!(run("--max-bytes-per-trigger", "9"), halves);
    assert_eq!(
        run("--max-files-per-trigger", "1"),
        "begin 0, row, row, row, batch 0, begin 1, row, batch 1 final, end"
    );
}

#[test]
fn names_tell_format_and_compression() {
    let tool = tool();
    tool.file("1.csv", "a,b\n1,\"x\ny\"\n");
    tool.file("2.tsv", "a\tb\n2\tz\n");
    tool.file("3.txt", "plain\n");
    // Two members, as `cat a.gz b.gz` makes.
    tool.file("4.json.gz", [gz(&rows(0..1)), gz(&rows(1..2))].concat());
    tool.file(
        "5.ndjson.zst",
        zstd::encode_all(rows(2..3).as_bytes(), 1).unwrap(),
    );
    assert_eq!(
        tool.run(&["1.csv", "2.tsv", "3.txt", "4.json.gz", "5.ndjson.zst"])
            .rows(),
        [
            "{\"a\":\"1\",\"b\":\"x\\ny\"}",
            "{\"a\":\"2\",\"b\":\"z\"}",
            "{\"value\":\"plain\"}",
            "{\"n\":0}",
            "{\"n\":1}",
            "{\"n\":2}"
        ]
    );
}

#[test]
fn a_schema_is_declared_and_types_csv() {
    let tool = tool();
    tool.file("a.dat", "1;x;2025-01-15\n'2';y;never\n");
    let line = [
        "a.dat",
        "--format",
        "csv",
        "--header",
        "false",
        "--sep",
        ";",
        "--quote",
        "'",
        "--schema",
        "n int, s string, d date",
    ];
    assert_eq!(
        tool.run(&line).ok()[..4],
        [
            "start -1 n INT, s STRING, d DATE",
            "begin 0",
            "{\"n\":1,\"s\":\"x\",\"d\":\"2025-01-15\"}",
            "{\"n\":2,\"s\":\"y\",\"d\":null}"
        ]
    );
}

#[test]
fn bad_rows_are_kept_with_their_place() {
    let tool = tool();
    tool.file("a.json", "{\"n\":0}\nnot json\n{\"$st\":\"batch\"}\n");
    let wire = tool.run(&["a.json", "--rejects", "bad"]).ok();
    assert_eq!(
        wire[1..],
        ["begin 0", "{\"n\":0}", "batch 0 final bad 2", "end"]
    );
    let bad = std::fs::read_to_string(tool.path("bad")).unwrap();
    let lines: Vec<&str> = bad.lines().collect();
    assert!(
        lines[0].contains("a.json:2") && lines[0].contains("not json"),
        "{bad}"
    );
    assert!(
        lines[1].contains("a.json:3") && lines[1].contains("reserved"),
        "{bad}"
    );
    let strict = tool.run(&["a.json", "--strict"]);
    assert!(
        strict
            .failure(1)
            .starts_with("a.json:2: not JSON at byte 0"),
        "{}",
        strict.stderr
    );
}

#[test]
fn a_wrong_format_is_suggested() {
    let tool = tool();
    let lines: String = (0..100).map(|n| format!("{n},x\n")).collect();
    tool.file("a.dat", lines);
    let said = tool.run(&["a.dat"]).stderr;
    assert!(
        said.contains("the first 100 lines are all bad as json: --format csv?"),
        "{said}"
    );
    tool.file("pretty.json", "{\n  \"a\": 1\n}\n");
    let said = tool.run(&["pretty.json"]).stderr;
    assert!(
        said.contains(
            "the first 3 lines are all bad as json: it looks like JSON over several lines"
        ),
        "{said}"
    );
}

#[test]
fn a_restart_reads_the_same_files_again_and_then_the_others() {
    let tool = tool();
    for n in 0..4 {
        tool.file(&format!("in/{n}.json"), rows(n..n + 1) + "bad\n");
    }
    let line = [
        "in",
        "--available-now",
        "--max-files-per-trigger",
        "1",
        "--checkpoint",
        "ck",
        "-q",
    ];
    let first = tool.run(&line).ok();
    assert_eq!(shape(&first[1..4]), "begin 0, row, batch 0 bad 1");
    tool.commit("ck", 1);
    // What comes now is new, whatever its age.
    tool.file("in/0a.json", rows(7..8));
    let second = tool.run(&line).ok();
    assert_eq!(second[0], "start 1");
    assert_eq!(second[1..7], first[7..13], "batches 2 and 3 as they were");
    assert_eq!(second[7..], ["begin 4", "{\"n\":7}", "batch 4", "end"]);
    let rejects = std::fs::read_to_string(tool.path("ck/rejects/st-tail.ndjson")).unwrap();
    assert_eq!(
        rejects.matches("not JSON").count(),
        4,
        "each bad row once: {rejects}"
    );
}

#[test]
fn a_batch_cut_inside_a_file_is_found_again() {
    let tool = tool();
    tool.file("in/a.csv", "x,y\n1,a\n2,\"b\nb\"\n3,c\n");
    tool.file("in/b.json.gz", gz(&rows(0..4)));
    let line = [
        "in",
        "--available-now",
        "--max-rows-per-trigger",
        "2",
        "--checkpoint",
        "ck",
    ];
    let first = tool.run(&line).ok();
    assert_eq!(
        shape(&first[1..]),
        "begin 0, row, row, batch 0, begin 1, row, row, batch 1, begin 2, row, row, batch 2, begin 3, row, batch 3, end"
    );
    for committed in 0..3 {
        tool.commit("ck", committed);
        let again = tool.run(&line).ok();
        assert_eq!(again[1..], first[5 + 4 * committed as usize..]);
    }
    // And read on from there.
    tool.commit("ck", 3);
    tool.file("in/c.csv", "x\n9\n");
    assert_eq!(
        tool.run(&line).ok()[1..],
        ["begin 4", "{\"x\":\"9\"}", "batch 4", "end"]
    );
}

#[test]
fn a_run_goes_on_inside_a_file() {
    let tool = tool();
    tool.file("in/a.csv", "x\n1\n2\n3\n4\n");
    let mut live = tool.start(&[
        "in",
        "--max-rows-per-trigger",
        "3",
        "--trigger",
        "1 hour",
        "--checkpoint",
        "ck",
    ]);
    live.until("batch 0");
    live.kill();
    tool.commit("ck", 0);
    let wire = tool
        .run(&["in", "--available-now", "--checkpoint", "ck"])
        .ok();
    assert_eq!(wire[1..], ["begin 1", "{\"x\":\"4\"}", "batch 1", "end"]);
}

#[test]
fn what_was_read_must_not_change() {
    let tool = tool();
    tool.file("in/a.json", rows(0..2));
    let line = ["in", "--available-now", "--checkpoint", "ck"];
    tool.run(&line).ok();
    tool.file("in/a.json", rows(1..3));
    let changed = tool.run(&line);
    assert_eq!(
        changed.failure(1),
        "batch 0 cannot be read again: in/a.json: was changed since it was read: put it back, or go on without it with --skip-lost"
    );
    assert!(
        changed
            .wire
            .last()
            .unwrap()
            .starts_with("abort batch 0 cannot be read again")
    );
    std::fs::remove_file(tool.path("in/a.json")).unwrap();
    assert!(tool.run(&line).failure(1).contains("in/a.json: is gone"));
    let skipped = tool.run(&["in", "--available-now", "--checkpoint", "ck", "--skip-lost"]);
    assert!(skipped.stderr.contains("in/a.json: is gone: skipped"));
    assert_eq!(skipped.ok()[1..], ["begin 0", "batch 0", "end"]);
}

#[test]
fn more_behind_what_was_read_does_no_harm_but_is_said() {
    let tool = tool();
    let path = tool.file("a.json", rows(0..1));
    let line = ["a.json", "--checkpoint", "ck"];
    tool.run(&line).ok();
    std::fs::write(&path, rows(0..2)).unwrap();
    let again = tool.run(&line);
    assert_eq!(
        again.stderr,
        "st-tail: a.json: has grown since an earlier run read it, and is not read again: -f follows growing files\n"
    );
    assert_eq!(again.ok()[1..], ["begin 0", "{\"n\":0}", "batch 0", "end"]);
}

#[test]
fn a_file_that_grows_after_it_was_read_is_said() {
    let tool = tool();
    let path = tool.file("in/a.json", rows(0..1));
    let mut live = tool.start(&["in", "--trigger", "1 hour"]);
    live.until("{\"n\":0}");
    std::fs::write(&path, rows(0..2)).unwrap();
    live.interrupt();
    let said = live.finish().stderr;
    assert!(said.starts_with("st-tail: in/a.json: grew after it was read, and the rest will not be: write files under"), "{said}");
}

#[test]
fn the_memory_of_files_outlives_their_records() {
    let tool = tool();
    for n in 0..230 {
        tool.file(&format!("in/{n:03}.json"), rows(n..n + 1));
    }
    let line = [
        "in",
        "--available-now",
        "--max-files-per-trigger",
        "1",
        "--checkpoint",
        "ck",
        "--durability",
        "process",
    ];
    tool.run(&line).ok();
    tool.commit("ck", 229);
    tool.file("in/new.json", rows(500..501));
    assert_eq!(
        tool.run(&line).ok()[1..],
        ["begin 230", "{\"n\":500}", "batch 230", "end"]
    );
    assert!(tool.records("ck/offsets/st-tail").len() < 10);
    assert_eq!(tool.records("ck/sources/st-tail").len(), 228);
    tool.commit("ck", 230);
    assert_eq!(tool.run(&line).ok(), ["start 230", "end"]);
}

#[test]
fn sources_are_cleaned_only_after_every_sink_has_them() {
    let tool = tool();
    tool.file("in/a.json", rows(0..1));
    tool.file("in/b.json", rows(1..2));
    let line = [
        "in",
        "--available-now",
        "--max-files-per-trigger",
        "1",
        "--checkpoint",
        "ck",
        "--clean-source",
        "archive=old",
    ];
    tool.run(&line).ok();
    assert!(tool.path("in/a.json").exists());
    tool.commit("ck", 0);
    tool.run(&line).ok();
    assert!(!tool.path("in/a.json").exists());
    assert_eq!(
        std::fs::read_to_string(tool.path("old/in/a.json")).unwrap(),
        rows(0..1)
    );
    assert!(tool.path("in/b.json").exists());
    // Another file that took the name is none of ours.
    tool.file("in/a.json", rows(7..9));
    tool.commit("ck", 1);
    let mut line = line;
    line[7] = "delete";
    tool.run(&line).ok();
    assert!(tool.path("in/a.json").exists() && !tool.path("in/b.json").exists());
}

#[test]
fn mistakes_are_one_line() {
    let tool = tool();
    tool.file("in/a.json", rows(0..1));
    let said = |arguments: &[&str]| tool.run(arguments).failure(2).to_string();
    assert_eq!(
        said(&["nope"]),
        "nope: no such file or directory: create it first, or correct the path"
    );
    assert_eq!(
        said(&["no/*.json"]),
        "no/*.json: no is no directory: create it first"
    );
    assert_eq!(
        said(&["-", "in"]),
        "-: standard input cannot be mixed with files: give it alone"
    );
    assert!(said(&["in", "--clean-source", "delete"]).contains("without --checkpoint"));
    assert!(
        said(&[
            "in",
            "--recursive",
            "--checkpoint",
            "ck",
            "--clean-source",
            "archive=in/old"
        ])
        .contains("archive elsewhere")
    );
    assert!(said(&["in", "--schema", "a INTT"]).starts_with("--schema: "));
    assert!(
        said(&["in", "--format", "csv", "--schema", "a ARRAY<INT>"]).contains("declare it STRING")
    );
    assert!(said(&["in", "--sep", ";;"]).contains("not one character"));
    assert!(said(&["-f", "in", "--latest-first"]).contains("--latest-first"));
}

#[test]
fn a_directory_that_goes_away_is_an_error() {
    let tool = tool();
    tool.file("in/a.json", rows(0..1));
    let mut live = tool.start(&["in"]);
    live.until("batch 0");
    std::fs::remove_dir_all(tool.path("in")).unwrap();
    assert_eq!(
        live.finish().failure(1),
        "in: the directory is gone: put it back and run again"
    );
}

#[test]
fn a_damaged_file_is_named() {
    let tool = tool();
    let whole = gz(&rows(0..1000));
    tool.file("in/a.json.gz", &whole[..whole.len() / 2]);
    tool.file("in/b.json", rows(7..8));
    let failed = tool.run(&["in", "--available-now"]);
    assert!(
        failed
            .failure(1)
            .starts_with("in/a.json.gz: cannot be read to its end"),
        "{}",
        failed.stderr
    );
    let rows = tool.run(&["in", "--available-now", "--skip-lost"]).rows();
    assert_eq!(
        (rows[0].as_str(), rows[rows.len() - 1].as_str()),
        ("{\"n\":0}", "{\"n\":7}")
    );
}

#[test]
fn standard_input_is_read_as_it_comes() {
    let tool = tool();
    let mut live = tool.start(&["--trigger", "1 hour"]);
    live.send(b"{\"n\":0}\n{\"n\"").unwrap();
    live.until("{\"n\":0}");
    live.send(b":1}\n[{\"n\":2},{\"n\":3}]").unwrap();
    live.until("{\"n\":1}");
    live.close_stdin();
    assert_eq!(
        live.finish().ok()[4..],
        ["{\"n\":2}", "{\"n\":3}", "batch 0 final", "end"]
    );
}

#[test]
fn standard_input_is_spooled_under_a_checkpoint() {
    let tool = tool();
    let line = [
        "-",
        "--format",
        "csv",
        "--checkpoint",
        "ck",
        "--max-rows-per-trigger",
        "2",
        "-q",
    ];
    let first = tool.run_with(&line, b"a,b\n1,2\n3\n4,5\n\xff,0\n").ok();
    assert_eq!(
        first[1..],
        [
            "begin 0",
            "{\"a\":\"1\",\"b\":\"2\"}",
            "batch 0 bad 1",
            "begin 1",
            "{\"a\":\"4\",\"b\":\"5\"}",
            "batch 1 bad 1",
            "end"
        ]
    );
    let second = tool.run_with(&line, b"a\n6\n").ok();
    assert_eq!(second[1..7], first[1..7]);
    assert_eq!(second[7..], ["begin 2", "{\"a\":\"6\"}", "batch 2", "end"]);
    tool.commit("ck", 1);
    assert_eq!(
        tool.run_with(&line, b"").ok()[1..],
        ["begin 2", "{\"a\":\"6\"}", "batch 2", "end"]
    );
    let rejects = std::fs::read_to_string(tool.path("ck/rejects/st-tail.ndjson")).unwrap();
    assert_eq!(
        (
            rejects.matches("stdin:3").count(),
            rejects.matches("not UTF-8").count()
        ),
        (1, 1),
        "{rejects}"
    );
}
