//! What cannot be read again, kept until every sink has it: `sources/SOURCE.spool/`.
//!
//! One endless sequence of lines, cut into segment files that are named by the position of
//! their first byte; positions only rise. A source appends before it passes anything on, seals
//! before it records a batch, and records positions and the checksum of what lies between.
//! Lines behind the last recorded position have been taken from a sender, who will not send
//! them again: they are kept, and belong to the next batch.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::durable::{cannot, create_dir, open_to_append, remove, sync_dir};
use crate::name::check_name;
use crate::record_log::{RESTORE, still_linked};
use crate::{Durability, QueryDir, fail_io, threshold};

/// Bytes after which a new segment is begun.
const SEGMENT: u64 = 64 << 20;
/// Bytes handed to a reader at once.
const READ_BLOCK: usize = 1 << 16;

/// The open spool of one source. The caller holds the source's lock.
pub struct Spool {
    folder: PathBuf,
    durability: Durability,
    /// First positions of the segments, oldest first; the last is written to.
    segments: Vec<u64>,
    file: File,
    position: u64,
    crc: crc32fast::Hasher,
    segment_size: u64,
    dirty: bool,
    failed: bool,
}

impl Spool {
    /// Opens the spool, of which everything below `recorded` (0 if nothing is) is in recorded
    /// batches. Whole lines behind it are kept: if [`Spool::position`] is greater, the source
    /// hands out what lies between first ([`Spool::read_unrecorded`]). An unfinished last line
    /// is cut.
    ///
    /// # Errors
    /// If the spool ends before `recorded`.
    pub fn open(dir: &QueryDir, source: &str, recorded: u64) -> Result<Self> {
        Self::open_sized(dir, source, recorded, threshold(SEGMENT, 4096))
    }

