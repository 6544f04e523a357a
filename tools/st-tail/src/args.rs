//! The command line of `st-tail`.

use clap::{ArgAction, Parser, ValueEnum};
use st_input::{Escape, Format};
use st_stream::SourceArgs;

const EXAMPLE: &str = "\
Example: a directory, one file per batch, continued after any crash
  st-tail data/events --max-files-per-trigger 1 --checkpoint ck/events | st-sink";

const NOTES: &str = "\
Files are read once, then st-tail ends. Directories and quoted globs
('logs/*.json') are watched, and each new file is read once, oldest first;
names like .x _x x.tmp x.part are left alone. Without PATH, or with -,
standard input. A name tells the format (json ndjson jsonl, csv, tsv, txt log;
then .gz or .zst), otherwise it is JSON.";

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
    /// json, csv, tsv or text, whatever the names say
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Types of columns, in Spark's DDL: 'ts TIMESTAMP, price DECIMAL(10,2)'
    #[arg(long, value_name = "DDL")]
    pub schema: Option<String>,
    /// Whether the first line of CSV has the names (true or false)
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, hide_possible_values = true)]
    pub header: bool,
    /// What separates the fields of CSV
    #[arg(long, value_name = "CHAR")]
    pub sep: Option<String>,
    /// What encloses fields of CSV; '' for nothing
    #[arg(long, value_name = "CHAR")]
    pub quote: Option<String>,
    /// A quote inside quotes is written `double`, or with a `backslash` as Spark does
    #[arg(
        long,
        value_name = "HOW",
        default_value = "double",
        hide_possible_values = true
    )]
    pub escape: Escape,
    /// Longest record
    #[arg(long, value_name = "BYTES", default_value_t = st_input::LINE_LIMIT as u64, value_parser = clap::value_parser!(u64).range(1..))]
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
    #[command(flatten)]
    pub source: SourceArgs,
}
