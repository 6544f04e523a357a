//! The tools by role, with Spark's word for each; or one tool's own help.

mod args;
mod page;
mod tool;

use std::process::ExitCode;

use args::Arguments;
use st_stream::{Ending, Writer};

fn main() -> ExitCode {
    st_stream::cli::main(|arguments: Arguments| {
        arguments.verbose.apply();
        if let Some(tool) = &arguments.tool {
            return tool::help(tool);
        }
        let mut stdout = Writer::stdout()?;
        page::write(stdout.buffer(), tool::installed);
        stdout.flush()?;
        Ok(Ending::Done)
    })
}
