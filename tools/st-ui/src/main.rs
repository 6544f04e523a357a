//! `st-ui`: a page that shows queries as they run. It reads what they write of themselves, and changes nothing.

mod api;
mod args;
mod events;
mod guard;
mod metrics;
mod page;
mod request;
mod server;
mod sql;
mod told;
mod watch;

use std::process::ExitCode;

use args::Arguments;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| server::run(&arguments))
}
