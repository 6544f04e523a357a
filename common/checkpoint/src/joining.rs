//! Branches on their way to joining: `joining/BRANCH`.
//!
//! A sink counts from its registration on. In a fan-out a fast branch may commit many batches
//! before a slow one has so much as read `start`; a crash would leave the slow sink to join behind
//! batches it never had. So whoever splits a stream announces each branch first, durably, and
//! until the sink at its end takes the announcement back the branch counts like a sink that stands
//! at the epoch announced: for the floor, and for where the next run begins.

use std::fs;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::durable::{cannot, remove};
use crate::name::check_name;
use crate::{QueryDir, replace_file};

#[derive(Serialize, Deserialize)]
struct Joining {
    branch: String,
    epoch: i64,
}

impl QueryDir {
    /// Keeps the floor, and the start of a later run, at or below `epoch`, the one in the stream's
    /// `start`, until [`QueryDir::joined`] is called for this branch. Durable when it returns. Call
    /// it before the branch gets `start`.
    ///
    /// # Errors
    /// If the announcement cannot be written.
    pub fn joining(&self, branch: &str, epoch: i64) -> Result<()> {
        check_name(branch)?;
        let path = self.place("joining", branch)?;
        let mut line = serde_json::to_vec(&Joining {
            branch: branch.into(),
            epoch,
        })?;
        line.push(b'\n');
        replace_file(&path, self.durability(), |w| {
            w.write_all(&line).with_context(|| cannot("write", &path))
        })
    }

    /// Takes the announcement back: the branch's sink is registered, or the branch was split
    /// again and its parts are announced. No error if there is none.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn joined(&self, branch: &str) -> Result<()> {
        check_name(branch)?;
        remove(&self.path().join("joining").join(branch))
    }

    /// Takes back the announcements of branches that are no more: those `stays` says no to.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn keep_joining(&self, stays: impl Fn(&str) -> bool) -> Result<()> {
        for path in self.announcements("joining")? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !stays(&name) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The branches announced and not joined, each with its epoch.
    ///
    /// # Errors
    /// If an announcement is damaged.
    pub fn announced(&self) -> Result<Vec<(String, i64)>> {
        let mut branches = Vec::new();
        for path in self.announcements("joining")? {
            let text = match fs::read(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.with_context(|| cannot("read", &path))?,
            };
            let joining: Joining = serde_json::from_slice(&text).map_err(|e| {
                anyhow!("{}: damaged ({e}): remove it and run again", path.display())
            })?;
            branches.push((joining.branch, joining.epoch));
        }
        Ok(branches)
    }

    /// The least epoch at which a branch is joining; `None` if none is.
    pub(crate) fn least_joining(&self) -> Result<Option<i64>> {
        Ok(self.announced()?.into_iter().map(|(_, epoch)| epoch).min())
    }

    /// The files of a folder of announcements.
    pub(crate) fn announcements(&self, folder: &str) -> Result<Vec<std::path::PathBuf>> {
        let folder = self.path().join(folder);
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.with_context(|| cannot("list", &folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| cannot("list", &folder))?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}
