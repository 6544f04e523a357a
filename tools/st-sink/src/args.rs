//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use st_stream::Trigger;
use st_stream::cli::{self, StageArgs, ZoneArgs};

use crate::build;

const EXAMPLE: &str = "\
Example:
  st-tail data/events --checkpoint ck/revenue |
    st-agg --by category --agg 'sum(price) as revenue' |
    st-sink sqlite shop.db --table revenue

Formats (`st-sink help FORMAT` tells all about one):
  console            tables on the terminal, as Spark prints them
  json csv text      with DIR or --file F: files; alone: plain rows on stdout
  parquet DIR        Parquet files
  sqlite FILE        the table --table, to query while the stream runs
  exec CMD           runs CMD for each batch, with its rows as input
  memory, null       a temporary table; nothing
Bare: console on a terminal, plain JSON rows otherwise.";

/// The end of a query: tables on the terminal, files, SQL tables, commands
#[derive(Debug, Parser)]
#[command(name = "st-sink", version, about, before_help = EXAMPLE, max_term_width = 100, override_usage = "st-sink [FORMAT] [PATH] [OPTIONS]")]
pub struct Args {
    /// What the rows become
    #[arg(value_name = "FORMAT", value_parser = build::NAMES, hide_possible_values = true)]
    pub format: Option<String>,
    /// Folder, database or command
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub path: Option<OsString>,
    /// One file instead of a folder
    #[arg(long, value_name = "F")]
    pub file: Option<PathBuf>,
    /// The table of a database
    #[arg(long, value_name = "T")]
    pub table: Option<String>,
    /// Subfolders by the values of these columns
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub partition_by: Vec<String>,
    /// Replace what an earlier query left at the target
    #[arg(long, conflicts_with = "append")]
    pub overwrite: bool,
    /// Add to what is there (without a checkpoint)
    #[arg(long)]
    pub append: bool,
    /// Rows of a batch that are shown (console: 20)
    #[arg(long, value_name = "N")]
    pub num_rows: Option<usize>,
    /// Cut cells to N characters (console: not cut)
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20")]
    pub truncate: Option<usize>,
    /// One line per cell (console)
    #[arg(long)]
    pub vertical: bool,
    /// One table, drawn again in its place (console)
    #[arg(long)]
    pub live: bool,
    /// Between two fields (csv: a comma)
    #[arg(long, value_name = "TEXT")]
    pub sep: Option<String>,
    /// Begin with the names of the columns (csv: true)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide = true, conflicts_with = "no_header")]
    pub header: Option<bool>,
    /// Begin with the first row (csv)
    #[arg(long)]
    pub no_header: bool,
    /// What a null is written as (csv: nothing)
    #[arg(long, value_name = "TEXT", hide = true)]
    pub null_value: Option<String>,
    /// How declared timestamps are written, as Spark's datetime pattern (csv, json)
    #[arg(long, value_name = "PATTERN", hide = true)]
    pub timestamp_format: Option<String>,
    /// How declared dates are written (csv, json)
    #[arg(long, value_name = "PATTERN", hide = true)]
    pub date_format: Option<String>,
    /// none, gzip, zstd; for Parquet also snappy, lz4, brotli
    #[arg(long, value_name = "HOW")]
    pub compression: Option<String>,
    /// Leave out members that are null, as Spark does (json)
    #[arg(long)]
    pub ignore_null_fields: bool,
    /// Run the command for batches without rows too (exec)
    #[arg(long)]
    pub empty: bool,
    /// On plain input: end a batch every D, such as 1s
    #[arg(long, value_name = "D", value_parser = cli::trigger)]
    pub trigger: Option<Trigger>,
    /// Append each batch's report to FILE, or - for stdout
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub stage: StageArgs,
}
