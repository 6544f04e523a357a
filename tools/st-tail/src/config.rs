//! What the command line asks for, checked and in the types it is used in.

use anyhow::{Result, bail};
use serde_json::{Map, Value};
use st_expr::{Schema, Type};
use st_input::{Dialect, Escape, Format, Reading};
use st_stream::cli::usage;

use crate::args::{Arguments, From};
use crate::clean::Clean;
use crate::roots::Root;

/// Which of the three sources it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Stdin,
    Files,
    Follow,
}

/// Everything st-tail was told.
#[derive(Clone, Debug)]
pub struct Config {
    pub input: Input,
    pub roots: Vec<Root>,
    pub from: From,
    pub reading: Reading,
    /// `--format` was given: names tell nothing.
    pub fixed: bool,
    pub max_files: Option<u64>,
    pub latest_first: bool,
    pub recursive: bool,
    pub clean: Option<Clean>,
    pub skip_lost: bool,
}

impl Config {
    /// Refuses what cannot work; looks at the paths.
    pub fn new(arguments: &Arguments) -> Result<Config> {
        let paths = &arguments.paths;
        let is_stdin = paths.is_empty() || paths.iter().any(|path| path == "-");
        if is_stdin && paths.len() > 1 {
            return Err(usage(
                "-: standard input cannot be mixed with files: give it alone",
            ));
        }
        let roots = if is_stdin {
            Vec::new()
        } else {
            Root::all(paths, arguments.recursive, arguments.follow)?
        };
        let pipe = roots.iter().find(|root| matches!(root, Root::Pipe(_)));
        if let Some(pipe) = pipe.filter(|_| roots.len() > 1) {
            return Err(usage(format!(
                "{}: is a pipe or device: give it alone",
                pipe.text()
            )));
        }
        let input = match (is_stdin || pipe.is_some(), arguments.follow) {
            (true, true) => {
                return Err(usage(
                    "--follow: only files can be followed: give their paths",
                ));
            }
            (true, false) => Input::Stdin,
            (false, true) => Input::Follow,
            (false, false) => Input::Files,
        };
        if input != Input::Files {
            for (option, given) in [
                (
                    "--max-files-per-trigger",
                    arguments.max_files_per_trigger.is_some(),
                ),
                ("--latest-first", arguments.latest_first),
                ("--clean-source", arguments.clean_source.is_some()),
            ] {
                if given {
                    return Err(usage(format!(
                        "{option}: only for files that are read whole: leave it out"
                    )));
                }
            }
        }
        let clean = match &arguments.clean_source {
            Some(text) => Some(Clean::parse(text, &roots)?),
            None => None,
        };
        if clean.is_some() && arguments.source.checkpoint.is_none() {
            return Err(usage(
                "--clean-source: without --checkpoint nobody knows what the sinks have: give one",
            ));
        }
        let mut reading = reading(arguments)?;
        if input == Input::Stdin && arguments.format.is_none() {
            // A pipe may have a name, and the name may tell the format.
            reading.format = roots
                .first()
                .and_then(|root| Format::of_name(root.text()))
                .unwrap_or(reading.format);
        }
        Ok(Config {
            input,
            roots,
            from: arguments.from.unwrap_or(From::Earliest),
            reading,
            fixed: arguments.format.is_some(),
            max_files: arguments.max_files_per_trigger,
            latest_first: arguments.latest_first,
            recursive: arguments.recursive,
            clean,
            skip_lost: arguments.skip_lost,
        })
    }

    /// How a file is to be read.
    pub fn reading_of(&self, path: &str) -> Reading {
        self.reading.for_name(path, self.fixed)
    }

    /// The declared columns as DDL.
    pub fn schema(&self) -> String {
        if self.fixed && self.reading.format == Format::Text {
            return "value STRING".to_string();
        }
        self.reading.schema.to_string()
    }

