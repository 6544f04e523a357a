//! An append-only file of sealed lines under a header line: offsets, commits and memories.
//!
//! One reader for all of them, so that the rule for damage is one: a last line without its
//! newline is an unfinished write and is cut; any other line that does not verify is refused.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::durable::{cannot, create_exclusive, open_to_append, replace_file};
use crate::record::{Lines, holds_whole_record, sealed, verifies};
use crate::{Durability, fail_io};

pub(crate) struct RecordLog {
    path: PathBuf,
    file: File,
    durability: Durability,
    length: u64,
    failed: bool,
    /// Names the fail points of this log, such as `offsets`.
    kind: &'static str,
}

/// A record's place, for messages and for reading it again.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub offset: u64,
    pub length: usize,
    pub line: u64,
}

impl RecordLog {
    /// Makes the file with its header line, unless it is there. `true` if this call made it.
    pub fn create(path: &Path, durability: Durability, header: &impl Serialize) -> Result<bool> {
        create_exclusive(path, durability, &sealed(header)?)
    }

    /// Opens the file, cuts an unfinished last line, and hands every line to `each`: the header
    /// first (line 1), then the records.
    pub fn open(
        path: &Path,
        durability: Durability,
        kind: &'static str,
        each: impl FnMut(Place, &[u8]) -> Result<()>,
    ) -> Result<Self> {
        let file = open_to_append(path)?;
        let length = read_log(path, &file, each)?;
        let there = file.metadata().with_context(|| cannot("read", path))?.len();
        if length < there {
            file.set_len(length).with_context(|| cannot("cut", path))?;
        }
        // Whoever wrote the last line may not have lived to sync it, and it is acted upon from now on.
        durability
            .sync(&file)
            .with_context(|| cannot("sync", path))?;
        Ok(RecordLog {
            path: path.into(),
            file,
            durability,
            length,
            failed: false,
            kind,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends one record; durable when this returns.
    ///
    /// After an error nothing more is accepted: what stands in the file is then unknown until
    /// it is opened again.
    pub fn append(&mut self, record: &impl Serialize) -> Result<Place> {
        let line = sealed(record)?;
        let offset = self.length;
        self.append_lines(&line)?;
        Ok(Place {
            offset,
            length: line.len() - 1,
            line: 0,
        })
    }

    /// Appends sealed lines in one write; durable when this returns.
    pub fn append_lines(&mut self, lines: &[u8]) -> Result<()> {
        if self.failed {
            bail!(
                "{}: an earlier write failed: run again",
                self.path.display()
            );
        }
        still_linked(&self.file, &self.path)?;
        self.failed = true;
        let appended = self.try_append(lines);
        if appended.is_err() {
            // Best effort; the next opening cuts an unfinished line in any case.
            let _ = self.file.set_len(self.length);
        }
        appended?;
        self.length += lines.len() as u64;
        self.failed = false;
        Ok(())
    }

    fn try_append(&mut self, lines: &[u8]) -> Result<()> {
        let mut file = &self.file;
        // Cut in two only where a test may want to die between the halves.
        let half = if cfg!(debug_assertions) {
            lines.len() / 2
        } else {
            0
        };
        let mut write = || {
            self.point("before_write")?;
            file.write_all(&lines[..half])?;
            self.point("mid_write")?;
            file.write_all(&lines[half..])
        };
        write().with_context(|| cannot("write", &self.path))?;
        self.point("before_sync")
            .and_then(|()| self.durability.sync(&self.file))
            .with_context(|| cannot("sync", &self.path))?;
        self.point("after_sync")
            .with_context(|| cannot("sync", &self.path))
    }

    fn point(&self, step: &str) -> io::Result<()> {
        if cfg!(debug_assertions) {
            fail_io(&format!("{}.{step}", self.kind))?;
        }
        Ok(())
    }

    /// Reads one record again.
    pub fn read<T: DeserializeOwned>(&self, place: Place) -> Result<T> {
        use std::os::unix::fs::FileExt;
        let mut line = vec![0; place.length];
        let read = self.file.read_exact_at(&mut line, place.offset);
        read.with_context(|| cannot("read", &self.path))?;
        if !verifies(&line) {
            return Err(damaged(&self.path, place.line));
        }
        parse(&self.path, place, &line)
    }

    /// Writes the file anew, all or nothing, and goes on with the new one.
    pub fn rewrite(
        &mut self,
        write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let mut length = 0;
        self.point("before_rewrite")
            .with_context(|| cannot("write", &self.path))?;
        replace_file(&self.path, self.durability, |w| {
            write(&mut |line| {
                length += line.len() as u64;
                w.write_all(line)
                    .with_context(|| cannot("write", &self.path))
            })
        })?;
        self.file = open_to_append(&self.path)?;
        self.length = length;
        Ok(())
    }
}

/// Hands the verified lines of a log to `each` and returns the length they end at; an
/// unfinished last line is left out, and the file untouched.
pub(crate) fn read_log(
    path: &Path,
    file: &File,
    mut each: impl FnMut(Place, &[u8]) -> Result<()>,
) -> Result<u64> {
    let mut lines = Lines::new(file);
    let (mut end, mut number) = (0, 0);
    while let Some(line) = lines.next().with_context(|| cannot("read", path))? {
        number += 1;
        if !line.complete {
            if number == 1 || holds_whole_record(line.bytes) {
                return Err(damaged(path, number));
            }
            break;
        }
        if !verifies(line.bytes) {
            return Err(damaged(path, number));
        }
        each(
            Place {
                offset: line.offset,
                length: line.bytes.len(),
                line: number,
            },
            line.bytes,
        )?;
        end = line.offset + line.bytes.len() as u64 + 1;
    }
    if number == 0 {
        bail!("{}: empty, without its header: {RESTORE}", path.display());
    }
    Ok(end)
}

pub(crate) const RESTORE: &str = "restore it from a copy, or start afresh with a new --checkpoint";

pub(crate) fn damaged(path: &Path, line: u64) -> anyhow::Error {
    anyhow!(
        "{}: line {line}: damaged, its checksum differs: {RESTORE}",
        path.display()
    )
}

/// A verified line as a record.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    path: &Path,
    place: Place,
    line: &'a [u8],
) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| {
        anyhow!(
            "{}: line {}: not a record of this version of st: {e}",
            path.display(),
            place.line
        )
    })
}

