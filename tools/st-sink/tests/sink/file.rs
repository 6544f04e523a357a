//! One file: added to, or replaced as a whole.

use crate::harness::{Dir, Stream};

#[test]
fn append_mode_adds_each_batch_and_goes_on_after_a_restart() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let first = Stream::new(-1, &start)
        .batch(&[r#"{"n":1}"#])
        .batch(&[])
        .end();
    dir.sink(&["csv", "--file", "f.csv"], &first).quietly();
    // What a dying run had added after the last commit.
    let torn = dir.read("f.csv") + "2\n3";
    dir.write("f.csv", &torn);
    let more = Stream::new(1, &start).batch(&[r#"{"n":2}"#]).end();
    dir.sink(&["csv", "--file", "f.csv"], &more).quietly();
    assert_eq!(dir.read("f.csv"), "n\n1\n2\n");
}

#[test]
fn a_csv_file_keeps_its_columns_and_rejects_rows_with_more() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let first = Stream::new(-1, &start).batch(&[r#"{"a":1,"b":"x"}"#]).end();
    dir.sink(&["csv", "--file", "f.csv"], &first).quietly();
    let more = Stream::new(0, &start)
        .batch(&[r#"{"b":"y"}"#, r#"{"a":3,"c":4}"#, r#"{"c":null,"a":5}"#])
        .end();
    let ran = dir.sink(&["csv", "--file", "f.csv"], &more);
    ran.says(&["st-sink: 1 bad row: see ck/rejects/st-sink.ndjson"]);
    assert_eq!(ran.status, 0);
    assert_eq!(dir.read("f.csv"), "a,b\n1,x\n,y\n5,\n");
    let rejects = dir.read("ck/rejects/st-sink.ndjson");
    assert!(
        rejects.contains("no column `c`") && rejects.lines().count() == 1,
        "{rejects}"
    );
}

#[test]
fn a_shorter_file_than_was_committed_is_refused() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["json", "--file", "f"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    dir.write("f", "{\"n\"");
    let more = Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end();
    dir.sink(&["json", "--file", "f"], &more)
        .refused(&["f: has 4 bytes, but 8 were committed", "rm "]);
    assert_eq!(dir.read("f"), "{\"n\"");
}

#[test]
fn complete_mode_replaces_the_file_as_a_whole() {
    let dir = Dir::new();
    let start = dir.checkpoint() + ",\"mode\":\"complete\"";
    let first = Stream::new(-1, &start)
        .batch(&[r#"{"k":"a","n":1}"#])
        .batch(&[r#"{"k":"a","n":2}"#, r#"{"k":"b","n":1}"#])
        .end();
    dir.sink(&["csv", "--file", "f.csv"], &first).quietly();
    assert_eq!(dir.read("f.csv"), "k,n\na,2\nb,1\n");
    // A replacement that was written and never committed.
    dir.write(".f.csv.2.st-tmp", "half");
    let more = Stream::new(1, &start).batch(&[r#"{"k":"a","n":3}"#]).end();
    dir.sink(&["csv", "--file", "f.csv"], &more).quietly();
    assert_eq!(dir.read("f.csv"), "k,n\na,3\n");
    assert_eq!(dir.files(), [".f.csv.st-owner", "f.csv"]);
}

#[test]
fn update_mode_is_refused_with_what_takes_it() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"update\",\"keys\":[\"k\"]")
        .batch(&[])
        .end();
    dir.sink(&["json", "--file", "f"], &input)
        .refused(&["f: cannot take the rows of update mode", "sqlite"]);
}

#[test]
fn a_file_that_is_there_needs_a_word_of_the_user() {
    let dir = Dir::new();
    dir.write("f", "mine\n");
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&["json", "--file", "f"], &input)
        .refused(&["f:", "--overwrite", "--append"]);
    assert_eq!(dir.read("f"), "mine\n");
    dir.sink(&["json", "--file", "f", "--append"], &input)
        .quietly();
    assert_eq!(dir.read("f"), "mine\n{\"n\":1}\n");
    dir.sink(&["json", "--file", "f", "--overwrite"], &input)
        .quietly();
    assert_eq!(dir.read("f"), "{\"n\":1}\n");
    dir.sink(&["json", "--file", "f"], &input)
        .refused(&["f: holds the rows of an earlier run"]);
    dir.sink(&["json", "--file", "f", "--append"], &input)
        .quietly();
    assert_eq!(dir.read("f"), "{\"n\":1}\n{\"n\":1}\n");
}

#[test]
fn a_complete_result_of_an_earlier_run_may_be_replaced() {
    let dir = Dir::new();
    let run = |n: i64| {
        Stream::new(-1, "\"mode\":\"complete\"")
            .batch(&[&format!("{{\"n\":{n}}}")])
            .end()
    };
    dir.sink(&["json", "--file", "f"], &run(1)).quietly();
    dir.sink(&["json", "--file", "f"], &run(2)).quietly();
    assert_eq!(dir.read("f"), "{\"n\":2}\n");
    let append = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":3}"#])
        .end();
    dir.sink(&["json", "--file", "f"], &append)
        .refused(&["f:", "--overwrite"]);
}

#[test]
fn a_sink_whose_commits_were_removed_does_not_cut_what_it_finds() {
    let start = |dir: &Dir| {
        Stream::new(-1, &dir.checkpoint())
            .batch(&[r#"{"n":1}"#])
            .end()
    };
    for target in [
        &["json", "--file", "t"][..],
        &["json", "t"],
        &["sqlite", "t", "--table", "t"],
    ] {
        let dir = Dir::new();
        dir.sink(target, &start(&dir)).quietly();
        std::fs::remove_file(dir.path("ck/commits/st-sink")).unwrap();
        let before = dir.files();
        dir.sink(target, &start(&dir)).refused(&[
            "t: ",
            "holds the rows of an earlier run",
            "--overwrite",
        ]);
        assert_eq!(dir.files(), before);
        let again: Vec<&str> = target.iter().copied().chain(["--overwrite"]).collect();
        dir.sink(&again, &start(&dir)).quietly();
        assert_eq!(dir.files(), before);
    }
}

#[test]
fn csv_added_to_a_file_of_others_follows_its_header() {
    let dir = Dir::new();
    dir.write("f.csv", "b,a\nx,1\n");
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"a":2,"b":"y"}"#])
        .end();
    dir.sink(&["csv", "--file", "f.csv", "--append"], &input)
        .quietly();
    assert_eq!(dir.read("f.csv"), "b,a\nx,1\ny,2\n");
    dir.write("torn", "b,a\nx");
    dir.sink(&["csv", "--file", "torn", "--append"], &input)
        .refused(&["torn: does not end with a newline"]);
}

mod killed {
    use super::*;

    #[test]
    fn at_any_step_the_file_is_that_of_an_uninterrupted_run() {
        for mode in ["append", "complete"] {
            for step in [
                "sink.after_output",
                "sink.before_commit",
                "commits.mid_write",
                "sink.after_commit",
            ] {
                let dir = Dir::new();
                let start = dir.checkpoint() + &format!(",\"mode\":\"{mode}\"");
                let stream = |epoch: i64| {
                    (epoch + 1..3)
                        .fold(Stream::new(epoch, &start), |stream, n| {
                            stream.batch(&[&format!("{{\"n\":{n}}}")])
                        })
                        .end()
                };
                let arguments = ["csv", "--file", "f.csv"];
                dir.killed(step, 2, &arguments, &stream(-1));
                dir.sink(&arguments, &stream(dir.query().committed().unwrap()))
                    .quietly();
                let expected = if mode == "append" {
                    "n\n0\n1\n2\n"
                } else {
                    "n\n2\n"
                };
                assert_eq!(dir.read("f.csv"), expected, "{mode} {step}");
                assert_eq!(dir.files(), [".f.csv.st-owner", "f.csv"], "{mode} {step}");
            }
        }
    }
}
