//! What the list shows of a query, in the view and in printed lines.

use crate::figures::{Seen, lag, state};
use crate::table::Column;
use crate::text::{bytes, count, millis, plain, rate, span, spark};

/// So many batches of history.
const HISTORY: usize = 12;

/// Where the history stands among the columns.
pub const HISTORY_PLACE: usize = 10;

/// The columns.
pub const COLUMNS: [Column; 12] = [
    Column::words("NAME", 10, 20, 0),
    Column::number("BATCH", 2),
    Column::number("IN/S", 8),
    Column::number("ROWS/S", 1),
    Column::number("P50", 10),
    Column::number("P99", 3),
    Column::number("LAG", 4),
    Column::number("STATE", 7),
    Column::number("BYTES", 9),
    Column::words("BUSIEST", 16, 24, 5),
    Column::words("HISTORY", HISTORY, HISTORY, 6),
    Column::words("STATUS", 19, 200, 0),
];

/// A query in these columns; a dash for what there is not.
pub fn cells(seen: &Seen) -> Vec<String> {
    let dash = || "-".to_string();
    let last = seen.last();
    let latency = last.and_then(|last| last.st.latency_ms);
    let state = last.and_then(state);
    let rates: Vec<f64> = seen
        .reports()
        .iter()
        .map(|report| report.processed_rows_per_second.unwrap_or(0.0))
        .collect();
    let status = seen.query.status.to_string();
    vec![
        plain(&seen.name()),
        last.map_or_else(dash, |last| last.batch_id.to_string()),
        last.and_then(|last| last.input_rows_per_second)
            .map_or_else(dash, rate),
        last.and_then(|last| last.processed_rows_per_second)
            .map_or_else(dash, rate),
        latency.map_or_else(dash, |latency| millis(latency.p50)),
        latency.map_or_else(dash, |latency| millis(latency.p99)),
        last.and_then(lag).map_or_else(dash, span),
        state.map_or_else(dash, |(rows, _)| count(rows)),
        state.map_or_else(dash, |(_, size)| bytes(size)),
        seen.load().busiest().map_or_else(dash, |(stage, share)| {
            plain(&format!("{} {:.0}%", stage.name, share * 100.0))
        }),
        spark(&rates, HISTORY),
        plain(status.lines().next().unwrap_or_default()),
    ]
}
