//! Folds the rows of each key into a state, with timers: Spark's `transformWithState`, programmed in jq.

mod args;
mod fold;
mod functions;
mod json;
mod keys;
mod program;
mod saved;
mod store;

use std::process::ExitCode;

use args::Arguments;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.driver();
        st_stream::run(fold::Fold::new(arguments)?, options)
    })
}
