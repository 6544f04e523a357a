//! Lesson 05.

use std::io::Write;
use std::net::TcpListener;

use crate::console::{batches, column};
use crate::{Running, lesson, work};

#[test]
fn words_are_counted_most_frequent_first() {
    let work = work();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = lesson(work.path(), "05-word-count", "--max-rows-per-trigger 1");
    command.env("PORT", server.local_addr().unwrap().port().to_string());
    let mut running = Running::start(command);
    let (mut client, _) = server.accept().unwrap();
    for (number, line) in ["the dog and the fox", "the  fox", " a dog "]
        .iter()
        .enumerate()
    {
        writeln!(client, "{line}").unwrap();
        running.until(&format!("Batch: {number}"));
    }
    let (status, seen) = running.signal(rustix::process::Signal::INT);
    assert_eq!(status, Some(0));
    let batches = batches(&seen);
    let count = |batch: usize| {
        let rows = &batches[batch].1;
        column(rows, "word")
            .into_iter()
            .zip(column(rows, "count"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        count(0),
        [("the", "2"), ("and", "1"), ("dog", "1"), ("fox", "1")]
    );
    assert_eq!(
        count(1),
        [("the", "3"), ("fox", "2"), ("and", "1"), ("dog", "1")]
    );
    assert_eq!(
        count(2),
        [
            ("the", "3"),
            ("dog", "2"),
            ("fox", "2"),
            ("a", "1"),
            ("and", "1")
        ]
    );
}
