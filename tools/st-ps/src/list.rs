//! Which queries are listed, and as what.

use anyhow::Result;
use serde::Serialize;
use st_monitor::Query;

use crate::args::Arguments;
use crate::table;

/// One query as `--json` gives it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: &'a str,
    run_id: &'a str,
    name: Option<&'a str>,
    status: &'static str,
    message: String,
    batch_id: i64,
    input_rows_per_second: Option<f64>,
    processed_rows_per_second: Option<f64>,
    watermark: Option<&'a str>,
    started: &'a str,
    checkpoint: Option<String>,
    error: Option<&'a str>,
}

/// Appends what was asked for.
///
/// # Errors
/// None in practice: whatever cannot be JSON.
pub fn write(arguments: &Arguments, queries: &[Query], out: &mut Vec<u8>) -> Result<()> {
    if arguments.last {
        let reports = queries.iter().flat_map(|query| &query.sinks);
        for report in reports.filter_map(|sink| sink.last.as_ref()) {
            serde_json::to_writer(&mut *out, report)?;
            out.push(b'\n');
        }
        return Ok(());
    }
    if !arguments.json {
        table::write(queries, out);
        return Ok(());
    }
    for query in queries {
        let last = query.last_progress();
        let line = Line {
            id: &query.id,
            run_id: &query.run_id,
            name: query.name.as_deref(),
            status: query.status.word(),
            message: query.status.to_string(),
            batch_id: query.batch_id(),
            input_rows_per_second: last.and_then(|last| last.input_rows_per_second),
            processed_rows_per_second: last.and_then(|last| last.processed_rows_per_second),
            watermark: last.and_then(|last| last.st.watermark.as_deref()),
            started: &query.started,
            checkpoint: query
                .checkpoint
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
            error: query.status.error(),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.push(b'\n');
    }
    Ok(())
}
