//! The command line of `st-ps`.

use std::path::PathBuf;

use clap::Parser;
use st_stream::cli::VerboseArgs;

const EXAMPLE: &str = "\
Example: what runs now; why the queries of a folder stopped; rates as JSON
  st-ps
  st-ps ck
  st-ps --last | jq '{name, batchId, inputRowsPerSecond, eventTime}'";

const NOTES: &str = "\
DIR is a checkpoint, or a folder with checkpoints below it. Without DIR: the queries
you run on this machine now, those without a checkpoint included.
--json prints one object a line: id, runId, name, status (waiting, processing,
stopped, failed, unreadable), message, batchId, inputRowsPerSecond, processedRowsPerSecond,
watermark, started, checkpoint, error. --last prints each sink's last report, with
the names of Spark's StreamingQueryProgress (docs/MONITORING.md).
Looking never disturbs a query.";

/// List queries and how they stand
#[derive(Clone, Debug, Parser)]
#[command(name = "st-ps", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Checkpoints, or folders of them (default: what runs now)
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub folders: Vec<PathBuf>,
    /// Without DIR: also runs that have ended and are remembered
    #[arg(short, long, conflicts_with = "folders")]
    pub all: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Each sink's last report instead, one JSON object a line
    #[arg(long, conflicts_with = "json")]
    pub last: bool,
    /// What is told besides
    #[command(flatten)]
    pub verbose: VerboseArgs,
}
