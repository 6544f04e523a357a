//! The command line of `st-fold`.

use std::path::PathBuf;

use clap::Parser;
use st_stream::Options;
use st_stream::cli::{StageArgs, ZoneArgs};

const EXAMPLE: &str = "\
Examples: a running total; users who have been silent for ten minutes
  … | st-fold --by user --init 0 --update '. + $row.price | emit($key + {total: .})'
  st-tail events | st-watermark ts '1 minute' |
    st-fold --by user --update 'cancel | timer($time + 600) | .last = $time' \\
            --on-timer 'emit($key + {silent_since: .last | iso}) | empty' | st-sink";

const NOTES: &str = "\
PROGRAM is jq. Its input is the key's state, as in jq's reduce; its last output is
the new state; null or no output forgets it. It may use
  $row $key $time     the row; {column: value}; the row's event time, in seconds
  $now $watermark     the batch's clock and the watermark, in seconds
  emit(f)             hands on each output of f as a row; passes its input on
  timer(t)            sets a timer of this key: --on-timer runs once the watermark
                      reaches t; clock_timer(t): once the batches' clock is past t
  cancel, cancel(t)   takes back all timers of the key, or those of one time
  timers, clock_timers  lists them
  seconds, iso        text to seconds since 1970, and back
t is in seconds or text. In --on-timer $time is the timer's and $row is null. now is
$now; what a replay could not repeat (input, env, localtime, …) is not there.";

/// Fold the rows of each key into a state
#[derive(Clone, Debug, Parser)]
#[command(name = "st-fold", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Columns that make the key: 'user, device'
    #[arg(short, long, value_name = "COLS")]
    pub by: String,
    /// State of a key before its first row
    #[arg(short, long, value_name = "PROGRAM", default_value = "{}")]
    pub init: String,
    /// What a row makes of the state
    #[arg(short, long, value_name = "PROGRAM")]
    pub update: String,
    /// What a timer makes of the state
    #[arg(long, value_name = "PROGRAM")]
    pub on_timer: Option<String>,
    /// Forget a state D after its last change, by the batches' clock
    #[arg(long, value_name = "D", value_parser = st_stream::cli::duration)]
    pub ttl: Option<std::time::Duration>,
    /// Keep rows behind the watermark in FILE (default: in the checkpoint)
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
