//! Plain rows: handed on at once, remembered across runs with a checkpoint of the stage's own.

use std::io::{BufRead, BufReader, Write};

use crate::run::{command, dedup};

#[test]
fn a_row_is_handed_on_while_the_input_goes_on() {
    let mut child = command(&["--by", "id", "--forever"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    for (row, passes) in [
        ("{\"id\": 1}", true),
        ("{\"id\":1.0}", false),
        ("{ \"id\":\"1\",\"more\":[ ] }", true),
    ] {
        writeln!(stdin, "{row}").unwrap();
        if passes {
            // As it was, byte by byte.
            assert_eq!(rows.next().unwrap().unwrap(), row);
        }
    }
    drop(stdin);
    assert!(rows.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn whole_rows_are_known_by_their_fields_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let args = ["--forever", "--checkpoint", state.to_str().unwrap()];
    let rows = "{\"id\":1,\"at\":\"x\"}\n{ \"at\":\"\\u0078\", \"id\":1.0, \"n\":null }\n{\"id\":1}\n[1]\n{\"id\":}\n";
    let done = dedup(&[&args[..], &["--quiet"]].concat(), rows).well();
    assert_eq!(done.lines, ["{\"id\":1,\"at\":\"x\"}", "{\"id\":1}"]);
    let more = "{\"at\":\"x\",\"id\":1e0}\n{\"id\":\"1\"}\n";
    assert_eq!(dedup(&args, more).well().lines, ["{\"id\":\"1\"}"]);
    // Another key is another state.
    let other = dedup(&[&args[..], &["--by", "id"]].concat(), more);
    assert_eq!((other.status, other.lines.len()), (1, 0));
    let said = "the definition changed: by was {\"all columns\":{}}, now [\"id\"]";
    assert!(other.said.contains(said), "{}", other.said);
}

#[test]
fn bad_rows_and_rows_without_the_key() {
    let input = "junk\n[1]\n{\"x\":1}\n{\"id\":null}\n{\"id\":2,\"$st\":1}\n{\"id\":2}\n";
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("bad.ndjson");
    let args = [
        "--by",
        "id",
        "--forever",
        "--rejects",
        rejects.to_str().unwrap(),
    ];
    let done = dedup(&args, input).well();
    assert_eq!(done.lines, ["{\"x\":1}", "{\"id\":2}"]);
    let kept = std::fs::read_to_string(rejects).unwrap();
    let reasons: Vec<String> = kept
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["reason"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "not JSON at byte 0: expected a value",
            "not an object",
            "has the reserved key $st"
        ]
    );
    let strict = dedup(&["--by", "id", "--forever", "--strict"], input);
    assert_eq!(strict.status, 1);
}

#[test]
fn keys_are_remembered_from_run_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ck");
    let args = [
        "--by",
        "id",
        "--forever",
        "--checkpoint",
        dir.to_str().unwrap(),
    ];
    let first = dedup(&args, "{\"id\":1}\n{\"id\":2}\n").well();
    assert_eq!(first.lines.len(), 2);
    let second = dedup(&args, "{\"id\":2}\n{\"id\":3}\n").well();
    assert_eq!(second.lines, ["{\"id\":3}"]);
}
