//! States as JSON lines.

use anyhow::{Result, bail};
use st_checkpoint::QueryDir;
use st_stream::Writer;

use crate::keys;

/// Prints every key of `stage`, or of all stages.
///
/// # Errors
/// A stage or epoch that is not there; damage.
pub fn show(
    dir: &QueryDir,
    stage: Option<&str>,
    epoch: Option<i64>,
    out: &mut Writer,
) -> Result<()> {
    let stages = match stage {
        Some(stage) => vec![stage.to_string()],
        None => dir.stages()?,
    };
    if stages.is_empty() {
        bail!(
            "{}: no stage of this query has kept any state yet",
            dir.path().display()
        );
    }
    for stage in stages {
        let (view, keys) = keys::read(dir, &stage, epoch)?;
        for (key, value) in &keys {
            let line = out.buffer();
            head(line, &view.stage, view.epoch);
            field(line, "key", key);
            field(line, "value", value);
            line.extend_from_slice(b"}\n");
            out.wrote()?;
        }
    }
    Ok(())
}

/// Prints the keys of `stage` that were added, changed or removed between two epochs.
///
/// # Errors
/// As [`show`].
pub fn diff(dir: &QueryDir, stage: &str, from: i64, to: i64, out: &mut Writer) -> Result<()> {
    let (_, old) = keys::read(dir, stage, Some(from))?;
    let (_, new) = keys::read(dir, stage, Some(to))?;
    let mut all: Vec<&Vec<u8>> = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)))
        .collect();
    all.sort();
    for key in all {
        let (before, after) = (old.get(key), new.get(key));
        let change = match (before, after) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) => "added",
            (_, None) => "removed",
        };
        let line = out.buffer();
        line.extend_from_slice(b"{\"change\":\"");
        line.extend_from_slice(change.as_bytes());
        line.push(b'"');
        field(line, "key", key);
        for (name, value) in [("from", before), ("to", after)] {
            if let Some(value) = value {
                field(line, name, value);
            }
        }
        line.extend_from_slice(b"}\n");
        out.wrote()?;
    }
    Ok(())
}

fn head(line: &mut Vec<u8>, stage: &str, epoch: i64) {
    line.extend_from_slice(b"{\"stage\":");
    st_row::write_string(line, stage);
    line.extend_from_slice(b",\"epoch\":");
    st_row::write_i64(line, epoch);
}

fn field(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    line.push(b',');
    st_row::write_string(line, name);
    line.push(b':');
    line.extend_from_slice(value);
}
