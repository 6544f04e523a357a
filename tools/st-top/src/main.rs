//! `st-top`: queries as they run, in a terminal or as lines. It reads what they write of themselves, and changes nothing.

mod app;
mod args;
mod columns;
mod detail;
mod draw;
mod figures;
mod gather;
mod load;
mod order;
mod plain;
mod screen;
mod table;
mod text;
mod view;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use args::Arguments;
use gather::Gather;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let gather = Gather::new(&arguments.folders, arguments.all);
        if arguments.once || !screen::is_there() {
            plain::run(&arguments, gather)
        } else {
            view::run(&arguments, gather)
        }
    })
}