/// A verified header line: its format version, under the field `format`, is judged before the
/// rest, which a newer st may have changed; then whose file it is.
pub(crate) fn read_header<T: DeserializeOwned>(
    path: &Path,
    line: &[u8],
    format: &str,
    query: &str,
) -> Result<T> {
    let place = Place {
        offset: 0,
        length: line.len(),
        line: 1,
    };
    let fields: Value = parse(path, place, line)?;
    check_format(path, &fields[format], 1)?;
    if fields["query"] != query {
        bail!(
            "{}: belongs to query {}, this checkpoint is of query {query}: {RESTORE}",
            path.display(),
            fields["query"].as_str().unwrap_or("?")
        );
    }
    parse(path, place, line)
}

/// Refuses a format version that is not ours.
pub(crate) fn check_format(path: &Path, found: &Value, ours: u64) -> Result<()> {
    match found.as_u64() {
        Some(found) if found == ours => Ok(()),
        Some(found) if found > ours => bail!(
            "{}: written by a newer st (format {found}, this one knows {ours}): \
             install that version",
            path.display()
        ),
        _ => bail!("{}: of no format this st knows: {RESTORE}", path.display()),
    }
}

/// Refuses to write to a file that was removed under the running query: what it took would be
/// gone with it.
pub(crate) fn still_linked(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let links = file
        .metadata()
        .with_context(|| cannot("read", path))?
        .nlink();
    if links == 0 {
        bail!(
            "{}: was removed while the query runs: {RESTORE}",
            path.display()
        );
    }
    Ok(())
}
