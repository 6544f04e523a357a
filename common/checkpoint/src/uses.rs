//! What a stage read beside its input, batch by batch: `tables/STAGE`, and a copy of each version, `tables/STAGE.VERSION`.
//!
//! A table that is joined may change at any time, and a replay must join what was joined before. So the version of each
//! batch is durable before the batch's marker is handed on, and a version is kept as long as a batch at or above the floor
//! may need it again.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::durable::{cannot, remove};
use crate::fail_point::threshold;
use crate::name::check_name;
use crate::record::sealed;
use crate::record_log::{RESTORE, RecordLog, parse, read_header};
use crate::{QueryDir, replace_file};

/// Fewer forgettable records than this are not worth a rewrite.
const WORTH_FORGETTING: usize = 100;

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "st-tables")]
    format: u32,
    query: String,
    stage: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    batch: i64,
    version: String,
}

/// The open record of one stage. The caller holds the stage's lock.
pub struct Uses {
    dir: QueryDir,
    stage: String,
    log: RecordLog,
    header: Header,
    records: VecDeque<Record>,
}

impl Uses {
    /// Opens `tables/STAGE`, or makes it.
    ///
    /// # Errors
    /// A damaged record; a newer format; another query's file.
    pub fn open(dir: &QueryDir, stage: &str) -> Result<Uses> {
        check_name(stage)?;
        let path = dir.place("tables", stage)?;
        let header = Header {
            format: 1,
            query: dir.id().into(),
            stage: stage.into(),
        };
        if !path.exists() {
            RecordLog::create(&path, dir.durability(), &header)?;
        }
        let mut records: VecDeque<Record> = VecDeque::new();
        let log = RecordLog::open(&path, dir.durability(), "tables", |place, line| {
            if place.line == 1 {
                return read_header::<Header>(&path, line, "st-tables", dir.id()).map(drop);
            }
            let record: Record = parse(&path, place, line)?;
            if let Some(last) = records.back()
                && record.batch != last.batch + 1
            {
                bail!(
                    "{}: line {}: batch {} follows batch {}: {RESTORE}",
                    path.display(),
                    place.line,
                    record.batch,
                    last.batch
                );
            }
            records.push_back(record);
            Ok(())
        })?;
        Ok(Uses {
            dir: dir.clone(),
            stage: stage.into(),
            log,
            header,
            records,
        })
    }

    /// The version that a batch was joined with; none if it has none yet.
    ///
    /// # Errors
    /// A batch before the first record: which version it met is not known any more, and another would not be a replay.
    pub fn of(&self, batch: i64) -> Result<Option<&str>> {
        let Some(first) = self.records.front().map(|record| record.batch) else {
            return Ok(None);
        };
        let Ok(index) = usize::try_from(batch - first) else {
            bail!(
                "{}: begins with batch {first}, so the table that batch {batch} was joined with is not known: {RESTORE}",
                self.log.path().display()
            );
        };
        let record = self.records.get(index);
        Ok(record.map(|record| record.version.as_str()))
    }

    fn copy(&self, version: &str) -> Result<PathBuf> {
        self.dir
            .place("tables", &format!("{}.{version}", self.stage))
    }

    /// Keeps the bytes of a version, durably, unless they are kept already.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep(&self, version: &str, bytes: &[u8]) -> Result<()> {
        let path = self.copy(version)?;
        if path.exists() {
            return Ok(());
        }
        replace_file(&path, self.dir.durability(), |w| {
            w.write_all(bytes).with_context(|| cannot("write", &path))
        })
    }

    /// The bytes of a version that is kept.
    ///
    /// # Errors
    /// If they are gone.
    pub fn read(&self, version: &str) -> Result<Vec<u8>> {
        let path = self.copy(version)?;
        fs::read(&path).with_context(|| format!("{}: cannot be read: {RESTORE}", path.display()))
    }

    /// Notes which version a batch was joined with; durable when it returns. A batch that is noted already is left as it is.
    ///
    /// # Errors
    /// A gap in ids; a failed write.
    pub fn note(&mut self, batch: i64, version: &str) -> Result<()> {
        if let Some(last) = self.records.back() {
            if batch <= last.batch {
                return Ok(());
            }
            if batch != last.batch + 1 {
                bail!(
                    "{}: batch {batch} cannot follow batch {}",
                    self.log.path().display(),
                    last.batch
                );
            }
        }
        let record = Record {
            batch,
            version: version.into(),
        };
        self.log.append(&record)?;
        self.records.push_back(record);
        self.forget()
    }

    /// Drops the records below the floor once they are many and more than half, and the versions nobody needs any more.
    fn forget(&mut self) -> Result<()> {
        let Some(floor) = self.dir.floor()? else {
            return Ok(());
        };
        let below = self.records.partition_point(|record| record.batch <= floor);
        let below = below.min(self.records.len().saturating_sub(1));
        if below <= threshold(WORTH_FORGETTING, 4) || below * 2 <= self.records.len() {
            return Ok(());
        }
        let gone: Vec<Record> = self.records.drain(..below).collect();
        let mut lines = vec![sealed(&self.header)?];
        for record in &self.records {
            lines.push(sealed(record)?);
        }
        self.log
            .rewrite(|put| lines.iter().try_for_each(|line| put(line)))?;
        for record in gone {
            if !self
                .records
                .iter()
                .any(|kept| kept.version == record.version)
            {
                remove(&self.copy(&record.version)?)?;
            }
        }
        Ok(())
    }
}
