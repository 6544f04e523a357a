//! The command line of `st-listen`.

use std::time::Duration;

use clap::Parser;
use st_input::Format;
use st_stream::{SourceArgs, cli};

use crate::source::{CLIENTS, LINE};

const EXAMPLE: &str = "\
Example: type into a socket (nc -lk 9999) and see rows
  st-listen --connect localhost:9999 | st-sink";

const NOTES: &str = "\
With [HOST:]PORT it is the server: any number of programs connect and send
lines (nc localhost 9999). Only this machine can connect, unless HOST says
otherwise (0.0.0.0: everybody). With --connect it is the client, like Spark's
socket source, and connects again when the server goes away. Each line is a
row {\"value\":LINE}. With a checkpoint, lines are kept until every sink has
them.";

/// Rows from sockets
#[derive(Clone, Debug, Parser)]
#[command(name = "st-listen", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Address to listen on; port 0 for any that is free
    #[arg(
        value_name = "[HOST:]PORT",
        required_unless_present = "connect",
        conflicts_with = "connect"
    )]
    pub listen: Option<String>,
    /// Connect to a server
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// End when the server closes the connection, fail if there is none
    #[arg(long, requires = "connect")]
    pub no_reconnect: bool,
    /// text, json, combined, common, logfmt, syslog: each line is a row
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub format: Format,
    /// Add the time a line came as column `timestamp`
    #[arg(long)]
    pub include_timestamp: bool,
    /// Longest line
    #[arg(long, value_name = "BYTES", default_value_t = LINE as u64, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_line: u64,
    /// Most clients at a time; others are turned away
    #[arg(long, value_name = "N", default_value_t = CLIENTS as u64, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "connect")]
    pub max_clients: u64,
    /// Close connections that are silent for D
    #[arg(long, value_name = "D", value_parser = cli::duration)]
    pub idle_timeout: Option<Duration>,
    #[command(flatten)]
    pub source: SourceArgs,
}
