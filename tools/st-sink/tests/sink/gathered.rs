//! Batches of more rows than are kept in memory: gathered where their file will be, there only when they are committed.

use std::process::Command;

use crate::harness::{Dir, Ran, Stream};

const KINDS: [(&[&str], &str); 3] = [
    (&["json", "--file", "out"], "append"),
    (&["json", "--file", "out"], "complete"),
    (&["json", "out"], "append"),
];

/// A sink that keeps few bytes in memory.
fn sink(dir: &Dir, arguments: &[&str], fail: Option<&str>, input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-sink"));
    command.args(arguments).env("ST_FAIL_EARLY", "1");
    command.envs(fail.map(|fail| ("ST_FAIL", fail)));
    dir.run(&mut command, input)
}

/// So many rows, with a bad one among them.
fn rows(batch: i64, count: usize) -> Vec<String> {
    let mut rows: Vec<String> = (0..count)
        .map(|n| match n % 7 {
            3 => format!(r#" {{ "batch" : {batch}, "n":{n}, "é":"\u00e9 \"x\"" }} "#),
            5 => format!(r#"{{"n":{n},"batch":{batch},"all":[1.50,null,{{}}]}}"#),
            _ => format!(r#"{{"batch":{batch},"n":{n}}}"#),
        })
        .collect();
    rows.insert(count / 2, format!("{{\"batch\":{batch},"));
    rows
}

/// The good ones as they are to be delivered.
fn good(batch: i64, count: usize) -> String {
    let rows = rows(batch, count);
    let good = rows.iter().filter(|row| row.trim().ends_with('}'));
    good.map(|row| format!("{row}\n")).collect()
}

const COUNTS: [usize; 4] = [100, 1, 300, 50];

fn stream(dir: &Dir, mode: &str, after: i64) -> String {
    let fields = format!("{},\"mode\":\"{mode}\"", dir.checkpoint());
    let mut stream = Stream::new(after, &fields);
    for (batch, count) in (0..).zip(COUNTS).skip((after + 1) as usize) {
        let rows = rows(batch, count);
        stream = stream.batch(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    }
    stream.end()
}

/// What is to be there in the end, after every run with only these files.
fn check(dir: &Dir, arguments: &[&str], mode: &str) {
    let all: Vec<String> = (0..)
        .zip(COUNTS)
        .map(|(batch, count)| good(batch, count))
        .collect();
    let mut files = dir.files();
    files.retain(|file| !file.starts_with("ck") && !file.ends_with("st-owner"));
    if arguments.len() == 2 {
        let name = |batch| format!("out/batch-{batch:08}.json");
        assert_eq!(files, (0..4).map(name).collect::<Vec<_>>());
        for (batch, expected) in all.iter().enumerate() {
            assert_eq!(&dir.read(&name(batch)), expected);
        }
        return;
    }
    assert_eq!(files, ["out"]);
    let expected = match mode {
        "complete" => all[3].clone(),
        _ => all.concat(),
    };
    assert_eq!(dir.read("out"), expected);
}

#[test]
fn rows_keep_their_bytes_and_bad_ones_are_rejected() {
    for (arguments, mode) in KINDS {
        let dir = Dir::new();
        let ran = sink(&dir, arguments, None, &stream(&dir, mode, -1));
        assert_eq!(ran.status, 0, "{ran:?}");
        check(&dir, arguments, mode);
        let rejects = dir.read("ck/rejects/st-sink.ndjson");
        assert_eq!(rejects.lines().count(), COUNTS.len());
    }
}

#[test]
fn killed_at_any_step_each_row_is_there_once() {
    let steps = [
        "stage.row:150",
        "sink.spill:1",
        "sink.spill:3",
        "sink.direct:1",
        "sink.before_sync:1",
        "sink.before_sync:3",
        "sink.mid_output:1",
        "sink.after_output:1",
        "sink.before_commit:1",
        "sink.after_commit:1",
        "sink.before_rename:1",
        "sink.mid_rename:1",
    ];
    for (arguments, mode) in KINDS {
        let mut killed = 0;
        for step in steps {
            let dir = Dir::new();
            let ran = sink(&dir, arguments, Some(step), &stream(&dir, mode, -1));
            killed += usize::from(ran.status == 128 + 9);
            let sinks = dir.query().sinks().unwrap();
            let last = sinks.first().map_or(-1, |sink| sink.last);
            let ran = sink(&dir, arguments, None, &stream(&dir, mode, last));
            assert_eq!(ran.status, 0, "{step}: {ran:?}");
            check(&dir, arguments, mode);
        }
        assert!(killed >= 8, "{arguments:?}: {killed}");
    }
}

#[test]
fn a_batch_that_breaks_off_leaves_nothing() {
    let rows = rows(0, 100);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for (arguments, mode) in KINDS {
        let dir = Dir::new();
        let input = Stream::new(-1, &format!("\"mode\":\"{mode}\"")).open(&rows);
        let ran = sink(&dir, arguments, None, &input.text);
        assert_eq!(ran.status, 1, "{ran:?}");
        let files = dir.files();
        let left = files.iter().filter(|file| !file.ends_with("st-owner"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

#[test]
fn what_is_there_is_added_to() {
    let rows = rows(0, 100);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let input = Stream::new(-1, "\"schema\":\"\"").batch(&rows).end();
    let dir = Dir::new();
    dir.write("mine", "{\"n\":-1}\n");
    std::os::unix::fs::symlink("mine", dir.path("link")).unwrap();
    let ran = sink(&dir, &["json", "--file", "link", "--append"], None, &input);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(dir.read("mine"), format!("{{\"n\":-1}}\n{}", good(0, 100)));
    assert!(dir.path("link").is_symlink());

    // A link to nothing yet.
    std::os::unix::fs::symlink("theirs", dir.path("new")).unwrap();
    let ran = sink(&dir, &["json", "--file", "new"], None, &input);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(dir.read("theirs"), good(0, 100));
}
