//! The command line of `st-window`.

use clap::Parser;
use st_stream::cli::{self, StageArgs};
use st_time::{Duration, Zone};

const EXAMPLE: &str = "\
Example: each reading in its window of ten seconds
  st-window timestamp '10 seconds'
adds \"window\":{\"start\":\"2025-01-15T10:30:00.000Z\",\"end\":\"2025-01-15T10:30:10.000Z\"}";

const NOTES: &str = "\
Windows [start, end) are aligned to 1970 UTC (weeks begin on Thursdays); with
SLIDE a new one begins every SLIDE, and a row comes once for each it is in.
--tz ZONE aligns windows of whole days to ZONE's midnight, so that a day may
have 23 or 25 hours; Spark has no such windows. ST_TZ alone does not align.
--session: [time, time + GAP), to be merged by st-agg --by 'window, …'. GAP is a
duration or an expression that gives one per row; a row whose gap is null or
not positive is left out.
COLUMN may itself be a window, which counts by its end. A row without a time is
counted (bad) and kept with the rejects.";

/// Add the window an event time is in
#[derive(Clone, Debug, Parser)]
#[command(name = "st-window", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Column of event times: TIMESTAMP, DATE, or timestamps as text
    #[arg(value_parser = cli::column)]
    pub column: String,
    /// Length of a window: '5 minutes', 1h
    #[arg(required_unless_present = "session", allow_hyphen_values = true)]
    pub size: Option<Duration>,
    /// How often a window begins; at most SIZE
    #[arg(allow_hyphen_values = true)]
    pub slide: Option<Duration>,
    /// Sessions that end when nothing comes for GAP
    #[arg(long, value_name = "GAP|EXPR", conflicts_with_all = ["size", "slide", "offset"])]
    pub session: Option<String>,
    /// Begin windows that much later; shorter than SLIDE
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub offset: Option<Duration>,
    /// Name of the new column
    #[arg(long = "as", id = "as", value_name = "NAME", default_value = "window", value_parser = cli::column)]
    pub window: String,
    /// Session time zone; aligns windows of whole days [env: ST_TZ, which does not align]
    #[arg(long, value_name = "ZONE", value_parser = cli::zone)]
    pub tz: Option<Zone>,
    /// The session time zone from the environment, which only reads times without a zone.
    #[arg(long, env = "ST_TZ", default_value = "UTC", hide = true, value_parser = cli::zone)]
    pub session_tz: Zone,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// The session time zone: reads times without one.
    pub fn zone(&self) -> Zone {
        self.tz.unwrap_or(self.session_tz)
    }
}
