//! `--through`: one process per batch, rows out and rows in.

use crate::common::{END, batch, command, feed, lines, printed, rows, run, said, start};
use serde_json::{Value, json};

#[test]
fn a_command_takes_the_rows_place() {
    assert_eq!(
        rows(
            &["--through", "tr a-z A-Z", "--set", "B = A"],
            "{\"a\":\"x\"}\n"
        ),
        [r#"{"A":"X","B":"X"}"#]
    );
    assert_eq!(
        rows(
            &[
                "--where",
                "n > 1",
                "--through",
                "tac",
                "--through",
                "head -1"
            ],
            "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"
        ),
        [r#"{"n":3}"#]
    );
}

#[test]
fn one_process_per_batch_and_markers_are_kept() {
    let input = start("")
        + &batch(0, "{\"n\":1}\n{\"n\":2}\n")
        + &batch(1, "")
        + &batch(2, "{\"n\":3}\n")
        + END;
    let counting =
        r#"echo "{\"rows\":$(wc -l),\"batch\":$ST_BATCH_ID,\"query\":\"$ST_QUERY_ID\"}""#;
    let output = run(&["--through", counting], &input);
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let lines = lines(&output);
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["$st"]).collect();
    let expected = json!([
        "start", "begin", null, "batch", "begin", null, "batch", "begin", null, "batch", "end"
    ]);
    assert_eq!(json!(kinds), expected);
    let counts: Vec<&Value> = lines
        .iter()
        .filter(|line| line["rows"].is_number())
        .collect();
    assert_eq!(counts[0], &json!({"rows": 2, "batch": 0, "query": "q"}));
    assert_eq!(
        (&counts[1]["rows"], &counts[2]["rows"]),
        (&json!(0), &json!(1))
    );
}

/// More than all pipes and buffers hold, both ways, with a command that reads everything first, one that echoes, and one
/// that writes much before it reads.
#[test]
fn nothing_waits_for_ever() {
    let input: String = (0..60_000)
        .map(|n| format!("{{\"n\":{n},\"text\":\"{}\"}}\n", "x".repeat(100)))
        .collect();
    for command in [
        "cat",
        "sort -s -t: -k9",
        "yes '{\"early\":1}' | head -100000; cat",
    ] {
        let output = run(&["--through", command], &input);
        assert_eq!(
            (output.status.code(), said(&output)),
            (Some(0), ""),
            "{command}"
        );
        assert!(printed(&output).ends_with(&input), "{command}");
    }
}

#[test]
fn a_command_that_has_enough_is_no_failure() {
    let input = "{\"n\":1}\n".repeat(300_000);
    assert_eq!(rows(&["--through", "head -2"], &input).len(), 2);
    assert!(rows(&["--through", "true"], &input).is_empty());
}

#[test]
fn what_is_no_row_is_rejected() {
    let output = run(
        &[
            "--through",
            "echo; echo nonsense; echo '{\"\\u0024st\":1}'; cat",
        ],
        &(start("") + &batch(0, "{\"n\":1}\n") + END),
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said(&output).starts_with("st-map: from --through: not JSON at byte"),
        "{}",
        said(&output)
    );
    let lines = lines(&output);
    assert_eq!(lines[2], json!({"n": 1}));
    assert_eq!(lines[3]["stages"][0]["bad"], json!(2));
}

#[test]
fn its_failure_is_the_stages_failure() {
    let output = run(
        &["--through", "cat; exit 3"],
        &(start("") + &batch(0, "{\"n\":1}\n") + END),
    );
    assert_eq!(output.status.code(), Some(1));
    let reason = "--through: `cat; exit 3` failed with status 3 in batch 0, which is discarded";
    assert_eq!(said(&output), format!("st-map: {reason}\n"));
    assert_eq!(
        lines(&output).last().unwrap(),
        &json!({"$st": "abort", "stage": "st-map", "reason": reason})
    );
    let output = run(&["--through", "kill -9 $$"], "{}\n");
    assert!(
        said(&output).contains("was killed by signal 9"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_grep_that_finds_nothing_is_told_from_one_that_fails() {
    let output = run(&["--through", "grep 2"], "{\"n\":1}\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).ends_with(": where grep may find nothing, write `grep … || [ $? = 1 ]`\n"),
        "{}",
        said(&output)
    );
    assert!(rows(&["--through", "grep 2 || [ $? = 1 ]"], "{\"n\":1}\n").is_empty());
}

#[test]
fn ctrl_c_is_not_for_the_command() {
    // The command sends itself what the terminal would send to the whole group.
    let line = "kill -INT $BASHPID; kill -TERM $BASHPID; cat";
    assert_eq!(rows(&["--through", line], "{\"n\":1}\n"), [r#"{"n":1}"#]);
}

/// Ctrl-C goes to every process of the group, so to the command too: the batch that is open is finished, and so is the next.
#[test]
fn ctrl_c_to_the_whole_group_leaves_the_command_its_batch() {
    use std::io::Write;
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let filter = r#"awk 'BEGIN { print "" >"up"; close("up") } { print toupper($0) }'"#;
    let mut child = command(&["--through", filter])
        .current_dir(folder.path())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let first = batch(0, "{\"N\":\"a\"}\n{\"N\":\"b\"}\n");
    let (open, rest) = first.split_at(first.find("{\"$st\":\"batch\"").unwrap());
    stdin.write_all((start("") + open).as_bytes()).unwrap();
    stdin.flush().unwrap();
    while !folder.path().join("up").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    let rest = rest.to_string() + &batch(1, "{\"N\":\"c\"}\n") + END;
    stdin.write_all(rest.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let rows: Vec<Value> = lines(&output)
        .into_iter()
        .filter(|line| line.get("$st").is_none())
        .collect();
    assert_eq!(
        rows,
        [json!({"N": "A"}), json!({"N": "B"}), json!({"N": "C"})]
    );
}

#[test]
fn plain_input_is_one_batch() {
    let mut command = command(&["--through", r#"echo "{\"n\":$(wc -l)}""#]);
    assert_eq!(
        printed(&feed(&mut command, &"{}\n".repeat(1000))),
        "{\"n\":1000}\n"
    );
    let refused = run(&["--trigger", "1s"], "");
    assert_eq!(refused.status.code(), Some(2));
}
