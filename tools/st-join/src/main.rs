//! Joins a stream with a table or with another stream.

mod ahead;
mod arena;
mod args;
mod bounds;
mod condition;
mod how;
mod keys;
mod output;
mod over;
mod places;
mod range;
mod refusals;
mod rows;
mod saved;
mod shape;
mod side;
mod state;
mod streams;
mod table;
mod tables;

use std::process::ExitCode;
use std::rc::Rc;

use args::{Arguments, Right};

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.options();
        match arguments.right()? {
            Right::Table(path) => st_stream::run(table::Join::new(arguments, path)?, options),
            Right::Stream(origin) => {
                let sides = Rc::default();
                let stage = streams::Join::new(arguments, Rc::clone(&sides))?;
                st_stream::run_merged(stage, options, vec![origin], sides)
            }
        }
    })
}
