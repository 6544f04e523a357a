//! `st-tail help FORMAT`: how one format is read. The options are Spark's, in kebab case.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use st_stream::cli::usage;

use crate::args::Arguments;

const MODES: &str = "
  --schema 'a INT, t TIMESTAMP'  Types; without it a column has its value's own
  --mode MODE                 Of what is malformed, no record at all or a field that does not fit its declared type:
                                permissive     no record: a bad row, kept with the rejects; no fit: null (default)
                                dropmalformed  both are bad rows
                                failfast       the first of either ends the run, naming file and line
  --column-name-of-corrupt-record C   Permissive: a malformed record is a row, with its text in column C
  --timestamp-format PATTERN  How TIMESTAMP columns are written, such as 'dd/MM/yyyy HH:mm' (default: ISO-8601)
  --date-format PATTERN       How DATE columns are written
  --tz ZONE                   Zone of times that name none (UTC)
  --max-line BYTES            Longest record (16777216)
";

const LOGS: &str = "combined, common, logfmt, syslog: lines of logs, a row each

  st-tail -f --format combined access.log | st-agg --by 'status' --trigger 10s | st-sink
  journalctl -f -o json | st-tail | st-map --where 'PRIORITY <= 3'

  combined   host ident user timestamp request method path protocol status bytes referer user_agent
  common     the same without the last two
  syslog     facility severity priority timestamp host app pid msgid data message, of RFC 5424, RFC 3164, or as daemons
             write them into files. A time without a year is of the year of the batch's clock, or the one before if it
             would lie more than a day ahead; one without a zone is in --tz
  logfmt     a column per key; bare numbers, true, false and null are what they look like; a key alone is true; one that
             comes again is key_2

  What is no such line is a bad row. Other lines: --format text, and regexp_extract_named in st-map.
";

const PAGES: [(&str, &str, bool); 4] = [
    (
        "json",
        "json: one object per line; an array of objects is several rows

  --multi-line                Objects and arrays may be spread over lines, and follow one another, as jq writes them
"
,
        true,
    ),
    (
        "csv",
        "csv, tsv: RFC 4180, so a field in quotes may hold newlines; columns by the names of the first line

  --header BOOL               Whether there is such a line (true; Spark: false)
  --sep CHAR                  Between fields: a comma, for tsv a tab
  --quote CHAR                Around fields (\"); '' for nothing
  --escape HOW                A quote inside quotes: double (default), or backslash as in Spark
  --comment CHAR              Lines that begin with it are passed over
  --null-value TEXT           What a null is written as; then \"\" is an empty text. Without it every empty field is null
  --ignore-leading-white-space, --ignore-trailing-white-space   of fields without quotes
",
        true,
    ),
    (
        "text",
        "text: each line is a row {\"value\": LINE}\n\n  --max-line BYTES            Longest record (16777216)\n",
        false,
    ),
    (
        "parquet",
        "parquet: files with types of their own

  --schema DDL                The columns that are read. Without it those of the first file are; what a later file has besides
                              is named once, and not read. A column a file has not is null
  --merge-schema              The columns of all files that are there at the start, and what later files bring

  A file whose type does not fit the declared one, a damaged one and one that is no Parquet end the run with a line that
  names it; with --skip-lost the run goes on without it (or its rest). snappy, gzip, zstd, lz4 and brotli are read.
",
        false,
    ),
];

const PARTITIONS: &str = "
  Folders below a folder that is read, like date=2025-01-15/hour=10, are columns of their files' rows.
  --base-path DIR             Where such folders begin, for files and globs
";

/// True for `st-tail help` and `st-tail help FORMAT`, unless there is such a file.
pub fn asked(paths: &[String]) -> bool {
    paths.len() <= 2
        && paths.first().is_some_and(|word| word == "help")
        && !Path::new("help").exists()
}

/// Prints the page of a format, or the whole help.
pub fn print(format: Option<&String>) -> Result<()> {
    let name = match format.map(String::as_str) {
        Some("tsv") => Some("csv"),
        other => other,
    };
    let text = match name {
        None => Arguments::command().render_long_help().to_string(),
        Some("combined" | "common" | "logfmt" | "syslog" | "logs") => LOGS.to_string(),
        Some(name) => match PAGES.iter().find(|(known, _, _)| *known == name) {
            Some((_, page, modes)) => {
                format!("{page}{}{PARTITIONS}", if *modes { MODES } else { "" })
            }
            None => {
                return Err(usage(format!(
                    "help {name}: no such format: json, csv, tsv, text, parquet, logs"
                )));
            }
        },
    };
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("stdout")
}
