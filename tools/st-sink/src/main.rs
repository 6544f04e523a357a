//! `st-sink`: the end of a query. Tables on the terminal, files, SQL tables, commands.

mod append;
mod args;
mod build;
mod console;
mod external;
mod formats;
mod help;
mod owner;
mod partition;
mod targets;

use std::process::ExitCode;

use args::Args;
use st_deliver::stage::Sink;
use st_deliver::{columns, rows, target, terminal};
use st_stream::Ending;

fn main() -> ExitCode {
    if let Some(exit) = external::asked() {
        return exit;
    }
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
        )
        .with_progress(args.progress);
        st_stream::run(sink, options)
    })
}
