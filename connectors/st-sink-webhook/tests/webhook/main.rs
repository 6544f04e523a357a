//! Rows as requests to a server that fails, hangs and answers late.

#![allow(clippy::unwrap_used, missing_docs)]

mod server;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use server::{Answer, Server};
use st_checkpoint::{Durability, Kind, QueryDir};

const PLAIN: &str = "{\"host\":\"a\",\"n\":1}\n{\"host\":\"b\",\"n\":2}\n";

/// What a run left: status and stderr.
fn run(arguments: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_st-sink-webhook"))
        .args(arguments)
        .env_remove("ST_CHECKPOINT")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A sink that refuses its options does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A marked stream of one query's batches after `epoch`.
fn stream(dir: &QueryDir, epoch: i64, batches: &[&[&str]]) -> String {
    let mut text = format!(
        "{{\"$st\":\"start\",\"v\":1,\"query\":\"{}\",\"checkpoint\":\"{}\",\"epoch\":{epoch}}}\n",
        dir.id(),
        dir.path().display()
    );
    for (id, rows) in (epoch + 1..).zip(batches) {
        text +=
            &format!("{{\"$st\":\"begin\",\"id\":{id},\"time\":\"2025-01-15T10:30:00.000Z\"}}\n");
        for row in *rows {
            text += &format!("{row}\n");
        }
        text += &format!(
            "{{\"$st\":\"batch\",\"id\":{id},\"final\":false,\"watermark\":null,\"stages\":[]}}\n"
        );
    }
    text + "{\"$st\":\"end\"}\n"
}

#[test]
fn each_row_is_a_request_and_has_a_key() {
    let server = Server::new(&[]);
    assert_eq!(
        run(&[&server.url, "--header", "Authorization: Bearer t"], PLAIN),
        (0, String::new())
    );
    let requests = server.requests();
    let bodies: Vec<&str> = requests
        .iter()
        .map(|request| request.body.as_str())
        .collect();
    assert_eq!(bodies, PLAIN.lines().collect::<Vec<_>>());
    assert_eq!(requests[0].line, "POST /hook?token=secret HTTP/1.1");
    assert_eq!(requests[0].header("content-type"), "application/json");
    assert_eq!(requests[0].header("authorization"), "Bearer t");
    assert!(
        requests[1]
            .header("idempotency-key")
            .ends_with("/st-sink/0/1")
    );
}

#[test]
fn a_batch_is_one_request_and_an_empty_one_is_none() {
    let server = Server::new(&[]);
    let template = "{\"text\": \"{{count}} alerts\", \"all\": {{rows | json}}}";
    assert_eq!(
        run(&[&server.url, "--batch", "--template", template], PLAIN).0,
        0
    );
    assert_eq!(
        server.bodies(),
        ["{\"text\": \"2 alerts\", \"all\": [{\"host\":\"a\",\"n\":1},{\"host\":\"b\",\"n\":2}]}"]
    );
    let dir = tempfile::tempdir().unwrap();
    let query = query(dir.path());
    assert_eq!(
        run(&[&server.url, "--batch"], &stream(&query, -1, &[&[]])).0,
        0
    );
    assert_eq!(server.bodies().len(), 1);
}

fn query(dir: &std::path::Path) -> QueryDir {
    QueryDir::create_or_open(&dir.join("ck"), Kind::Query, Durability::Process, "test").unwrap()
}

#[test]
fn failures_are_tried_again_until_one_try_succeeds() {
    let server = Server::new(&[
        Answer::Status(503, ""),
        Answer::Close,
        Answer::Never,
        Answer::Status(429, "retry-after: 0\r\n"),
    ]);
    let ran = run(
        &[&server.url, "--backoff", "1ms", "--timeout", "200ms"],
        "{\"n\":1}\n",
    );
    assert_eq!(ran, (0, String::new()));
    let keys: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.header("idempotency-key").to_string())
        .collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn without_a_place_for_dead_letters_the_sink_fails_and_keeps_the_url_to_itself() {
    let server = Server::new(&[Answer::Status(500, ""); 3]);
    let (status, said) = run(&[&server.url, "--retries", "2", "--backoff", "1ms"], PLAIN);
    assert_eq!(status, 1);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("answered 500, after 3 tries; batch 0 is not delivered"),
        "{said}"
    );
    assert!(
        said.contains("--dead-letters FILE") && !said.contains("secret"),
        "{said}"
    );
    assert_eq!(server.bodies().len(), 3);
}

