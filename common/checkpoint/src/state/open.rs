//! Opening a state as of an epoch: which generation, what of it, and under which definition.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::compaction::{Written, write_generation};
use super::generations::{self, Generation};
use super::verify::{Verified, verify};
use super::{Header, StateFile};
use crate::definition::{changes, refusal};
use crate::durable::{cannot, open_to_append};
use crate::name::check_name;
use crate::record_log::RESTORE;
use crate::{Change, Kind, QueryDir};

impl StateFile {
    /// Opens the stage's state as of `epoch` and cuts what was written after it. With no file
    /// the state begins empty, if nothing was ever kept for it: `epoch` is −1, or the directory
    /// is a query's and no recorded plan names the stage.
    ///
    /// A file written under another definition is accepted if `safe` says so of each change and
    /// all sinks below the stage stand at `epoch`; it is then given the new definition at the
    /// next compaction, which is due at once. At epoch −1 any change is: nothing is kept.
    ///
    /// # Errors
    /// A missing, damaged, foreign or newer file; an unsafe change of the definition.
    pub fn open(
        dir: &QueryDir,
        stage: &str,
        definition: &Value,
        epoch: i64,
        safe: &dyn Fn(&Change) -> bool,
    ) -> Result<Self> {
        check_name(stage)?;
        let generations = generations::list(dir, stage)?;
        let (mut fit, later): (Vec<_>, Vec<_>) = generations
            .into_iter()
            .partition(|generation| generation.base <= epoch);
        let Some(current) = fit.pop() else {
            if epoch >= 0 && has_run(dir, stage)? {
                bail!(
                    "{}: missing as of epoch {epoch}, though {stage} has run in this query: {RESTORE}",
                    generations::pattern(dir, stage).display()
                );
            }
            generations::remove(dir, &later)?;
            return Self::begin(dir, stage, definition, epoch);
        };
        Self::load(dir, stage, definition, epoch, safe, current, (fit, later))
    }

    /// An empty state as of `epoch`.
    fn begin(dir: &QueryDir, stage: &str, definition: &Value, epoch: i64) -> Result<Self> {
        let header = Header {
            format: 1,
            query: dir.id().into(),
            stage: stage.into(),
            definition: definition.clone(),
            base: epoch,
        };
        let current = Generation::new(dir, stage, epoch)?;
        let written = write_generation(dir, &current, &header, 0, "null", |_| Ok(()))?;
        Self::resume(dir, header, current, Vec::new(), written)
    }

    fn load(
        dir: &QueryDir,
        stage: &str,
        definition: &Value,
        epoch: i64,
        safe: &dyn Fn(&Change) -> bool,
        current: Generation,
        (older, later): (Vec<Generation>, Vec<Generation>),
    ) -> Result<Self> {
        let file = File::open(&current.path).with_context(|| cannot("open", &current.path))?;
        let whose = (dir.id(), stage, current.base);
        let verified = verify(&current.path, file, whose, epoch)?;
        if verified.closing.epoch < epoch && !dir.stands_for_later(verified.closing.epoch) {
            return Err(too_short(dir, stage, &current.path, &verified, epoch)?);
        }
        let mut header = verified.header;
        let found = changes(&header.definition, definition);
        if !found.is_empty() {
            if epoch == -1 {
                generations::remove(dir, &later)?;
                generations::remove(dir, &[current])?;
                return Self::begin(dir, stage, definition, -1);
            }
            accept(dir, stage, &current.path, epoch, &found, safe)?;
            header.definition = definition.clone();
        }
        // What begins after this epoch was not delivered by all; what lies before the newest
        // one that fits is of no use to any later start, since those start here or after.
        generations::remove(dir, &later)?;
        generations::remove(dir, &older)?;
        let written = Written {
            length: verified.end,
            snapshot: verified.snapshot,
            lines: verified.lines,
            crc: verified.crc,
            closing: verified.closing,
        };
        let mut state = Self::resume(dir, header, current, Vec::new(), written)?;
        state.redefined = !found.is_empty();
        let path = &state.current.path;
        let there = state
            .file
            .metadata()
            .with_context(|| cannot("read", path))?
            .len();
        if there > state.length {
            state
                .file
                .set_len(state.length)
                .with_context(|| cannot("cut", path))?;
            dir.durability()
                .sync(&state.file)
                .with_context(|| cannot("sync", path))?;
        }
        state.close_unchanged(epoch)?;
        Ok(state)
    }

    pub(super) fn resume(
        dir: &QueryDir,
        header: Header,
        current: Generation,
        older: Vec<Generation>,
        written: Written,
    ) -> Result<Self> {
        let file = open_to_append(&current.path)?;
        Ok(StateFile {
            dir: dir.clone(),
            header,
            current,
            older,
            file,
            buffer: Vec::new(),
            length: written.length,
            epoch_at: written.length,
            crc: written.crc,
            snapshot: written.snapshot,
            lines: written.lines,
            closing: written.closing,
            redefined: false,
            failed: false,
            direct: None,
        })
    }
}

/// Whether a state of this stage must be there at any epoch but −1: a recorded plan names it,
/// or the directory is its own.
fn has_run(dir: &QueryDir, stage: &str) -> Result<bool> {
    Ok(dir.kind() == Kind::Stage || dir.names_in_plan(stage)?)
}

/// The message for a file that ends before the epoch asked for.
fn too_short(
    dir: &QueryDir,
    stage: &str,
    path: &Path,
    verified: &Verified,
    epoch: i64,
) -> Result<anyhow::Error> {
    let mend = if has_run(dir, stage)? {
        RESTORE.to_string()
    } else {
        // Left behind by a stage of this name that was taken out of the line for a while.
        format!(
            "no sink knows {stage} yet: rm {} to begin it empty",
            path.display()
        )
    };
    Ok(anyhow!(
        "{}: ends at epoch {}, byte {}, but epoch {epoch} is needed: {mend}",
        path.display(),
        verified.closing.epoch,
        verified.end
    ))
}

/// Refuses changes of a definition that would give wrong answers.
fn accept(
    dir: &QueryDir,
    stage: &str,
    path: &Path,
    epoch: i64,
    found: &[Change],
    safe: &dyn Fn(&Change) -> bool,
) -> Result<()> {
    if let Some(text) = refusal(found, safe) {
        bail!(
            "{}: {text}: give the old options, or start afresh with a new --checkpoint",
            path.display()
        );
    }
    let lagging = dir
        .sinks()?
        .into_iter()
        .find(|sink| sink.is_below(stage) && sink.last != epoch);
    if let Some(sink) = lagging {
        bail!(
            "{}: the definition changed ({}) while sink {} stands at batch {} and another at {}: \
             run the old line until they agree",
            path.display(),
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
            sink.name,
            sink.last,
            epoch
        );
    }
    Ok(())
}
