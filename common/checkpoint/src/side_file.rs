//! Bad rows and late rows, kept beside the stream: `rejects/STAGE.ndjson`,
//! `rejects/STAGE.late.ndjson`, or a file of the user's.
//!
//! Exactly-once by cutting back: records are in the order of their batches and synced before
//! the batch's marker goes on, so a start at epoch C cuts the records of later batches from the
//! end and the replay writes them again.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::de::IgnoredAny;

use crate::durable::{cannot, create_dir, folder_of, sync_dir};
use crate::name::check_name;
use crate::record_log::still_linked;
use crate::{Durability, QueryDir, fail_io, fail_point};

/// Which rows a side file keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideKind {
    /// Rows that are none: `rejects/STAGE.ndjson`.
    Rejects,
    /// Rows that came after their window was closed: `rejects/STAGE.late.ndjson`.
    Late,
    /// Rows that a sink could not deliver: `rejects/SINK.dead-letters.ndjson`.
    DeadLetters,
}

/// Bytes collected before they are written out in the middle of a batch.
const WRITE_BLOCK: usize = 1 << 16;

/// One open side file.
pub struct SideFile {
    path: PathBuf,
    durability: Durability,
    /// `{"query":Q,"stage":S,"batch":`, what each of our records begins with.
    prefix: Vec<u8>,
    /// Opened at the first record, so that a stage without any leaves no empty file.
    file: Option<File>,
    /// Without a checkpoint others may append too: whole records in one write, never cut.
    shared: bool,
    buffer: Vec<u8>,
    dirty: bool,
    failed: bool,
}

impl SideFile {
    /// Opens the side file of a stage of a query as of `epoch` and cuts the records of later
    /// batches, as well as an unfinished last one. `path` is the user's, if any: such a file is
    /// opened at once, and must end with a record of this stage if it has any.
    ///
    /// # Errors
    /// A user's file that ends with something else, or that another stage writes to.
    pub fn open(
        dir: &QueryDir,
        stage: &str,
        kind: SideKind,
        path: Option<&Path>,
        epoch: i64,
    ) -> Result<Self> {
        check_name(stage)?;
        let users = path.is_some();
        let path = match (path, kind) {
            (Some(path), _) => path.to_path_buf(),
            (None, SideKind::Rejects) => dir.place("rejects", &format!("{stage}.ndjson"))?,
            (None, SideKind::Late) => dir.place("rejects", &format!("{stage}.late.ndjson"))?,
            (None, SideKind::DeadLetters) => {
                dir.place("rejects", &format!("{stage}.dead-letters.ndjson"))?
            }
        };
        let mut side = Self::new(path, dir.durability(), Some(dir.id()), stage, false)?;
        if users {
            create_dir(&folder_of(&side.path), side.durability)?;
        }
        if users || side.path.exists() {
            side.open_file()?;
            side.cut_back(stage, epoch, users)?;
        }
        Ok(side)
    }

