//! What each batch was made of: `offsets/SOURCE`, one record per batch.
//!
//! A record is durable before the batch's marker leaves the source, so a batch that anybody
//! downstream has acted upon can be cut again exactly as it was.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::definition::{Change, changes, refusal};
use crate::durable::cannot;
use crate::inspect::{SourceView, damaged_header};
use crate::name::check_name;
use crate::record::{Lines, sealed, verifies};
use crate::record_log::{Place, RESTORE, RecordLog, damaged, parse, read_header};
use crate::recorded::Recorded;
use crate::{QueryDir, fail_point, threshold};

/// Fewer forgettable records than this are not worth a rewrite.
const WORTH_FORGETTING: usize = 100;

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "st-offsets")]
    format: u32,
    query: String,
    source: String,
    definition: Value,
}

/// One batch as its source recorded it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OffsetRecord {
    /// Its id.
    pub batch: i64,
    /// Its clock, as the `begin` marker carries it (ISO-8601 UTC with milliseconds).
    pub time: String,
    /// Whether it was the last one for ever.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// How many rows it had, so that a replay that differs is noticed.
    pub rows: u64,
    /// What was read, in the source's own fields.
    pub range: Recorded,
    /// What the source remembers as of this batch, in its own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Value>,
    /// Recorded after the fact, empty: other sources of the query had gone on without this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filled: bool,
    /// Of a filled one: the last batch this source had a part in; older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

impl OffsetRecord {
    /// The last batch, up to this one, that the source had a part in, as far as this record knows.
    pub fn part_in(&self) -> Option<i64> {
        match self.filled {
            true => self.since,
            false => Some(self.batch),
        }
    }
}

/// The open offsets of one source. The caller holds the source's lock.
pub struct Offsets {
    log: RecordLog,
    header: Header,
    /// Id of the first record in `places`.
    first: i64,
    places: VecDeque<Place>,
}

/// What a source keeps, read without touching its file.
pub(crate) fn look(path: &Path, name: &str, query: &str) -> Result<SourceView> {
    let file = File::open(path).with_context(|| cannot("open", path))?;
    let mut lines = Lines::new(file);
    let header: Header = match lines.next().with_context(|| cannot("read", path))? {
        Some(line) if line.complete && verifies(line.bytes) => {
            read_header(path, line.bytes, "st-offsets", query)?
        }
        _ => return Err(damaged_header(path)),
    };
    let mut batches = None;
    let mut number = 1;
    while let Some(line) = lines.next().with_context(|| cannot("read", path))? {
        number += 1;
        if !line.complete {
            break;
        }
        if !verifies(line.bytes) {
            return Err(damaged(path, number));
        }
        let place = Place {
            line: number,
            offset: line.offset,
            length: line.bytes.len(),
        };
        let batch = batch_of(path, place, line.bytes)?;
        batches = Some((batches.map_or(batch, |(first, _)| first), batch));
    }
    Ok(SourceView {
        name: name.to_string(),
        definition: header.definition,
        batches,
    })
}

impl Offsets {
    /// Opens `offsets/SOURCE`, or makes it. If it was written under another definition, `safe`
    /// says of each change whether recorded batches can still be replayed; then the new
    /// definition takes its place.
    ///
    /// # Errors
    /// A damaged record; a newer format; an unsafe change (unless no batch is recorded yet).
    pub fn open(
        dir: &QueryDir,
        source: &str,
        definition: &Value,
        safe: &dyn Fn(&Change) -> bool,
    ) -> Result<Self> {
        check_name(source)?;
        let path = dir.place("offsets", source)?;
        let ours = Header {
            format: 1,
            query: dir.id().into(),
            source: source.into(),
            definition: definition.clone(),
        };
        if !path.exists() {
            RecordLog::create(&path, dir.durability(), &ours)?;
        }
        let (mut header, mut first, mut places) = (None, 0, VecDeque::new());
        let log = RecordLog::open(&path, dir.durability(), "offsets", |place, line| {
            if place.line == 1 {
                header = Some(read_header(&path, line, "st-offsets", dir.id())?);
                return Ok(());
            }
            let batch = batch_of(&path, place, line)?;
            if places.is_empty() {
                first = batch;
            } else if batch != first + places.len() as i64 {
                bail!(
                    "{}: line {}: batch {batch} follows batch {}: {RESTORE}",
                    path.display(),
                    place.line,
                    first + places.len() as i64 - 1
                );
            }
            places.push_back(place);
            Ok(())
        })?;
        let header = header.unwrap_or_else(|| ours.clone());
        let mut offsets = Offsets {
            log,
            header,
            first,
            places,
        };
        let found = changes(&offsets.header.definition, definition);
        if !found.is_empty() {
            if let Some(text) = refusal(&found, safe)
                && !offsets.places.is_empty()
            {
                bail!(
                    "{}: {text}: give the old options, or start afresh with a new --checkpoint",
                    path.display()
                );
            }
            offsets.header = ours;
            offsets.keep_from(0)?;
        }
        Ok(offsets)
    }

    /// The greatest recorded batch; `None` if none is recorded.
    pub fn last(&self) -> Option<i64> {
        (!self.places.is_empty()).then(|| self.first + self.places.len() as i64 - 1)
    }

