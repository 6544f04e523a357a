//! Writing an epoch: changed keys, then the closing line that makes them count.

use std::io::Write;

use anyhow::{Context, Result, bail};

use super::verify::Closing;
use super::{StateFile, WRITE_BLOCK, line};
use crate::durable::cannot;
use crate::record::push_seal;
use crate::record_log::still_linked;
use crate::{DirectWrite, Durability, fail_io, fail_point, threshold};

/// Bytes of an epoch from which on it is not small.
const LARGE: u64 = 4 << 20;

impl StateFile {
    /// Sets a key, as of the epoch that is closed next. Key and value are raw JSON on one line.
    ///
    /// # Errors
    /// A newline in either; a failed write.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        line::push_set(&mut self.buffer, key, value)?;
        self.lines += 1;
        self.relieve()
    }

    /// Removes a key, as of the epoch that is closed next.
    ///
    /// # Errors
    /// A newline in it; a failed write.
    pub fn remove(&mut self, key: &[u8]) -> Result<()> {
        line::push_removal(&mut self.buffer, key)?;
        self.lines += 1;
        self.relieve()
    }

    fn relieve(&mut self) -> Result<()> {
        if self.buffer.len() >= threshold(WRITE_BLOCK, 64) {
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
        self.crc.update(&self.buffer);
        self.push_closing(&closing);
        self.failed_before()?;
        self.failed = true;
        // Cut in two only where a test may want to die between the halves.
        let half = if cfg!(debug_assertions) {
            begin + (self.buffer.len() - begin) / 2
        } else {
            0
        };
        let direct = self.direct.take();
        let mut file = &self.file;
        let write = || {
            direct.map_or(Ok(()), DirectWrite::finish)?;
            fail_io("state.before_write")?;
            file.write_all(&self.buffer[..half])?;
            fail_io("state.mid_write")?;
            file.write_all(&self.buffer[half..])
        };
        write().with_context(|| self.cannot("write"))?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        fail_io("state.before_sync")
            .and_then(|()| self.dir.durability().sync(&self.file))
            .with_context(|| self.cannot("sync"))?;
        fail_point("state.after_sync");
        self.failed = false;
        self.epoch_at = self.length;
        self.closing = closing;
        self.drop_generations()
    }

    /// Appends a closing line; all that is before it in the buffer is in the checksum.
    fn push_closing(&mut self, closing: &Closing) {
        self.lines += 1;
        let begin = self.buffer.len();
        closing.push_to(&mut self.buffer);
        self.crc.update(&self.buffer[begin..]);
        let seal = self.buffer.len();
        push_seal(&mut self.buffer, self.crc.clone().finalize());
        self.buffer.push(b'\n');
        self.crc.update(&self.buffer[seal..]);
    }

    /// Closes all epochs up to this one with what the last closed one holds.
    pub(super) fn close_unchanged(&mut self, epoch: i64) -> Result<()> {
        if self.closing.epoch >= epoch {
            return Ok(());
        }
        for between in self.closing.epoch + 1..=epoch {
            let closing = Closing::new(between, self.closing.keys, self.closing.meta.get())?;
            self.push_closing(&closing);
            self.closing = closing;
        }
        self.failed = true;
        self.file
            .write_all(&self.buffer)
            .with_context(|| self.cannot("write"))?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        self.dir
            .durability()
            .sync(&self.file)
            .with_context(|| self.cannot("sync"))?;
        self.failed = false;
        Ok(())
    }

    fn cannot(&self, what: &str) -> String {
        cannot(what, &self.current.path)
    }

    pub(super) fn failed_before(&self) -> Result<()> {
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
        self.begin_direct()
            .and_then(|()| match &mut self.direct {
                Some(direct) => direct.write(&self.buffer),
                None => self.file.write_all(&self.buffer),
            })
            .with_context(|| self.cannot("write"))?;
        self.failed = false;
        self.crc.update(&self.buffer);
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// From here on an epoch that has become large goes straight to the device.
    fn begin_direct(&mut self) -> std::io::Result<()> {
        let large = self.length.saturating_sub(self.epoch_at) >= threshold(LARGE, 256);
        if large && self.direct.is_none() && self.dir.durability() == Durability::Power {
            let before = || fail_io("state.direct");
            self.direct = Some(DirectWrite::new(&self.file, self.length, before)?);
        }
        Ok(())
    }
}
