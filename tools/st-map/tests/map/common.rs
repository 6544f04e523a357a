//! Runs `st-map` as a user would.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// `st-map` with arguments, its three streams piped.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st-map"));
    command
        .args(arguments)
        .env_remove("ST_TZ")
        .env_remove("ST_CHECKPOINT");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it on some input.
pub fn run(arguments: &[&str], input: &str) -> Output {
    feed(&mut command(arguments), input)
}

/// Runs a command on some input.
pub fn feed(command: &mut Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || _ = stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What it printed.
pub fn printed(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// What it said.
pub fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The printed lines of a run that went well.
pub fn rows(arguments: &[&str], input: &str) -> Vec<String> {
    let output = run(arguments, input);
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(0), ""),
        "{arguments:?}"
    );
    printed(&output).lines().map(str::to_string).collect()
}

/// A start marker with more fields, as `,"schema":"n INT"`.
pub fn start(fields: &str) -> String {
    let mode = if fields.contains("\"mode\"") {
        ""
    } else {
        r#","mode":"append""#
    };
    let epoch = if fields.contains("\"epoch\"") {
        ""
    } else {
        r#","epoch":-1"#
    };
    let query = if fields.contains("\"query\"") {
        ""
    } else {
        r#","query":"q""#
    };
    format!("{{\"$st\":\"start\",\"v\":1{query}{epoch}{mode}{fields},\"plan\":[]}}\n")
}

/// One batch, whose clock is the id in minutes after ten.
pub fn batch(id: i64, rows: &str) -> String {
    let begin =
        format!("{{\"$st\":\"begin\",\"id\":{id},\"time\":\"2025-01-15T10:{id:02}:00.000Z\"}}\n");
    let end = format!(
        "{{\"$st\":\"batch\",\"id\":{id},\"final\":false,\"watermark\":null,\"stages\":[]}}\n"
    );
    format!("{begin}{rows}{end}")
}

/// The last line.
pub const END: &str = "{\"$st\":\"end\"}\n";

/// The lines of a marked stream.
pub fn lines(output: &Output) -> Vec<Value> {
    printed(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the start marker says behind a stage with these arguments.
pub fn shape(arguments: &[&str], fields: &str) -> Value {
    let output = run(arguments, &(start(fields) + END));
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(0), ""),
        "{arguments:?}"
    );
    lines(&output)[0].clone()
}

/// How a stage with these arguments is refused: its message without the name, after status 2.
pub fn refused(arguments: &[&str], fields: &str) -> String {
    let output = run(arguments, &(start(fields) + END));
    assert_eq!(
        output.status.code(),
        Some(2),
        "{arguments:?}: {}",
        printed(&output)
    );
    said(&output)
        .strip_prefix("st-map: ")
        .unwrap()
        .trim_end()
        .to_string()
}
