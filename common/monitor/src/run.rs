//! `runs/NAME`: the last run of a source, a sink, or a stage that failed, and how it ended.
//!
//! Replaced at the start and at the end of a run. A run that was killed leaves `end` absent and its lock free, and so is told
//! from one that goes on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use st_checkpoint::{Durability, check_name, replace_file};

/// Which end of a pipeline it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It cuts the batches.
    Source,
    /// It changes them. Written only if it failed.
    Stage,
    /// It delivers them.
    #[default]
    Sink,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, ISO-8601.
    pub time: String,
    /// The stage that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why it failed, as it was said on stderr.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One stage's part in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The query.
    pub id: String,
    /// The run: the same for all stages of it.
    pub run_id: String,
    /// Which end it is.
    pub role: Role,
    /// Its name in the query.
    pub stage: String,
    /// Its process.
    pub pid: u32,
    /// When it started, ISO-8601.
    pub started: String,
    /// The stages up to this one, which is the last; as in the `start` marker.
    pub plan: Vec<Value>,
    /// The folder it was started in; relative paths of the plan are below it.
    #[serde(default)]
    pub cwd: PathBuf,
    /// Where a sink delivers to, absolute, if that is a place in the file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<PathBuf>,
    /// How it ended; absent while it runs, or if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

impl Run {
    /// Writes `runs/STAGE` below `home`, whole or not at all; not synced, since no start depends on it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, home: &Path) -> Result<()> {
        check_name(&self.stage)?;
        let folder = home.join("runs");
        if !folder.is_dir() {
            fs::create_dir(&folder)
                .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
        }
        let path = folder.join(&self.stage);
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        replace_file(&path, Durability::Process, |file| {
            file.write_all(&line)
                .with_context(|| format!("{}: cannot write", path.display()))
        })
    }

    /// Reads `runs/STAGE`; none if it is not there or not whole.
    pub fn read(path: &Path) -> Option<Run> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}
