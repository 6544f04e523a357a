//! What is in a checkpoint, one line each.

use anyhow::Result;
use serde_json::{Value, json};
use st_checkpoint::QueryDir;
use st_stream::Writer;
use st_stream::message::tell;

/// Prints the query, its sources, the stages with state, and the sinks.
///
/// # Errors
/// Damage.
pub fn list(dir: &QueryDir, out: &mut Writer) -> Result<()> {
    let any = !dir.sinks()?.is_empty();
    let start = any.then(|| dir.committed()).transpose()?;
    tell(1, "st-state", || match start {
        Some(floor) if floor >= 0 => {
            format!("every sink has batch {floor}: the next run starts behind it")
        }
        _ => "not every sink has a batch: the next run starts at the first one".into(),
    });
    line(out, &json!({"query": dir.id(), "floor": start}))?;
    for source in dir.sources()? {
        let (first, last) = source.batches.unzip();
        line(
            out,
            &json!({"source": source.name, "first": first, "last": last, "definition": source.definition}),
        )?;
    }
    for stage in dir.stages()? {
        let view = dir.read_state(&stage, None, || {}, |_, _| {})?;
        let (first, last) = dir.epochs(&stage)?;
        line(
            out,
            &json!({"stage": stage, "first": first, "last": last, "keys": view.keys, "definition": view.definition}),
        )?;
    }
    for sink in dir.sinks()? {
        let ahead = start.map_or(0, |start| sink.last - start);
        line(
            out,
            &json!({"sink": sink.name, "joined": sink.joined, "last": sink.last, "ahead": ahead, "target": sink.target}),
        )?;
    }
    Ok(())
}

fn line(out: &mut Writer, value: &Value) -> Result<()> {
    serde_json::to_writer(&mut *out.buffer(), value)?;
    out.buffer().push(b'\n');
    out.wrote()
}
