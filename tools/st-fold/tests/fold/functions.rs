//! Programs on plain rows: state, rows emitted, errors.

use serde_json::Value;

use crate::run::fold;

fn emitted(program: &str, input: &str) -> Vec<String> {
    fold(&["--by", "k", "--update", program], input)
        .well()
        .lines
}

#[test]
fn the_input_of_a_program_is_the_state_and_its_last_output_the_next() {
    let input = "{\"k\":1,\"n\":5}\n{\"k\":2,\"n\":7}\n{\"k\":1,\"n\":6}\n";
    assert_eq!(
        emitted("[.[]?, $row.n] | emit($key + {all: .})", input),
        [
            r#"{"k":1,"all":[5]}"#,
            r#"{"k":2,"all":[7]}"#,
            r#"{"k":1,"all":[5,6]}"#
        ]
    );
    assert_eq!(
        emitted("emit({before: .}) | 1, 2, $row.n", input),
        [r#"{"before":{}}"#, r#"{"before":{}}"#, r#"{"before":5}"#]
    );
    // No output forgets the state, and so does null.
    for nothing in ["empty", "null"] {
        let program = format!("emit({{before: .}}) | if . == {{}} then 1 else {nothing} end");
        let input = "{\"k\":1}\n".repeat(3);
        assert_eq!(
            emitted(&program, &input),
            [r#"{"before":{}}"#, r#"{"before":1}"#, r#"{"before":{}}"#]
        );
    }
}

#[test]
fn each_output_of_emit_is_a_row() {
    assert_eq!(
        emitted(
            "emit($row.xs[] | {x: .}) | emit(empty) | emit({last: true})",
            "{\"k\":1,\"xs\":[3,4]}\n"
        ),
        [r#"{"x":3}"#, r#"{"x":4}"#, r#"{"last":true}"#]
    );
    // A row as it is, numbers of any size and all digits included.
    let row = r#"{"k":1,"big":123456789012345678901234567890,"exact":1.10,"text":"a\"\\\nä","none":null}"#;
    assert_eq!(emitted("emit($row)", row), [row]);
    assert_eq!(
        emitted("emit({a: (1 / 0), b: nan, c: -0.0, d: 1e300})", "{\"k\":1}"),
        [r#"{"a":null,"b":null,"c":-0.0,"d":1e300}"#]
    );
}

#[test]
fn times_are_seconds_or_text() {
    let program = r#"emit({a: ("2025-01-15 10:30:00" | seconds), b: (1736937000.5 | iso), c: ($row.t | seconds | . + 60 | iso), now: (now == $now)})"#;
    let row = r#"{"k":1,"t":"2025-01-15T11:30:00+01:00"}"#;
    assert_eq!(
        emitted(program, row),
        [
            r#"{"a":1736937000,"b":"2025-01-15T10:30:00.500Z","c":"2025-01-15T10:31:00.000Z","now":true}"#
        ]
    );
    let zone = fold(
        &["--by", "k", "--tz", "Europe/Berlin", "--update", program],
        row,
    )
    .well();
    assert!(
        zone.lines[0].starts_with(r#"{"a":1736933400,"#),
        "{:?}",
        zone.lines
    );
}

#[test]
fn a_row_on_which_the_program_fails_is_rejected_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("bad.ndjson");
    let input = r#"{"k":1,"n":5}
junk
{"k":1,"n":"x"}
{"k":1,"n":[]}
{"k":1,"n":{"k":1}}
{"n":1}
{"k":null,"n":2}
{"k":1.0,"n":6}
"#;
    let program = "emit({lost: 1} | select($row.n != 5 and $row.n != 6 and $row.n != 1 and $row.n != 2)) | . + $row.n | \
        if . == 6 then error(\"six\") else . end | emit($key + {n: .})";
    let args = [
        "--by",
        "k",
        "--init",
        "0",
        "--update",
        program,
        "--rejects",
        rejects.to_str().unwrap(),
    ];
    let done = fold(&args, input).well();
    assert_eq!(
        done.lines,
        [
            r#"{"k":1,"n":5}"#,
            r#"{"k":null,"n":1}"#,
            r#"{"k":null,"n":3}"#,
            r#"{"k":1,"n":11}"#
        ]
    );
    let kept = std::fs::read_to_string(&rejects).unwrap();
    let reasons: Vec<String> = kept
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["reason"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert_eq!(reasons[0], "not JSON at byte 0: expected a value");
    assert_eq!(reasons[1], "cannot calculate 5 + \"x\"");
    let strict = fold(&[&args[..6], &["--strict"]].concat(), input);
    assert_eq!(strict.status, 1);
}

#[test]
fn what_is_no_row_or_no_state_is_an_error() {
    for (program, reason) in [
        (
            "emit(1)",
            "emit: 1 is no row: a row is an object, such as {n: .}",
        ),
        ("emit({\"$st\": 1})", "emit: no column may be called `$st`"),
        (
            "emit({(1|tostring): 1}) | emit({a: {(\"x\"|tobytes): 1}})",
            "emit: an object of JSON has text as its keys, not b\"x\"",
        ),
        (
            "emit({}) | \"x\" | tobytes",
            "the new state: bytes are no JSON: tostring makes text of them",
        ),
        (
            "emit({}) | \"soon\" | iso",
            "\"soon\" is no time: seconds since 1970, or text such as \"2025-01-15 10:30:00\"",
        ),
    ] {
        let done = fold(
            &["--by", "k", "--update", program, "--strict"],
            "{\"k\":1}\n",
        );
        assert_eq!(done.status, 1, "{program}");
        assert_eq!(
            done.said,
            format!("st-fold: {reason}: `{{\\\"k\\\":1}}`\n"),
            "{program}"
        );
        assert!(
            done.lines.is_empty() || done.lines == ["{\"1\":1}"],
            "{:?}",
            done.lines
        );
    }
}
