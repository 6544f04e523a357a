//! The files of one stage's state, by the epoch each begins with.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::QueryDir;
use crate::durable::{cannot, folder_of, remove as remove_file, sync_dir};

/// One file: a snapshot as of `base`, and the epochs after it.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    pub path: PathBuf,
    pub base: i64,
}

impl Generation {
    pub fn new(dir: &QueryDir, stage: &str, base: i64) -> Result<Self> {
        let path = dir.place("state", &format!("{stage}@{}.ndjson", base + 1))?;
        Ok(Generation { path, base })
    }
}

/// For messages: what the files of a stage are called.
pub(super) fn pattern(dir: &QueryDir, stage: &str) -> PathBuf {
    dir.path().join("state").join(format!("{stage}@*.ndjson"))
}

/// The generations that are there, oldest first.
pub(crate) fn list(dir: &QueryDir, stage: &str) -> Result<Vec<Generation>> {
    let folder = dir.path().join("state");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| cannot("list", &folder))? {
        let name = entry.with_context(|| cannot("list", &folder))?.file_name();
        if let Some(epoch) = epoch_of(&name.to_string_lossy(), stage) {
            found.push(Generation {
                path: folder.join(name),
                base: epoch - 1,
            });
        }
    }
    found.sort_by_key(|generation| generation.base);
    Ok(found)
}

/// The epoch in `STAGE@EPOCH.ndjson`, written as we write it.
fn epoch_of(name: &str, stage: &str) -> Option<i64> {
    let digits = name
        .strip_prefix(stage)?
        .strip_prefix('@')?
        .strip_suffix(".ndjson")?;
    let epoch: i64 = digits.parse().ok()?;
    (epoch >= 0 && epoch.to_string() == digits).then_some(epoch)
}

/// Removes generations durably: one that came back after a power cut would hold epochs of a
/// run that has been replayed since.
pub(super) fn remove(dir: &QueryDir, generations: &[Generation]) -> Result<()> {
    for generation in generations {
        remove_file(&generation.path)?;
    }
    match generations.first() {
        Some(generation) => sync_dir(&folder_of(&generation.path), dir.durability()),
        None => Ok(()),
    }
}