#[test]
fn a_refused_row_is_a_dead_letter_and_the_next_one_goes_on() {
    let server = Server::new(&[Answer::Status(404, "")]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.ndjson");
    let path = file.to_str().unwrap();
    assert_eq!(run(&[&server.url, "--dead-letters", path], PLAIN).0, 0);
    assert_eq!(server.bodies().len(), 2);
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept.lines().count(), 1);
    assert!(kept.contains("answered 404: no channel\""), "{kept}");
    assert!(kept.contains("{\"host\":\"a\",\"n\":1}"), "{kept}");
}

#[test]
fn dead_letters_stay_when_their_batch_is_replayed_for_another_sink() {
    let server = Server::new(&[Answer::Status(400, "")]);
    let dir = tempfile::tempdir().unwrap();
    let query = query(dir.path());
    let text = stream(&query, -1, &[&["{\"n\":1}", "{\"n\":2}"], &["{\"n\":3}"]]);
    assert_eq!(run(&[&server.url], &text).0, 0);
    let dead =
        || fs::read_to_string(dir.path().join("ck/rejects/st-sink.dead-letters.ndjson")).unwrap();
    let before = dead();
    assert_eq!((before.lines().count(), server.bodies().len()), (1, 3));
    // As if a second sink had delivered nothing yet: both batches come once more.
    assert_eq!(run(&[&server.url], &text).0, 0);
    assert_eq!((dead(), server.bodies().len()), (before, 3));
}

#[test]
fn a_batch_that_was_not_committed_is_sent_again_with_the_same_keys() {
    let server = Server::new(&[]);
    let dir = tempfile::tempdir().unwrap();
    let query = query(dir.path());
    let text = stream(&query, -1, &[&["{\"n\":1}", "{\"n\":2}"]]);
    let cut = text.strip_suffix("{\"$st\":\"end\"}\n").unwrap();
    let half = cut.rsplit_once("{\"$st\":\"batch\"").unwrap().0;
    let (status, said) = run(&[&server.url], half);
    assert_eq!((status, server.bodies().len()), (1, 0), "{said}");
    assert_eq!(run(&[&server.url], &text).0, 0);
    assert_eq!(server.bodies(), ["{\"n\":1}", "{\"n\":2}"]);
}

#[test]
fn mistakes_are_named_before_anything_is_sent() {
    for (arguments, said) in [
        (
            &["ftp://x/secret"][..],
            "begins with neither http:// nor https://",
        ),
        (&["http://x", "--template", "{\"a\": {{b}"], "is not closed"),
        (&["http://x", "--rate", "5/d"], "is not a rate"),
        (
            &["http://x", "--header", "token"],
            "is not of the form 'Name: value'",
        ),
        (&["@/nowhere/url"], "/nowhere/url: cannot be read"),
    ] {
        let (status, text) = run(arguments, "");
        assert_ne!(status, 0);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(said) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn st_sink_becomes_this_program() {
    let server = Server::new(&[]);
    let st_sink =
        std::path::Path::new(env!("CARGO_BIN_EXE_st-sink-webhook")).with_file_name("st-sink");
    if !st_sink.exists() {
        // Built with the tools, not with this package alone.
        return;
    }
    let mut child = Command::new(st_sink)
        .args(["webhook", &server.url])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(PLAIN.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(server.bodies().len(), 2);
}
