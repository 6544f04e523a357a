//! The other sources of a query, and how far they have come.
//!
//! Sources whose streams meet in one stage share batch ids: who has no data of its own for an id that another has
//! recorded sends an empty batch. So they look at each other's last record, at every start and while they are idle.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};

use crate::durable::cannot;
use crate::sinks::{Version, last_record, version_of};
use crate::{QueryDir, replace_file};

/// What one source knows of the others.
pub struct Peers {
    dir: QueryDir,
    own: String,
    seen: BTreeMap<String, (Version, Option<i64>)>,
}

impl Peers {
    /// The sources beside `own`; nothing is read yet.
    pub fn new(dir: &QueryDir, own: &str) -> Self {
        Peers {
            dir: dir.clone(),
            own: own.into(),
            seen: BTreeMap::new(),
        }
    }

    /// Whether there are any, as of the last look.
    pub fn any(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Looks at the others: the greatest batch that one of them has recorded; `None` if none has any. Reads only what
    /// has changed since the last look.
    ///
    /// # Errors
    /// If a file cannot be read, or its last whole line is damaged.
    pub fn reached(&mut self) -> Result<Option<i64>> {
        let folder = self.dir.path().join("offsets");
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| cannot("list", &folder))?,
        };
        let mut now = BTreeMap::new();
        for entry in entries {
            let entry = entry.with_context(|| cannot("list", &folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == self.own || name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let file = match File::open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.with_context(|| cannot("open", &path))?,
            };
            let version = version_of(&file, &path)?;
            let last = match self.seen.remove(&name) {
                Some((old, last)) if old == version => last,
                _ => last_record(&path, &file, version.0)?.map(|record| record.batch),
            };
            now.insert(name, (version, last));
        }
        self.seen = now;
        Ok(self.seen.values().filter_map(|(_, last)| *last).max())
    }

    /// Notes, durably, that this source's run has ended with `batch`: the others may have gone on without it, so what they
    /// recorded behind it is without it for ever.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end(&self, batch: i64) -> Result<()> {
        let path = self.dir.place("sources", &format!("{}.end", self.own))?;
        replace_file(&path, self.dir.durability(), |w| {
            writeln!(w, "{{\"batch\":{batch}}}").with_context(|| cannot("write", &path))
        })
    }

    /// The batch with which this source last noted an end.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn ended(&self) -> Result<Option<i64>> {
        let path = self
            .dir
            .path()
            .join("sources")
            .join(format!("{}.end", self.own));
        let text = match fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| cannot("read", &path))?,
        };
        let fields: serde_json::Value = serde_json::from_slice(&text).map_err(|e| {
            anyhow!("{}: damaged ({e}): restore it from a copy, or start afresh with a new --checkpoint", path.display())
        })?;
        Ok(fields["batch"].as_i64())
    }
}
