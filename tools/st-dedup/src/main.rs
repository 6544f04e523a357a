//! Drops rows whose key has been seen: Spark's `dropDuplicates` and `dropDuplicatesWithinWatermark`.

mod ahead;
mod args;
mod dedup;
mod expiry;
mod saved;
mod seen;
mod whole;

use std::process::ExitCode;

use args::Arguments;
use dedup::Dedup;

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        let options = arguments.driver();
        st_stream::run(Dedup::new(arguments)?, options)
    })
}
