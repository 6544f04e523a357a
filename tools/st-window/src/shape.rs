//! What the new column means to the stages behind: its type, its watermark, whether sessions are still to be merged.

use anyhow::{Result, bail};
use serde_json::Value;
use st_expr::Schema;
use st_stream::marker::{Bound, Mode, Start};

use crate::event_time::window_type;

/// The field of `start` that names session windows still to be merged.
const SESSIONS: &str = "sessions";

/// Declares the window `name` made of `column`.
pub fn declare(start: &mut Start, schema: &mut Schema, column: &str, name: &str, session: bool) {
    schema.set(name, window_type());
    start.schema = schema.to_string();
    start.add_column(name);
    let bounding = start.watermarks.iter().position(|declared| {
        declared
            .columns
            .iter()
            .any(|(bounded, _)| bounded == column)
    });
    for declared in &mut start.watermarks {
        declared.columns.retain(|(bounded, _)| bounded != name);
    }
    if let Some(index) = bounding {
        start.watermarks[index]
            .columns
            .push((name.to_string(), Bound::Window));
    }
    let listed = start
        .rest
        .get(SESSIONS)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut sessions: Vec<Value> = listed
        .into_iter()
        .filter(|session| session != name)
        .collect();
    if session {
        sessions.push(Value::String(name.to_string()));
    }
    if sessions.is_empty() {
        start.rest.shift_remove(SESSIONS);
    } else {
        start
            .rest
            .insert(SESSIONS.to_string(), Value::Array(sessions));
    }
}

/// Refuses what would break the stream: a marker's name, and several rows of one key.
pub fn check(start: &Start, name: &str, overlaps: bool) -> Result<()> {
    if name == "$st" {
        bail!("--as: no column may be called `$st`: it is how markers begin; choose another name");
    }
    if overlaps && start.mode == Mode::Update && !start.keys.is_empty() {
        bail!(
            "rows of this update stream replace each other by their keys ({}), so one cannot become several: use st-agg --mode append or complete, or no SLIDE",
            start.keys.join(", ")
        );
    }
    Ok(())
}
