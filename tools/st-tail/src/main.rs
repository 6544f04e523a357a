//! st-tail: rows from files, directories, growing files and standard input.

mod args;
mod clean;
mod config;
mod files;
mod follow;
mod open;
mod roots;
mod stdin;

use std::process::ExitCode;

use args::Arguments;
use config::{Config, Input};
use st_stream::{cli, run_source};

fn main() -> ExitCode {
    cli::main(|arguments: Arguments| {
        let config = Config::new(&arguments)?;
        match config.input {
            Input::Stdin => run_source(stdin::StdinSource::new(config)?, arguments.source),
            Input::Files => run_source(files::FileSource::new(config)?, arguments.source),
            Input::Follow => run_source(follow::FollowSource::new(config)?, arguments.source),
        }
    })
}