    /// The record of a batch; `None` if there is none (any more).
    ///
    /// # Errors
    /// If it cannot be read, or was damaged since it was first read.
    pub fn get(&self, batch: i64) -> Result<Option<OffsetRecord>> {
        let index = usize::try_from(batch - self.first).ok();
        match index.and_then(|index| self.places.get(index)) {
            Some(place) => self.log.read(*place).map(Some),
            None => Ok(None),
        }
    }

    /// The records of the batches after `batch`, oldest first, to be replayed.
    ///
    /// # Errors
    /// As [`Offsets::get`]; or if the record right after `batch` is gone while later ones stand.
    pub fn after(&self, batch: i64) -> Result<Vec<OffsetRecord>> {
        if !self.places.is_empty() && self.first > batch + 1 {
            bail!(
                "{}: begins at batch {}, but batch {} is needed: {RESTORE}",
                self.log.path().display(),
                self.first,
                batch + 1
            );
        }
        let skip = usize::try_from(batch + 1 - self.first).unwrap_or(0);
        self.places
            .iter()
            .skip(skip)
            .map(|place| self.log.read(*place))
            .collect()
    }

    /// Every record that is kept, oldest first.
    ///
    /// # Errors
    /// As [`Offsets::get`].
    pub fn all(&self) -> Result<Vec<OffsetRecord>> {
        self.places
            .iter()
            .map(|place| self.log.read(*place))
            .collect()
    }

    /// Records a batch; durable when this returns. Ids rise by one (the first record of a file
    /// may have any).
    ///
    /// # Errors
    /// A gap or repeat in ids; a failed write, after which the file must be opened anew.
    pub fn append(&mut self, record: &OffsetRecord) -> Result<()> {
        if let Some(last) = self.last()
            && record.batch != last + 1
        {
            bail!(
                "{}: batch {} cannot follow batch {last}",
                self.log.path().display(),
                record.batch
            );
        }
        let place = self.log.append(record)?;
        if self.places.is_empty() {
            self.first = record.batch;
        }
        self.places.push_back(place);
        Ok(())
    }

    /// Records several batches in one write; durable when this returns. As [`Offsets::append`].
    ///
    /// # Errors
    /// A gap or repeat in ids; a failed write, after which the file must be opened anew.
    pub fn append_all(&mut self, records: &[OffsetRecord]) -> Result<()> {
        let mut lines = Vec::new();
        let mut places = Vec::with_capacity(records.len());
        let mut due = self.last().map(|last| last + 1);
        for record in records {
            if due.is_some_and(|due| due != record.batch) {
                bail!(
                    "{}: batch {} stands out of order",
                    self.log.path().display(),
                    record.batch
                );
            }
            due = Some(record.batch + 1);
            let line = sealed(record)?;
            places.push(Place {
                offset: self.log.length() + lines.len() as u64,
                length: line.len() - 1,
                line: 0,
            });
            lines.extend_from_slice(&line);
        }
        if let Some(first) = records.first() {
            self.log.append_lines(&lines)?;
            if self.places.is_empty() {
                self.first = first.batch;
            }
            self.places.extend(places);
        }
        Ok(())
    }

    /// Drops records below `floor` (and never the last one), once they are more than a hundred
    /// and more than half. `fold` gets them first, oldest first, to make durable what the
    /// source must remember of them; after a crash it may get the same ones again.
    ///
    /// # Errors
    /// From `fold` or the rewrite; the old file then stands.
    pub fn forget_below(
        &mut self,
        floor: i64,
        fold: &mut dyn FnMut(&[OffsetRecord]) -> Result<()>,
    ) -> Result<()> {
        let below = usize::try_from(floor - self.first).unwrap_or(0);
        let count = below.min(self.places.len().saturating_sub(1));
        if count <= threshold(WORTH_FORGETTING, 2) || count * 2 <= self.places.len() {
            return Ok(());
        }
        let dropped: Result<Vec<_>> = self
            .places
            .iter()
            .take(count)
            .map(|place| self.log.read(*place))
            .collect();
        fold(&dropped?)?;
        fail_point("offsets.forget");
        self.keep_from(count)
    }

    /// Rewrites the file with its header and the records from this index on.
    fn keep_from(&mut self, index: usize) -> Result<()> {
        let mut lines = vec![sealed(&self.header)?];
        let mut places = VecDeque::new();
        let mut offset = lines[0].len() as u64;
        for place in self.places.iter().skip(index) {
            let record: Box<RawValue> = self.log.read(*place)?;
            let mut line = record.get().as_bytes().to_vec();
            line.push(b'\n');
            let number = lines.len() as u64 + 1;
            places.push_back(Place {
                offset,
                length: line.len() - 1,
                line: number,
            });
            offset += line.len() as u64;
            lines.push(line);
        }
        self.log
            .rewrite(|put| lines.iter().try_for_each(|line| put(line)))?;
        self.first += index as i64;
        self.places = places;
        Ok(())
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.log.length()
    }
}

fn batch_of(path: &Path, place: Place, line: &[u8]) -> Result<i64> {
    #[derive(Deserialize)]
    struct Id {
        batch: i64,
    }
    Ok(parse::<Id>(path, place, line)?.batch)
}
