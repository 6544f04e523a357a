//! Finds the built tools and runs lines of bash over them.
//!
//! A pipeline test is only worth its name if it runs the tools of this very tree, so missing or stale binaries are refused.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What a line of bash did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said.
    pub stderr: Vec<u8>,
    /// Its exit status; 128 + n for signal n.
    pub status: i32,
}

impl Outcome {
    /// What was printed, as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What was said, as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// The folder of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The folder of the built tools. Fails if one is missing or older than a file it was built from.
pub fn bin() -> Result<PathBuf> {
    let test = std::env::current_exe().context("where is this test?")?;
    let bin = test
        .parent()
        .and_then(Path::parent)
        .context("where are the tools?")?
        .to_path_buf();
    for entry in std::fs::read_dir(root().join("tools"))? {
        let tool = entry?.file_name().to_string_lossy().into_owned();
        let built = std::fs::metadata(bin.join(&tool)).and_then(|built| built.modified());
        // Cargo writes beside each program what it was built from.
        let from = std::fs::read_to_string(bin.join(format!("{tool}.d")));
        let (Ok(built), Ok(from)) = (built, from) else {
            bail!("{tool} is not built: run cargo build --workspace first");
        };
        let sources = from
            .split_once(": ")
            .map_or("", |(_, sources)| sources)
            .replace("\\ ", "\0");
        for source in sources
            .split_whitespace()
            .map(|source| source.replace('\0', " "))
        {
            let changed = std::fs::metadata(&source).and_then(|source| source.modified());
            if changed.map_or(true, |changed| changed > built) {
                bail!("{tool} is older than {source}: run cargo build --workspace first");
            }
        }
    }
    Ok(bin)
}

/// `bash -c line` in `folder`, with the tools in front of `PATH` and nothing of st in the environment.
pub fn bash(bin: &Path, folder: &Path, line: &str) -> Command {
    let mut path = OsString::from(bin);
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let mut command = Command::new("bash");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("ROOT", root())
        .env_remove("ST_CHECKPOINT")
        .env_remove("ST_TZ")
        .env_remove("ST_EXPLAIN")
        .stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub fn run(mut command: Command) -> Result<Outcome> {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().context("cannot run bash")?;
    let status = output
        .status
        .code()
        .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    Ok(Outcome {
        stdout: output.stdout,
        stderr: output.stderr,
        status,
    })
}
