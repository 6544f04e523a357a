//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Parser;
use st_stream::cli::VerboseArgs;

const EXAMPLE: &str = "\
Example: the queries below ck, and those that run now, at http://localhost:4040
  st-ui ck";

const NOTES: &str = "\
Only programs on this machine can reach the page, unless --bind says otherwise; then it
asks for a token: http://HOST:4040/?token=… once in each browser, or the header
`Authorization: Bearer …`. Nothing can be changed through it.

For programs: /metrics (Prometheus), /api/queries, /api/queries/ID,
/api/queries/ID/progress (docs/MONITORING.md).";

/// Show queries on a web page
#[derive(Clone, Debug, Parser)]
#[command(name = "st-ui", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Checkpoints, or folders of them, besides the queries that run now
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub folders: Vec<PathBuf>,
    /// 0: any that is free; the page's address is said
    #[arg(long, default_value_t = 4040)]
    pub port: u16,
    /// Address to listen at; anything but this machine's own needs a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The token that visitors must have, from FILE
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Say only what went wrong
    #[arg(short, long)]
    pub quiet: bool,
    /// What is told besides
    #[command(flatten)]
    pub verbose: VerboseArgs,
}
