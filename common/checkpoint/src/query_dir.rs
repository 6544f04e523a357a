//! The directory itself: who made it, which query it is of, and where its files are.
//!
//! `metadata` is created once and exclusively, so that two runs that race for a new directory
//! agree on one query id. Everything else is checked against that id.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::durable::{cannot, create_dir, create_exclusive};
use crate::record_log::{RESTORE, check_format};
use crate::sinks::SinkCache;
use crate::{Durability, SinkState};

/// Whose epochs a directory counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A query's: made by its source, used by every stage behind it.
    Query,
    /// A single stage's on plain input: it counts its own epochs.
    Stage,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Metadata {
    #[serde(rename = "st-checkpoint")]
    format: u32,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    created_by: String,
}

/// An open query directory. Cheap to clone; clones share what they have read of the commits.
#[derive(Clone, Debug)]
pub struct QueryDir {
    inner: Arc<Inner>,
    /// The batches after this one, up to the epoch of the start, were filled.
    filled_since: Option<i64>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    absolute: PathBuf,
    id: String,
    kind: Kind,
    durability: Durability,
    sinks: Mutex<SinkCache>,
}

impl QueryDir {
    /// Opens the directory, or makes it with a fresh query id. `created_by` is the tool and its
    /// version, for the reader of `metadata`.
    ///
    /// # Errors
    /// A newer format; the other [`Kind`]; a folder that holds something else.
    pub fn create_or_open(
        path: &Path,
        kind: Kind,
        durability: Durability,
        created_by: &str,
    ) -> Result<Self> {
        create_dir(path, durability)?;
        let file = path.join("metadata");
        if !exists(&file)? {
            // Another run may have made everything between the two looks.
            if let Some(stranger) = stranger(path)?
                && !exists(&file)?
            {
                bail!(
                    "{}: holds '{stranger}' but no metadata, so it is no checkpoint: \
                     name a new or empty folder as --checkpoint",
                    path.display()
                );
            }
            let metadata = Metadata {
                format: 1,
                id: uuid::Uuid::new_v4().to_string(),
                kind,
                created_by: created_by.into(),
            };
            let mut line = serde_json::to_vec(&metadata)?;
            line.push(b'\n');
            create_exclusive(&file, durability, &line)?;
        }
        let metadata = read_metadata(&file)?;
        if metadata.kind != kind {
            return Err(wrong_kind(path, metadata.kind));
        }
        Self::new(path, metadata, durability)
    }

    /// Opens the query's directory that a stream's `start` marker names.
    ///
    /// # Errors
    /// If it is missing, of another query, of a newer format, or a single stage's.
    pub fn open_existing(path: &Path, expect_id: &str, durability: Durability) -> Result<Self> {
        let file = path.join("metadata");
        if !exists(&file)? {
            bail!(
                "{}: no checkpoint there, though the stream is of query {expect_id}: \
                 run all stages where the source's --checkpoint can be reached",
                path.display()
            );
        }
        let metadata = read_metadata(&file)?;
        if metadata.kind != Kind::Query {
            return Err(wrong_kind(path, metadata.kind));
        }
        if metadata.id != expect_id {
            bail!(
                "{}: is the checkpoint of query {}, but the stream is of query {expect_id}: \
                 give --checkpoint to the source alone",
                path.display(),
                metadata.id
            );
        }
        Self::new(path, metadata, durability)
    }

    pub(crate) fn new(path: &Path, metadata: Metadata, durability: Durability) -> Result<Self> {
        let absolute = fs::canonicalize(path).with_context(|| cannot("find", path))?;
        let inner = Inner {
            path: path.into(),
            absolute,
            id: metadata.id,
            kind: metadata.kind,
            durability,
            sinks: Mutex::default(),
        };
        Ok(QueryDir {
            inner: Arc::new(inner),
            filled_since: None,
        })
    }

    /// The same directory, for a stage behind a source that filled the batches after `since`, up to the epoch of its start
    /// ([`crate::OffsetRecord::filled`]). No stage had a part in them, so a state as of `since` or later is good for that epoch.
    #[must_use]
    pub fn filled_since(self, since: Option<i64>) -> QueryDir {
        QueryDir {
            filled_since: since,
            ..self
        }
    }

    /// Whether a state as of `epoch` is one as of a later epoch as well.
    pub(crate) fn stands_for_later(&self, epoch: i64) -> bool {
        self.filled_since.is_some_and(|since| epoch >= since)
    }

    /// The query's id.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Whose epochs it counts.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The absolute path, for the `start` marker.
    pub fn absolute(&self) -> &Path {
        &self.inner.absolute
    }

