//! Where queries are: below folders, or running now.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::query::Query;
use crate::registry::{self, Entry};

/// How deep checkpoints are looked for.
const DEPTH: usize = 8;

/// The queries whose checkpoints are at or below `folder`, by path.
///
/// # Errors
/// If `folder` cannot be listed.
pub fn under(folder: &Path) -> Result<Vec<Query>> {
    fs::read_dir(folder).with_context(|| format!("{}: cannot be listed", folder.display()))?;
    let mut found = Vec::new();
    search(folder, DEPTH, &mut found);
    Ok(found)
}

/// What st-ps and st-top are asked for: the queries below `folders`, each once; without folders those that run now, and with
/// `all` also those that have ended.
///
/// # Errors
/// If a folder cannot be listed.
pub fn chosen(folders: &[PathBuf], all: bool) -> Result<Vec<Query>> {
    if folders.is_empty() {
        let mut found = running();
        if all {
            found.extend(ended());
        }
        return Ok(found);
    }
    let mut found: Vec<Query> = Vec::new();
    for folder in folders {
        for query in under(folder)? {
            if found.iter().all(|known| known.home != query.home) {
                found.push(query);
            }
        }
    }
    Ok(found)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<Query>) {
    if folder.join("metadata").is_file()
        && let Some(query) = Query::of_checkpoint(folder)
    {
        found.push(query);
        return;
    }
    if depth == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    // A link is not followed: it may lead back.
    let folders = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        search(&folder, depth - 1, found);
    }
}

/// The queries this user runs now, with or without a checkpoint; the one started first comes first.
pub fn running() -> Vec<Query> {
    registered(true)
}

/// The queries this user ran, whose run has ended and is still remembered.
pub fn ended() -> Vec<Query> {
    registered(false)
}

fn registered(active: bool) -> Vec<Query> {
    let Some(entries) = registry::folder().and_then(|folder| fs::read_dir(folder).ok()) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in entries.flatten().map(|entry| entry.path()) {
        // Hidden ones are just being made.
        if folder
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
        {
            continue;
        }
        let Some(entry) = Entry::read(&folder) else {
            continue;
        };
        let query = match &entry.checkpoint {
            Some(checkpoint) if seen.insert(checkpoint.clone()) => Query::of_checkpoint(checkpoint),
            Some(_) => None,
            None => Some(Query::read(entry.home(&folder), entry.id)),
        };
        found.extend(query.filter(|query| query.status.is_active() == active));
    }
    found.sort_by(|a, b| (&a.started, &a.id).cmp(&(&b.started, &b.id)));
    found
}
