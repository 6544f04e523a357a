//! `st-ps`: the queries below a folder, or those running now, and how each stands.

mod args;
mod list;
mod table;
mod told;

use std::process::ExitCode;

use args::Arguments;
use st_stream::{Ending, Writer, message};

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        arguments.verbose.apply();
        let found = st_monitor::chosen(&arguments.folders, arguments.all)?;
        let queries = found.queries;
        told::looked(&arguments.folders, &queries);
        let mut stdout = Writer::stdout()?;
        list::write(&arguments, &queries, stdout.buffer())?;
        stdout.flush()?;
        // As ls does: what can be listed is, and the rest is said.
        let mut closed = found.closed;
        let last = closed.pop();
        for error in &closed {
            message::say("st-ps", &message::chain(error));
        }
        last.map_or(Ok(Ending::Done), Err)
    })
}