    /// What the bytes of a recorded range mean.
    fn decoding(&self) -> Map<String, Value> {
        let mut decoding = Map::new();
        let format = if self.fixed || self.input == Input::Stdin {
            self.reading.format.name()
        } else {
            "by name"
        };
        decoding.insert("format".into(), format.into());
        let schema = self.reading.schema.to_string();
        if !schema.is_empty() {
            decoding.insert("schema".into(), schema.into());
        }
        let dialect = &self.reading.dialect;
        if dialect.headless {
            decoding.insert("header".into(), false.into());
        }
        if let Some(separator) = dialect.separator {
            decoding.insert("sep".into(), char::from(separator).to_string().into());
        }
        if dialect.unquoted || dialect.quote.is_some() {
            decoding.insert(
                "quote".into(),
                dialect
                    .quote
                    .map(char::from)
                    .map(String::from)
                    .unwrap_or_default()
                    .into(),
            );
        }
        if dialect.escape == Escape::Backslash {
            decoding.insert("escape".into(), "backslash".into());
        }
        if self.reading.limit != st_input::LINE_LIMIT {
            decoding.insert("max-line".into(), self.reading.limit.into());
        }
        decoding
    }

    /// What must be the same on a restart. Files that are named one by one may change: a shell expands a glob anew each time.
    pub fn identity(&self) -> Value {
        let mut identity = self.decoding();
        let watched = self
            .roots
            .iter()
            .filter(|root| root.is_watched())
            .map(|root| root.text().into());
        let watched: Vec<Value> = watched.collect();
        if !watched.is_empty() {
            identity.insert("watched".into(), watched.into());
        }
        if self.input == Input::Follow {
            identity.insert("follow".into(), true.into());
        }
        Value::Object(identity)
    }

    /// The options in normal form, for the plan.
    pub fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        let paths: Vec<Value> = match self.input {
            Input::Stdin if self.roots.is_empty() => vec!["-".into()],
            _ => self.roots.iter().map(|root| root.text().into()).collect(),
        };
        options.insert("paths".into(), paths.into());
        options.append(&mut self.decoding());
        if self.input == Input::Follow {
            options.insert("follow".into(), true.into());
        }
        if let Some(files) = self.max_files {
            options.insert("max-files-per-trigger".into(), files.into());
        }
        if self.latest_first {
            options.insert("latest-first".into(), true.into());
        }
        if self.from == From::Latest {
            options.insert("from".into(), "latest".into());
        }
        if self.recursive {
            options.insert("recursive".into(), true.into());
        }
        if let Some(clean) = &self.clean {
            options.insert("clean-source".into(), clean.to_string().into());
        }
        if self.skip_lost {
            options.insert("skip-lost".into(), true.into());
        }
        options
    }
}

fn reading(arguments: &Arguments) -> Result<Reading> {
    let schema = match &arguments.schema {
        Some(ddl) => Schema::parse(ddl).map_err(|error| usage(format!("--schema: {error}")))?,
        None => Schema::default(),
    };
    let format = arguments.format.unwrap_or(Format::Json);
    if arguments.format == Some(Format::Text) && !schema.fields.is_empty() {
        return Err(usage(
            "--schema: text has the one column `value`: leave it out, or give another --format",
        ));
    }
    if matches!(format, Format::Csv | Format::Tsv) {
        for field in &schema.fields {
            if matches!(
                field.kind,
                Type::Array(_) | Type::Map(..) | Type::Struct(_) | Type::Binary | Type::Interval
            ) {
                bail!(usage(format!(
                    "--schema: {}: {} has no {}: declare it STRING",
                    field.name,
                    format.name(),
                    field.kind
                )));
            }
        }
    }
    let dialect = Dialect {
        separator: arguments
            .sep
            .as_deref()
            .map(|text| one_byte("--sep", text))
            .transpose()?,
        quote: match arguments.quote.as_deref() {
            None | Some("") => None,
            Some(text) => Some(one_byte("--quote", text)?),
        },
        unquoted: arguments.quote.as_deref() == Some(""),
        escape: arguments.escape,
        headless: !arguments.header,
    };
    let limit = usize::try_from(arguments.max_line).unwrap_or(usize::MAX);
    Ok(Reading {
        format,
        schema: schema.into(),
        dialect,
        limit,
    })
}

/// One ASCII character; `\t` and `tab` are the tab.
fn one_byte(option: &str, text: &str) -> Result<u8> {
    match text {
        "\\t" | "tab" => return Ok(b'\t'),
        "\n" | "\r" | "\\" => {}
        _ => {
            if let [byte] = text.as_bytes()
                && byte.is_ascii()
            {
                return Ok(*byte);
            }
        }
    }
    Err(usage(format!(
        "{option}: `{text}` is not one character of ASCII, such as ';'"
    )))
}
