//! `live/SOURCE`: what a source does just now, between two batches' reports.
//!
//! One line of fixed length, written over in place at most ten times a second, so that it costs a run nothing and a reader
//! sees it whole.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use st_checkpoint::check_name;

use crate::progress::Bytes;

/// Bytes of the line; one write of so little is seen whole.
const LENGTH: usize = 256;

/// What a source does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// There is nothing to read just now.
    #[default]
    Waiting,
    /// The next batch may not begin yet.
    Trigger,
    /// It reads rows into the open batch.
    Reading,
}

/// A source at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Live {
    /// When, ISO-8601.
    pub time: String,
    /// What it does.
    pub state: Activity,
    /// The batch that is open or comes next.
    pub batch: i64,
    /// Rows read into it.
    pub rows: u64,
    /// How much of an input of known size is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
}

/// The open file of a running source.
pub struct LiveFile {
    file: File,
}

impl LiveFile {
    /// Makes `live/SOURCE` below `home`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(home: &Path, source: &str) -> Result<LiveFile> {
        check_name(source)?;
        let folder = home.join("live");
        if !folder.is_dir() {
            fs::create_dir(&folder)
                .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
        }
        let path = folder.join(source);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = options
            .open(&path)
            .with_context(|| format!("{}: cannot open", path.display()))?;
        Ok(LiveFile { file })
    }

    /// Writes the line over. One that cannot be written is no reason to end a query.
    pub fn put(&self, live: &Live) {
        if let Ok(mut line) = serde_json::to_vec(live)
            && line.len() < LENGTH
        {
            line.resize(LENGTH - 1, b' ');
            line.push(b'\n');
            let _ = self.file.write_all_at(&line, 0);
        }
    }
}

impl Live {
    /// Reads `live/SOURCE`; none if it is not there or was caught being written.
    pub fn read(path: &Path) -> Option<Live> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}
