//! Sinks that are programs of their own, because of the client libraries they need: `st-sink kafka …` is `st-sink-kafka …`,
//! found beside this program or on the PATH, as git and cargo find theirs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use st_stream::cli::{self, usage};

use crate::build::NAMES;

/// The connectors of this project, which `make connectors` builds.
pub const CONNECTORS: [&str; 3] = ["kafka", "postgres", "webhook"];

/// Flags that every sink has, which may stand before its name.
const FLAGS: [&str; 7] = [
    "-q",
    "--quiet",
    "-v",
    "-vv",
    "--verbose",
    "--strict",
    "--plain",
];

/// Becomes the program that the first argument behind flags (of `st-sink help FORMAT` the next one) names, if it is one. Returns
/// only when there is nothing to become: an exit status if that is a mistake.
pub fn asked() -> Option<ExitCode> {
    let mut arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let at = arguments
        .iter()
        .position(|argument| !FLAGS.iter().any(|flag| argument == flag))?;
    let help = arguments[at] == "help";
    let name = arguments.get(at + usize::from(help))?.to_str()?.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if NAMES.contains(&name.as_str()) || name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let program = format!("st-sink-{name}");
    let Some(path) = find(&program) else {
        return missing(&name);
    };
    arguments.drain(at..=at + usize::from(help));
    if help {
        arguments.insert(0, "--help".into());
    }
    let error = Command::new(&path).args(arguments).exec();
    let text = format!("{name}: {}: {error}", path.display());
    Some(cli::report("st-sink", Err(anyhow::anyhow!(text))))
}

/// The program beside this one, or the first of the PATH.
fn find(program: &str) -> Option<PathBuf> {
    let own = env::current_exe().ok();
    let beside = own.as_deref().and_then(|own| own.parent());
    let path = env::var_os("PATH").unwrap_or_default();
    beside
        .map(PathBuf::from)
        .into_iter()
        .chain(env::split_paths(AsRef::<OsStr>::as_ref(&path)))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn missing(name: &str) -> Option<ExitCode> {
    CONNECTORS.contains(&name).then(|| {
        let text = format!("{name}: st-sink-{name} is not built: make connectors builds it");
        cli::report("st-sink", Err(usage(text)))
    })
}
