//! One tool's own help: the tool is asked for it, so that there is one text.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use st_stream::Ending;
use st_stream::cli::usage;

use crate::page::TOOLS;

/// Becomes `TOOL --help`. Returns only if that fails.
///
/// # Errors
/// A name that is no tool; a tool that is not installed.
pub fn help(name: &str) -> Result<Ending> {
    let full = if name.starts_with("st-") {
        name.to_string()
    } else {
        format!("st-{name}")
    };
    let Some(entry) = TOOLS.iter().find(|entry| entry.tool == full) else {
        let names: Vec<&str> = TOOLS.iter().map(|entry| entry.tool).collect();
        return Err(usage(format!(
            "{name}: no such tool: there are {}",
            names.join(", ")
        )));
    };
    let error = Command::new(program(entry.tool)).arg("--help").exec();
    Err(error).with_context(|| {
        format!(
            "{}: cannot be started: is it installed in a folder of PATH?",
            entry.tool
        )
    })
}

/// The tool next to this one, as both came from one install; else whatever `PATH` has.
fn program(tool: &str) -> PathBuf {
    let here = std::env::current_exe().ok();
    let sibling = here
        .and_then(|here| Some(here.parent()?.join(tool)))
        .filter(|path| path.is_file());
    sibling.unwrap_or_else(|| PathBuf::from(tool))
}
