//! The command line of `st-union`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use st_stream::Origin;
use st_stream::cli::{StageArgs, usage};

const EXAMPLE: &str = "\
Example: the orders of two shops, counted together
  st-tail north | st-union <(st-tail south) | st-agg --by product | st-sink";

const NOTES: &str = "\
Batch N holds batch N of every stream, standard input's rows first. Columns go
by name; a column that a stream does not have is null in its rows. A time is
bounded by a watermark only if every stream declares one on it; the mark is the
least of theirs. Batches wait for each other: a source that can be silent needs
--heartbeat D (in a checkpoint it follows the others by itself).
In a checkpoint both sources get the same --checkpoint, and the second one a
--branch NAME, which goes before the names of its stages:
  st-tail north --checkpoint ck |
    st-union <(st-tail south --checkpoint ck --branch south) | …
Streams of plain rows are handed on as they come.";

/// Several streams as one, columns by name
#[derive(Clone, Debug, Parser)]
#[command(name = "st-union", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    /// Further streams: <(…), or named pipes
    #[arg(required = true, value_name = "STREAM")]
    pub streams: Vec<PathBuf>,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// Where the further streams are read.
    ///
    /// # Errors
    /// A path that is no pipe.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        let origin = |path: &PathBuf| {
            let shown = path.display();
            match std::fs::metadata(path) {
                Err(error) => Err(usage(format!(
                    "{shown}: {error}: give a stream, as <(st-tail …)"
                ))),
                Ok(there) if there.is_file() || there.is_dir() => Err(usage(format!(
                    "{shown}: is no stream but files, which a source reads: <(st-tail {shown})"
                ))),
                Ok(_) => Ok(Origin::Pipe(path.clone())),
            }
        };
        self.streams.iter().map(origin).collect()
    }
}
