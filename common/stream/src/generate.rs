//! Man pages and shell completions, made from the same definitions as the arguments, so that they cannot differ from them.
//!
//! `make install` asks each tool for its own.

use std::io::{Result, Write};
use std::process::ExitCode;

use clap::{Command, Parser};

use crate::cli::status;
use crate::message;

/// `--generate man|bash|zsh|fish` as the only arguments.
pub(crate) fn asked<A: Parser>() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "--generate" {
        return None;
    }
    let mut command = A::command();
    let name = command.get_name().to_string();
    let mut text = Vec::new();
    let shell = match arguments.next().as_deref() {
        Some("bash") => clap_complete::Shell::Bash,
        Some("zsh") => clap_complete::Shell::Zsh,
        Some("fish") => clap_complete::Shell::Fish,
        Some("man") => {
            let written = manual(command, &mut text);
            return Some(print(&name, written, &text));
        }
        _ => {
            message::say(&name, "--generate: give man, bash, zsh or fish");
            return Some(ExitCode::from(status::USAGE));
        }
    };
    clap_complete::generate(shell, &mut command, &name, &mut text);
    Some(print(&name, Ok(()), &text))
}

/// The man page: like the help it shows an example before the options, and the notes behind them.
fn manual(command: Command, out: &mut Vec<u8>) -> Result<()> {
    let example = command.get_before_help().map(ToString::to_string);
    let notes = command.get_after_help().map(ToString::to_string);
    // A page has room for what the help leaves to `help FORMAT`.
    let man = clap_mangen::Man::new(command.mut_args(|argument| argument.hide(false)));
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    section(out, "EXAMPLE", example)?;
    man.render_options_section(out)?;
    section(out, "NOTES", notes)?;
    man.render_version_section(out)
}

/// Text as it stands, line by line.
fn section(out: &mut Vec<u8>, title: &str, text: Option<String>) -> Result<()> {
    let Some(text) = text else { return Ok(()) };
    writeln!(out, ".SH {title}\n.nf")?;
    for line in text.lines().filter(|line| *line != "Example:") {
        let line = line.strip_prefix("Example: ").unwrap_or(line);
        let line = line
            .replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('\'', "\\(aq");
        // A dot at the beginning would be a request.
        writeln!(out, "\\&{line}")?;
    }
    writeln!(out, ".fi")
}

fn print(name: &str, written: Result<()>, text: &[u8]) -> ExitCode {
    match written.and_then(|()| std::io::stdout().write_all(text)) {
        Ok(()) => ExitCode::from(status::DONE),
        Err(error) => {
            message::say(name, &format!("stdout: {error}"));
            ExitCode::from(status::FAILED)
        }
    }
}
