//! One stream in, several branches out, each a line of bash.

mod args;
mod branch;
mod explained;
mod feed;
mod intake;
mod tail;
mod tee;

use std::process::ExitCode;

fn main() -> ExitCode {
    st_stream::cli::main(tee::run)
}
