//! The command line of `st-tail`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Parser, ValueEnum};
use st_input::{Escape, Mode};
use st_stream::{SourceArgs, cli::ZoneArgs};

use crate::format::FileFormat;

const EXAMPLE: &str = "\
Example: a directory, one file per batch, continued after any crash
  st-tail data/events --max-files-per-trigger 1 --checkpoint ck/events | st-sink";

const NOTES: &str = "\
Files are read once, then st-tail ends. Directories and quoted globs
('logs/*.json') are watched, and each new file is read once, oldest first;
names like .x _x x.tmp x.part are left alone. Folders below one, like date=2025-01-15,
are columns. Without PATH, or with -, standard input. A name tells the format (json ndjson
jsonl, csv, tsv, txt log, parquet; then .gz or .zst), otherwise it is JSON.
How a format is read (--header, --timestamp-format, --merge-schema …): st-tail help FORMAT.";

/// Where to begin in files that grow, on the first run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// With what is there
    Earliest,
    /// With what comes
    Latest,
}

/// Rows from files, directories, growing files and standard input
#[derive(Clone, Debug, Parser)]
#[command(name = "st-tail", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Files, directories, quoted globs
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Follow files as they grow, through renames
    #[arg(short, long)]
    pub follow: bool,
    /// With -f, where the first run begins: earliest (default) or latest
    #[arg(
        long,
        value_name = "WHERE",
        requires = "follow",
        hide_possible_values = true
    )]
    pub from: Option<From>,
    /// json csv tsv text parquet combined common logfmt syslog, whatever the names say
    #[arg(long, value_name = "FORMAT", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(FileFormat::NAMES).try_map(|name| name.parse::<FileFormat>()))]
    pub format: Option<FileFormat>,
    /// Types of columns, in Spark's DDL: 'ts TIMESTAMP, price DECIMAL(10,2)'
    #[arg(long, value_name = "DDL")]
    pub schema: Option<String>,
    /// What is malformed: permissive (default), dropmalformed, failfast
    #[arg(
        long,
        value_name = "MODE",
        default_value = "permissive",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub mode: Mode,
    /// Gets the text of a malformed record, which then is a row
    #[arg(long, value_name = "COLUMN", hide = true)]
    pub column_name_of_corrupt_record: Option<String>,
    /// Whether the first line of CSV has the names (true or false)
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, hide = true)]
    pub header: bool,
    /// Documents of JSON may be spread over lines
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub multi_line: bool,
    /// What separates the fields of CSV
    #[arg(long, value_name = "CHAR", hide = true)]
    pub sep: Option<String>,
    /// What encloses fields of CSV; '' for nothing
    #[arg(long, value_name = "CHAR", hide = true)]
    pub quote: Option<String>,
    /// A quote inside quotes is written `double`, or with a `backslash` as Spark does
    #[arg(long, value_name = "HOW", default_value = "double", hide = true)]
    pub escape: Escape,
    /// Lines of CSV that begin with it are passed over
    #[arg(long, value_name = "CHAR", hide = true)]
    pub comment: Option<String>,
    /// What a null is written as in CSV
    #[arg(long, value_name = "TEXT", hide = true)]
    pub null_value: Option<String>,
    /// Spaces before a field of CSV are none of it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub ignore_leading_white_space: bool,
    /// Spaces behind a field of CSV are none of it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub ignore_trailing_white_space: bool,
    /// How TIMESTAMP columns are written, as Spark's datetime pattern
    #[arg(long, value_name = "PATTERN", hide = true)]
    pub timestamp_format: Option<String>,
    /// How DATE columns are written
    #[arg(long, value_name = "PATTERN", hide = true)]
    pub date_format: Option<String>,
    /// Columns of all Parquet files, not of the first alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide = true)]
    pub merge_schema: bool,
    /// Folders below this one are columns, like date=2025-01-15
    #[arg(long, value_name = "DIR", hide = true)]
    pub base_path: Option<String>,
    /// Longest record
    #[arg(long, value_name = "BYTES", default_value_t = st_input::LINE_LIMIT as u64, value_parser = clap::value_parser!(u64).range(1..), hide = true)]
    pub max_line: u64,
    /// Close a batch after N files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_files_per_trigger: Option<u64>,
    /// Newest files first
    #[arg(long)]
    pub latest_first: bool,
    /// Directories with all below them
    #[arg(long)]
    pub recursive: bool,
    /// Once every sink has a file's rows: `delete` it, or move it under `archive=DIR`
    #[arg(long, value_name = "HOW")]
    pub clean_source: Option<String>,
    /// Go on without files that are gone or were changed
    #[arg(long)]
    pub skip_lost: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}
