//! Which format an input is in, and everything a decoder must know to read it.

use std::sync::Arc;

use st_expr::Schema;

use crate::csv::Dialect;

/// The longest record, in bytes, unless the user says otherwise.
pub const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// The format of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object per line
    Json,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// Each line is a row {"value": LINE}
    Text,
}

impl Format {
    /// The format a file's name tells; `.gz` and `.zst`, and the number of a rotated log (`app.log.1`), aside.
    pub fn of_name(name: &str) -> Option<Format> {
        let mut name = name
            .strip_suffix(".gz")
            .or(name.strip_suffix(".zst"))
            .unwrap_or(name);
        while let Some((stem, number)) = name.rsplit_once('.')
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            name = stem;
        }
        Some(match name.rsplit_once('.')?.1 {
            "json" | "ndjson" | "jsonl" => Format::Json,
            "csv" => Format::Csv,
            "tsv" | "tab" => Format::Tsv,
            "txt" | "text" | "log" => Format::Text,
            _ => return None,
        })
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Text => "text",
        }
    }
}

/// How an input is to be read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The format.
    pub format: Format,
    /// The declared columns, empty if none.
    pub schema: Arc<Schema>,
    /// How CSV and TSV are written; the separator is that of the format unless given.
    pub dialect: Dialect,
    /// The longest record, in bytes.
    pub limit: usize,
}

impl Reading {
    /// The same, in the format that `name` tells, if it tells one.
    pub fn for_name(&self, name: &str, fixed: bool) -> Reading {
        let format = if fixed {
            self.format
        } else {
            Format::of_name(name).unwrap_or(self.format)
        };
        Reading {
            format,
            ..self.clone()
        }
    }
}
