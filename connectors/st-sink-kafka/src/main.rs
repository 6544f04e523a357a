//! `st-sink kafka`: a topic, exactly once. A program of its own, so that st-sink needs no client library.

mod args;
mod bulk;
mod message;
mod producer;
mod target;

use std::process::ExitCode;

use args::Args;
use st_deliver::stage::Sink;

fn main() -> ExitCode {
    st_stream::cli::main(|args: Args| {
        let mut options = args.stage.options();
        options.trigger = args.trigger;
        let sink = Sink::new(
            Box::new(target::Kafka::new(&args)),
            args.plan_options(),
            args.stage.durability,
            args.zone.tz,
        )
        .with_progress(args.progress);
        st_stream::run(sink, options)
    })
}
