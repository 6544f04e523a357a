//! Rows that could not be delivered: `rejects/SINK.dead-letters.ndjson`, or a file of the user's.
//!
//! Not the file of rejected rows, which is cut to the epoch a run starts from: a batch whose requests were sent is never sent
//! again, so its dead letters must stay where they are.

use std::path::PathBuf;

use crate::target::Opening;
use anyhow::Result;
use st_checkpoint::{SideFile, SideKind};

/// Where dead letters are kept, if anywhere.
#[derive(Default)]
pub struct DeadLetters {
    file: Option<SideFile>,
}

impl DeadLetters {
    /// Opens the file of an earlier run as of `last`, the last batch that was delivered.
    pub fn open(opening: &Opening<'_>, users: Option<&PathBuf>, last: i64) -> Result<DeadLetters> {
        let name = &opening.context.name;
        let file = match (&opening.context.query, users) {
            (Some(query), path) => {
                let path = path.map(PathBuf::as_path);
                Some(SideFile::open(
                    query,
                    name,
                    SideKind::DeadLetters,
                    path,
                    last,
                )?)
            }
            (None, Some(path)) => {
                let query = opening
                    .context
                    .marked
                    .then_some(opening.start.query.as_str());
                Some(SideFile::plain(path, query, name)?)
            }
            (None, None) => None,
        };
        Ok(DeadLetters { file })
    }

    /// Keeps a row. False if there is nowhere to keep it.
    pub fn keep(&mut self, batch: i64, reason: &str, row: &[u8]) -> Result<bool> {
        match &mut self.file {
            Some(file) => file.append(batch, reason, None, row).map(|()| true),
            None => Ok(false),
        }
    }

    /// Makes them durable.
    pub fn sync(&mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), SideFile::sync)
    }
}
