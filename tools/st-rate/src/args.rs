//! The command line of `st-rate`.

use std::time::Duration;

use clap::Parser;
use st_stream::{SourceArgs, cli};

const EXAMPLE: &str = "\
Example: five rows a second, as a table
  st-rate --rows-per-second 5 | st-sink";

const NOTES: &str = "\
Rows are {\"timestamp\":…,\"value\":0}; values rise by one. The rows of a second
come when it is over, their timestamps spread over it (Spark's rate source).
With --rows-per-batch every batch has N rows of one timestamp, as fast as the
trigger allows (Spark's rate-micro-batch). A --start-time in the past: all
rows since then come at once. A restart sends the same rows.";

/// Rows at a steady rate, the same ones after a restart
#[derive(Clone, Debug, Parser)]
#[command(name = "st-rate", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Rows of each second
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    pub rows_per_second: i64,
    /// Reach that rate after D, in equal steps of whole seconds
    #[arg(long, value_name = "D", default_value = "0s", value_parser = cli::duration)]
    pub ramp_up: Duration,
    /// Rows of each batch, instead of a rate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..),
        conflicts_with_all = ["rows_per_second", "ramp_up"])]
    pub rows_per_batch: Option<i64>,
    /// Time from a batch's timestamp to the next one's [default: 1s]
    #[arg(long, value_name = "D", value_parser = cli::duration, requires = "rows_per_batch")]
    pub advance: Option<Duration>,
    /// End after TOTAL rows
    #[arg(long, value_name = "TOTAL", value_parser = clap::value_parser!(i64).range(1..))]
    pub rows: Option<i64>,
    /// Timestamp of the beginning [default: now; with --rows-per-batch 1970-01-01]
    #[arg(long, value_name = "T")]
    pub start_time: Option<String>,
    #[command(flatten)]
    pub zone: cli::ZoneArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}
