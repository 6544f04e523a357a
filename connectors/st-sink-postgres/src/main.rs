//! `st-sink postgres`: a PostgreSQL table, exactly once. A program of its own, so that st-sink needs no client library.

mod args;
mod batch;
mod connection;
mod copy;
mod errors;
mod names;
mod ownership;
mod password;
mod table;
mod target;
mod tls;

use std::process::ExitCode;

use args::Args;
use st_deliver::stage::Sink;

fn main() -> ExitCode {
    st_stream::cli::main(|args: Args| {
        let target = target::Postgres::new(&args)?;
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