    /// Opens a side file that is only appended to: for a run without a checkpoint. `query` is
    /// the stream's, if it is marked.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn plain(path: &Path, query: Option<&str>, stage: &str) -> Result<Self> {
        let mut side = Self::new(path.into(), Durability::Process, query, stage, true)?;
        create_dir(&folder_of(path), side.durability)?;
        side.open_file()?;
        Ok(side)
    }

    fn new(
        path: PathBuf,
        durability: Durability,
        query: Option<&str>,
        stage: &str,
        shared: bool,
    ) -> Result<Self> {
        let prefix = format!(
            "{{\"query\":{},\"stage\":{},\"batch\":",
            serde_json::to_string(&query)?,
            serde_json::to_string(stage)?
        );
        Ok(SideFile {
            path,
            durability,
            prefix: prefix.into_bytes(),
            file: None,
            shared,
            buffer: Vec::new(),
            dirty: false,
            failed: false,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps one row of a batch: why, where it stood in its source (`FILE:LINE`, if known), and
    /// its bytes as they came.
    ///
    /// # Errors
    /// A failed write, after which the file must be opened anew.
    pub fn append(&mut self, batch: i64, reason: &str, at: Option<&str>, row: &[u8]) -> Result<()> {
        let begin = self.buffer.len();
        push_record(&mut self.buffer, &self.prefix, batch, reason, at, row)?;
        self.dirty = true;
        if self.shared {
            debug_assert_eq!(begin, 0);
            return self.write_out();
        }
        if self.buffer.len() >= WRITE_BLOCK {
            self.write_out()
        } else {
            Ok(())
        }
    }

    /// Makes the records appended so far durable: before the marker of their batch goes on.
    /// Costs nothing if there are none.
    ///
    /// # Errors
    /// A failed write or sync, after which the file must be opened anew.
    pub fn sync(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        self.write_out()?;
        if let Some(file) = &self.file {
            self.failed = true;
            still_linked(file, &self.path)?;
            fail_io("side.before_sync")
                .and_then(|()| self.durability.sync(file))
                .with_context(|| cannot("sync", &self.path))?;
            self.failed = false;
        }
        fail_point("side.after_sync");
        self.dirty = false;
        Ok(())
    }

    fn write_out(&mut self) -> Result<()> {
        if self.failed {
            bail!(
                "{}: an earlier write failed: run again",
                self.path.display()
            );
        }
        if self.file.is_none() {
            self.open_file()?;
        }
        self.failed = true;
        if let Some(mut file) = self.file.as_ref() {
            fail_io("side.write")
                .and_then(|()| file.write_all(&self.buffer))
                .with_context(|| cannot("write", &self.path))?;
        }
        self.buffer.clear();
        self.failed = false;
        Ok(())
    }

    fn open_file(&mut self) -> Result<()> {
        let new = !self.path.exists();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = options
            .open(&self.path)
            .with_context(|| cannot("open", &self.path))?;
        if new {
            sync_dir(&folder_of(&self.path), self.durability)?;
        }
        if !self.shared {
            self.lock(&file)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// The stage's own lock is held, so whoever holds this one is another stage of the query, or
    /// a child that a killed run was just making, which shares its locks for a moment.
    fn lock(&self, file: &File) -> Result<()> {
        let mut tries = 0..10;
        loop {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if tries.next().is_some() => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(Errno::WOULDBLOCK) => bail!(
                    "{}: another stage writes to it: give each stage a file of its own",
                    self.path.display()
                ),
                Err(e) => return Err(e).with_context(|| cannot("lock", &self.path)),
            }
        }
    }

    /// Cuts our records of batches after `epoch`, and an unfinished line, from the end.
    fn cut_back(&mut self, stage: &str, epoch: i64, users: bool) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let length = file
            .metadata()
            .with_context(|| cannot("read", &self.path))?
            .len();
        let mut end = length;
        while end > 0 {
            let begin = line_begin(file, end).with_context(|| cannot("read", &self.path))?;
            let head = self
                .head(file, begin, end)
                .with_context(|| cannot("read", &self.path))?;
            let complete =
                byte_at(file, end - 1).with_context(|| cannot("read", &self.path))? == b'\n';
            let batch = self.batch_in(&head);
            let ours = batch.is_some()
                || (!complete
                    && (head.starts_with(&self.prefix) || self.prefix.starts_with(&head)));
            if !ours && users {
                bail!(
                    "{}: ends with something {stage} did not write in this query: \
                     name another file, or move this one away",
                    self.path.display()
                );
            }
            if complete && batch.is_none() {
                bail!(
                    "{}: byte {begin}: damaged, not a record of {stage}: move the file away",
                    self.path.display()
                );
            }
            if complete && batch.is_some_and(|batch| batch <= epoch) {
                break;
            }
            end = begin;
        }
        if end < length {
            file.set_len(end)
                .with_context(|| cannot("cut", &self.path))?;
            self.durability
                .sync(file)
                .with_context(|| cannot("sync", &self.path))?;
        }
        Ok(())
    }

    /// The front of the line, long enough for prefix and batch.
    fn head(&self, file: &File, begin: u64, end: u64) -> std::io::Result<Vec<u8>> {
        let most = self.prefix.len() as u64 + 21;
        let mut head = vec![0; (end - begin).min(most) as usize];
        file.read_exact_at(&mut head, begin)?;
        Ok(head)
    }

    /// The batch of one of our records; `None` if it is not ours, or not whole up to there.
    fn batch_in(&self, head: &[u8]) -> Option<i64> {
        let rest = head.strip_prefix(self.prefix.as_slice())?;
        let digits = &rest[..memchr::memchr(b',', rest)?];
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

fn push_record(
    out: &mut Vec<u8>,
    prefix: &[u8],
    batch: i64,
    reason: &str,
    at: Option<&str>,
    row: &[u8],
) -> Result<()> {
    out.extend_from_slice(prefix);
    out.extend_from_slice(itoa::Buffer::new().format(batch).as_bytes());
    out.extend_from_slice(b",\"reason\":");
    serde_json::to_writer(&mut *out, reason)?;
    if let Some(at) = at {
        out.extend_from_slice(b",\"at\":");
        serde_json::to_writer(&mut *out, at)?;
    }
    match std::str::from_utf8(row) {
        Err(_) => {
            let text = base64::engine::general_purpose::STANDARD.encode(row);
            out.extend_from_slice(b",\"row_base64\":\"");
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        Ok(text) => {
            out.extend_from_slice(b",\"row\":");
            if is_json_on_one_line(row) {
                out.extend_from_slice(row.trim_ascii());
            } else {
                serde_json::to_writer(&mut *out, text)?;
            }
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Whether a row can stand in a record as it is.
fn is_json_on_one_line(row: &[u8]) -> bool {
    !row.contains(&b'\n') && serde_json::from_slice::<IgnoredAny>(row).is_ok()
}

fn byte_at(file: &File, at: u64) -> std::io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    Ok(byte[0])
}

/// Where the line begins whose last byte (its newline, if it has one) is right before `end`.
fn line_begin(file: &File, end: u64) -> std::io::Result<u64> {
    let mut block = vec![0; 1 << 14];
    let mut to = end - 1;
    while to > 0 {
        let from = to.saturating_sub(block.len() as u64);
        let part = &mut block[..(to - from) as usize];
        match file.read_exact_at(part, from) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Err(e),
            other => other?,
        }
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(from + at as u64 + 1);
        }
        to = from;
    }
    Ok(0)
}
