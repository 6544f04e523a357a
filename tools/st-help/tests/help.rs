//! What a user of `st-help` sees.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_st-help"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_tools_stand_under_their_roles() {
    let output = run(&[]);
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "
Sources                                       In Spark
  st-rate       rows by the clock             readStream.format(\"rate\")
  st-tail       files, folders, stdin         readStream.json, .csv, .text
  st-listen     a TCP port, a server          readStream.format(\"socket\")
Transformations
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_tool_is_asked_for_its_own_help() {
    for name in ["help", "st-help"] {
        let output = run(&[name]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout.starts_with(b"Example: what st-agg can do\n"));
    }
}

#[test]
fn a_name_that_is_no_tool_is_refused() {
    let output = run(&["st-sinkk"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("st-help: st-sinkk: no such tool: there are st-rate, st-tail,"),
        "{said}"
    );
}

#[test]
fn nowhere_to_write_is_an_error() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_st-help"))
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        output.stderr,
        b"st-help: stdout: cannot write: No space left on device (os error 28)\n"
    );
}
