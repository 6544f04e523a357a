//! Kills of the sink at each step of a commit, and of the server: each row once.

use crate::harness::{Dir, Server};

const SINK: [&str; 3] = ["--table", "t", "--create"];

/// Ten batches of ten rows.
fn batches() -> Vec<Vec<String>> {
    (0..10)
        .map(|batch| {
            (0..10)
                .map(|row| format!("{{\"n\":{}}}", batch * 10 + row))
                .collect()
        })
        .collect()
}

fn stream(dir: &Dir, epoch: i64) -> String {
    let batches = batches();
    let rows: Vec<Vec<&str>> = batches
        .iter()
        .skip(usize::try_from(epoch + 1).unwrap())
        .map(|batch| batch.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    dir.stream("", epoch, &rows)
}

fn whole(dir: &Dir) {
    assert_eq!(
        dir.ask("SELECT count(*), count(DISTINCT n), sum(n) FROM t"),
        ["100|100|4950"]
    );
}

/// The batch this sink stands at.
fn last(dir: &Dir) -> i64 {
    let query = dir.query();
    query.sinks().unwrap().first().map_or(-1, |sink| sink.last)
}

#[test]
fn a_sink_killed_at_any_step_delivers_each_row_once() {
    let dir = Dir::new("kills");
    for step in [
        "sink.before_output",
        "sink.mid_output",
        "sink.after_output",
        "sink.before_commit",
        "sink.after_commit",
    ] {
        for count in ["1", "2"] {
            let text = stream(&dir, last(&dir));
            let (status, said) =
                dir.sink_with(&SINK, &text, &[("ST_FAIL", &format!("{step}:{count}"))]);
            assert_eq!(status, 137, "{step}: {said}");
        }
    }
    dir.quietly(&SINK, &stream(&dir, last(&dir)));
    whole(&dir);
}

#[test]
fn a_server_killed_between_batches_is_waited_for_by_the_next_run() {
    let mut server = Server::start();
    let dir = Dir::on(&server.url);
    for step in ["sink.mid_output", "sink.after_output"] {
        // The sink dies with the transaction open or just committed; the server right after.
        let text = stream(&dir, last(&dir));
        assert_eq!(
            dir.sink_with(&SINK, &text, &[("ST_FAIL", &format!("{step}:3"))])
                .0,
            137
        );
        server.kill();
        let (status, said) = dir.sink(&SINK, &stream(&dir, last(&dir)));
        assert_eq!(status, 1);
        assert!(said.contains("see that the server runs"), "{said}");
        server.again();
    }
    dir.quietly(&SINK, &stream(&dir, last(&dir)));
    whole(&dir);
}
