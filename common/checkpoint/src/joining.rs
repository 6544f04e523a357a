//! Branches on their way to joining: `joining/BRANCH`.
//!
//! A sink counts for the floor from its registration on. In a fan-out a fast branch may commit
//! many batches before a slow one has so much as read `start`; were the batches in between
//! forgotten, the slow sink could not join where the stream it reads begins. So whoever splits a
//! stream announces each branch first, and the sink at its end takes the announcement back.
//!
//! It concerns only the run it is made in: the next one begins by removing all.

use std::fs;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::durable::{cannot, remove};
use crate::name::check_name;
use crate::{Durability, QueryDir, replace_file};

#[derive(Serialize, Deserialize)]
struct Joining {
    branch: String,
    epoch: i64,
}

impl QueryDir {
    /// Keeps the floor at or below `epoch`, the one in the stream's `start`, until
    /// [`QueryDir::joined`] is called for this branch. Call it before the branch gets `start`.
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
        // Whole when it is seen; not synced, since it does not outlive the run.
        replace_file(&path, Durability::Process, |w| {
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

    /// The least epoch at which a branch is joining; `None` if none is.
    pub(crate) fn least_joining(&self) -> Result<Option<i64>> {
        let mut least = None;
        for path in self.announcements()? {
            let text = match fs::read(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.with_context(|| cannot("read", &path))?,
            };
            let joining: Joining = serde_json::from_slice(&text).map_err(|e| {
                anyhow!("{}: damaged ({e}): remove it and run again", path.display())
            })?;
            least = Some(least.map_or(joining.epoch, |other: i64| other.min(joining.epoch)));
        }
        Ok(least)
    }

    /// Removes what an earlier run announced: whoever has not registered by its end joins anew.
    pub(crate) fn forget_joining(&self) -> Result<()> {
        self.announcements()?
            .iter()
            .try_for_each(|path| remove(path))
    }

    fn announcements(&self) -> Result<Vec<std::path::PathBuf>> {
        let folder = self.path().join("joining");
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