    /// What its writes survive.
    pub fn durability(&self) -> Durability {
        self.inner.durability
    }

    /// `FOLDER/FILE` in this directory; makes FOLDER durably if it is missing.
    pub(crate) fn place(&self, folder: &str, file: &str) -> Result<PathBuf> {
        let folder = self.inner.path.join(folder);
        if !folder.is_dir() {
            // Only the folder itself: a directory that was removed under a running query must
            // not come back as a shell without metadata.
            let metadata = self.inner.path.join("metadata");
            if !exists(&metadata)? {
                bail!(
                    "{}: was removed while the query runs: {RESTORE}",
                    self.path().display()
                );
            }
            create_dir(&folder, self.inner.durability)?;
        }
        Ok(folder.join(file))
    }

    /// The registered sinks, by name. Reads again only what changed since the last call.
    ///
    /// # Errors
    /// If a commits file is damaged or of another query.
    pub fn sinks(&self) -> Result<Vec<SinkState>> {
        self.look(|sinks| sinks.sinks().cloned().collect())
    }

    fn look<T>(&self, of: impl FnOnce(&SinkCache) -> T) -> Result<T> {
        let mut cache = match self.inner.sinks.lock() {
            Ok(cache) => cache,
            Err(poisoned) => poisoned.into_inner(),
        };
        cache.refresh(&self.inner.path.join("commits"), &self.inner.id)?;
        Ok(of(&cache))
    }

    /// No run will ever start from an epoch before this one, so nothing at or before it is needed
    /// as input again: the least settled commit over the registered sinks, and the epoch of those
    /// that are joining or replaying. `None` while no sink is registered.
    ///
    /// # Errors
    /// As [`QueryDir::sinks`].
    pub fn floor(&self) -> Result<Option<i64>> {
        self.least(SinkState::settled)
    }

    /// The batch a run starts from: as the floor, but with the last commit of each sink, which is
    /// durable when this returns; −1 if no sink is registered.
    ///
    /// # Errors
    /// As [`QueryDir::sinks`]; a failed sync.
    pub fn committed(&self) -> Result<i64> {
        // A sink that was killed may not have lived to do it, and stages now drop what is older.
        for sink in self.sinks()? {
            let sync = fs::File::open(&sink.file).and_then(|file| self.durability().sync(&file));
            sync.with_context(|| cannot("sync", &sink.file))?;
        }
        Ok(self.least(|sink| sink.last)?.unwrap_or(-1))
    }

    fn least(&self, commit: impl Fn(&SinkState) -> i64) -> Result<Option<i64>> {
        // In this order: a sink registers, and has caught up, before its announcement goes.
        let joining = self.least_joining()?;
        let replaying = self.replaying()?;
        let stands = |sink: &SinkState| match replaying.get(&sink.name) {
            Some(epoch) => commit(sink).min(*epoch),
            None => commit(sink),
        };
        let committed = self.look(|cache| cache.sinks().map(stands).min())?;
        Ok(committed.map(|least| joining.map_or(least, |epoch| least.min(epoch))))
    }

    /// Whether a recorded plan has a stage of this name.
    ///
    /// # Errors
    /// As [`QueryDir::sinks`].
    pub fn names_in_plan(&self, stage: &str) -> Result<bool> {
        self.look(|cache| cache.sinks().any(|sink| sink.is_below(stage)))
    }
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| cannot("read", path))
}

/// Something in the folder that no interrupted creation leaves there.
fn stranger(folder: &Path) -> Result<Option<String>> {
    for entry in fs::read_dir(folder).with_context(|| cannot("list", folder))? {
        let name = entry.with_context(|| cannot("list", folder))?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(".metadata.") {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

pub(crate) fn read_metadata(file: &Path) -> Result<Metadata> {
    let text = match fs::read(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            bail!("{}: was removed: {RESTORE}", file.display())
        }
        other => other.with_context(|| cannot("read", file))?,
    };
    let damaged = |e| {
        anyhow!(
            "{}: not a checkpoint's metadata ({e}): {RESTORE}",
            file.display()
        )
    };
    let fields: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    check_format(file, &fields["st-checkpoint"], 1)?;
    serde_json::from_slice(&text).map_err(damaged)
}

fn wrong_kind(path: &Path, found: Kind) -> anyhow::Error {
    let path = path.display();
    match found {
        Kind::Query => anyhow!(
            "{path}: is the checkpoint of a query, made by its source: give --checkpoint to the \
             source alone, or name a folder of its own for this stage"
        ),
        Kind::Stage => anyhow!(
            "{path}: is the checkpoint of a single stage on plain input: name another folder \
             as --checkpoint for the query"
        ),
    }
}
