//! The command line of `st-tee`.

use clap::Parser;

const EXAMPLE: &str = "\
Example: one source, two queries
  st-tail events --checkpoint ck | st-tee \\
    'revenue=st-agg --by category --agg \"sum(price) as revenue\" | st-sink console' \\
    'raw=st-sink json archive'";

const NOTES: &str = "\
Each branch is run by bash, so an exported function is one:
  export -f funnel; … | st-tee funnel
A branch written NAME=CMD is called NAME, others by their number; its stages
are then NAME.st-agg, NAME.st-sink. (To set a variable: 'env X=1 CMD'.)
Every branch gets every byte. A slow one holds the others back only once its
pipe and queue are full; one that ends early (head -1) leaves the rest alone.
st-tee ends when all branches have ended, and fails if one failed.";

/// Copy one stream into several branches
#[derive(Clone, Debug, Parser)]
#[command(name = "st-tee", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// A pipeline in bash; NAME=CMD names it
    #[arg(required = true, value_name = "[NAME=]CMD")]
    pub branches: Vec<String>,
    /// When a branch fails, let the others live; the exit status is still 1
    #[arg(short, long)]
    pub keep_going: bool,
    /// Name of this stage in plan and messages
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The input is plain rows, whatever its first line says
    #[arg(long)]
    pub plain: bool,
    /// Say only what went wrong
    #[arg(short, long)]
    pub quiet: bool,
    /// Say what is decided; -vv: more
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
}
