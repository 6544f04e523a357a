//! Adds to each row the window its event time is in: tumbling, sliding, or the beginning of a session.

mod args;
mod event_time;
mod grid;
mod session;
mod shape;
mod window;

use std::process::ExitCode;

use args::Arguments;
use window::Window;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.stage.options();
        st_stream::run(Window::new(arguments), options)
    })
}
