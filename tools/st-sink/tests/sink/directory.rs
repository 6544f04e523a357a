//! A folder of files: names, partitions, exactly once.

use crate::harness::{Dir, Stream};

const ROWS: &str = "\"schema\":\"\"";

#[test]
fn each_batch_with_rows_becomes_one_file() {
    let dir = Dir::new();
    let input = Stream::new(-1, ROWS)
        .batch(&[r#"{"n":1}"#, r#"{ "n": 2.50 }"#])
        .batch(&[])
        .batch(&[r#"{"n":3}"#])
        .end();
    assert_eq!(dir.sink(&["json", "out"], &input).quietly(), "");
    assert_eq!(
        dir.files(),
        [
            "out/.st-owner",
            "out/batch-00000000.json",
            "out/batch-00000002.json"
        ]
    );
    assert_eq!(
        dir.read("out/batch-00000000.json"),
        "{\"n\":1}\n{ \"n\": 2.50 }\n"
    );
}

#[test]
fn partitions_are_folders_and_no_columns_of_the_files() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"schema\":\"hour INT\"")
        .batch(&[
            r#"{"date":"2025-01-15","hour":10,"n":1}"#,
            r#"{"hour":9,"n":2,"date":null}"#,
            r#"{"date":"2025-01-15","hour":10,"n":3}"#,
        ])
        .end();
    dir.sink(&["csv", "out", "--partition-by", "date,hour"], &input)
        .quietly();
    assert_eq!(
        dir.read("out/date=2025-01-15/hour=10/batch-00000000.csv"),
        "n\n1\n3\n"
    );
    assert_eq!(
        dir.read("out/date=__HIVE_DEFAULT_PARTITION__/hour=9/batch-00000000.csv"),
        "n\n2\n"
    );
    dir.sink(&["json", "again", "--partition-by", "date,hour"], &input)
        .quietly();
    assert_eq!(
        dir.read("again/date=2025-01-15/hour=10/batch-00000000.json"),
        "{\"n\":1}\n{\"n\":3}\n"
    );
}

#[test]
fn compressed_files_hold_the_same_rows() {
    let dir = Dir::new();
    let input = Stream::new(-1, ROWS)
        .batch(&[r#"{"value":"a"}"#, r#"{"value":"b"}"#])
        .end();
    dir.sink(&["text", "out", "--compression", "gzip"], &input)
        .quietly();
    let mut text = String::new();
    let file = std::fs::File::open(dir.path("out/batch-00000000.txt.gz")).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
    assert_eq!(text, "a\nb\n");
    dir.sink(&["json", "zst", "--compression", "zstd"], &input)
        .quietly();
    let file = std::fs::File::open(dir.path("zst/batch-00000000.json.zst")).unwrap();
    assert_eq!(
        zstd::decode_all(file).unwrap(),
        b"{\"value\":\"a\"}\n{\"value\":\"b\"}\n"
    );
}

#[test]
fn a_batch_that_breaks_off_leaves_no_trace() {
    let dir = Dir::new();
    let input = Stream::new(-1, ROWS)
        .batch(&[r#"{"n":1}"#])
        .open(&[r#"{"n":2}"#])
        .text;
    dir.sink(&["json", "out"], &input).refused(&[
        "batch 1",
        "discarded",
        "run the same line again",
    ]);
    assert_eq!(dir.files(), ["out/.st-owner", "out/batch-00000000.json"]);
}

#[test]
fn a_replayed_batch_is_not_delivered_again() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let first = Stream::new(-1, &start)
        .batch(&[r#"{"n":1}"#])
        .batch(&[r#"{"n":2}"#])
        .end();
    dir.sink(&["json", "out"], &first).quietly();
    // Another sink lags: the source replays from its last commit.
    let again = Stream::new(-1, &start)
        .batch(&[r#"{"n":9}"#])
        .batch(&[r#"{"n":9}"#])
        .batch(&[r#"{"n":3}"#])
        .end();
    dir.sink(&["json", "out"], &again).quietly();
    assert_eq!(dir.read("out/batch-00000000.json"), "{\"n\":1}\n");
    assert_eq!(dir.read("out/batch-00000001.json"), "{\"n\":2}\n");
    assert_eq!(dir.read("out/batch-00000002.json"), "{\"n\":3}\n");
    assert_eq!(dir.query().committed().unwrap(), 2);
}

#[test]
fn a_replay_of_another_number_of_rows_is_an_error() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["json", "out"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    let other = Stream::new(-1, &start)
        .batch(&[r#"{"n":1}"#, r#"{"n":2}"#])
        .end();
    dir.sink(&["json", "out"], &other)
        .refused(&["batch 0 was delivered with 1 rows and is replayed with 2"]);
}

#[test]
fn modes_that_change_rows_are_refused_with_what_takes_them() {
    let dir = Dir::new();
    for mode in ["update", "complete"] {
        let input = Stream::new(-1, &format!("\"mode\":\"{mode}\",\"keys\":[\"k\"]"))
            .batch(&[])
            .end();
        dir.sink(&["json", "out"], &input)
            .refused(&["out:", mode, "sqlite", "--file"]);
    }
    assert_eq!(dir.files(), Vec::<String>::new());
}

#[test]
fn a_foreign_folder_is_refused_and_left_as_it_is() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("out")).unwrap();
    dir.write("out/notes.txt", "mine");
    let input = Stream::new(-1, ROWS).batch(&[r#"{"n":1}"#]).end();
    dir.sink(&["json", "out"], &input)
        .refused(&["out:", "--overwrite"]);
    dir.sink(&["json", "out", "--overwrite"], &input)
        .refused(&["out/notes.txt", "no st-sink wrote this"]);
    assert_eq!(dir.files(), ["out/notes.txt"]);
}

#[test]
fn an_earlier_run_is_replaced_only_when_asked() {
    let dir = Dir::new();
    let run = |n: i64| {
        Stream::new(-1, ROWS)
            .batch(&[&format!("{{\"d\":\"x\",\"n\":{n}}}")])
            .end()
    };
    dir.sink(&["json", "out", "--partition-by", "d"], &run(1))
        .quietly();
    dir.sink(&["json", "out"], &run(2))
        .refused(&["out: holds the rows of an earlier run", "--overwrite"]);
    dir.sink(&["json", "out", "--overwrite"], &run(2)).quietly();
    assert_eq!(dir.files(), ["out/.st-owner", "out/batch-00000000.json"]);
    // A query with a checkpoint takes it over too, then keeps it.
    let start = dir.checkpoint();
    let input = Stream::new(-1, &start).batch(&[r#"{"n":3}"#]).end();
    dir.sink(&["json", "out"], &input)
        .refused(&["out:", "--overwrite"]);
    dir.sink(&["json", "out", "--overwrite"], &input).quietly();
    let more = Stream::new(0, &start).batch(&[r#"{"n":4}"#]).end();
    dir.sink(&["json", "out", "--overwrite"], &more).quietly();
    assert_eq!(
        dir.files(),
        [
            "out/.st-owner",
            "out/batch-00000000.json",
            "out/batch-00000001.json"
        ]
    );
}

#[test]
fn another_target_than_before_is_refused_untouched() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["json", "out"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    let more = Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end();
    dir.sink(&["json", "other"], &more)
        .refused(&["delivered to", "out", "other"]);
    dir.sink(&["csv", "out"], &more)
        .refused(&["delivered to", "csv"]);
    assert!(!dir.path("other").exists());
    // The same folder by another name is the same target.
    dir.sink(&["json", "./out/"], &more).quietly();
}

#[test]
fn a_folder_that_is_gone_is_not_begun_anew_silently() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["json", "out"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    let more = Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end();
    dir.sink(&["json", "out"], &more).refused(&[
        "out: is gone",
        "batch 0",
        "rm ",
        "ck/commits/st-sink",
    ]);
    assert!(!dir.path("out").exists());
}

#[test]
fn files_that_a_reader_took_away_stay_away() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["json", "out"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    std::fs::remove_file(dir.path("out/batch-00000000.json")).unwrap();
    dir.sink(
        &["json", "out"],
        &Stream::new(0, &start).batch(&[r#"{"n":2}"#]).end(),
    )
    .quietly();
    assert_eq!(dir.files(), ["out/.st-owner", "out/batch-00000001.json"]);
}

#[test]
fn a_sink_that_joins_later_takes_the_batches_after() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let input = Stream::new(4, &start).batch(&[r#"{"n":1}"#]).end();
    dir.sink(&["json", "out", "--name", "late"], &input)
        .quietly();
    assert_eq!(dir.files(), ["out/.st-owner", "out/batch-00000005.json"]);
    let sinks = dir.query().sinks().unwrap();
    assert_eq!(
        (sinks[0].name.as_str(), sinks[0].joined, sinks[0].last),
        ("late", 4, 5)
    );
}

mod killed {
    use super::*;

    const STEPS: [(&str, u64); 6] = [
        ("sink.after_output", 2),
        ("sink.before_commit", 2),
        ("commits.mid_write", 2),
        ("sink.after_commit", 2),
        ("sink.mid_rename", 3),
        ("sink.mid_rename", 4),
    ];

    /// Killed at any step of the second batch, then run again over what is not committed: the same files as without.
    #[test]
    fn at_any_step_the_next_run_leaves_the_same_files() {
        let rows = |n: i64| {
            [
                format!("{{\"p\":1,\"n\":{n}}}"),
                format!("{{\"p\":2,\"n\":{n}}}"),
            ]
        };
        for (step, count) in STEPS {
            let dir = Dir::new();
            let start = dir.checkpoint();
            let stream = |epoch: i64| {
                let mut stream = Stream::new(epoch, &start);
                for batch in epoch + 1..4 {
                    let rows = rows(batch);
                    stream = stream.batch(&[&rows[0], &rows[1]]);
                }
                stream.end()
            };
            let arguments = ["json", "out", "--partition-by", "p"];
            dir.killed(step, count, &arguments, &stream(-1));
            dir.sink(&arguments, &stream(dir.query().committed().unwrap()))
                .quietly();
            let mut expected = vec!["out/.st-owner".to_string()];
            for p in 1..=2 {
                for batch in 0..4 {
                    let name = format!("out/p={p}/batch-{batch:08}.json");
                    assert_eq!(dir.read(&name), format!("{{\"n\":{batch}}}\n"), "{step}");
                    expected.push(name);
                }
            }
            assert_eq!(dir.files(), expected, "{step}");
        }
    }
}
