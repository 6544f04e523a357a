//! The command line of `st-agg`.

use clap::Parser;
use st_stream::cli::{StageArgs, ZoneArgs, trigger};
use st_stream::{Mode, Options, Trigger};
use std::path::PathBuf;

const EXAMPLE: &str = "\
Example: revenue by category in windows of five minutes
  st-tail events | st-watermark ts '10 minutes' |
    st-agg --by 'window(ts, \"5 minutes\"), category' \\
           --agg 'sum(price) as revenue, count(*) as purchases' | st-sink";

const NOTES: &str = "\
Grouping: expressions, window(ts, size[, slide[, offset]]), session_window(ts, gap).
Aggregates: count sum avg min max first last any_value min_by max_by count_if
  stddev variance skewness kurtosis corr covar_pop covar_samp regr_… median mode
  percentile percentile_approx approx_count_distinct collect_list collect_set
  listagg bool_and bool_or bit_and bit_or bit_xor, each with filter (where …).
Spark's default mode is append; it needs a watermark (st-watermark) on a key.";

/// Aggregate a stream by key and window
#[derive(Clone, Debug, Parser)]
#[command(name = "st-agg", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Expressions to group by; without it all rows are one group
    #[arg(short, long, value_name = "LIST")]
    pub by: Option<String>,
    /// Aggregates, and expressions over them
    #[arg(short, long, value_name = "LIST", default_value = "count(*) as count")]
    pub agg: String,
    /// What to emit: changed groups, closed ones once, or all
    #[arg(short, long, value_name = "MODE", default_value = "update", value_parser = ["update", "append", "complete"])]
    pub mode: String,
    /// Order of the result (complete mode)
    #[arg(long, value_name = "LIST")]
    pub order_by: Option<String>,
    /// Only the first N rows of it (complete mode)
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Keep rows for closed windows in FILE (default: in the query's checkpoint)
    #[arg(long, value_name = "FILE")]
    pub late: Option<PathBuf>,
    /// Give a result this often, when the input is plain
    #[arg(long, value_name = "D", value_parser = trigger)]
    pub trigger: Option<Trigger>,
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// The output mode.
    pub fn mode(&self) -> Mode {
        match self.mode.as_str() {
            "append" => Mode::Append,
            "complete" => Mode::Complete,
            _ => Mode::Update,
        }
    }

    /// The driver's options.
    pub fn options(&self) -> Options {
        Options {
            late: self.late.clone(),
            trigger: self.trigger,
            ..self.stage.options()
        }
    }
}
