//! What each sink has delivered: `commits/SINK`, one record per batch.
//!
//! The registered sinks are the files in `commits/`. Their least last commit is the floor: where
//! a run starts from, and below which everything may be forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::QueryDir;
use crate::durable::cannot;
use crate::name::check_name;
use crate::record::{Lines, sealed, verifies};
use crate::record_log::{Place, RESTORE, RecordLog, damaged, parse, read_header};

/// Records a file may hold before those below the floor are dropped.
const MOST_RECORDS: usize = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "st-commits")]
    format: u32,
    query: String,
    sink: String,
    joined: i64,
    target: Value,
    plan: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    batch: i64,
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
        if self.kept.len() > MOST_RECORDS {
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
    /// Whether its plan has a stage of this name.
    pub fn is_below(&self, stage: &str) -> bool {
        self.plan.iter().any(|node| node["name"] == stage)
    }
}

/// What was read of `commits/`, and of which version of each file.
#[derive(Debug, Default)]
pub(crate) struct SinkCache {
    seen: BTreeMap<String, (Version, SinkState)>,
}

/// Length, inode, and the time of change in seconds and nanoseconds.
type Version = (u64, u64, i64, i64);

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
            let meta = file.metadata().with_context(|| cannot("read", &path))?;
            let version = (meta.len(), meta.ino(), meta.mtime(), meta.mtime_nsec());
            let state = match self.seen.remove(&name) {
                Some((old, state)) if old == version => state,
                _ => read_state(&path, &file, meta.len(), query)?,
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

/// The last complete line, found from the end; `None` if that is the header.
fn last_record(path: &Path, file: &File, length: u64) -> Result<Option<Record>> {
    let mut block = 1 << 12;
    loop {
        let from = length.saturating_sub(block);
        let mut tail = vec![0; (length - from) as usize];
        let read = file.read_exact_at(&mut tail, from);
        read.with_context(|| cannot("read", path))?;
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
