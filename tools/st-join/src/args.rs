//! The command line of `st-join`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use st_expr::Schema;
use st_stream::cli::{self, StageArgs, ZoneArgs, usage};
use st_stream::{Options, Origin};

use crate::how::How;

const EXAMPLE: &str = "\
Example: orders with their products; clicks with the ad shown within the hour before
  st-tail orders | st-join products.csv --using product_id | st-sink
  st-tail ads --heartbeat 1s | st-watermark shown '10 minutes' |
    st-join <(st-tail clicks --heartbeat 1s | st-watermark clicked '10 minutes') \\
      --on 'l.ad = r.ad and r.clicked between l.shown and l.shown + interval 1 hour' \\
      --how left --select 'l.ad, l.shown, r.clicked' | st-sink";

const NOTES: &str = "\
Standard input is l, RIGHT is r. A file is a table, read again for the batch
after it has changed: inner, left, semi, anti. A pipe is a stream: inner, left,
right, full, semi; both need an equality of l and r, and all but inner a
watermark with a time range, or on a key, so that state ends. Rows without a
match come out when the watermark proves that none will come.
Null keys match nothing. Late rows are counted and kept (--late).
Batches wait for each other: a source that can be silent needs --heartbeat D. In
a checkpoint both sources get the same --checkpoint, the second one a --branch.";

/// Join a stream with a table or with another stream
#[derive(Clone, Debug, Parser)]
#[command(name = "st-join", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// A file (CSV, JSON, also .gz and .zst; Parquet, SQLite), or a stream: <(…)
    #[arg(value_name = "RIGHT")]
    pub right: PathBuf,
    /// Which rows come out: inner, left, right, full, semi or anti
    #[arg(
        long,
        value_name = "HOW",
        default_value = "inner",
        hide_possible_values = true
    )]
    pub how: How,
    /// What makes a pair, in columns l.… and r.…
    #[arg(
        long,
        value_name = "EXPR",
        required_unless_present = "using",
        conflicts_with = "using"
    )]
    pub on: Option<String>,
    /// Columns of one name that must be equal; they come out once
    #[arg(long, value_name = "COLS")]
    pub using: Option<String>,
    /// The columns of the result, from l.…, r.…, l.*, r.*
    #[arg(long, value_name = "LIST")]
    pub select: Option<String>,
    /// Types of the table's columns
    #[arg(long, value_name = "DDL", value_parser = schema)]
    pub right_schema: Option<Schema>,
    /// The table's format (default: by name): csv, tsv, json, parquet, sqlite
    #[arg(long, value_name = "FORMAT")]
    pub right_format: Option<String>,
    /// The table within a SQLite file that has several
    #[arg(long, value_name = "NAME")]
    pub right_table: Option<String>,
    /// Keep rows behind the watermark in FILE (default: in the query's checkpoint)
    #[arg(long, value_name = "FILE")]
    pub late: Option<PathBuf>,
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub stage: StageArgs,
}

/// What RIGHT is.
pub enum Right {
    /// A regular file.
    Table(PathBuf),
    /// A pipe.
    Stream(Origin),
}

impl Arguments {
    /// The driver's options.
    pub fn options(&self) -> Options {
        Options {
            late: self.late.clone(),
            ..self.stage.options()
        }
    }

    /// What RIGHT is, told by looking at it.
    ///
    /// # Errors
    /// Nothing there; a folder; options of a table with a stream.
    pub fn right(&self) -> Result<Right> {
        let shown = self.right.display();
        let there = std::fs::metadata(&self.right).map_err(|error| {
            usage(format!(
                "{shown}: {error}: give a file, or a stream as <(st-tail …)"
            ))
        })?;
        if there.is_dir() {
            return Err(usage(format!(
                "{shown}: is a folder: give one file as a table, or <(st-tail {shown}) as a stream"
            )));
        }
        if there.is_file() {
            return Ok(Right::Table(self.right.clone()));
        }
        for (option, given) in [
            ("--right-schema", self.right_schema.is_some()),
            ("--right-format", self.right_format.is_some()),
            ("--right-table", self.right_table.is_some()),
        ] {
            if given {
                return Err(usage(format!(
                    "{option}: {shown} is a stream: give its source --schema or --format"
                )));
            }
        }
        Ok(Right::Stream(Origin::Pipe(self.right.clone())))
    }

    /// The columns of `--using`.
    ///
    /// # Errors
    /// What is no list of names; a name twice.
    pub fn using(&self) -> Result<Vec<String>> {
        let Some(using) = &self.using else {
            return Ok(Vec::new());
        };
        let names =
            st_expr::parse_names(using).map_err(|error| usage(format!("--using: {error}")))?;
        for (at, name) in names.iter().enumerate() {
            cli::column(&format!("`{name}`"))?;
            if names[..at].contains(name) {
                return Err(usage(format!("--using: `{name}` stands twice")));
            }
        }
        Ok(names)
    }
}

fn schema(text: &str) -> Result<Schema, String> {
    Schema::parse(text).map_err(|error| error.to_string())
}
