//! Aggregates a stream by key and window.

mod aggregates;
mod ahead;
mod args;
mod bind;
mod by;
mod emit;
mod encode;
mod event_time;
mod groups;
mod keys;
mod members;
mod normal;
mod order;
mod outputs;
mod plan;
mod query;
mod refusals;
mod repeats;
mod saved;
mod scalar;
mod sessions;
mod slab;
mod slices;
mod stage;
mod state;
mod table;
mod timing;

use std::process::ExitCode;

use args::Arguments;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.options();
        st_stream::run(stage::Agg::new(arguments)?, options)
    })
}
