//! How fast rows are checked, searched and spliced on this machine: `cargo run --release -p st-row --example throughput`.
//! Figures are for the eye; no test depends on them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use st_row::{Edit, Fields, Spans, Splice, validate};

fn rows() -> Vec<String> {
    (0..2000)
        .map(|i| {
            format!(
                r#"{{"event_id":"e{i:07}","timestamp":"2025-01-15T10:{:02}:{:02}.000Z","user_id":"user_{}","event_type":"{}","product":"Mechanical Keyboard","category":"electronics","price":{}.99,"quantity":{}}}"#,
                i / 60 % 60,
                i % 60,
                i * 7 % 500,
                ["view", "add_to_cart", "purchase"][i * 13 % 3],
                i * 31 % 400,
                i % 5
            )
        })
        .collect()
}

/// Best of some rounds, in bytes per second.
fn measure(name: &str, rows: &[String], mut work: impl FnMut(&[u8])) {
    let bytes: usize = rows.iter().map(String::len).sum();
    let best = (0..50)
        .map(|_| {
            let start = Instant::now();
            rows.iter().for_each(|row| work(row.as_bytes()));
            start.elapsed()
        })
        .min()
        .unwrap();
    let speed = bytes as f64 / best.as_secs_f64() / 1e6;
    println!(
        "{name:<32} {speed:>8.0} MB/s {:>8.0} ns/row",
        best.as_secs_f64() * 1e9 / rows.len() as f64
    );
}

fn main() {
    let rows = rows();
    println!("{} rows of {} bytes", rows.len(), rows[0].len());
    measure("validate", &rows, |row| black_box(validate(row)).unwrap());
    let mut spans = Spans::default();
    for names in [
        &["event_type"][..],
        &["timestamp", "category", "price"],
        &[
            "timestamp",
            "user_id",
            "event_type",
            "category",
            "price",
            "x",
        ],
    ] {
        let fields = Fields::new(names);
        measure(&format!("locate {} fields", names.len()), &rows, |row| {
            fields.locate(black_box(row), &mut spans).unwrap()
        });
    }
    let fields = Fields::new(["price", "quantity", "amount"]);
    let (mut splice, mut out) = (Splice::new(), Vec::new());
    let edits = [
        Edit::Set {
            field: 2,
            value: 0..6,
        },
        Edit::Drop { field: 1 },
    ];
    measure("locate, set one, drop one", &rows, |row| {
        out.clear();
        fields.locate(row, &mut spans).unwrap();
        splice
            .apply(&fields, row, &spans, &edits, b"123.45", &mut out)
            .unwrap();
        black_box(&out);
    });
    measure("serde_json to a tree", &rows, |row| {
        black_box(serde_json::from_slice::<serde_json::Value>(row).unwrap());
    });
}
