//! The command line of `st-watermark`.

use anyhow::{Result, bail};
use clap::Parser;
use st_stream::cli::{self, StageArgs, ZoneArgs};
use st_stream::{Options, Trigger};
use st_time::Duration;

const EXAMPLE: &str = "\
Example: windows of five minutes, closed ten minutes late
  st-tail events | st-watermark timestamp '10 minutes' |
    st-agg --by 'window(timestamp, \"5 minutes\") as window' --mode append | st-sink";

const NOTES: &str = "\
After each batch the watermark is the greatest event time seen, less DELAY; it
never goes back. It drops nothing itself: stages behind it close windows that
end at or before it, and count rows for them as late. A row whose COLUMN is
null or no timestamp passes on and is counted (no_event_time).
--idle-timeout: once no row has come for D by the batches' clock, the mark goes
on with that clock. Silence needs batches too: give the source --heartbeat.
Output is always a marked stream: end the line with | st-sink.";

/// Declare how late event times may come
#[derive(Clone, Debug, Parser)]
#[command(name = "st-watermark", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Column of event times: TIMESTAMP if declared, else timestamps as text
    #[arg(value_parser = cli::column)]
    pub column: String,
    /// How much later than the latest a row may come: '10 minutes', 30s
    #[arg(value_parser = delay, allow_hyphen_values = true)]
    pub delay: Duration,
    /// Move on by the clock when no row has come for D
    #[arg(long, value_name = "D", value_parser = idle)]
    pub idle_timeout: Option<Duration>,
    /// Cut plain input into batches every D
    #[arg(long, value_name = "D", value_parser = cli::trigger)]
    pub trigger: Option<Trigger>,
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// The driver's options.
    pub fn driver(&self) -> Options {
        Options {
            trigger: self.trigger,
            ..self.stage.options()
        }
    }
}

/// Reads a delay: any duration but a negative one, a month being 31 days as in Spark.
fn delay(text: &str) -> Result<Duration> {
    let delay: Duration = text.parse()?;
    if delay.as_micros_watermark() < 0 {
        bail!("the delay ({text}) must not be negative");
    }
    Ok(delay)
}

fn idle(text: &str) -> Result<Duration> {
    if cli::duration(text)?.is_zero() {
        bail!("an idle time-out must be longer than nothing, such as '1 minute'");
    }
    text.parse()
}
