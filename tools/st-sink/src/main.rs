//! `st-sink`: the end of a query. Tables on the terminal, files, SQL tables, commands.

mod append;
mod args;
mod build;
mod columns;
mod console;
mod formats;
mod help;
mod owner;
mod partition;
mod rows;
mod stage;
mod status;
mod target;
mod targets;
mod terminal;

use std::process::ExitCode;

use args::Args;
use st_stream::Ending;
use stage::Sink;

fn main() -> ExitCode {
    st_stream::cli::main(|args: Args| {
        if args.format.as_deref() == Some("help") {
            help::print(args.path.as_deref())?;
            return Ok(Ending::Done);
        }
        let target = build::target(&args)?;
        let mut options = args.stage.options();
        options.trigger = args.trigger;
        let sink = Sink::new(
            target,
            build::plan_options(&args),
            args.stage.durability,
            args.zone.tz,
        );
        st_stream::run(sink, options)
    })
}
