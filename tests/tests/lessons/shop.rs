//! Lesson 08, which is the demo.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::console::batches;
use crate::{Running, data, lesson, succeed, wait_for, work};

/// Runs a query over the funnel's table, cells between bars.
fn sql(work: &Path, query: &str) -> String {
    let line = format!("sqlite3 out/funnel.db \"{query}\" 2>/dev/null");
    st_tests::run(st_tests::bash(&st_tests::bin().unwrap(), work, &line))
        .unwrap()
        .out()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

/// Cents of a purchase, none of another event.
fn spent(row: &Value) -> Option<i64> {
    (text(row, "event_type") == "purchase")
        .then(|| data::cents(&row["price"]) * row["quantity"].as_i64().unwrap())
}

#[test]
fn revenue_funnel_and_top_products() {
    let work = work();
    let mut command = lesson(work.path(), "08-ecommerce", "--available-now");
    command.env("LIVE", "0");
    let ran = succeed(command);
    let files = data::by_file(&work.path().join("data/shop"));
    assert_eq!(files.len(), 8);

    // Revenue: each batch shows the windows and categories it had purchases for, with their totals so far.
    let batches = batches(&ran.out());
    assert_eq!(batches.len(), 8);
    let mut totals: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for (file, (id, rows)) in files.iter().zip(&batches) {
        let mut changed = BTreeMap::new();
        for row in file {
            let Some(cents) = spent(row) else { continue };
            let start = data::seconds(&row["timestamp"]).div_euclid(300) * 300;
            let key = (data::window(start, 300), text(row, "category").to_string());
            let total = totals.entry(key.clone()).or_default();
            *total = (total.0 + cents, total.1 + 1);
            changed.insert(key, *total);
        }
        let seen: BTreeMap<_, _> = rows
            .iter()
            .map(|row| {
                let cents = row["revenue"].replace('.', "").parse::<i64>().unwrap();
                (
                    (row["window"].clone(), row["category"].clone()),
                    (cents, row["purchases"].parse::<i64>().unwrap()),
                )
            })
            .collect();
        assert!(rows.len() <= 20, "the console shows twenty rows");
        if changed.len() <= 20 {
            assert_eq!(seen, changed, "batch {id}");
        }
    }

    // The funnel, with SQL's window functions over the table.
    let mut windows: BTreeMap<(i64, String), i64> = BTreeMap::new();
    let mut events: BTreeMap<String, i64> = BTreeMap::new();
    for row in files.iter().flatten() {
        let start = data::seconds(&row["timestamp"]).div_euclid(120) * 120;
        *windows
            .entry((start, text(row, "event_type").to_string()))
            .or_default() += 1;
        *events
            .entry(text(row, "event_type").to_string())
            .or_default() += 1;
    }
    let seen = sql(
        work.path(),
        "select window_start, event_type, events from funnel order by window_start, event_type",
    );
    let expected: Vec<String> = windows
        .iter()
        .map(|((start, kind), count)| format!("{}|{kind}|{count}", data::clock(*start)))
        .collect();
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
    let percent = 100.0 * events["purchase"] as f64 / events["view"] as f64;
    let line = ran
        .out()
        .lines()
        .find(|line| line.starts_with("purchase"))
        .unwrap()
        .to_string();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[1], events["purchase"].to_string());
    assert!(
        (cells[2].parse::<f64>().unwrap() - percent).abs() < 0.051,
        "{line}, {percent}"
    );

    // Top products.
    let mut products: BTreeMap<String, i64> = BTreeMap::new();
    for row in files.iter().flatten() {
        if let Some(cents) = spent(row) {
            *products
                .entry(text(row, "product_id").to_string())
                .or_default() += cents;
        }
    }
    let mut products: Vec<(i64, String)> = products
        .into_iter()
        .map(|(product, cents)| (-cents, product))
        .collect();
    products.sort();
    let expected: Vec<String> = products
        .into_iter()
        .take(10)
        .map(|(_, product)| product)
        .collect();
    assert_eq!(
        parquet_column(&work.path().join("out/top-products.parquet"), "product_id"),
        expected
    );
}

#[test]
fn a_shop_that_goes_on_while_the_queries_run() {
    let work = work();
    let mut command = lesson(work.path(), "08-ecommerce", "--trigger 50ms");
    command.env("LIVE", "2");
    let running = Running::start(command);
    wait_for("all the events", || {
        sql(work.path(), "select sum(events) from funnel") == "10000\n"
    });
    let (status, seen) = running.signal(rustix::process::Signal::INT);
    assert_eq!(status, Some(0), "{seen}");
    assert!(seen.contains("add_to_cart"), "{seen}");
}

/// The texts of a column of a Parquet file.
fn parquet_column(file: &Path, name: &str) -> Vec<String> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        let field = row
            .get_column_iter()
            .find(|(column, _)| *column == name)
            .unwrap()
            .1
            .clone();
        match field {
            Field::Str(text) => text,
            other => panic!("{name} is {other}"),
        }
    })
    .collect()
}
