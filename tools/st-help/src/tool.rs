//! One tool's own help: the tool is asked for it, so that there is one text.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use st_stream::Ending;
use st_stream::cli::usage;
use st_stream::message::tell;

use crate::page::{CONNECTORS, TOOLS};

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
    let Some(entry) = TOOLS
        .iter()
        .chain(CONNECTORS)
        .find(|entry| entry.tool == full)
    else {
        let names: Vec<&str> = TOOLS.iter().map(|entry| entry.tool).collect();
        return Err(usage(format!(
            "{name}: no such tool: there are {}",
            names.join(", ")
        )));
    };
    let program = sibling(entry.tool).unwrap_or_else(|| PathBuf::from(entry.tool));
    tell(1, "st-help", || {
        let from = match program.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => "beside st-help",
            _ => "looked for in PATH",
        };
        format!("asks {}, {from}, for its --help", program.display())
    });
    let error = Command::new(program).arg("--help").exec();
    Err(error).with_context(|| {
        format!(
            "{}: cannot be started: is it installed in a folder of PATH?",
            entry.tool
        )
    })
}

/// The tool next to this one, as both came from one install; else it is looked for in `PATH`.
fn sibling(tool: &str) -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    Some(here.parent()?.join(tool)).filter(|path| path.is_file())
}

/// True if the tool can be started.
pub fn installed(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    sibling(tool).is_some()
        || std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file())
}
