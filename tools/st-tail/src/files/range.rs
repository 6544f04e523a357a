//! What a batch of files was: the text of its offsets record.

use std::borrow::Cow;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use st_checkpoint::Recorded;
use st_input::Place;

use super::listing::Found;

const NOT_FILES: &str = "the recorded range is none of files";

/// The files of a batch, in the order they were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Range {
    pub files: Vec<FileRange>,
    /// The columns of Parquet files and their types, where no schema was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<String>,
    /// The columns that the names of folders are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folders: Option<String>,
}

/// A place as `[bytes, lines]`; in a Parquet file as `[rows, rows]`.
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
    /// The schema its rows were made with, where their bytes depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Rows, bad ones included.
    pub rows: u64,
    /// Checksum of the rows.
    pub crc: u32,
}

impl Mark {
    /// So many bytes, or rows, and newlines.
    pub fn at(offset: u64, lines: u64) -> Mark {
        Mark(offset, lines)
    }

    /// Bytes, or rows, before it.
    pub fn offset(self) -> u64 {
        self.0
    }
}

impl FileRange {
    /// A file of which nothing was read.
    pub fn nothing(file: Found) -> FileRange {
        FileRange {
            path: file.path,
            size: file.size,
            mtime: file.mtime,
            from: Mark::default(),
            to: Some(Mark::default()),
            more: false,
            header: None,
            schema: None,
            rows: 0,
            crc: 0,
        }
    }

    /// Bytes of text, or rows of Parquet, up to the end of the range.
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
    /// The paths of a record's files, without all else.
    pub fn paths(range: &Recorded) -> Result<impl Iterator<Item = Cow<'_, str>>> {
        #[derive(Deserialize)]
        struct Paths<'r> {
            #[serde(borrow)]
            files: Vec<Path<'r>>,
        }
        #[derive(Deserialize)]
        struct Path<'r> {
            #[serde(borrow)]
            path: Cow<'r, str>,
        }
        let paths: Paths<'_> = range.parse().context(NOT_FILES)?;
        Ok(paths.files.into_iter().map(|file| file.path))
    }

    /// Reads a record.
    pub fn parse(range: &Recorded) -> Result<Range> {
        range.parse().context(NOT_FILES)
    }
}
