//! Reads the tables that `st-sink console` prints.

use std::collections::BTreeMap;

/// A row of a table: column to text.
pub type Row = BTreeMap<String, String>;

/// A batch of the console: its number and its rows.
pub type Batch = (i64, Vec<Row>);

/// All batches in what was printed.
pub fn batches(text: &str) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("Batch: ") {
            batches.push((number.parse().unwrap(), Vec::new()));
            names.clear();
        } else if let Some(cells) = line
            .strip_prefix('|')
            .and_then(|line| line.strip_suffix('|'))
        {
            let cells = cells.split('|').map(|cell| cell.trim().to_string());
            if names.is_empty() {
                names = cells.collect();
            } else {
                let row = names.iter().cloned().zip(cells).collect();
                batches.last_mut().unwrap().1.push(row);
            }
        }
    }
    batches
}

/// One cell of each row.
pub fn column<'a>(rows: &'a [Row], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

/// The rows of all batches.
pub fn rows(batches: &[Batch]) -> Vec<Row> {
    batches.iter().flat_map(|(_, rows)| rows.clone()).collect()
}
