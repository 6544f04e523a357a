//! The command line of `st-top`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;

use crate::order::Order;

/// Looking more often shows nothing more, and costs.
const SHORTEST: Duration = Duration::from_millis(100);

const EXAMPLE: &str = "\
Example: what runs now; the queries of a folder, looked at every 5 seconds; once, as text
  st-top
  st-top ck --interval 5s
  st-top --once ck | grep failed";

/// The keys of the view, as `--help` and `?` show them.
pub const KEYS: &str = "  up down, k j      choose a query; in the details: scroll
  PgUp PgDn, g G    by pages; to the first, the last
  Enter, Right, l   its details: history, latency, state, who waits for whom
  Esc, Left, h      back to the list
  Tab, Shift-Tab    in the details: another sink of the query
  s  S              order by the next column, the one before; r: reversed
  p, Space          stop looking, go on
  Ctrl-L, Ctrl-Z    draw anew; suspend
  ?, F1             the keys; q, Ctrl-C: quit";

const NOTES: &str = "\
DIR is a checkpoint, or a folder with checkpoints below it. Without DIR: the queries
you run on this machine now, those without a checkpoint included; one that ends
stays, with how it ended.

Where standard output is no terminal it prints lines, under one heading: one for each
query, and again whenever that has changed. Looking never disturbs a query. What the
figures mean: docs/MONITORING.md";

/// Watch queries in the terminal
#[derive(Clone, Debug, Parser)]
#[command(name = "st-top", version, before_help = EXAMPLE, after_help = format!("Keys:\n{KEYS}\n\n{NOTES}"))]
pub struct Arguments {
    /// Checkpoints, or folders of them (default: what runs now)
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub folders: Vec<PathBuf>,
    /// Without DIR: also runs that have ended and are remembered
    #[arg(short, long, conflicts_with = "folders")]
    pub all: bool,
    /// Look so often
    #[arg(short, long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    pub interval: Duration,
    /// What the queries are ordered by
    #[arg(short, long, value_name = "COLUMN", default_value = "started")]
    pub sort: Order,
    /// Print lines once, and end
    #[arg(long)]
    pub once: bool,
    /// With lines: say on stderr what each status was told from
    #[arg(short, long)]
    pub verbose: bool,
}

fn interval(text: &str) -> Result<Duration> {
    let interval = st_stream::cli::duration(text)?;
    if interval < SHORTEST {
        bail!("`{text}` is too short: 100ms is the least");
    }
    Ok(interval)
}
