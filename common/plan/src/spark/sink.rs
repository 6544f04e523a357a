//! `st-sink`: `writeStream`; what Spark has no sink for is a function for `foreachBatch`.

use anyhow::Result;
use serde_json::Value;
use st_expr::{Schema, Type};
use st_stream::Mode;
use st_stream::marker::Node;

use super::python::{self, Call, attribute, call};
use super::{FUNCTIONS, Frame, Program, file, given, kafka, option, refuse};
use crate::Plan;

/// Functions a program may need, by name.
pub const HELPERS: [(&str, &str); 3] = [
    ("flat", include_str!("flat.py")),
    ("store", include_str!("store.py")),
    ("reached", include_str!("reached.py")),
];

/// What a writer is told beyond what every writer is.
struct Writer {
    frame: String,
    notes: Vec<String>,
    calls: Vec<Call>,
    /// A table's or query's name.
    name: Option<String>,
    /// Spark makes no temporary checkpoint for it.
    keeps: bool,
}

pub fn write(program: &mut Program, node: &Node, frame: Frame, plan: &Plan) -> Result<()> {
    let named = (node.name != node.tool).then(|| node.name.clone());
    let mut writer = Writer {
        frame: frame.name.clone(),
        notes: Vec::new(),
        calls: Vec::new(),
        name: named,
        keeps: false,
    };
    if given(node, "rejects") {
        writer.notes.push(
            "--rejects is left out: Spark does not keep rows that it cannot write".to_string(),
        );
    }
    if frame.pace.available_now
        && frame.pace.checkpoint.is_none()
        && frame.aggregated == Some(Mode::Append)
    {
        writer.notes.push(
            "Windows that are open at the end are not emitted: Spark has no last batch".to_string(),
        );
    }
    let query = program.variable(node, "query");
    let function = program.fresh(
        format!("write_{}", query.trim_end_matches("_query")).replace("write_query", "write"),
    );
    let mut before = Vec::new();
    match option(node, "format").unwrap_or("console") {
        "console" => console(node, &mut writer),
        "null" => writer.calls.push(call("format", ["\"noop\"".to_string()])),
        "exec" => exec(program, node, plan, &mut writer, &function),
        "memory" if option(node, "path").is_none() && plan.mode != Mode::Update => {
            writer.name = option(node, "table").map(str::to_string);
            writer
                .calls
                .push(call("format", ["\"memory\"".to_string()]));
        }
        "sqlite" | "memory" => sqlite(program, node, plan, &mut writer, &function),
        format @ ("json" | "csv" | "text" | "parquet") => {
            match (option(node, "path"), option(node, "file")) {
                (Some(path), _) => folder(program, node, plan, &mut writer, (format, path))?,
                (None, Some(path)) => {
                    single(program, node, plan, &mut writer, &function, (format, path))?
                }
                (None, None) => print(program, &mut writer, &function, format),
            }
        }
        "kafka" => {
            writer.keeps = true;
            let (message, calls) = kafka::write(program, node, &frame, plan, &mut writer.notes);
            before = message;
            writer.calls.extend(calls);
        }
        format => {
            return Err(refuse(
                node,
                format,
                "the program knows console, json, csv, text, parquet, sqlite, memory, kafka, exec and null",
            ));
        }
    }
    let mode = call("outputMode", [python::text(&plan.mode.to_string())]);
    let mut calls = before;
    calls.extend([attribute("writeStream"), mode]);
    calls.extend(
        writer
            .name
            .map(|name| call("queryName", [python::text(&name)])),
    );
    calls.append(&mut writer.calls);
    let location = match &frame.pace.checkpoint {
        Some(checkpoint) => {
            // The checkpoint of st is no checkpoint of Spark's.
            Some(python::text(&format!(
                "{}-spark/{}",
                checkpoint.trim_end_matches('/'),
                node.name
            )))
        }
        None if writer.keeps => {
            program.imports.insert("import tempfile");
            writer.notes.push("No checkpoint was given (--checkpoint), and Spark needs one: every run begins anew".to_string());
            Some("tempfile.mkdtemp()".to_string())
        }
        None => None,
    };
    calls.extend(
        location.map(|location| call("option", ["\"checkpointLocation\"".to_string(), location])),
    );
    calls.extend(frame.pace.trigger());
    calls.push(call("start", []));
    program.title(node, &writer.notes);
    program.body += &python::statement(&query, &writer.frame, &calls);
    program.queries.push(query);
    program.pace = Some(frame.pace);
    Ok(())
}

