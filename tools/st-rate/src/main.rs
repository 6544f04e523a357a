//! st-rate: rows at a steady rate, the same ones after a restart.

mod args;
mod generator;
mod schedule;
mod source;

use std::process::ExitCode;

use args::Arguments;
use source::RateSource;
use st_stream::{cli, run_source};

fn main() -> ExitCode {
    cli::main(|arguments: Arguments| {
        let source = RateSource::new(&arguments)?;
        run_source(source, arguments.source)
    })
}
