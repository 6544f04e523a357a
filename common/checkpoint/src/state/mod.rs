//! The state file of one stateful stage: `state/STAGE@EPOCH.ndjson`.
//!
//! A log of changed keys with a checksummed closing line per epoch, so that a batch costs what
//! it changed and not what is kept; a run that starts at epoch C reads up to C's closing line
//! and cuts what follows. When the log outgrows its snapshot, a new generation begins with a
//! snapshot of its own; the old one stays until no run can start before the new one.

mod compaction;
mod epoch;
pub(crate) mod generations;
pub(crate) mod line;
mod open;
pub(crate) mod verify;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::durable::cannot;
use crate::record::Lines;
use crate::{DirectWrite, QueryDir};
use generations::Generation;
use verify::Closing;

/// Bytes collected before they are written out in the middle of an epoch.
const WRITE_BLOCK: usize = 1 << 18;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    #[serde(rename = "st-state")]
    format: u32,
    query: String,
    stage: String,
    pub(crate) definition: Value,
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
    /// Lines behind the header, of both.
    lines: u64,
    closing: Closing,
    redefined: bool,
    failed: bool,
    /// Where the open epoch began.
    epoch_at: u64,
    /// Takes what comes of a large epoch.
    direct: Option<DirectWrite>,
}

impl StateFile {
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
}
