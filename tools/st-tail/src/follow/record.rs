//! What a batch of growing files was: the text of its offsets record, and of the memory.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use st_checkpoint::Recorded;

use super::print::{Inode, Print};
use crate::files::Mark;

/// The pieces of a batch, in the order they were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Range {
    pub follow: Vec<Piece>,
}

/// What was read of one file, and so where it is to be read on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// The name under which the file was found first.
    pub path: String,
    pub dev: u64,
    pub ino: u64,
    /// Of its beginning, as far as it was read.
    pub print: Print,
    pub from: Mark,
    pub to: Mark,
    /// The names of its header line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Vec<String>>,
    /// The schema its rows were made with, where their bytes depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Rows, bad ones included.
    #[serde(default)]
    pub rows: u64,
    /// Checksum of the rows.
    #[serde(default)]
    pub crc: u32,
    /// Nothing more is expected of it: it was replaced, read to its end, and let go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

impl Piece {
    pub fn inode(&self) -> Inode {
        (self.dev, self.ino)
    }
}

impl Range {
    /// Reads a record.
    pub fn parse(range: &Recorded) -> Result<Range> {
        range
            .parse()
            .context("the recorded range is none of followed files")
    }
}
