//! `st-sink webhook`: rows as HTTP requests, for alerts. A program of its own, so that st-sink needs no TLS.

mod args;
mod pace;
mod post;
mod target;
mod template;

use std::process::ExitCode;

use args::Args;
use st_deliver::stage::Sink;

fn main() -> ExitCode {
    st_stream::cli::main(|args: Args| {
        let target = target::Webhook::new(&args)?;
        let mut options = args.stage.options();
        options.trigger = args.trigger;
        let sink = Sink::new(
            Box::new(target),
            args.plan_options(),
            args.stage.durability,
            args.zone.tz,
        )
        .with_progress(args.progress);
        st_stream::run(sink, options)
    })
}
