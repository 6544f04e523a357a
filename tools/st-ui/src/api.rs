//! Queries as JSON.

use serde_json::{Value, json};
use st_monitor::{Query, Status};

use crate::sql;

/// One query as the list has it.
pub fn summary(query: &Query) -> Value {
    let last = query.last_progress();
    let error = match &query.status {
        Status::Failed(failure) => Some(json!(
            {"stage": failure.stage, "error": failure.error, "time": failure.time}
        )),
        Status::Unreadable(why) => Some(json!({"stage": "metadata", "error": why, "time": ""})),
        _ => None,
    };
    json!({
        "id": query.id,
        "runId": query.run_id,
        "name": query.name,
        "title": query.title(),
        "status": query.status.word(),
        "message": query.status.to_string(),
        "batchId": query.batch_id(),
        "inputRowsPerSecond": last.and_then(|last| last.input_rows_per_second),
        "processedRowsPerSecond": last.and_then(|last| last.processed_rows_per_second),
        "watermark": last.and_then(|last| last.st.watermark.as_deref()),
        "started": query.started,
        "checkpoint": query.checkpoint.as_ref().map(|path| path.to_string_lossy()),
        "sinks": query.sinks.iter().map(|sink| &sink.name).collect::<Vec<_>>(),
        "error": error,
    })
}

/// One query with its plan, its last reports and its tables.
pub fn details(query: &Query) -> Value {
    let mut all = summary(query);
    all["sources"] = json!(query.sources);
    all["live"] = json!(query.live);
    all["sinks"] = query
        .sinks
        .iter()
        .map(|sink| {
            let table = sink.table();
            json!({
                "name": sink.name,
                "plan": sink.plan,
                "table": table.as_ref().map(|(_, table)| table),
                "columns": table.and_then(|(file, table)| sql::columns(&file, &table)),
                "last": sink.last,
            })
        })
        .collect();
    all
}

/// The reports of one sink behind batch `after`, oldest first.
pub fn progress(query: &Query, sink: Option<&str>, after: i64) -> Option<Value> {
    let sink = match sink {
        Some(name) => query.sinks.iter().find(|sink| sink.name == name)?,
        None => query.sinks.first()?,
    };
    let reports = query.progress(&sink.name).unwrap_or_default();
    let newer = reports.into_iter().filter(|report| report.batch_id > after);
    Some(json!(newer.collect::<Vec<_>>()))
}
