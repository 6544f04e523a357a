//! Lesson 04.

use std::collections::BTreeMap;
use std::path::Path;

use crate::console::{batches, rows};
use crate::{Running, data, files, lesson, succeed, wait_for, work};

/// Purchases and cents by user.
fn expected(work: &Path) -> BTreeMap<String, (i64, i64)> {
    let mut users = BTreeMap::new();
    for row in data::by_file(&work.join("data/transactions"))
        .iter()
        .flatten()
    {
        let cents = data::cents(&row["amount"]);
        if cents > 0 {
            let user = users
                .entry(row["user"].as_str().unwrap().to_string())
                .or_insert((0, 0));
            *user = (user.0 + 1, user.1 + cents);
        }
    }
    users
}

/// What the table holds; nothing if it is not there yet.
fn table(work: &Path) -> BTreeMap<String, (i64, i64)> {
    let query = "sqlite3 out/sinks.db 'select user, purchases, cast(round(spent * 100) as int) from by_user' 2>/dev/null";
    let ran = st_tests::run(st_tests::bash(&st_tests::bin().unwrap(), work, query)).unwrap();
    ran.out()
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            (
                cells[0].to_string(),
                (cells[1].parse().unwrap(), cells[2].parse().unwrap()),
            )
        })
        .collect()
}

#[test]
fn screen_table_and_files_hold_the_same() {
    let work = work();
    let ran = succeed(lesson(work.path(), "04-several-sinks", "--available-now"));
    let expected = expected(work.path());
    assert_eq!(table(work.path()), expected);

    let screen = batches(&ran.out());
    assert_eq!(
        screen.iter().map(|batch| batch.0).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert!(rows(&screen).iter().all(|row| row.len() == 5));

    let parquet = files(&work.path().join("out/sinks"), "parquet");
    assert_eq!(parquet.len(), 5);
    let mut count = 0;
    for file in &parquet {
        assert!(
            file.to_string_lossy().contains("/date=2025-01-15/"),
            "{}",
            file.display()
        );
        count += parquet_rows(file);
    }
    assert_eq!(count, expected.values().map(|user| user.0).sum::<i64>());
}

#[test]
fn the_table_is_asked_while_the_stream_runs() {
    let work = work();
    let running = Running::start(lesson(work.path(), "04-several-sinks", "--trigger 50ms"));
    let expected = expected(work.path());
    wait_for("the whole table", || table(work.path()) == expected);
    let (status, _) = running.signal(rustix::process::Signal::INT);
    assert_eq!(status, Some(0));
}

/// The number of rows a Parquet file says it has.
pub fn parquet_rows(file: &Path) -> i64 {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    SerializedFileReader::new(std::fs::File::open(file).unwrap())
        .unwrap()
        .metadata()
        .file_metadata()
        .num_rows()
}
