//! What every tool's command line shares: options, errors as one line, exit codes.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use st_checkpoint::Durability;

use crate::belongs;
use crate::driver::{Aborted, Ending, Options};
use crate::generate;
use crate::marker::{Abort, Marker};
use crate::message;
use crate::trigger::Trigger;
use crate::writer::Closed;

/// Exit statuses, the same for every tool.
pub mod status {
    /// Done, or nobody reads the output any more.
    pub const DONE: u8 = 0;
    /// Failed.
    pub const FAILED: u8 = 1;
    /// The command line cannot be understood or asks for what cannot work.
    pub const USAGE: u8 = 2;
    /// Ended by a signal before the stream did.
    pub const INTERRUPTED: u8 = 130;
}

/// Options of every stage that is not a source.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "As a stage")]
pub struct StageArgs {
    /// Name of this stage in plan, checkpoint and messages
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The input is plain rows, whatever its first line says
    #[arg(long)]
    pub plain: bool,
    /// Stop at the first bad row or expression that cannot be evaluated
    #[arg(long)]
    pub strict: bool,
    /// Keep bad rows in FILE (default: in the query's checkpoint)
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Keep this stage's state in DIR when its input is plain
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Survive the loss of `power`, or of the `process` only
    #[arg(long, value_name = "HOW", default_value = "power", value_parser = durability)]
    pub durability: Durability,
    /// Say only what went wrong
    #[arg(short, long)]
    pub quiet: bool,
    /// Say what is decided; -vv: more
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
}

impl StageArgs {
    /// The driver's options.
    pub fn options(&self) -> Options {
        message::set_level(self.verbose);
        Options {
            name: self.name.clone(),
            plain: self.plain,
            strict: self.strict,
            quiet: self.quiet,
            rejects: self.rejects.clone(),
            late: None,
            checkpoint: self.checkpoint.clone(),
            trigger: None,
            durability: self.durability,
        }
    }
}

/// `-v`, for tools that are no stage.
#[derive(Clone, Debug, clap::Args)]
pub struct VerboseArgs {
    /// Say on stderr what is decided; -vv: more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl VerboseArgs {
    /// From now on so much is told.
    pub fn apply(&self) {
        message::set_level(self.verbose);
    }
}

/// The session time zone, for stages that read or compute local times.
#[derive(Clone, Debug, clap::Args)]
pub struct ZoneArgs {
    /// Session time zone
    #[arg(long, value_name = "ZONE", env = "ST_TZ", default_value = "UTC", hide_env_values = true, value_parser = zone)]
    pub tz: st_time::Zone,
}

/// Reads `power` or `process`.
pub fn durability(text: &str) -> Result<Durability> {
    match text {
        "power" => Ok(Durability::Power),
        "process" => Ok(Durability::Process),
        _ => Err(anyhow!("`{text}` is neither `power` nor `process`")),
    }
}

/// Reads the name of a branch, the prefix of its stages' names.
pub fn branch(text: &str) -> Result<String> {
    st_checkpoint::check_name(text)?;
    Ok(text.to_string())
}

/// Reads a time zone.
pub fn zone(text: &str) -> Result<st_time::Zone> {
    st_time::parse_zone(text).map_err(|error| anyhow!("{error}"))
}

/// Reads a duration of fixed length: `10 minutes`, `90s`, `1h30m`.
pub fn duration(text: &str) -> Result<std::time::Duration> {
    let parsed: st_time::Duration = text.parse().map_err(|error| anyhow!("{error}"))?;
    let micros = parsed
        .as_micros()
        .ok_or_else(|| anyhow!("`{text}`: months differ in length: give days"))?;
    u64::try_from(micros)
        .map(std::time::Duration::from_micros)
        .map_err(|_| anyhow!("`{text}` is negative"))
}

/// A duration as Spark writes it: `10 minutes`.
pub fn duration_text(duration: std::time::Duration) -> String {
    let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    st_time::Duration::from_micros(micros).to_string()
}

