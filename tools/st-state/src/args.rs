//! The command line of `st-state`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use st_stream::cli::VerboseArgs;

const EXAMPLE: &str = "\
Examples: what a checkpoint holds; one stage's state; what a batch changed in it
  st-state list ck
  st-state show ck st-agg | jq -c 'select(.key[0] == \"books\")'
  st-state diff ck st-agg --from 41 --to 42
May this line go on where the other one stopped?
  st-tail events --checkpoint ck --explain=json | st-agg --by user | st-sink |
    st-state check ck";

const NOTES: &str = "\
Everything but forget only looks: it locks nothing and disturbs no running query.
Epochs are kept from the floor on (the last batch that every sink has); older ones
may still be there.";

/// Look into a checkpoint
#[derive(Clone, Debug, Parser)]
#[command(name = "st-state", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// What is told besides
    #[command(flatten)]
    pub verbose: VerboseArgs,
}

/// What can be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List sources, stages with state, and sinks, and how far each is
    List {
        /// The checkpoint
        dir: PathBuf,
    },
    /// Print the keys and values of one stage, or of all, as JSON lines
    Show {
        /// The checkpoint
        dir: PathBuf,
        /// The stage (default: all)
        stage: Option<String>,
        /// As of the end of batch N (default: the last one kept)
        #[arg(long, value_name = "N", allow_hyphen_values = true)]
        epoch: Option<i64>,
    },
    /// Print the keys that differ between two epochs
    Diff {
        /// The checkpoint
        dir: PathBuf,
        /// The stage
        stage: String,
        /// As of the end of batch A
        #[arg(long, value_name = "A", allow_hyphen_values = true)]
        from: i64,
        /// As of the end of batch B
        #[arg(long, value_name = "B", allow_hyphen_values = true)]
        to: i64,
    },
    /// Tell whether a line may go on from the checkpoint: its plan is what --explain=json prints
    Check {
        /// The checkpoint
        dir: PathBuf,
        /// A file with the plan; - is standard input
        #[arg(default_value = "-")]
        plan: PathBuf,
    },
    /// Let a sink go that does not come back, so that it holds nothing back
    Forget {
        /// The checkpoint
        dir: PathBuf,
        /// The sink
        sink: String,
        /// Even if it is the only one
        #[arg(long)]
        force: bool,
    },
}
