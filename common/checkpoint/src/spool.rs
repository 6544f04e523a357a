//! What cannot be read again, kept until every sink has it: `sources/SOURCE.spool/`.
//!
//! One endless sequence of bytes, cut into segment files that are named by the position of
//! their first byte; positions only rise. A source appends before it passes anything on, syncs
//! before it records a batch, and records positions and the checksum of what lies between.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::durable::{cannot, create_dir, open_to_append, remove, sync_dir};
use crate::name::check_name;
use crate::record_log::{RESTORE, still_linked};
use crate::{Durability, QueryDir, fail_point};

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
    writer: BufWriter<File>,
    position: u64,
    crc: crc32fast::Hasher,
    segment_size: u64,
    dirty: bool,
    failed: bool,
}

impl Spool {
    /// Opens the spool as of a recorded position (0 if none is recorded) and cuts what was
    /// written after it.
    ///
    /// # Errors
    /// If the spool ends before that position.
    pub fn open(dir: &QueryDir, source: &str, position: u64) -> Result<Self> {
        Self::open_sized(dir, source, position, SEGMENT)
    }

    fn open_sized(dir: &QueryDir, source: &str, position: u64, segment_size: u64) -> Result<Self> {
        check_name(source)?;
        let folder = dir.place("sources", &format!("{source}.spool"))?;
        let durability = dir.durability();
        create_dir(&folder, durability)?;
        let (mut segments, later): (Vec<u64>, Vec<u64>) = list(&folder)?
            .into_iter()
            .partition(|begin| *begin <= position);
        for begin in &later {
            remove(&segment(&folder, *begin))?;
        }
        let file = match segments.last() {
            Some(begin) => cut(&segment(&folder, *begin), position - begin, durability)?,
            None if position == 0 => {
                segments.push(0);
                begin_segment(&folder, 0)?
            }
            None => bail!(
                "{}: nothing there, but the offsets count on it up to byte {position}: {RESTORE}",
                folder.display()
            ),
        };
        sync_dir(&folder, durability)?;
        Ok(Spool {
            folder,
            durability,
            segments,
            writer: BufWriter::with_capacity(READ_BLOCK, file),
            position,
            crc: crc32fast::Hasher::new(),
            segment_size,
            dirty: false,
            failed: false,
        })
    }

    /// The position after the last byte appended.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Appends bytes; durable only after [`Spool::sync`].
    ///
    /// # Errors
    /// A failed write, after which the spool must be opened anew.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.usable()?;
        self.failed = true;
        self.writer
            .write_all(bytes)
            .with_context(|| self.cannot("write"))?;
        self.failed = false;
        self.crc.update(bytes);
        self.position += bytes.len() as u64;
        self.dirty = true;
        Ok(())
    }

    /// Makes all appended bytes durable and returns the checksum (CRC-32) of those appended
    /// since the last call, for the batch's offsets record.
    ///
    /// # Errors
    /// A failed write or sync, after which the spool must be opened anew.
    pub fn sync(&mut self) -> Result<u32> {
        self.usable()?;
        if self.dirty {
            self.failed = true;
            self.writer.flush().with_context(|| self.cannot("write"))?;
            still_linked(self.writer.get_ref(), &self.current())?;
            fail_point("spool.before_sync");
            self.durability
                .sync(self.writer.get_ref())
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
        self.writer = BufWriter::with_capacity(READ_BLOCK, file);
        self.segments.push(self.position);
        Ok(())
    }

    /// Hands the bytes from position `from` to position `to` to `each`, in blocks, after
    /// proving that they are those recorded with `crc`.
    ///
    /// # Errors
    /// If they are not all there or differ, before `each` gets any; or from `each`.
    pub fn read(
        &mut self,
        from: u64,
        to: u64,
        crc: u32,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.writer.flush().with_context(|| self.cannot("write"))?;
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

/// Opens a segment and cuts it to a length.
fn cut(path: &Path, length: u64, durability: Durability) -> Result<File> {
    let file = open_to_append(path)?;
    let there = file.metadata().with_context(|| cannot("read", path))?.len();
    if there < length {
        bail!(
            "{}: ends at byte {there}, but the offsets count on {length}: {RESTORE}",
            path.display()
        );
    }
    if there > length {
        file.set_len(length).with_context(|| cannot("cut", path))?;
        durability
            .sync(&file)
            .with_context(|| cannot("sync", path))?;
    }
    Ok(file)
}
