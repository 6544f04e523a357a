//! Lesson 03.

use std::path::Path;

use crate::console::{Batch, Row, batches, column, rows};
use crate::{Running, data, lesson, script, succeed, work};

/// What each file must give, in order of the files.
fn expected(work: &Path) -> Vec<Vec<Row>> {
    data::by_file(&work.join("data/transactions"))
        .iter()
        .map(|file| {
            file.iter()
                .filter(|row| row["amount"].as_f64().unwrap() > 0.0)
                .map(|row| {
                    let at = data::clock(data::seconds(&row["timestamp"]));
                    // Ten-thousandths, rounded half away from zero.
                    let rate = match row["currency"].as_str().unwrap() {
                        "EUR" => 108,
                        "GBP" => 127,
                        _ => 100,
                    };
                    let usd = (data::cents(&row["amount"]) * rate + 50) / 100;
                    [
                        (
                            "transaction_id",
                            row["transaction_id"].as_str().unwrap().to_string(),
                        ),
                        ("amount_usd", (usd as f64 / 100.0).to_string()),
                        ("hour", at[11..13].trim_start_matches('0').to_string()),
                        ("date", at[..10].to_string()),
                    ]
                    .map(|(name, text)| (name.to_string(), text))
                    .into()
                })
                .collect()
        })
        .collect()
}

/// The columns of `expected`, numbers in one spelling.
fn seen(batch: &Batch) -> Vec<Row> {
    batch
        .1
        .iter()
        .map(|row| {
            ["transaction_id", "amount_usd", "hour", "date"]
                .map(|name| {
                    let text = match name {
                        "amount_usd" => row[name].parse::<f64>().unwrap().to_string(),
                        _ => row[name].clone(),
                    };
                    (name.to_string(), text)
                })
                .into()
        })
        .collect()
}

#[test]
fn one_file_is_one_batch() {
    let work = work();
    let ran = succeed(lesson(work.path(), "03-files", "--available-now"));
    let batches = batches(&ran.out());
    assert_eq!(
        batches.iter().map(|batch| batch.0).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert_eq!(
        batches.iter().map(seen).collect::<Vec<_>>(),
        expected(work.path())
    );
}

#[test]
fn a_second_run_reads_only_what_the_simulator_has_added() {
    let work = work();
    succeed(lesson(work.path(), "03-files", "--available-now"));
    let again = succeed(lesson(work.path(), "03-files", "--available-now"));
    assert_eq!(rows(&batches(&again.out())), Vec::<Row>::new());
    succeed(script(work.path(), "scripts/simulate-transactions 5 0"));
    let new = succeed(lesson(work.path(), "03-files", "--available-now"));
    let expected = expected(work.path());
    assert_eq!(expected.len(), 10);
    let new: Vec<Vec<Row>> = batches(&new.out())
        .iter()
        .map(seen)
        .filter(|rows| !rows.is_empty())
        .collect();
    assert_eq!(new, expected[5..]);
}

/// Killed wherever it stands, it goes on: batches keep their number and their rows, and none is missing.
#[test]
fn killed_and_started_again_it_reads_no_file_twice_and_misses_none() {
    let work = work();
    succeed(script(work.path(), "scripts/simulate-transactions 15 0"));
    let mut running = Running::start(lesson(work.path(), "03-files", "--trigger 20ms"));
    running.until("Batch: 4");
    let (_, first) = running.signal(rustix::process::Signal::KILL);
    let second = succeed(lesson(work.path(), "03-files", "--available-now")).out();

    let (first, second) = (batches(&first), batches(&second));
    let expected = expected(work.path());
    let resumed = second[0].0;
    assert!(
        resumed >= 1 && resumed <= first.last().unwrap().0 + 1,
        "goes on with batch {resumed}"
    );
    // A console cannot take a batch back: one that it printed and had not committed may come again, the same. The last of
    // the killed run may be cut short.
    for batch in &first[..first.len() - 1] {
        assert_eq!(seen(batch), expected[batch.0 as usize], "batch {}", batch.0);
    }
    let rest: Vec<i64> = second
        .iter()
        .filter(|batch| !batch.1.is_empty())
        .map(|batch| batch.0)
        .collect();
    assert_eq!(rest, (resumed..20).collect::<Vec<_>>());
    for batch in second.iter().filter(|batch| !batch.1.is_empty()) {
        assert_eq!(seen(batch), expected[batch.0 as usize], "batch {}", batch.0);
    }
    let all = rows(&second);
    assert!(column(&all, "transaction_id").is_sorted());
}
