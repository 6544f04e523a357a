//! Beginning a new generation when the log has outgrown its snapshot, and removing old ones.

use std::io::Write;

use anyhow::{Context, Result, bail};

use super::generations::{self, Generation};
use super::verify::Closing;
use super::{Header, StateFile, WRITE_BLOCK, line};
use crate::durable::{cannot, replace_file};
use crate::record::push_seal;
use crate::{QueryDir, fail_io, threshold};

/// Bytes of log that never call for a new generation.
const SMALL_LOG: u64 = 1 << 20;

impl StateFile {
    /// Whether [`StateFile::compact`] is worth its cost: the log is longer than 1 MiB, and of all lines not even a third can be
    /// of live keys; or the definition is new.
    pub fn wants_compaction(&self) -> bool {
        let log = self.length - self.snapshot;
        let outgrown = self.lines > self.closing.keys.saturating_mul(3);
        self.redefined || (log > threshold(SMALL_LOG, 256) && outgrown)
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
    pub(super) fn drop_generations(&mut self) -> Result<()> {
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
pub(super) struct Written {
    pub length: u64,
    pub snapshot: u64,
    pub lines: u64,
    pub crc: crc32fast::Hasher,
    pub closing: Closing,
}

/// Writes a whole generation under its name, all or nothing.
pub(super) fn write_generation(
    dir: &QueryDir,
    generation: &Generation,
    header: &Header,
    keys: u64,
    meta: &str,
    iterate: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()>,
) -> Result<Written> {
    let closing = Closing::new(header.base, keys, meta)?;
    let mut crc = crc32fast::Hasher::new();
    // One is the closing line.
    let (mut length, mut lines) = (0, 1);
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
            fail_io("state.compact").with_context(|| cannot("write", &generation.path))?;
            line::push_set(&mut buffer, key, value)?;
            lines += 1;
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
        lines,
        crc,
        closing,
    })
}
