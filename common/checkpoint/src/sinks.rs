//! The registered sinks as the others see them: who has joined, and how far each has come.
//!
//! Everybody who drops something asks for this every batch, so only the header and the last
//! record of a file are read, and only if it changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::commits::{Header, Record};
use crate::durable::cannot;
use crate::record::{Lines, verifies};
use crate::record_log::{Place, RESTORE, damaged, parse, read_header};

/// A registered sink as seen by the others.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkState {
    /// Its name.
    pub name: String,
    /// The epoch it joined at.
    pub joined: i64,
    /// Its last commit; the epoch joined at if it has none.
    pub last: i64,
    /// Where it delivers to.
    pub target: Value,
    /// The stages above it, source first.
    pub plan: Vec<Value>,
    /// Its file, which is removed to make it leave.
    pub file: PathBuf,
}

impl SinkState {
    /// The last commit that is surely durable: the record of the very last may be seen before it is
    /// synced, and be lost, or be taken back if that fails.
    pub fn settled(&self) -> i64 {
        self.joined.max(self.last - 1)
    }

    /// Whether its plan has a stage of this name.
    pub fn is_below(&self, stage: &str) -> bool {
        self.plan
            .iter()
            .any(|node| node["name"] == stage || names(node, stage))
    }
}

/// Whether a node of a plan has this name, or one above its further inputs, which stand in its other fields.
fn names(node: &Value, stage: &str) -> bool {
    match node {
        Value::Array(nodes) => nodes.iter().any(|node| names(node, stage)),
        Value::Object(fields) => {
            fields.contains_key("tool") && node["name"] == stage
                || fields.values().any(|field| names(field, stage))
        }
        _ => false,
    }
}

/// What was read of `commits/`, and of which version of each file.
#[derive(Debug, Default)]
pub(crate) struct SinkCache {
    seen: BTreeMap<String, (Version, SinkState)>,
}

/// Length, inode, and the time of change in seconds and nanoseconds.
pub(crate) type Version = (u64, u64, i64, i64);

/// The version of a file that is open.
pub(crate) fn version_of(file: &File, path: &Path) -> Result<Version> {
    let meta = file.metadata().with_context(|| cannot("read", path))?;
    Ok((meta.len(), meta.ino(), meta.mtime(), meta.mtime_nsec()))
}

impl SinkCache {
    /// Brings what was read up to date.
    pub fn refresh(&mut self, folder: &Path, query: &str) -> Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.seen.clear();
                return Ok(());
            }
            other => other.with_context(|| cannot("list", folder))?,
        };
        let mut now = BTreeMap::new();
        for entry in entries {
            let entry = entry.with_context(|| cannot("list", folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let file = match File::open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.with_context(|| cannot("open", &path))?,
            };
            let version = version_of(&file, &path)?;
            let state = match self.seen.remove(&name) {
                Some((old, state)) if old == version => state,
                _ => read_state(&path, &file, version.0, query)?,
            };
            now.insert(name, (version, state));
        }
        self.seen = now;
        Ok(())
    }

    /// The sinks by name, as of the last refresh.
    pub fn sinks(&self) -> impl Iterator<Item = &SinkState> {
        self.seen.values().map(|(_, state)| state)
    }
}

/// The header and the last whole record; the sink may be appending at this moment.
fn read_state(path: &Path, file: &File, length: u64, query: &str) -> Result<SinkState> {
    let mut lines = Lines::new(file);
    let header = match lines.next().with_context(|| cannot("read", path))? {
        Some(line) if line.complete && verifies(line.bytes) => {
            read_header::<Header>(path, line.bytes, "st-commits", query)?
        }
        _ => return Err(damaged(path, 1)),
    };
    let last = last_record(path, file, length)?.map_or(header.joined, |record| record.batch);
    Ok(SinkState {
        name: header.sink,
        joined: header.joined,
        last,
        target: header.target,
        plan: header.plan,
        file: path.into(),
    })
}

/// Fills `buffer` from `offset` on, as far as there is a file: its sink may just now be cutting off an unfinished line.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// The last complete line, found from the end; `None` if that is the header.
pub(crate) fn last_record(path: &Path, file: &File, length: u64) -> Result<Option<Record>> {
    let mut block = 1 << 12;
    loop {
        let from = length.saturating_sub(block);
        let mut tail = vec![0; (length - from) as usize];
        let read = read_up_to(file, &mut tail, from).with_context(|| cannot("read", path))?;
        tail.truncate(read);
        if let Some(end) = memchr::memrchr(b'\n', &tail) {
            let begin = memchr::memrchr(b'\n', &tail[..end]).map(|at| at + 1);
            match begin {
                None if from == 0 => return Ok(None),
                None => {}
                Some(begin) => {
                    let line = &tail[begin..end];
                    if !verifies(line) {
                        bail!(
                            "{}: byte {}: damaged, its checksum differs: {RESTORE}",
                            path.display(),
                            from + begin as u64
                        );
                    }
                    let offset = from + begin as u64;
                    let place = Place {
                        offset,
                        length: line.len(),
                        line: 0,
                    };
                    return parse(path, place, line).map(Some);
                }
            }
        } else if from == 0 {
            return Err(damaged(path, 1));
        }
        block *= 4;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use serde_json::json;

    use super::*;
    use crate::record::sealed;

    /// A sink that was killed in the middle of a record is started again and cuts it off, after somebody has asked for
    /// the length of the file and before he reads it.
    #[test]
    fn a_file_that_is_cut_while_it_is_read_has_its_last_whole_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st-sink");
        let header = json!({"st-commits": 1, "query": "q", "sink": "st-sink", "joined": -1, "target": null, "plan": []});
        let mut text = sealed(&header).unwrap();
        for batch in 0..300 {
            let whole = text.len() as u64;
            text.extend(sealed(&json!({"batch": batch, "rows": 1})).unwrap());
            let length = text.len() as u64;
            for cut in [length, length - 1, whole + 7, whole] {
                let mut file = File::options()
                    .read(true)
                    .append(true)
                    .create(true)
                    .open(&path)
                    .unwrap();
                file.set_len(0).unwrap();
                file.write_all(&text).unwrap();
                file.set_len(cut).unwrap();
                let file = File::open(&path).unwrap();
                let state = read_state(&path, &file, length, "q").unwrap();
                assert_eq!(
                    state.last,
                    if cut == length { batch } else { batch - 1 },
                    "cut to {cut}"
                );
            }
        }
    }
}
