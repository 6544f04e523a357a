//! Lesson 01.

use crate::console::{batches, column, rows};
use crate::{Running, lesson, succeed, work};

#[test]
fn columns_are_computed_and_batches_count_up() {
    let work = work();
    let pace = "--rows 8 --max-rows-per-trigger 3 --start-time 2025-01-15T10:00:00Z";
    let ran = succeed(lesson(work.path(), "01-rate", pace));
    let batches = batches(&ran.out());
    assert_eq!(
        batches
            .iter()
            .map(|(id, rows)| (*id, rows.len()))
            .collect::<Vec<_>>(),
        [(0, 3), (1, 3), (2, 2)]
    );
    let rows = rows(&batches);
    assert_eq!(
        column(&rows, "value"),
        ["0", "1", "2", "3", "4", "5", "6", "7"]
    );
    assert_eq!(
        column(&rows, "value_squared"),
        ["0", "1", "4", "9", "16", "25", "36", "49"]
    );
    assert_eq!(
        column(&rows, "is_even"),
        [
            "true", "false", "true", "false", "true", "false", "true", "false"
        ]
    );
    assert_eq!(
        column(&rows, "timestamp_str"),
        // Two rows a second.
        ["00", "00", "01", "01", "02", "02", "03", "03"]
            .map(|second| format!("2025-01-15 10:00:{second}"))
    );
}

#[test]
fn ctrl_c_ends_it_with_status_0() {
    let work = work();
    let mut running = Running::start(lesson(
        work.path(),
        "01-rate",
        "--start-time 2025-01-15T10:00:00Z --max-rows-per-trigger 3",
    ));
    running.until("Batch: 2");
    let (status, seen) = running.signal(rustix::process::Signal::INT);
    assert_eq!(status, Some(0));
    let batches = batches(&seen);
    for (at, (id, _)) in batches.iter().enumerate() {
        assert_eq!(*id, at as i64);
    }
    for (at, value) in column(&rows(&batches), "value").iter().enumerate() {
        assert_eq!(*value, at.to_string());
    }
}