    /// As [`Spool::open`], with segments of about `segment_size` bytes.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open_sized(
        dir: &QueryDir,
        source: &str,
        recorded: u64,
        segment_size: u64,
    ) -> Result<Self> {
        check_name(source)?;
        let folder = dir.place("sources", &format!("{source}.spool"))?;
        let durability = dir.durability();
        create_dir(&folder, durability)?;
        let mut segments = list(&folder)?;
        if segments.first().is_none_or(|begin| *begin > recorded) {
            if !segments.is_empty() || recorded > 0 {
                bail!(
                    "{}: begins after byte {recorded}, which the offsets count on: {RESTORE}",
                    folder.display()
                );
            }
            segments.push(0);
            drop(begin_segment(&folder, 0)?);
            sync_dir(&folder, durability)?;
        }
        let begin = segments.last().copied().unwrap_or(0);
        let path = segment(&folder, begin);
        let file = open_to_append(&path)?;
        let end = begin
            + file
                .metadata()
                .with_context(|| cannot("read", &path))?
                .len();
        if end < recorded {
            bail!(
                "{}: ends at byte {}, but the offsets count on {}: {RESTORE}",
                path.display(),
                end - begin,
                recorded - begin
            );
        }
        let mut spool = Spool {
            folder,
            durability,
            segments,
            file,
            position: end,
            crc: crc32fast::Hasher::new(),
            segment_size,
            dirty: false,
            failed: false,
        };
        spool.cut_unfinished(recorded)?;
        // The run that wrote them may not have lived to sync them.
        spool.dirty = spool.position > recorded;
        Ok(spool)
    }

    /// Cuts what follows the last newline behind `recorded`, and takes up the checksum there.
    fn cut_unfinished(&mut self, recorded: u64) -> Result<()> {
        let (mut at, mut whole) = (recorded, recorded);
        let mut crc = crc32fast::Hasher::new();
        let mut after = crc32fast::Hasher::new();
        self.scan(recorded, self.position, &mut |block| {
            let end = memchr::memrchr(b'\n', block).map_or(0, |newline| newline + 1);
            after.update(&block[..end]);
            if end > 0 {
                whole = at + end as u64;
                crc = after.clone();
            }
            after.update(&block[end..]);
            at += block.len() as u64;
            Ok(())
        })?;
        self.crc = crc;
        if whole == self.position {
            return Ok(());
        }
        // Segments end where a batch did, so the cut is within the last one.
        let path = self.current();
        let begin = self.segments.last().copied().unwrap_or(0);
        if whole < begin {
            bail!(
                "{}: damaged before byte {begin}: {RESTORE}",
                self.folder.display()
            );
        }
        self.file
            .set_len(whole - begin)
            .with_context(|| cannot("cut", &path))?;
        self.durability
            .sync(&self.file)
            .with_context(|| cannot("sync", &path))?;
        self.position = whole;
        Ok(())
    }

    /// The position after the last byte appended.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Appends whole lines, in one write, so that they survive this process as soon as this
    /// returns; durable only after [`Spool::seal`].
    ///
    /// # Errors
    /// A failed write, after which the spool must be opened anew.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.usable()?;
        self.failed = true;
        fail_io("spool.write")
            .and_then(|()| self.file.write_all(bytes))
            .with_context(|| self.cannot("write"))?;
        self.failed = false;
        self.crc.update(bytes);
        self.position += bytes.len() as u64;
        self.dirty = true;
        Ok(())
    }

    /// Makes everything appended durable and returns the checksum (CRC-32) of all bytes since
    /// the last call, or since the recorded position, for the batch's offsets record.
    ///
    /// # Errors
    /// A failed write or sync, after which the spool must be opened anew.
    pub fn seal(&mut self) -> Result<u32> {
        self.usable()?;
        if self.dirty {
            self.failed = true;
            still_linked(&self.file, &self.current())?;
            fail_io("spool.before_sync")
                .and_then(|()| self.durability.sync(&self.file))
                .with_context(|| self.cannot("sync"))?;
            self.dirty = false;
            self.failed = false;
            self.roll()?;
        }
        Ok(std::mem::take(&mut self.crc).finalize())
    }

    /// Begins a new segment if the current one is full, so that old ones can be forgotten.
    fn roll(&mut self) -> Result<()> {
        let begin = self.segments.last().copied().unwrap_or(0);
        if self.position - begin < self.segment_size {
            return Ok(());
        }
        let file = begin_segment(&self.folder, self.position)?;
        sync_dir(&self.folder, self.durability)?;
        self.file = file;
        self.segments.push(self.position);
        Ok(())
    }

    /// Hands the bytes from position `from` to position `to` to `each`, in blocks, after
    /// proving that they are those recorded with `crc`.
    ///
    /// # Errors
    /// If they are not all there or differ, before `each` gets any; or from `each`.
    pub fn read(
        &self,
        from: u64,
        to: u64,
        crc: u32,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut found = crc32fast::Hasher::new();
        self.scan(from, to, &mut |block| {
            found.update(block);
            Ok(())
        })?;
        if found.finalize() != crc {
            bail!(
                "{}: bytes {from} to {to}: damaged, the checksum differs: {RESTORE}",
                self.folder.display()
            );
        }
        self.scan(from, to, each)
    }

    /// Hands the lines behind the recorded position to `each`, in blocks: what an earlier run
    /// had taken but not recorded. For use right after opening.
    ///
    /// # Errors
    /// If they cannot be read, or from `each`.
    pub fn read_unrecorded(
        &self,
        recorded: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.scan(recorded, self.position, each)
    }

    fn scan(&self, from: u64, to: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut block = vec![0; READ_BLOCK];
        let mut at = from;
        while at < to {
            let index = self.segments.partition_point(|begin| *begin <= at);
            let Some(begin) = index.checked_sub(1).map(|index| self.segments[index]) else {
                bail!("{}: byte {at} is gone: {RESTORE}", self.folder.display());
            };
            let end = self
                .segments
                .get(index)
                .copied()
                .unwrap_or(self.position)
                .min(to);
            let path = segment(&self.folder, begin);
            let mut file = File::open(&path).with_context(|| cannot("open", &path))?;
            file.seek(SeekFrom::Start(at - begin))
                .with_context(|| cannot("read", &path))?;
            let mut reader = file.take(end.saturating_sub(at));
            loop {
                let got = reader
                    .read(&mut block)
                    .with_context(|| cannot("read", &path))?;
                if got == 0 {
                    break;
                }
                each(&block[..got])?;
                at += got as u64;
            }
            if at < end || end <= begin {
                bail!(
                    "{}: ends before byte {}: {RESTORE}",
                    path.display(),
                    end - begin
                );
            }
        }
        Ok(())
    }

    /// Removes the segments that lie wholly below `position`, apart from the last.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_below(&mut self, position: u64) -> Result<()> {
        let ends = self.segments.iter().skip(1);
        let count = ends.take_while(|end| **end <= position).count();
        for begin in self.segments.drain(..count) {
            remove(&segment(&self.folder, begin))?;
        }
        Ok(())
    }

    fn usable(&self) -> Result<()> {
        if self.failed {
            bail!(
                "{}: an earlier write failed: run again",
                self.folder.display()
            );
        }
        Ok(())
    }

    fn current(&self) -> PathBuf {
        segment(&self.folder, self.segments.last().copied().unwrap_or(0))
    }

    fn cannot(&self, what: &str) -> String {
        cannot(what, &self.current())
    }
}

fn segment(folder: &Path, begin: u64) -> PathBuf {
    folder.join(format!("{begin:020}"))
}

fn list(folder: &Path) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| cannot("list", folder))? {
        let name = entry.with_context(|| cannot("list", folder))?.file_name();
        let name = name.to_string_lossy();
        if let Ok(begin) = name.parse::<u64>()
            && name.len() == 20
        {
            found.push(begin);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A new segment. Its first position is one that was never durable before, so whatever has the
/// name is a leftover.
fn begin_segment(folder: &Path, begin: u64) -> Result<File> {
    let path = segment(folder, begin);
    let file = File::create(&path).with_context(|| cannot("create", &path));
    drop(file?);
    open_to_append(&path)
}
