//! What each sink has delivered: `commits/SINK`, one record per batch.
//!
//! The registered sinks are the files in `commits/`. Their least last commit is the floor: where
//! a run starts from, and below which everything may be forgotten.

use std::collections::VecDeque;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::name::check_name;
use crate::record::sealed;
use crate::record_log::{Place, RESTORE, RecordLog, parse, read_header};
use crate::{QueryDir, threshold};

/// Records a file may hold before those below the floor are dropped.
const MOST_RECORDS: usize = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    #[serde(rename = "st-commits")]
    format: u32,
    query: String,
    pub sink: String,
    pub joined: i64,
    pub target: Value,
    pub plan: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub batch: i64,
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

#[derive(Clone, Copy)]
struct Kept {
    rows: u64,
    place: Place,
}

/// The open commits of one sink. The caller holds the sink's lock.
pub struct Commits {
    dir: QueryDir,
    log: RecordLog,
    header: Header,
    /// Batch of the first record in `kept`.
    first: i64,
    kept: VecDeque<Kept>,
}

impl Commits {
    /// Opens `commits/SINK`, or registers the sink durably: it then joins at `epoch`, and takes
    /// the batches after it. A changed plan is recorded.
    ///
    /// # Errors
    /// A sink that was registered with another target; a damaged file; a newer format.
    pub fn register(
        dir: &QueryDir,
        sink: &str,
        epoch: i64,
        target: &Value,
        plan: &[Value],
    ) -> Result<Self> {
        check_name(sink)?;
        let path = dir.place("commits", sink)?;
        let ours = Header {
            format: 1,
            query: dir.id().into(),
            sink: sink.into(),
            joined: epoch,
            target: target.clone(),
            plan: plan.to_vec(),
        };
        if !path.exists() {
            RecordLog::create(&path, dir.durability(), &ours)?;
        }
        let (mut header, mut first, mut kept) = (None, 0, VecDeque::new());
        let mut last = 0;
        let log = RecordLog::open(&path, dir.durability(), "commits", |place, line| {
            if place.line == 1 {
                let found: Header = read_header(&path, line, "st-commits", dir.id())?;
                last = found.joined;
                header = Some(found);
                return Ok(());
            }
            let record: Record = parse(&path, place, line)?;
            let follows = if kept.is_empty() {
                record.batch > last
            } else {
                record.batch == last + 1
            };
            if !follows {
                bail!(
                    "{}: line {}: batch {} follows batch {last}: {RESTORE}",
                    path.display(),
                    place.line,
                    record.batch
                );
            }
            if kept.is_empty() {
                first = record.batch;
            }
            last = record.batch;
            kept.push_back(Kept {
                rows: record.rows,
                place,
            });
            Ok(())
        })?;
        let mut header = header.unwrap_or_else(|| ours.clone());
        if header.target != *target {
            bail!(
                "{}: this sink has delivered to {}, not to {target}: give it the old target, \
                 another --name, or rm {} to begin anew",
                path.display(),
                header.target,
                path.display()
            );
        }
        let new_plan = header.plan != plan;
        header.plan = plan.to_vec();
        let mut commits = Commits {
            dir: dir.clone(),
            log,
            header,
            first,
            kept,
        };
        if new_plan {
            commits.keep_from(0)?;
        }
        if commits.last() <= epoch {
            // Nothing will be replayed for it.
            commits.caught_up()?;
        }
        Ok(commits)
    }

    /// The epoch at which the sink joined.
    pub fn joined(&self) -> i64 {
        self.header.joined
    }

    /// The last batch delivered; the epoch joined at if none was.
    pub fn last(&self) -> i64 {
        if self.kept.is_empty() {
            self.header.joined
        } else {
            self.first + self.kept.len() as i64 - 1
        }
    }

    /// How many rows a delivered batch had; `None` if it is not delivered or its record is gone.
    pub fn rows_of(&self, batch: i64) -> Option<u64> {
        self.kept_at(batch).map(|kept| kept.rows)
    }

    /// The sink's own fields of a delivered batch, such as the names of its files.
    ///
    /// # Errors
    /// If the record cannot be read again.
    pub fn detail_of(&self, batch: i64) -> Result<Option<Value>> {
        match self.kept_at(batch) {
            Some(kept) => Ok(self.log.read::<Record>(kept.place)?.detail),
            None => Ok(None),
        }
    }

    fn kept_at(&self, batch: i64) -> Option<&Kept> {
        usize::try_from(batch - self.first)
            .ok()
            .and_then(|index| self.kept.get(index))
    }

    /// The last batch has been replayed: the sink is no longer behind its own commits.
    ///
    /// # Errors
    /// As [`QueryDir::caught_up`].
    pub fn caught_up(&self) -> Result<()> {
        self.dir.caught_up(&self.header.sink)
    }

    /// Records that a batch is delivered, after its output is durable; durable when this
    /// returns. Ids rise by one.
    ///
    /// # Errors
    /// A gap or repeat in ids; a failed write, after which the file must be opened anew.
    pub fn commit(&mut self, batch: i64, rows: u64, detail: Option<&Value>) -> Result<()> {
        if batch != self.last() + 1 {
            bail!(
                "{}: batch {batch} cannot follow batch {}",
                self.log.path().display(),
                self.last()
            );
        }
        let place = self.log.append(&Record {
            batch,
            rows,
            detail: detail.cloned(),
        })?;
        if self.kept.is_empty() {
            self.first = batch;
        }
        self.kept.push_back(Kept { rows, place });
        if self.kept.len() > threshold(MOST_RECORDS, 3) {
            self.forget()?;
        }
        Ok(())
    }

    /// Drops the records below the floor, and never the last, once they are more than half.
    fn forget(&mut self) -> Result<()> {
        let floor = self.dir.floor()?.unwrap_or(self.first);
        let below = usize::try_from(floor - self.first).unwrap_or(0);
        let count = below.min(self.kept.len() - 1);
        if count * 2 > self.kept.len() {
            self.keep_from(count)
        } else {
            Ok(())
        }
    }

    fn keep_from(&mut self, index: usize) -> Result<()> {
        let mut lines = vec![sealed(&self.header)?];
        let mut offset = lines[0].len() as u64;
        let mut kept = VecDeque::new();
        for old in self.kept.iter().skip(index) {
            let record: Box<RawValue> = self.log.read(old.place)?;
            let mut line = record.get().as_bytes().to_vec();
            line.push(b'\n');
            let place = Place {
                offset,
                length: line.len() - 1,
                line: lines.len() as u64 + 1,
            };
            kept.push_back(Kept {
                rows: old.rows,
                place,
            });
            offset += line.len() as u64;
            lines.push(line);
        }
        self.log
            .rewrite(|put| lines.iter().try_for_each(|line| put(line)))?;
        self.first += index as i64;
        self.kept = kept;
        Ok(())
    }
}
