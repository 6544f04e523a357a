//! The command line of `st-help`.

use clap::Parser;
use st_stream::cli::VerboseArgs;

const EXAMPLE: &str = "\
Example: what st-agg can do
  st-help agg";

/// Show the tools by role, or one tool's help
#[derive(Clone, Debug, Parser)]
#[command(name = "st-help", version, before_help = EXAMPLE)]
pub struct Arguments {
    /// A tool, with or without st-
    pub tool: Option<String>,
    /// What is told besides
    #[command(flatten)]
    pub verbose: VerboseArgs,
}
