//! Where queries are: below folders, or running now.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use crate::home::Home;
use crate::query::Query;
use crate::registry;

/// How deep checkpoints are looked for.
const DEPTH: usize = 8;

/// What a search has found.
#[derive(Debug, Default)]
pub struct Found {
    /// The queries.
    pub queries: Vec<Query>,
    /// Folders below that cannot be listed, as a message: there may be more queries.
    pub closed: Vec<Error>,
}

/// The queries whose checkpoints are at or below `folder`, by path; one whose metadata cannot be read is among them.
///
/// # Errors
/// If `folder` itself cannot be listed.
pub fn under(folder: &Path) -> Result<Found> {
    list(folder)?;
    let mut found = Found::default();
    search(folder, DEPTH, &mut found);
    Ok(found)
}

/// What st-ps and st-top are asked for: the queries below `folders`, each once; without folders those that run now, and with
/// `all` also those that have ended.
///
/// # Errors
/// If one of `folders` cannot be listed.
pub fn chosen(folders: &[PathBuf], all: bool) -> Result<Found> {
    let mut found = Found::default();
    if folders.is_empty() {
        found.queries = running();
        if all {
            found.queries.extend(ended());
        }
        return Ok(found);
    }
    for folder in folders {
        let below = under(folder)?;
        found.closed.extend(below.closed);
        for query in below.queries {
            if found.queries.iter().all(|known| known.home != query.home) {
                found.queries.push(query);
            }
        }
    }
    Ok(found)
}

fn list(folder: &Path) -> Result<fs::ReadDir> {
    fs::read_dir(folder).with_context(|| format!("{}: cannot be listed", folder.display()))
}

fn search(folder: &Path, depth: usize, found: &mut Found) {
    if let Some(query) = Query::of_checkpoint(folder) {
        found.queries.push(query);
        return;
    }
    if depth == 0 {
        return;
    }
    let entries = match list(folder) {
        Ok(entries) => entries,
        Err(error) => return found.closed.push(error),
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
    let groups = registry::folder().map(|folder| registry::groups(&folder));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for group in groups.unwrap_or_default() {
        let query = match &group.entry.checkpoint {
            Some(checkpoint) if seen.insert(checkpoint.clone()) => Query::of_checkpoint(checkpoint),
            Some(_) => None,
            None => {
                let parts = group.parts.iter();
                let parts: Vec<_> = parts
                    .map(|(folder, names)| (Home::new(folder), names.clone()))
                    .collect();
                let home = group.entry.home(&group.folder);
                Some(Query::read(home, &parts, group.entry.id))
            }
        };
        found.extend(query.filter(|query| query.is_active() == active));
    }
    found.sort_by(|a, b| (&a.started, &a.id).cmp(&(&b.started, &b.id)));
    found
}
