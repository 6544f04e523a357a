//! Row by row: keep, compute, choose, rename, explode; what a row keeps stays the same bytes.

mod args;
mod build;
mod columns;
mod layout;
mod map;
mod operation;
mod otherwise;
mod program;
mod quick;
mod shape;
mod stencil;
mod target;
mod through;

use std::process::ExitCode;

use args::Arguments;
use map::Map;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.driver();
        st_stream::run(Map::new(arguments), options)
    })
}
