//! The list for people: one line per query, columns as wide as they need.

use st_monitor::{Query, Status};

const HEAD: [&str; 6] = ["NAME", "BATCH", "ROWS/S", "WATERMARK", "ID", "STATUS"];

/// Characters of a name.
const NAME: usize = 40;

/// Appends the table; a heading alone if there is nothing.
pub fn write(queries: &[Query], out: &mut Vec<u8>) {
    let mut lines = vec![HEAD.map(String::from)];
    lines.extend(queries.iter().map(cells));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    });
    for line in &lines {
        let mut text = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            // Numbers stand to the right.
            match column {
                1 | 2 => text += &format!("{padding}{cell}  "),
                _ => text += &format!("{cell}{padding}  "),
            }
        }
        out.extend_from_slice(text.trim_end().as_bytes());
        out.push(b'\n');
    }
}

fn cells(query: &Query) -> [String; 6] {
    let last = query.last_progress();
    let dash = || "-".to_string();
    let rate = last.and_then(|last| last.processed_rows_per_second);
    [
        short(&plain(&query.title())),
        last.map_or_else(dash, |last| last.batch_id.to_string()),
        rate.map_or_else(dash, |rate| format!("{rate:.1}")),
        last.and_then(|last| last.st.watermark.as_deref())
            .map_or_else(dash, plain),
        match query.status {
            Status::Unreadable(_) => dash(),
            _ => query.id.chars().take(8).collect(),
        },
        plain(query.status.to_string().lines().next().unwrap_or_default()),
    ]
}

/// What a query without a name reads may be long.
fn short(text: &str) -> String {
    match text.chars().count() {
        0..=NAME => text.into(),
        _ => text.chars().take(NAME - 1).chain(['…']).collect(),
    }
}

/// What a terminal can be shown: names and messages may hold anything.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
