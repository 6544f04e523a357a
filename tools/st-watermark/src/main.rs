//! Declares how late a stream's event times may come: `max(event time) − delay` after each batch.

mod args;
mod mark;
mod saved;
mod watermark;

use std::process::ExitCode;

use args::Arguments;
use watermark::EventTime;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.driver();
        st_stream::run(EventTime::new(arguments), options)
    })
}