fn set(name: &str, value: &str) -> Call {
    call("option", [python::text(name), value.to_string()])
}

fn console(node: &Node, writer: &mut Writer) {
    writer
        .calls
        .push(call("format", ["\"console\"".to_string()]));
    if let Some(rows) = node.options.get("num-rows") {
        writer.calls.push(set("numRows", &rows.to_string()));
    }
    let width = node
        .options
        .get("truncate")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    if !matches!(width, 0 | 20) {
        writer.notes.push(format!(
            "--truncate {width}: Spark's console cuts cells to 20 characters or not at all"
        ));
    }
    writer
        .calls
        .push(set("truncate", if width == 0 { "False" } else { "True" }));
    for name in ["live", "vertical"] {
        if given(node, name) {
            writer.notes.push(format!(
                "--{name} is left out: Spark's console prints table after table"
            ));
        }
    }
}

fn columns(node: &Node, name: &str) -> Vec<String> {
    match node
        .options
        .get(name)
        .or(node.options.get(&name.replace('-', "_")))
    {
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_string)
            .collect(),
        Some(Value::String(text)) => text
            .split(',')
            .map(|name| name.trim().to_string())
            .collect(),
        _ => Vec::new(),
    }
}

fn folder(
    program: &mut Program,
    node: &Node,
    plan: &Plan,
    writer: &mut Writer,
    (format, path): (&str, &str),
) -> Result<()> {
    writer.keeps = true;
    if given(node, "overwrite") {
        writer
            .notes
            .push("--overwrite is left out: Spark adds to a folder; remove it first".to_string());
    }
    if format == "csv" {
        flatten(program, plan, writer);
    }
    writer.calls.push(call("format", [python::text(format)]));
    writer.calls.extend(file::writing(node, format)?);
    let by = columns(node, "partition-by");
    if !by.is_empty() {
        writer.calls.push(call(
            "partitionBy",
            by.iter().map(|name| python::text(name)),
        ));
    }
    writer.calls.push(set("path", &python::text(path)));
    Ok(())
}

/// CSV has no structs: their members are columns.
fn flatten(program: &mut Program, plan: &Plan, writer: &mut Writer) {
    let schema = Schema::parse(&plan.schema).unwrap_or_default();
    if schema
        .fields
        .iter()
        .any(|field| matches!(field.kind, Type::Struct(_)))
    {
        program.imports.insert(FUNCTIONS);
        program.helpers.insert("flat");
        writer.frame = format!("flat({})", writer.frame);
    }
}

/// One file is a folder with one file in it, for each batch.
fn single(
    program: &mut Program,
    node: &Node,
    plan: &Plan,
    writer: &mut Writer,
    function: &str,
    (format, path): (&str, &str),
) -> Result<()> {
    let replaces = plan.mode == Mode::Complete;
    let (mode, what) = if replaces {
        (
            "overwrite",
            "One file, replaced with each batch: to Spark it is a folder with one part",
        )
    } else {
        (
            "append",
            "One file that grows: to Spark it is a folder with a part per batch",
        )
    };
    let mut calls = vec![call("coalesce", ["1".to_string()]), attribute("write")];
    calls.push(call("mode", [python::text(mode)]));
    calls.extend(file::writing(node, format)?);
    calls.push(call(format, [python::text(path)]));
    let chain: String = calls
        .iter()
        .map(|call| match call.args.first().map(String::as_str) {
            Some("\0") => call.name.clone(),
            _ => format!("{}({})", call.name, call.args.join(", ")),
        })
        .collect();
    let mut head = "batch".to_string();
    if format == "csv" {
        flatten(program, plan, writer);
        head = writer.frame.replace(
            &format!(
                "({})",
                writer
                    .frame
                    .trim_start_matches("flat(")
                    .trim_end_matches(')')
            ),
            "(batch)",
        );
        if !head.contains("batch") {
            head = "batch".to_string();
        }
        writer.frame = writer
            .frame
            .trim_start_matches("flat(")
            .trim_end_matches(')')
            .to_string();
    }
    define(
        program,
        writer,
        function,
        what,
        &format!("    {head}{chain}\n"),
    );
    Ok(())
}

