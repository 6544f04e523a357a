//! Several streams as one.

mod args;
mod starts;
mod union;

use std::process::ExitCode;
use std::rc::Rc;

use args::Arguments;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let (options, origins) = (arguments.stage.options(), arguments.origins()?);
        let sides = Rc::default();
        let stage = union::Union::new(Rc::clone(&sides));
        st_stream::run_merged(stage, options, origins, sides)
    })
}
