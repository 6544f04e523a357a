//! What a batch of files was: the text of its offsets record.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use st_input::Place;

/// The files of a batch, in the order they were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Range {
    pub files: Vec<FileRange>,
}

/// A place as `[bytes, lines]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(u64, u64);

/// What was read of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileRange {
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// Modification time in microseconds since 1970.
    pub mtime: i64,
    /// Where in its text the batch begins.
    #[serde(default, skip_serializing_if = "is_beginning")]
    pub from: Mark,
    /// Where it ends; none: at the last byte of a file that is not compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Mark>,
    /// The batch was cut inside the file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// The names of its header line, for the batches that begin after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Vec<String>>,
    /// Rows, bad ones included.
    pub rows: u64,
    /// Checksum of the rows.
    pub crc: u32,
}

impl FileRange {
    /// Bytes of text up to the end of the range.
    pub fn end(&self) -> u64 {
        self.to.map_or(self.size, |to| to.0)
    }
}

impl From<Place> for Mark {
    fn from(place: Place) -> Mark {
        Mark(place.offset, place.lines)
    }
}

impl From<Mark> for Place {
    fn from(mark: Mark) -> Place {
        Place {
            offset: mark.0,
            lines: mark.1,
        }
    }
}

fn is_beginning(mark: &Mark) -> bool {
    *mark == Mark::default()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Range {
    /// Reads a record.
    pub fn parse(value: &Value) -> Result<Range> {
        Range::deserialize(value).context("the recorded range is none of files")
    }
}