/// A function for `foreachBatch`, and its call.
fn define(program: &mut Program, writer: &mut Writer, function: &str, what: &str, body: &str) {
    program.body +=
        &format!("\n\ndef {function}(batch, batch_id):\n    \"\"\"{what}.\"\"\"\n{body}\n");
    writer
        .calls
        .push(call("foreachBatch", [function.to_string()]));
}

fn print(program: &mut Program, writer: &mut Writer, function: &str, format: &str) {
    let body = match format {
        "csv" => {
            program.imports.extend(["import csv", "import sys"]);
            program.imports.insert(FUNCTIONS);
            program.helpers.insert("flat");
            "    rows = flat(batch)\n    if batch_id == 0:\n        csv.writer(sys.stdout).writerow(rows.columns)\n    csv.writer(sys.stdout).writerows(rows.collect())\n"
        }
        "text" => "    for row in batch.collect():\n        print(row[0])\n",
        _ => {
            program.imports.insert(FUNCTIONS);
            "    rows = batch.select(F.to_json(F.struct(\"*\"), {\"ignoreNullFields\": \"false\"}))\n    for row in rows.collect():\n        print(row[0])\n"
        }
    };
    define(
        program,
        writer,
        function,
        &format!(
            "Prints the rows as {}",
            if format == "text" {
                "they are".to_string()
            } else {
                format.to_uppercase()
            }
        ),
        body,
    );
}

fn exec(program: &mut Program, node: &Node, plan: &Plan, writer: &mut Writer, function: &str) {
    program.imports.extend(["import os", "import subprocess"]);
    program.imports.insert(FUNCTIONS);
    let command = option(node, "path").unwrap_or_default();
    let run = format!(
        "subprocess.run([\"bash\", \"-c\", {}], input=lines, env=told, text=True, check=True)",
        python::text(command)
    );
    let run = if given(node, "empty") {
        format!("    {run}\n")
    } else {
        format!("    if lines:\n        {run}\n")
    };
    let body = format!(
        "    rows = batch.select(F.to_json(F.struct(\"*\"), {{\"ignoreNullFields\": \"false\"}}))\n    \
         lines = \"\".join(row[0] + \"\\n\" for row in rows.collect())\n    \
         told = os.environ | {{\"ST_BATCH_ID\": str(batch_id), \"ST_MODE\": {}, \"ST_KEYS\": {}}}\n{run}",
        python::text(&plan.mode.to_string()),
        python::text(&plan.keys.join(",")),
    );
    define(
        program,
        writer,
        function,
        "Runs the command with the rows of a batch as its input",
        &body,
    );
}

fn sqlite(program: &mut Program, node: &Node, plan: &Plan, writer: &mut Writer, function: &str) {
    program
        .imports
        .extend(["import sqlite3", "from contextlib import closing"]);
    program.imports.insert(FUNCTIONS);
    program.helpers.extend(["flat", "store"]);
    let table = option(node, "table").unwrap_or_default();
    let database = option(node, "path").map_or_else(|| format!("{table}.db"), str::to_string);
    let how = match plan.mode {
        Mode::Append => String::new(),
        Mode::Update if !plan.keys.is_empty() => {
            format!(
                ", keys=[{}]",
                python::texts(plan.keys.iter().map(String::as_str))
            )
        }
        Mode::Update | Mode::Complete => ", anew=True".to_string(),
    };
    if plan.mode == Mode::Append {
        writer
            .notes
            .push("A batch that is repeated after a crash is added once more".to_string());
    }
    if given(node, "overwrite") {
        writer
            .notes
            .push("--overwrite is left out: drop the table first".to_string());
    }
    let body = format!(
        "    store(batch, {}, {}{how})\n",
        python::text(&database),
        python::text(table)
    );
    define(
        program,
        writer,
        function,
        &format!("Keeps the rows in the table {table}"),
        &body,
    );
}
