//! The state file of one stateful stage: `state/STAGE@EPOCH.ndjson`.
//!
//! A log of changed keys with a checksummed closing line per epoch, so that a batch costs what
//! it changed and not what is kept; a run that starts at epoch C reads up to C's closing line
//! and cuts what follows. When the log outgrows its snapshot, a new generation begins with a
//! snapshot of its own; the old one stays until no run can start before the new one.

mod generations;
mod line;
mod verify;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::{changes, refusal};
use crate::durable::{cannot, open_to_append, replace_file};
use crate::name::check_name;
use crate::record::{Lines, push_seal};
use crate::record_log::{RESTORE, still_linked};
use crate::{Change, Kind, QueryDir, fail_point};
use generations::Generation;
use verify::Closing;

/// Bytes of log that never call for a new generation.
const SMALL_LOG: u64 = 1 << 20;
/// Bytes collected before they are written out in the middle of an epoch.
const WRITE_BLOCK: usize = 1 << 18;

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "st-state")]
    format: u32,
    query: String,
    stage: String,
    definition: Value,
    base: i64,
}

/// The open state of one stage as of an epoch. The caller holds the stage's lock.
pub struct StateFile {
    dir: QueryDir,
    header: Header,
    current: Generation,
    /// Older generations that a run may still have to start from, oldest first.
    older: Vec<Generation>,
    file: File,
    /// What is to be written, after `length` bytes that are.
    buffer: Vec<u8>,
    length: u64,
    /// Of the `length` bytes.
    crc: crc32fast::Hasher,
    /// Where the snapshot ends and the log of changes begins.
    snapshot: u64,
    closing: Closing,
    redefined: bool,
    failed: bool,
}

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
        let verified = verify::verify(&current.path, file, whose, epoch)?;
        if verified.closing.epoch < epoch {
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
        Ok(state)
    }

    fn resume(
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
            crc: written.crc,
            snapshot: written.snapshot,
            closing: written.closing,
            redefined: false,
            failed: false,
        })
    }

    /// The last closed epoch.
    pub fn epoch(&self) -> i64 {
        self.closing.epoch
    }

    /// How many keys were live at [`StateFile::epoch`], as the stage said when it closed it.
    pub fn live_keys(&self) -> u64 {
        self.closing.keys
    }

    /// What the stage wrote into that closing line, as JSON; `null` for a state just begun.
    pub fn meta(&self) -> &str {
        self.closing.meta.get()
    }

    /// The generation written to.
    pub fn path(&self) -> &Path {
        &self.current.path
    }

    /// Bytes of that generation.
    pub fn bytes(&self) -> u64 {
        self.length + self.buffer.len() as u64
    }

    /// Hands every recorded change to `each` in the order written: a key as raw JSON with its
    /// value, or without one if it was removed. The same key may come several times. Call it
    /// right after opening; all of it has been verified by then.
    ///
    /// # Errors
    /// If the file cannot be read again, or from `each`.
    pub fn restore(&self, mut each: impl FnMut(&[u8], Option<&[u8]>) -> Result<()>) -> Result<()> {
        let path = &self.current.path;
        let file = File::open(path).with_context(|| cannot("open", path))?;
        let mut lines = Lines::new(file.take(self.length));
        while let Some(line) = lines.next().with_context(|| cannot("read", path))? {
            if let Some((key, value)) = line::key_and_value(line.bytes) {
                each(key, value).with_context(|| {
                    format!("{}: byte {}: cannot restore", path.display(), line.offset)
                })?;
            }
        }
        Ok(())
    }

    /// Sets a key, as of the epoch that is closed next. Key and value are raw JSON on one line.
    ///
    /// # Errors
    /// A newline in either; a failed write.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        line::push_set(&mut self.buffer, key, value)?;
        self.relieve()
    }

    /// Removes a key, as of the epoch that is closed next.
    ///
    /// # Errors
    /// A newline in it; a failed write.
    pub fn remove(&mut self, key: &[u8]) -> Result<()> {
        line::push_removal(&mut self.buffer, key)?;
        self.relieve()
    }

    fn relieve(&mut self) -> Result<()> {
        if self.buffer.len() >= WRITE_BLOCK {
            self.write_out()
        } else {
            Ok(())
        }
    }

    /// Closes an epoch, also one that changed nothing: written and durable when this returns.
    /// `live_keys` and `meta` (raw JSON on one line) are given back by a start at this epoch.
    /// Removes old generations that no start can need any more.
    ///
    /// # Errors
    /// An epoch that does not follow the last; a failed write, after which nothing more is
    /// accepted and the state must be opened anew.
    pub fn close_epoch(&mut self, epoch: i64, live_keys: u64, meta: &str) -> Result<()> {
        if epoch != self.closing.epoch + 1 {
            bail!(
                "{}: epoch {epoch} cannot follow epoch {}",
                self.current.path.display(),
                self.closing.epoch
            );
        }
        still_linked(&self.file, &self.current.path)?;
        let closing = Closing::new(epoch, live_keys, meta)?;
        let begin = self.buffer.len();
        closing.push_to(&mut self.buffer);
        self.crc.update(&self.buffer);
        let seal = self.buffer.len();
        push_seal(&mut self.buffer, self.crc.clone().finalize());
        self.buffer.push(b'\n');
        self.crc.update(&self.buffer[seal..]);
        self.failed_before()?;
        self.failed = true;
        fail_point("state.before_write");
        if cfg!(feature = "fail-points") {
            // Cut in two only where a test may want to die between the halves.
            let half = begin + (self.buffer.len() - begin) / 2;
            self.file
                .write_all(&self.buffer[..half])
                .with_context(|| self.cannot("write"))?;
            fail_point("state.mid_write");
            self.file
                .write_all(&self.buffer[half..])
                .with_context(|| self.cannot("write"))?;
        } else {
            self.file
                .write_all(&self.buffer)
                .with_context(|| self.cannot("write"))?;
        }
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        fail_point("state.before_sync");
        self.dir
            .durability()
            .sync(&self.file)
            .with_context(|| self.cannot("sync"))?;
        fail_point("state.after_sync");
        self.failed = false;
        self.closing = closing;
        self.drop_generations()
    }

    fn cannot(&self, what: &str) -> String {
        cannot(what, &self.current.path)
    }

    fn failed_before(&self) -> Result<()> {
        if self.failed {
            bail!(
                "{}: an earlier write failed: run again",
                self.current.path.display()
            );
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<()> {
        self.failed_before()?;
        self.failed = true;
        self.file
            .write_all(&self.buffer)
            .with_context(|| self.cannot("write"))?;
        self.failed = false;
        self.crc.update(&self.buffer);
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Whether the log has outgrown its snapshot (more than twice it, and more than 1 MiB), so
    /// that [`StateFile::compact`] is worth its cost; or the definition is new.
    pub fn wants_compaction(&self) -> bool {
        let log = self.length - self.snapshot;
        self.redefined || (log > SMALL_LOG && log > 2 * self.snapshot)
    }

    /// Begins a new generation with all live keys as of the epoch just closed: `iterate` calls
    /// what it is given once per key, with raw JSON.
    ///
    /// # Errors
    /// Changes that are not closed yet; a failed write, after which the old generation is still
    /// good and written to.
    pub fn compact(
        &mut self,
        iterate: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        self.failed_before()?;
        if !self.buffer.is_empty() {
            bail!(
                "{}: compaction in the middle of an epoch",
                self.current.path.display()
            );
        }
        let mut header = self.header.clone();
        header.base = self.closing.epoch;
        let next = Generation::new(&self.dir, &header.stage, header.base)?;
        if next.path == self.current.path {
            // It holds no epoch but its own base: there is nothing to begin anew.
            return Ok(());
        }
        let (keys, meta) = (self.closing.keys, self.closing.meta.get());
        let written = write_generation(&self.dir, &next, &header, keys, meta, iterate)?;
        let mut older = std::mem::take(&mut self.older);
        older.push(self.current.clone());
        *self = Self::resume(&self.dir, header, next, older, written)?;
        Ok(())
    }

    /// Removes the generations before the newest one that begins at or below the floor.
    fn drop_generations(&mut self) -> Result<()> {
        if self.older.is_empty() {
            return Ok(());
        }
        let Some(floor) = self.dir.floor()? else {
            return Ok(());
        };
        let bases = self
            .older
            .iter()
            .skip(1)
            .chain([&self.current])
            .map(|next| next.base);
        let count = bases.take_while(|base| *base <= floor).count();
        let gone: Vec<_> = self.older.drain(..count).collect();
        generations::remove(&self.dir, &gone)
    }
}

/// What stands in a generation up to a closing line.
struct Written {
    length: u64,
    snapshot: u64,
    crc: crc32fast::Hasher,
    closing: Closing,
}

/// Writes a whole generation under its name, all or nothing.
fn write_generation(
    dir: &QueryDir,
    generation: &Generation,
    header: &Header,
    keys: u64,
    meta: &str,
    iterate: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()>,
) -> Result<Written> {
    let closing = Closing::new(header.base, keys, meta)?;
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0;
    replace_file(&generation.path, dir.durability(), |w| {
        let mut buffer = serde_json::to_vec(header)?;
        buffer.push(b'\n');
        let mut flush = |buffer: &mut Vec<u8>, crc: &mut crc32fast::Hasher| {
            crc.update(buffer);
            length += buffer.len() as u64;
            let written = w.write_all(buffer);
            buffer.clear();
            written.with_context(|| cannot("write", &generation.path))
        };
        iterate(&mut |key, value| {
            fail_point("state.compact");
            line::push_set(&mut buffer, key, value)?;
            if buffer.len() < WRITE_BLOCK {
                return Ok(());
            }
            flush(&mut buffer, &mut crc)
        })?;
        closing.push_to(&mut buffer);
        flush(&mut buffer, &mut crc)?;
        push_seal(&mut buffer, crc.clone().finalize());
        buffer.push(b'\n');
        flush(&mut buffer, &mut crc)
    })?;
    Ok(Written {
        length,
        snapshot: length,
        crc,
        closing,
    })
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
    verified: &verify::Verified,
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
