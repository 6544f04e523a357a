//! Options of readers and writers of files: Spark's names, which are ours in another case, and what differs by default.

use anyhow::{Result, bail};
use serde_json::Value;
use st_stream::marker::Node;

use super::python::{self, Call, call};
use super::{given, option};

/// Options that have Spark's name and values.
const SAME: [(&str, &str); 18] = [
    ("base-path", "basePath"),
    ("null-value", "nullValue"),
    ("empty-value", "emptyValue"),
    ("timestamp-format", "timestampFormat"),
    ("date-format", "dateFormat"),
    ("mode", "mode"),
    ("column-name-of-corrupt-record", "columnNameOfCorruptRecord"),
    ("merge-schema", "mergeSchema"),
    ("comment", "comment"),
    ("encoding", "encoding"),
    ("multi-line", "multiLine"),
    ("locale", "locale"),
    ("nan-value", "nanValue"),
    ("positive-inf", "positiveInf"),
    ("negative-inf", "negativeInf"),
    ("ignore-leading-white-space", "ignoreLeadingWhiteSpace"),
    ("ignore-trailing-white-space", "ignoreTrailingWhiteSpace"),
    ("compression", "compression"),
];

fn options(node: &Node) -> Vec<Call> {
    SAME.iter()
        .filter_map(|(ours, theirs)| {
            let value = node.options.get(*ours)?;
            Some(set(theirs, &python::value(value)))
        })
        .collect()
}

fn set(name: &str, value: &str) -> Call {
    call("option", [python::text(name), value.to_string()])
}

/// The options of a source.
pub fn reading(node: &Node, format: &str) -> Result<Vec<Call>> {
    let mut calls = options(node);
    if format != "csv" {
        return Ok(calls);
    }
    if node.options.get("header") != Some(&Value::Bool(false)) {
        calls.push(set("header", "True"));
    }
    let tabs = option(node, "format") == Some("tsv");
    if let Some(separator) = option(node, "sep").or(tabs.then_some("\t")) {
        calls.push(set("sep", &python::text(separator)));
    }
    if let Some(quote) = option(node, "quote") {
        calls.push(set("quote", &python::text(quote)));
    }
    // A field in quotes may hold newlines.
    if !node.options.contains_key("multi-line") {
        calls.push(set("multiLine", "True"));
    }
    // A quote inside quotes is doubled, unless it is escaped as Spark's default has it.
    if option(node, "escape") != Some("backslash") {
        calls.push(set("escape", "'\"'"));
    }
    Ok(calls)
}

/// The options of a sink of files.
pub fn writing(node: &Node, format: &str) -> Result<Vec<Call>> {
    let mut calls = options(node);
    match format {
        "json" => {
            let ignored = if given(node, "ignore-null-fields") {
                "True"
            } else {
                "False"
            };
            calls.push(set("ignoreNullFields", ignored));
        }
        "csv" => {
            let header = if given(node, "no-header")
                || node.options.get("header") == Some(&Value::Bool(false))
            {
                "False"
            } else {
                "True"
            };
            calls.push(set("header", header));
            if let Some(separator) = option(node, "sep") {
                calls.push(set("sep", &python::text(separator)));
            }
            calls.push(set("escape", "'\"'"));
        }
        "text" | "parquet" => {}
        other => bail!("format {other} has no writer in Spark"),
    }
    Ok(calls)
}
