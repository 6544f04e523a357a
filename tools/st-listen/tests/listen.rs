#![allow(clippy::unwrap_used)]
//! Sockets as a user sees them. Loopback only; ports are chosen by the system.

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use source_tool::{Live, Tool};

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-listen"))
}

/// Connects to the address the run has said.
fn client(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

fn address(live: &mut Live) -> String {
    live.says("listening on ")
        .rsplit_once(' ')
        .unwrap()
        .1
        .to_string()
}

#[test]
fn lines_of_many_clients_are_rows() {
    let tool = tool();
    let mut live = tool.start(&["0"]);
    let address = address(&mut live);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let mut first = client(&address);
    let mut second = client(&address);
    first.write_all(b"hello \"you\"\r\nunfinished").unwrap();
    live.until("{\"value\":\"hello \\\"you\\\"\"}");
    second.write_all(b"from the other\n").unwrap();
    live.until("{\"value\":\"from the other\"}");
    // Closing ends the last line.
    drop(first);
    live.until("{\"value\":\"unfinished\"}");
    live.interrupt();
    let wire = live.finish().ok();
    assert_eq!(wire[0], "start -1 value STRING");
    assert!(wire[wire.len() - 2].ends_with(" final"));
}

#[test]
fn json_is_checked() {
    let tool = tool();
    let mut live = tool.start(&[
        "0",
        "--format",
        "json",
        "--max-line",
        "20",
        "--rejects",
        "bad",
    ]);
    let address = address(&mut live);
    let mut sender = client(&address);
    sender.write_all(b"{\"a\" : 1}\nno\n{\"long\":\"xxxxxxxxxxxxxxxxxxxxxxx\"}\n{\"\\u0024st\":1}\n{\"a\":2}\n").unwrap();
    live.until("{\"a\" : 1}");
    live.until("{\"a\":2}");
    live.interrupt();
    live.finish().ok();
    let bad = std::fs::read_to_string(tool.path("bad")).unwrap();
    let peer = sender.local_addr().unwrap();
    let lines: Vec<&str> = bad.lines().collect();
    for (line, (number, reason)) in
        lines
            .iter()
            .zip([(2, "not JSON"), (3, "longer than 20"), (4, "reserved key")])
    {
        assert!(
            line.contains(&format!("{peer}:{number}")) && line.contains(reason),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_timestamp_is_added_if_wanted_and_stays_the_same() {
    let tool = tool();
    let line = ["0", "--include-timestamp", "--checkpoint", "ck"];
    let mut live = tool.start(&line);
    let address = address(&mut live);
    client(&address).write_all(b"a\n").unwrap();
    live.until("batch 0");
    live.interrupt();
    let first = live.finish().ok();
    assert_eq!(first[0], "start -1 value STRING, timestamp TIMESTAMP");
    assert!(
        first[2].starts_with("{\"value\":\"a\",\"timestamp\":\"20") && first[2].ends_with("Z\"}"),
        "{}",
        first[2]
    );
    let mut live = tool.start(&line);
    live.until("batch 0");
    live.interrupt();
    assert_eq!(live.finish().ok()[1..4], first[1..4]);
}

#[test]
fn lines_of_logs_are_taken_apart() {
    let tool = tool();
    let mut live = tool.start(&["0", "--format", "syslog"]);
    let address = address(&mut live);
    let mut sender = client(&address);
    sender
        .write_all(b"<34>1 2025-01-15T10:30:00Z web su 7 - - done\n")
        .unwrap();
    live.until(r#"{"facility":"auth","severity":"crit","priority":2,"timestamp":"2025-01-15T10:30:00.000Z","host":"web","app":"su","pid":"7","msgid":null,"data":null,"message":"done"}"#);
    live.interrupt();
    assert!(live.finish().ok()[0].starts_with("start -1 facility STRING"));
}

#[test]
fn what_came_is_kept_until_a_sink_has_it() {
    let tool = tool();
    let line = [
        "0",
        "--format",
        "json",
        "--checkpoint",
        "ck",
        "--max-rows-per-trigger",
        "2",
    ];
    let mut live = tool.start(&line);
    let address = address(&mut live);
    client(&address)
        .write_all(b"{\"n\":0}\nbad\n{\"n\":1}\n{\"n\":2}\n")
        .unwrap();
    live.until("batch 1");
    live.kill();
    let mut live = tool.start(&line);
    assert_eq!(
        live.until("batch 1"),
        [
            "start -1",
            "begin 0",
            "{\"n\":0}",
            "batch 0 bad 1",
            "begin 1",
            "{\"n\":1}",
            "{\"n\":2}",
            "batch 1"
        ]
    );
    live.kill();
    tool.commit("ck", 0);
    let mut live = tool.start(&line);
    assert_eq!(
        live.until("batch 1"),
        ["start 0", "begin 1", "{\"n\":1}", "{\"n\":2}", "batch 1"]
    );
    live.interrupt();
    live.finish().ok();
    let rejects = std::fs::read_to_string(tool.path("ck/rejects/st-listen.ndjson")).unwrap();
    assert_eq!(rejects.matches("not JSON").count(), 1);
}

#[test]
fn what_was_taken_but_not_recorded_is_sent_first() {
    let tool = tool();
    let line = [
        "0",
        "--checkpoint",
        "ck",
        "--trigger",
        "1 hour",
        "--durability",
        "process",
    ];
    let mut live = tool.start(&line);
    let address = address(&mut live);
    // More than the spool's buffer, so that some of it is on disk before the crash.
    let text = format!("{}\n", "x".repeat(999)).repeat(300);
    client(&address).write_all(text.as_bytes()).unwrap();
    for _ in 0..302 {
        live.next();
    }
    live.kill();
    let mut live = tool.start(&line);
    live.until("begin 0");
    assert!(live.next().starts_with("{\"value\":\"xxx"));
    live.interrupt();
    live.finish().ok();
}

#[test]
fn clients_beyond_the_limit_and_silent_ones_are_sent_away() {
    let tool = tool();
    let mut live = tool.start(&[
        "0",
        "--max-clients",
        "1",
        "--idle-timeout",
        "50ms",
        "--rejects",
        "bad",
    ]);
    let address = address(&mut live);
    let mut first = client(&address);
    first.write_all(b"one\nunfinished").unwrap();
    live.until("{\"value\":\"one\"}");
    let mut second = client(&address);
    // Both are closed from the other side.
    assert_eq!(second.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0);
    let mut third = client(&address);
    third.write_all(b"three\n").unwrap();
    live.until("{\"value\":\"three\"}");
    live.interrupt();
    let outcome = live.finish();
    assert!(
        outcome
            .stderr
            .contains("turned away: 1 clients are the most"),
        "{}",
        outcome.stderr
    );
    let bad = std::fs::read_to_string(tool.path("bad")).unwrap();
    assert!(
        bad.contains("silent for too long inside the line") && bad.contains("unfinished"),
        "{bad}"
    );
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = tool().run(&[&address]);
    assert_eq!(
        refused.failure(1),
        format!("{address}: another program listens there: stop it, or give another port")
    );
}

#[test]
fn a_client_connects_again() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let tool = tool();
    let mut live = tool.start(&["--connect", &address]);
    server.accept().unwrap().0.write_all(b"one\n").unwrap();
    live.until("{\"value\":\"one\"}");
    assert!(
        live.says("closed the connection")
            .ends_with("connecting again until it answers")
    );
    server.accept().unwrap().0.write_all(b"two\n").unwrap();
    live.until("{\"value\":\"two\"}");
    live.interrupt();
    live.finish().ok();
}

#[test]
fn a_client_may_be_told_to_end() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let tool = tool();
    // The end may come a moment after the rows; only the trigger keeps them in one batch.
    let live = tool.start(&[
        "--connect",
        &address,
        "--no-reconnect",
        "--trigger",
        "1000h",
    ]);
    server.accept().unwrap().0.write_all(b"one\ntwo").unwrap();
    assert_eq!(
        live.finish().ok(),
        [
            "start -1 value STRING",
            "begin 0",
            "{\"value\":\"one\"}",
            "{\"value\":\"two\"}",
            "batch 0 final",
            "end"
        ]
    );
    drop(server);
    let refused = tool.run(&["--connect", &address, "--no-reconnect"]);
    assert!(
        refused
            .failure(1)
            .starts_with(&format!("{address}: cannot connect: ")),
        "{}",
        refused.stderr
    );
}

#[test]
fn mistakes_are_one_line() {
    let said = |arguments: &[&str]| tool().run(arguments).failure(2).to_string();
    assert_eq!(
        said(&["localhost"]),
        "localhost: no address: give PORT or HOST:PORT, such as 9999"
    );
    assert!(said(&["0", "--available-now"]).contains("--stop-after"));
    assert!(said(&["0", "--format", "csv"]).contains("lines of text"));
    assert!(said(&["0", "--format", "json", "--include-timestamp"]).contains("only for text"));
    assert!(said(&[]).contains("--help"));
}
