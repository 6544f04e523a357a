//! From the command line to a target. Everything that can be refused without a stream is refused here.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value, json};
use st_deliver::table::Existing;
use st_stream::cli::usage;
use st_time::Zone;

use crate::args::Args;
use crate::console::{Console, Layout};
use crate::formats::{Codec, Compression, Csv, CsvLayout, Format, Json, Parquet, Text, Times};
use crate::target::Target;
use crate::targets::directory::Directory;
use crate::targets::exec::Exec;
use crate::targets::file::SingleFile;
use crate::targets::null::Null;
use crate::targets::sqlite::Sqlite;
use crate::targets::stream::{Formatted, JsonLines, TextLines};
use crate::terminal;

/// The formats by name, and `help`, which stands where a format does.
pub const NAMES: [&str; 10] = [
    "console", "json", "csv", "text", "parquet", "sqlite", "memory", "exec", "null", "help",
];

/// The format asked for, or the one that suits stdout.
fn format(args: &Args) -> &str {
    match args.format.as_deref() {
        Some(format) => format,
        None if terminal::is_stdout() => "console",
        None => "json",
    }
}

/// The options that belong to some formats only: name, whether it was given, the formats.
fn options(args: &Args) -> [(&'static str, bool, &'static [&'static str]); 18] {
    const FILES: &[&str] = &["json", "csv", "text", "parquet"];
    const KEPT: &[&str] = &["json", "csv", "text", "parquet", "sqlite", "memory"];
    [
        ("--file", args.file.is_some(), FILES),
        ("--partition-by", !args.partition_by.is_empty(), FILES),
        ("--compression", args.compression.is_some(), FILES),
        ("--overwrite", args.overwrite, KEPT),
        ("--append", args.append, KEPT),
        ("--table", args.table.is_some(), &["sqlite", "memory"]),
        ("--num-rows", args.num_rows.is_some(), &["console"]),
        ("--truncate", args.truncate.is_some(), &["console"]),
        ("--vertical", args.vertical, &["console"]),
        ("--live", args.live, &["console"]),
        ("--sep", args.sep.is_some(), &["csv"]),
        ("--header", args.header.is_some(), &["csv"]),
        ("--null-value", args.null_value.is_some(), &["csv"]),
        (
            "--timestamp-format",
            args.timestamp_format.is_some(),
            &["csv", "json"],
        ),
        (
            "--date-format",
            args.date_format.is_some(),
            &["csv", "json"],
        ),
        ("--no-header", args.no_header, &["csv"]),
        ("--ignore-null-fields", args.ignore_null_fields, &["json"]),
        ("--empty", args.empty, &["exec"]),
    ]
}

/// What the plan says of this sink. Where it delivers to is in its commits.
pub fn plan_options(args: &Args) -> Map<String, Value> {
    let mut plan = Map::from_iter([("format".to_string(), json!(format(args)))]);
    if args.format.is_none() {
        // What is printed here when the pipeline is explained is the plan, so it does not matter where to.
        plan.insert("bare".to_string(), json!(true));
    }
    for (name, value) in [
        (
            "file",
            args.file.as_ref().map(|path| json!(path.to_string_lossy())),
        ),
        (
            "path",
            args.path.as_ref().map(|path| json!(path.to_string_lossy())),
        ),
        ("table", args.table.as_ref().map(|table| json!(table))),
        (
            "partition-by",
            (!args.partition_by.is_empty()).then(|| json!(args.partition_by)),
        ),
        ("overwrite", args.overwrite.then_some(json!(true))),
        ("append", args.append.then_some(json!(true))),
        ("num-rows", args.num_rows.map(|rows| json!(rows))),
        ("truncate", args.truncate.map(|width| json!(width))),
        ("vertical", args.vertical.then_some(json!(true))),
        ("live", args.live.then_some(json!(true))),
        ("sep", args.sep.as_ref().map(|sep| json!(sep))),
        (
            "no-header",
            (args.no_header || args.header == Some(false)).then_some(json!(true)),
        ),
        (
            "null-value",
            args.null_value.as_ref().map(|text| json!(text)),
        ),
        (
            "timestamp-format",
            args.timestamp_format.as_ref().map(|text| json!(text)),
        ),
        (
            "date-format",
            args.date_format.as_ref().map(|text| json!(text)),
        ),
        (
            "compression",
            args.compression.as_ref().map(|how| json!(how)),
        ),
        (
            "ignore-null-fields",
            args.ignore_null_fields.then_some(json!(true)),
        ),
        ("empty", args.empty.then_some(json!(true))),
        (
            "tz",
            (args.zone.tz != Zone::UTC).then(|| json!(args.zone.tz.to_string())),
        ),
    ] {
        if let Some(value) = value {
            plan.insert(name.to_string(), value);
        }
    }
    plan
}

/// The target the command line names.
pub fn target(args: &Args) -> Result<Box<dyn Target>> {
    let name = format(args);
    if let Some((option, _, formats)) = options(args)
        .into_iter()
        .find(|(_, given, formats)| *given && !formats.contains(&name))
    {
        return Err(usage(format!(
            "{option}: belongs to {}, not to {name}",
            formats.join(", ")
        )));
    }
    let path = args.path.as_ref().map(PathBuf::from);
    let on_stdout = match name {
        "console" => true,
        "json" | "csv" | "text" => path.is_none() && args.file.is_none(),
        _ => false,
    };
    if on_stdout && args.progress.as_deref() == Some("-".as_ref()) {
        return Err(usage(
            "--progress -: the rows are on stdout already: name a file, such as /dev/stderr",
        ));
    }
    Ok(match name {
        "console" | "null" if path.is_some() => {
            return Err(usage(format!("{name}: takes no path")));
        }
        "console" => Box::new(Console::new(layout(args), args.live)),
        "null" => Box::new(Null),
        "exec" => Box::new(Exec::new(command(args)?, args.empty)),
        "sqlite" | "memory" => Box::new(sqlite(args, name, path)?),
        _ => files(args, name, path)?,
    })
}

fn layout(args: &Args) -> Layout {
    Layout {
        rows: args.num_rows.unwrap_or(20),
        truncate: args.truncate.unwrap_or(0),
        vertical: args.vertical,
    }
}

fn existing(args: &Args) -> Existing {
    match (args.overwrite, args.append) {
        (true, _) => Existing::Overwrite,
        (_, true) => Existing::Append,
        _ => Existing::Refuse,
    }
}

fn command(args: &Args) -> Result<String> {
    let command = args
        .path
        .as_ref()
        .and_then(|path| path.to_str())
        .map(str::trim)
        .unwrap_or_default();
    if command.is_empty() {
        return Err(usage("exec: which command? st-sink exec 'wc -l'"));
    }
    Ok(command.to_string())
}

fn sqlite(args: &Args, name: &str, path: Option<PathBuf>) -> Result<Sqlite> {
    let Some(table) = args.table.clone().filter(|table| !table.is_empty()) else {
        return Err(usage(format!("{name}: which table? --table T")));
    };
    if table.starts_with("_st_") || table.to_lowercase().starts_with("sqlite_") {
        return Err(usage(format!(
            "--table {table}: that name is taken: give another"
        )));
    }
    match path {
        Some(path) => Ok(Sqlite::new(path, table, existing(args), name == "memory")),
        None if name == "sqlite" => Err(usage(
            "sqlite: which database? st-sink sqlite FILE --table T",
        )),
        None => {
            let file = format!("st-memory-{}.db", std::process::id());
            Ok(Sqlite::temporary(std::env::temp_dir().join(file), table))
        }
    }
}

fn files(args: &Args, name: &str, path: Option<PathBuf>) -> Result<Box<dyn Target>> {
    if path.is_none()
        && args.file.is_none()
        && (args.overwrite || args.append || !args.partition_by.is_empty())
    {
        return Err(usage(format!(
            "{name}: where to? `st-sink {name} DIR`, or --file F"
        )));
    }
    if args.append && args.file.is_none() {
        return Err(usage(
            "--append: goes with --file F: a folder's files belong to one query",
        ));
    }
    Ok(match (path, args.file.clone()) {
        (Some(_), Some(_)) => {
            return Err(usage("--file F: is instead of a folder: give one of them"));
        }
        (Some(folder), None) => Box::new(Directory::new(
            folder,
            encoding(args, name)?,
            args.partition_by.clone(),
            args.overwrite,
        )),
        (None, Some(_)) if !args.partition_by.is_empty() => {
            return Err(usage(
                "--partition-by: makes folders: give DIR instead of --file F",
            ));
        }
        (None, Some(file)) => {
            Box::new(SingleFile::new(file, encoding(args, name)?, existing(args)))
        }
        (None, None) if args.compression.is_some() => {
            return Err(usage(
                "--compression: packs files: pipe plain rows through gzip or zstd",
            ));
        }
        (None, None) => match name {
            "json" => Box::new(JsonLines::new(args.ignore_null_fields, times(args)?)),
            "text" => Box::new(TextLines::default()),
            "csv" => Box::new(Formatted::new(encoding(args, name)?)),
            _ => {
                return Err(usage(
                    "parquet: where to? `st-sink parquet DIR`, or --file F in complete mode",
                ));
            }
        },
    })
}

fn encoding(args: &Args, name: &str) -> Result<Box<dyn Format>> {
    let how = args.compression.as_deref();
    if name == "parquet" {
        return Ok(Box::new(Parquet::new(Codec::parse(how)?)));
    }
    let compression = match how {
        None | Some("none" | "uncompressed") => Compression::None,
        Some("gzip" | "gz") => Compression::Gzip,
        Some("zstd" | "zst") => Compression::Zstd,
        Some(how) => {
            return Err(usage(format!(
                "--compression {how}: {name} takes gzip, zstd or none"
            )));
        }
    };
    Ok(match name {
        "json" => Box::new(Json::new(
            compression,
            args.ignore_null_fields,
            times(args)?,
        )),
        "text" => Box::new(Text::new(compression)),
        _ => {
            let separator = match args.sep.as_deref() {
                None => ",",
                Some("\\t") => "\t",
                Some("" | "\"") => {
                    return Err(usage(
                        "--sep: must be a text other than nothing and the quote",
                    ));
                }
                Some(separator) => separator,
            };
            let layout = CsvLayout {
                separator: separator.to_string(),
                header: args.header.unwrap_or(!args.no_header),
                null: args.null_value.clone().unwrap_or_default(),
                times: times(args)?,
            };
            Box::new(Csv::new(compression, layout))
        }
    })
}

/// How declared times are written.
fn times(args: &Args) -> Result<Times> {
    let pattern = |option: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| text.parse());
        parsed
            .transpose()
            .map_err(|error: anyhow::Error| usage(format!("{option}: {error:#}")))
    };
    Ok(Times {
        timestamp: pattern("--timestamp-format", &args.timestamp_format)?,
        date: pattern("--date-format", &args.date_format)?,
    })
}
