//! Which format an input is in, and everything a decoder must know to read it.

use std::sync::Arc;

use st_expr::Schema;

use crate::csv::Dialect;
use crate::logs;
use crate::malformed::Malformed;
use crate::times::Times;

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
    /// Access logs of web servers, with referer and user agent
    Combined,
    /// Access logs of web servers
    Common,
    /// key=value pairs
    Logfmt,
    /// RFC 3164 and RFC 5424, and what log daemons write into files
    Syslog,
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
            Format::Combined => "combined",
            Format::Common => "common",
            Format::Logfmt => "logfmt",
            Format::Syslog => "syslog",
        }
    }

    /// The columns the format itself declares, as DDL; empty for none.
    pub fn columns(self) -> &'static str {
        match self {
            Format::Text => "value STRING",
            Format::Combined => logs::COMBINED,
            Format::Common => logs::COMMON,
            Format::Syslog => logs::SYSLOG,
            Format::Json | Format::Csv | Format::Tsv | Format::Logfmt => "",
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
    /// Documents of JSON may be spread over lines.
    pub multi_line: bool,
    /// How times are written where it is not the standard way.
    pub times: Times,
    /// What becomes of a record that does not fit the schema.
    pub malformed: Malformed,
}

impl Reading {
    /// The format with everything else as it is by default.
    pub fn plain(format: Format, limit: usize) -> Reading {
        Reading {
            format,
            schema: Arc::default(),
            dialect: Dialect::default(),
            limit,
            multi_line: false,
            times: Times::default(),
            malformed: Malformed::default(),
        }
    }

    /// The declared columns of rows in this format: its own, then those of the schema, which may also give its own another
    /// type, then the one for malformed records.
    pub fn declared(&self) -> Schema {
        let mut declared = Schema::parse(self.format.columns()).unwrap_or_default();
        for field in &self.schema.fields {
            declared.set(&field.name, field.kind.clone());
        }
        if let Some(column) = &self.malformed.column {
            declared.set(column, st_expr::Type::String);
        }
        declared
    }

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
