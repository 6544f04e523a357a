//! st-listen: rows from sockets, as a server of many clients or as the client of one server.

mod address;
mod args;
mod connection;
mod connector;
mod server;
mod source;

use std::process::ExitCode;

use args::Arguments;
use source::ListenSource;
use st_stream::{cli, run_source};

fn main() -> ExitCode {
    cli::main(|arguments: Arguments| {
        let source = ListenSource::new(&arguments)?;
        run_source(source, arguments.source)
    })
}
