//! The formats of files: those that are read as a stream of records, and Parquet, which is read from its end.

use std::str::FromStr;

use anyhow::{Error, anyhow};
use clap::ValueEnum;
use st_input::Format;

/// What `--format` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Records one after the other.
    Lines(Format),
    /// Columns, with a directory at the end.
    Parquet,
}

impl FileFormat {
    /// The names on the command line.
    pub const NAMES: [&str; 9] = [
        "json", "csv", "tsv", "text", "parquet", "combined", "common", "logfmt", "syslog",
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Lines(format) => format.name(),
            FileFormat::Parquet => "parquet",
        }
    }
}

impl FromStr for FileFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<FileFormat, Error> {
        if text == "parquet" {
            return Ok(FileFormat::Parquet);
        }
        Format::from_str(text, false)
            .map(FileFormat::Lines)
            .map_err(|_| anyhow!("`{text}` is no format"))
    }
}
