//! The command line of `st-dedup`.

use std::path::PathBuf;

use clap::Parser;
use st_stream::Options;
use st_stream::cli::{StageArgs, ZoneArgs};

const EXAMPLE: &str = "\
Examples: an event that is sent again within the hour counts once
  st-tail events | st-watermark ts '1 hour' |
    st-dedup --by event_id --within-watermark | st-sink
  tail -F app.ndjson | st-dedup --by message --forever
  cat a.ndjson b.ndjson | st-dedup --forever";

const NOTES: &str = "\
The first row of each key passes, as it is and at once; later ones are dropped
and counted (filtered, duplicates). Null, absent and unreadable values are one
key; so are 2 and 2.0. Without --by the key is the whole row, in whatever order
its fields stand. How long a key is remembered:
  the event time (the column of st-watermark, or a window made of it) in the key
                        until the watermark reaches that time; later rows are late
  --within-watermark    for the delay of the watermark after its first row's time
  --forever             until the end of the query: the state only grows
In Spark: dropDuplicates([…]), dropDuplicatesWithinWatermark([…]), distinct().";

/// Drop rows whose key has been seen
#[derive(Clone, Debug, Parser)]
#[command(name = "st-dedup", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Columns that make the key: 'user, ts' (default: all)
    #[arg(short, long, value_name = "COLS")]
    pub by: Option<String>,
    /// Forget a key once the watermark is its delay past the key's first row
    #[arg(long, conflicts_with = "forever")]
    pub within_watermark: bool,
    /// Allow keys that no watermark lets us forget
    #[arg(long)]
    pub forever: bool,
    /// Keep rows behind the watermark in FILE (default: in the query's checkpoint)
    #[arg(long, value_name = "FILE")]
    pub late: Option<PathBuf>,
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// The driver's options.
    pub fn driver(&self) -> Options {
        Options {
            late: self.late.clone(),
            ..self.stage.options()
        }
    }
}
