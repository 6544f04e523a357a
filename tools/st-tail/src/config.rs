//! What the command line asks for, checked and in the types it is used in.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value};
use st_expr::{Schema, Type};
use st_input::{Dialect, Format, Malformed, Mode, Reading, Times};
use st_stream::cli::usage;
use st_time::ReadPattern;

use crate::args::{Arguments, From};
use crate::clean::Clean;
use crate::format::FileFormat;
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
    /// What `--format` says; none: names tell it.
    pub format: Option<FileFormat>,
    /// As they were given, where they were.
    pub timestamp_format: Option<String>,
    pub date_format: Option<String>,
    pub merge_schema: bool,
    /// Partition columns are read from the folders below it.
    pub base_path: Option<String>,
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
        if input != Input::Files {
            for (option, given) in [
                (
                    "--format parquet",
                    arguments.format == Some(FileFormat::Parquet),
                ),
                ("--merge-schema", arguments.merge_schema),
                ("--base-path", arguments.base_path.is_some()),
            ] {
                if given {
                    return Err(usage(format!(
                        "{option}: Parquet is read from its end, and folders have files: give files or folders, without --follow"
                    )));
                }
            }
        }
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
            format: arguments.format,
            timestamp_format: arguments.timestamp_format.clone(),
            date_format: arguments.date_format.clone(),
            merge_schema: arguments.merge_schema,
            base_path: arguments
                .base_path
                .as_ref()
                .map(|path| path.trim_end_matches('/').to_string()),
            max_files: arguments.max_files_per_trigger,
            latest_first: arguments.latest_first,
            recursive: arguments.recursive,
            clean,
            skip_lost: arguments.skip_lost,
        })
    }

    /// How a file is to be read.
    pub fn reading_of(&self, path: &str) -> Reading {
        self.reading.for_name(path, self.format.is_some())
    }

    /// True if a file is read as Parquet.
    pub fn is_parquet(&self, path: &str) -> bool {
        self.format.map_or_else(
            || path.ends_with(".parquet"),
            |format| format == FileFormat::Parquet,
        )
    }

    /// What the format is called in messages.
    pub fn format_name(&self) -> &'static str {
        match self.format {
            Some(FileFormat::Parquet) => "parquet",
            _ => self.reading.format.name(),
        }
    }

    /// The declared columns.
    pub fn schema(&self) -> Schema {
        self.reading.declared()
    }

    /// The schema that the bytes of this file's rows depend on, to be recorded with them; none where they do not.
    pub fn schema_of_rows(&self, path: &str) -> Option<String> {
        let reading = &self.reading;
        let is_typed = matches!(self.reading_of(path).format, Format::Csv | Format::Tsv);
        let is_checked = reading.times.any()
            || reading.malformed.rejects_misfits()
            || reading.malformed.column.is_some();
        (is_typed || is_checked).then(|| reading.schema.to_string())
    }

    /// How a file is to be read again: with the schema it was read with.
    pub fn reading_again(&self, path: &str, schema: Option<&str>) -> Result<Reading> {
        let mut reading = self.reading_of(path);
        if let Some(ddl) = schema {
            let schema = Schema::parse(ddl)
                .map_err(|error| anyhow!("{path}: the recorded schema `{ddl}`: {error}"))?;
            reading.schema = schema.into();
        }
        Ok(reading)
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
    let format = match arguments.format {
        Some(FileFormat::Lines(format)) => format,
        _ => Format::Json,
    };
    if format == Format::Text && !schema.fields.is_empty() {
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
        comment: arguments
            .comment
            .as_deref()
            .map(|text| one_byte("--comment", text))
            .transpose()?,
        trim: (
            arguments.ignore_leading_white_space,
            arguments.ignore_trailing_white_space,
        ),
        null: arguments.null_value.clone().filter(|text| !text.is_empty()),
    };
    let times = Times {
        timestamp: pattern("--timestamp-format", arguments.timestamp_format.as_deref())?,
        date: pattern("--date-format", arguments.date_format.as_deref())?,
        zone: arguments.zone.tz,
    };
    let malformed = malformed(arguments)?;
    let limit = usize::try_from(arguments.max_line).unwrap_or(usize::MAX);
    Ok(Reading {
        format,
        schema: schema.into(),
        dialect,
        limit,
        multi_line: arguments.multi_line,
        times,
        malformed,
    })
}

fn malformed(arguments: &Arguments) -> Result<Malformed> {
    let column = arguments.column_name_of_corrupt_record.clone();
    if let Some(name) = &column {
        if arguments.mode != Mode::Permissive {
            return Err(usage(format!(
                "--column-name-of-corrupt-record: in {} mode malformed records are no rows: leave one of the two out",
                arguments.mode.name()
            )));
        }
        if name.is_empty() || name == "$st" {
            return Err(usage(format!(
                "--column-name-of-corrupt-record: `{name}` is no name for a column: give another"
            )));
        }
    }
    Ok(Malformed {
        mode: arguments.mode,
        column,
    })
}

fn pattern(option: &str, text: Option<&str>) -> Result<Option<Arc<ReadPattern>>> {
    let Some(text) = text else { return Ok(None) };
    let pattern = text
        .parse()
        .map_err(|error| usage(format!("{option}: {error:#}")))?;
    Ok(Some(Arc::new(pattern)))
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
