//! `st-ps`: the queries below a folder, or those running now, and how each stands.

mod args;
mod list;
mod table;
mod told;

use std::process::ExitCode;

use args::Arguments;
use st_stream::{Ending, Writer};

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        arguments.verbose.apply();
        let queries = st_monitor::chosen(&arguments.folders, arguments.all)?;
        told::looked(&arguments.folders, &queries);
        let mut stdout = Writer::stdout()?;
        list::write(&arguments, &queries, stdout.buffer())?;
        stdout.flush()?;
        Ok(Ending::Done)
    })
}