/// Reads the name of a top-level column: as it stands, or in backticks as SQL has it. A dot outside backticks would be a path
/// into a column, which is refused.
pub fn column(text: &str) -> Result<String> {
    if let Some(name) = text
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return Ok(name.replace("``", "`"));
    }
    if text.is_empty() {
        return Err(anyhow!("a column needs a name"));
    }
    if text.contains('.') {
        return Err(anyhow!(
            "`{text}` is inside a column: make it one first with st-map --set 'name = {text}', or write it in backticks if the name has a dot"
        ));
    }
    Ok(text.to_string())
}

/// Reads a processing-time trigger.
pub fn trigger(text: &str) -> Result<Trigger> {
    Trigger::parse(text)
}

/// An error of the command line: exit status 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Says that the command line asks for what cannot work.
pub fn usage(text: impl std::fmt::Display) -> anyhow::Error {
    Usage(text.to_string()).into()
}

/// The end of a stage that has handed on the abort of another: exit status 1, and nothing to say.
pub fn aborted(abort: Abort) -> anyhow::Error {
    Aborted {
        abort,
        passed_on: true,
    }
    .into()
}

/// The stage an error belongs to, as its outermost context.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) String);

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses the arguments and runs the tool: the body of every `main`.
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<Ending>) -> ExitCode {
    if let Some(exit) = generate::asked::<A>() {
        return exit;
    }
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse::<A>(&error),
    };
    report(A::command().get_name(), run(arguments))
}

/// Prints help as it is, a mistake as one line.
fn refuse<A: Parser>(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let tool = A::command().get_name().to_string();
    let text = error.render().to_string();
    let mut parts = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        // How to give such a word as a value is hardly ever what was meant.
        if line.starts_with("tip: to pass") {
            continue;
        }
        parts.push(match line.strip_prefix("tip: ") {
            Some(tip) => format!("({tip})"),
            None => line.strip_prefix("error: ").unwrap_or(line).to_string(),
        });
    }
    let text = match misplaced(error) {
        Some(text) => text,
        None => format!("{}: see {tool} --help", parts.join(" ")),
    };
    message::say(&tool, &text);
    abort(&tool, &text);
    ExitCode::from(status::USAGE)
}

/// An option of another tool, and whose it is.
fn misplaced(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => {
            let owner = belongs::owner(option)?;
            Some(format!("{option}: belongs to {owner}: give it there"))
        }
        _ => None,
    }
}

/// Tells the stages behind a tool that it refused to begin: for them an empty stream would be a stream without rows. A tool
/// whose output is no wire tells nobody.
fn abort(tool: &str, reason: &str) {
    let stdout = rustix::stdio::stdout();
    let ends = tool.starts_with("st-sink")
        || matches!(
            tool,
            "st-tee" | "st-help" | "st-state" | "st-ps" | "st-top" | "st-ui"
        );
    if ends || rustix::termios::isatty(stdout) {
        return;
    }
    let abort = Abort {
        stage: tool.to_string(),
        reason: reason.to_string(),
    };
    let mut line = Vec::new();
    // The tool has failed already; an abort that cannot be sent adds nothing.
    if Marker::Abort(abort).write(&mut line).is_ok() {
        let _ = std::io::stdout().write_all(&line);
    }
}

/// Prints how a run ended, and gives its exit status.
pub fn report(tool: &str, result: Result<Ending>) -> ExitCode {
    let error = match result {
        Ok(Ending::Done) => return ExitCode::from(status::DONE),
        Ok(Ending::Interrupted) => return ExitCode::from(status::INTERRUPTED),
        Err(error) => error,
    };
    if error.chain().any(|cause| cause.is::<Closed>()) {
        return ExitCode::from(status::DONE);
    }
    if error
        .downcast_ref::<Aborted>()
        .is_some_and(|aborted| aborted.passed_on)
    {
        return ExitCode::from(status::FAILED);
    }
    let name = error.downcast_ref::<Named>().map(|named| named.0.clone());
    let text = message::chain(&error);
    match &name {
        // The chain begins with the name itself.
        Some(name) => message::say(
            name,
            text.strip_prefix(&format!("{name}: ")).unwrap_or(&text),
        ),
        None => {
            message::say(tool, &text);
            // A driver that ran has sent its own.
            abort(tool, &text);
        }
    }
    let usage = error.chain().any(|cause| cause.is::<Usage>());
    ExitCode::from(if usage { status::USAGE } else { status::FAILED })
}
