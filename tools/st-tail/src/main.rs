//! st-tail: rows from files, directories, growing files and standard input.

mod args;
mod clean;
mod config;
mod files;
mod follow;
mod format;
mod help;
mod identity;
mod open;
mod roots;
mod stdin;

use std::process::ExitCode;

use args::Arguments;
use config::{Config, Input};
use st_input::Mode;
use st_stream::{Ending, cli, run_source};

fn main() -> ExitCode {
    cli::main(|mut arguments: Arguments| {
        if help::asked(&arguments.paths) {
            help::print(arguments.paths.get(1))?;
            return Ok(Ending::Done);
        }
        // Spark's word for the same.
        arguments.source.strict |= arguments.mode == Mode::Failfast;
        let config = Config::new(&arguments)?;
        match config.input {
            Input::Stdin => run_source(stdin::StdinSource::new(config)?, arguments.source),
            Input::Files => run_source(files::FileSource::new(config)?, arguments.source),
            Input::Follow => run_source(follow::FollowSource::new(config)?, arguments.source),
        }
    })
}
