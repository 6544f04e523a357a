//! `st-sink help FORMAT`: all about one format.

use std::ffi::OsStr;
use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;
use st_stream::cli::usage;

use crate::args::Args;
use crate::build::NAMES;

const FILES: &str = "
  st-sink FORMAT DIR          A folder of files, exactly once: batch-00000007.FORMAT. A file appears whole, and only when its
                              batch is committed; an empty batch makes no file. Append mode.
    --partition-by date,hour  In subfolders date=2025-01-15/hour=10/, without these columns in the files
  st-sink FORMAT --file F     One file. Append mode: each batch is added; after a crash F is cut back to the last commit.
                              Complete mode: each batch replaces F as a whole.
    --overwrite               Replace what an earlier query left there
    --append                  Add to F, in a run without a checkpoint
";

const PAGES: [(&str, &str, &str); 8] = [
    (
        "console",
        "tables, as Spark's console sink prints them

  st-sink console             Batch by batch; cells are not cut (Spark cuts them to 20 characters)
    --num-rows N              Rows of a batch that are shown: 20
    --truncate [N]            Cut cells to N characters (20), flush right
    --vertical                One line per cell
    --live                    On a terminal: one table, drawn again in its place

  All modes. At least once: after a crash the last batch may be printed again.
",
        "",
    ),
    (
        "json",
        "rows as they came, one per line

  st-sink json                On stdout, each row at once: for jq. At least once.
",
        "    --ignore-null-fields      Leave out members that are null, as Spark does
    --timestamp-format PATTERN, --date-format PATTERN
                              How declared timestamps and dates are written (default: as they came)
    --compression HOW         gzip, zstd or none
",
    ),
    (
        "csv",
        "RFC 4180; null is empty, an empty text is \"\"; structs become window_start, window_end

  st-sink csv                 On stdout, batch by batch, the header once. At least once.
",
        "    --no-header               Begin with the first row (also --header false)
    --sep TEXT                Between two fields: a comma; \\t for a tab
    --null-value TEXT         What a null is written as (nothing)
    --timestamp-format PATTERN, --date-format PATTERN
                              How declared timestamps and dates are written, such as 'dd/MM/yyyy HH:mm'
    --compression HOW         gzip, zstd or none

  Columns: the declared ones, and among them those that the rows have besides. In one file, and on stdout, they are those of
  the first batch; a later row with more is rejected, not cut.
",
    ),
    (
        "text",
        "one column, one line per row

  st-sink text                On stdout, each row at once. At least once.
",
        "    --compression HOW         gzip, zstd or none

  A row of more columns than one is rejected: st-map --select chooses.
",
    ),
    (
        "parquet",
        "columns of the declared types, else of those that hold all values of the batch
",
        "    --compression HOW         snappy (default), gzip, zstd, lz4, brotli or none

  Structs become window_start, window_end; arrays of simple values are lists; what is nested deeper is JSON text. A Parquet
  file cannot be added to, so --file needs complete mode.
",
    ),
    (
        "sqlite",
        "a table to query while the stream runs, exactly once

  st-sink sqlite FILE --table T
    --overwrite               Replace a table that an earlier query, or somebody else, left there
    --append                  Add to it, in a run without a checkpoint

  Append mode inserts, update mode replaces rows by key, complete mode replaces the whole table; a batch is one transaction.
  Structs become window_start, window_end, nested values JSON, timestamps 2025-01-15 10:30:00. New columns are added.

  sqlite3 FILE 'select * from T'
",
        "",
    ),
    (
        "memory",
        "a table of a temporary database, whose path it says

  st-sink memory --table T    As sqlite; with FILE the same as sqlite. Without FILE the database is new in each run and stays
                              when the run has ended; with a checkpoint give FILE.
",
        "",
    ),
    (
        "exec",
        "a command per batch, with the batch's rows as its input

  st-sink exec 'psql -c \"copy t from stdin\"'
    --empty                   Run it for batches without rows too

  CMD is run by bash when the batch is complete, with ST_QUERY_ID, ST_BATCH_ID, ST_MODE and ST_KEYS. If it fails, the batch is
  not committed and the sink fails. At least once per batch: exactly once if CMD knows by the two ids what it has done.
",
        "",
    ),
];

/// Prints the page of a format, or the whole help.
pub fn print(format: Option<&OsStr>) -> Result<()> {
    let text = match format.and_then(OsStr::to_str) {
        None => Args::command().render_long_help().to_string(),
        Some("null") => "null: takes every row and keeps none\n".to_string(),
        Some(format) => match PAGES.iter().find(|(name, _, _)| *name == format) {
            Some((name, first, last)) => {
                let files = if last.is_empty() {
                    String::new()
                } else {
                    FILES[1..].replace("FORMAT", name)
                };
                format!("{name}: {first}{files}{last}")
            }
            None => {
                return Err(usage(format!(
                    "`{format}` is no format: take one of {}",
                    NAMES[..NAMES.len() - 1].join(", ")
                )));
            }
        },
    };
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("stdout")
}
