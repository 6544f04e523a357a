//! Looks into a checkpoint: its states at any epoch, what changed between two, whether another line may go on with it.

mod args;
mod check;
mod keys;
mod list;
mod show;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use args::{Arguments, Command};
use st_checkpoint::{Holder, Patience, QueryDir};
use st_stream::{Ending, Writer, cli, message};

fn main() -> ExitCode {
    cli::main(run)
}

fn run(arguments: Arguments) -> Result<Ending> {
    arguments.verbose.apply();
    let mut out = Writer::stdout()?;
    match &arguments.command {
        Command::List { dir } => list::list(&QueryDir::open_to_look(dir)?, &mut out)?,
        Command::Show { dir, stage, epoch } => show::show(
            &QueryDir::open_to_look(dir)?,
            stage.as_deref(),
            *epoch,
            &mut out,
        )?,
        Command::Diff {
            dir,
            stage,
            from,
            to,
        } => show::diff(&QueryDir::open_to_look(dir)?, stage, *from, *to, &mut out)?,
        Command::Check { dir, plan } => {
            check::check(&QueryDir::open_to_look(dir)?, plan, &mut out)?
        }
        Command::Forget { dir, sink, force } => {
            forget(&QueryDir::open_to_look(dir)?, sink, *force)?
        }
    }
    out.flush()?;
    Ok(Ending::Done)
}

/// Lets a sink go that does not come back.
fn forget(dir: &QueryDir, sink: &str, force: bool) -> Result<()> {
    let sinks = dir.sinks()?;
    if !force && sinks.len() == 1 && sinks[0].name == sink {
        return Err(cli::usage(format!(
            "{sink}: is the only sink: without it the query would begin again at its first batch: \
             say --force if that is what you want, or start afresh with a new --checkpoint"
        )));
    }
    let mut now = Vec::new();
    st_time::write_iso(&mut now, st_stream::clock::now(), st_time::Zone::UTC);
    let holder = Holder::this("st-state", &String::from_utf8_lossy(&now));
    let mut patience = Patience::new(Duration::ZERO, |_| Ok(()));
    dir.forget_sink(sink, &holder, &mut patience)?;
    let next = match dir.sinks()?.is_empty() {
        false => format!("the next run starts behind batch {}", dir.committed()?),
        true => "no sink is left".to_string(),
    };
    message::say("st-state", &format!("{sink}: forgotten; {next}"));
    Ok(())
}
