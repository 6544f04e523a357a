//! How it behaves in a pipe.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use crate::common::{END, batch, command, feed, printed, run, said, start};

const SET: [&str; 2] = ["--set", "m = n + 1"];

#[test]
fn a_row_passes_at_once_even_byte_by_byte() {
    let mut child = command(&SET).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 0..3 {
        for byte in format!("{{\"n\":{n}}}\n").bytes() {
            stdin.write_all(&[byte]).unwrap();
        }
        // Would wait for ever if the row did.
        assert_eq!(
            stdout.next().unwrap().unwrap(),
            format!("{{\"n\":{n},\"m\":{}}}", n + 1)
        );
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn nobody_reads_and_nowhere_to_write() {
    let mut child = command(&SET).spawn().unwrap();
    drop(child.stdout.take());
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all("{\"n\":1}\n".repeat(300_000).as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = feed(command(&SET).stdout(full), "{\"n\":1}\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "st-map: stdout: cannot write: No space left on device (os error 28)\n"
    );
}

#[test]
fn a_stream_that_breaks_off_or_was_aborted_is_an_error() {
    let broken = run(&SET, &(start("") + &batch(0, "{\"n\":1}\n")));
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        said(&broken).contains("broke off without its end marker"),
        "{}",
        said(&broken)
    );
    let abort = "{\"$st\":\"abort\",\"stage\":\"st-tail\",\"reason\":\"no\"}\n";
    let aborted = run(&SET, &(start("") + abort));
    assert_eq!((aborted.status.code(), said(&aborted)), (Some(1), ""));
    assert!(printed(&aborted).ends_with(abort));
}

#[test]
fn bad_rows_are_kept_and_do_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("bad.ndjson");
    let output = run(
        &[&SET[..], &["--rejects", rejects.to_str().unwrap()]].concat(),
        "{\"n\":1}\nnonsense\n[1]\n\n{\"n\":2}\n",
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(printed(&output), "{\"n\":1,\"m\":2}\n{\"n\":2,\"m\":3}\n");
    assert_eq!(std::fs::read_to_string(rejects).unwrap().lines().count(), 2);
}

#[test]
fn without_operations_rows_are_only_checked() {
    let output = run(&[], "{ \"n\" : 1 }\n");
    assert_eq!(
        (output.status.code(), printed(&output)),
        (Some(0), "{ \"n\" : 1 }\n")
    );
}

#[test]
fn an_end_follows_what_was_there() {
    let input = start("") + &batch(0, "{\"n\":1}\n") + END;
    assert!(printed(&run(&SET, &input)).ends_with(END));
}
