//! st-kafka: the topics of a Kafka cluster, each message a row, the same ones after a restart.

mod args;
mod partition;
mod range;
mod reader;
mod rows;
mod source;
mod starting;
mod topic;

use std::process::ExitCode;

use args::Arguments;
use source::KafkaSource;
use st_stream::{cli, run_source};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(|arguments: Arguments| {
        let source = KafkaSource::new(&arguments)?;
        run_source(source, arguments.source)
    })
}
