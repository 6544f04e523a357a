//! A source's compact memory, `sources/SOURCE`: what it must know of batches whose records are
//! forgotten, such as the files it has seen.
//!
//! Folding happens before the records are dropped and may happen twice after a crash, so each
//! entry carries the batch up to which it remembers, and [`Memory::through`] tells the source
//! which records it has already folded.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::QueryDir;
use crate::name::check_name;
use crate::record::sealed;
use crate::record_log::{RecordLog, parse, read_header};

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "st-memory")]
    format: u32,
    query: String,
    source: String,
}

#[derive(Serialize)]
struct Out<'a, T> {
    batch: i64,
    data: &'a T,
}

#[derive(Deserialize)]
struct In<'a> {
    batch: i64,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The open memory of one source. The caller holds the source's lock.
pub struct Memory {
    log: RecordLog,
    header: Header,
    through: Option<i64>,
    entries: u64,
}

impl Memory {
    /// Opens `sources/SOURCE`, or makes it, and hands each entry to `each`, oldest first: the
    /// batch it remembers up to, and its data as JSON.
    ///
    /// # Errors
    /// A damaged entry (an unfinished last one is cut), a newer format, or an error of `each`.
    pub fn open(
        dir: &QueryDir,
        source: &str,
        each: &mut dyn FnMut(i64, &str) -> Result<()>,
    ) -> Result<Self> {
        check_name(source)?;
        let path = dir.place("sources", source)?;
        let header = Header {
            format: 1,
            query: dir.id().into(),
            source: source.into(),
        };
        if !path.exists() {
            RecordLog::create(&path, dir.durability(), &header)?;
        }
        let (mut through, mut entries) = (None, 0);
        let log = RecordLog::open(&path, dir.durability(), "memory", |place, line| {
            if place.line == 1 {
                return read_header::<Header>(&path, line, "st-memory", dir.id()).map(drop);
            }
            let entry: In = parse(&path, place, line)?;
            through = through.max(Some(entry.batch));
            entries += 1;
            each(entry.batch, entry.data.get())
        })?;
        Ok(Memory {
            log,
            header,
            through,
            entries,
        })
    }

    /// The greatest batch remembered; records up to it need no folding.
    pub fn through(&self) -> Option<i64> {
        self.through
    }

    /// How many entries the file has.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.log.length()
    }

    /// Appends entries in one write; durable when this returns.
    ///
    /// # Errors
    /// If one cannot be written as JSON, or the write fails.
    pub fn append<'a, T: Serialize + 'a>(
        &mut self,
        entries: impl IntoIterator<Item = (i64, &'a T)>,
    ) -> Result<()> {
        let (mut lines, mut count, mut through) = (Vec::new(), 0, self.through);
        for (batch, data) in entries {
            lines.extend_from_slice(&sealed(&Out { batch, data })?);
            count += 1;
            through = through.max(Some(batch));
        }
        if count > 0 {
            self.log.append_lines(&lines)?;
            self.entries += count;
            self.through = through;
        }
        Ok(())
    }

    /// Puts these entries in the place of all, atomically: a source that has folded its memory
    /// smaller calls it when the file has grown to a multiple of what it needs.
    ///
    /// # Errors
    /// If the rewrite fails; the old entries then stand.
    pub fn replace<'a, T: Serialize + 'a>(
        &mut self,
        entries: impl IntoIterator<Item = (i64, &'a T)>,
    ) -> Result<()> {
        let header = sealed(&self.header)?;
        let (mut count, mut through) = (0, None);
        self.log.rewrite(|put| {
            put(&header)?;
            for (batch, data) in entries {
                put(&sealed(&Out { batch, data })?)?;
                count += 1;
                through = through.max(Some(batch));
            }
            Ok(())
        })?;
        self.entries = count;
        self.through = through;
        Ok(())
    }
}
