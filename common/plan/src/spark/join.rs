//! `st-join`: `join`, the sides called `l` and `r`. `st-union`: `unionByName`.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use st_expr::{parse_list, parse_names};
use st_stream::marker::Node;

use super::python::{self, attribute, call};
use super::sql;
use super::{Frame, Program, file, option, refuse};
use crate::parts;

pub fn join(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    let right = match parts(node)?.into_iter().next() {
        Some((_, plan)) => match program.pipeline(&plan, None)? {
            Some(frame) => frame.name,
            None => bail!("its right side ends in a sink: let it end before"),
        },
        None => table(program, node)?,
    };
    let how = match option(node, "how").unwrap_or("inner") {
        "semi" => "left_semi",
        "anti" => "left_anti",
        how => how,
    };
    let (head, mut calls) = if let Some(using) = columns(node, "using")? {
        let columns = format!("[{}]", python::texts(using.iter().map(String::as_str)));
        let join = call("join", [right, columns, python::text(how)]);
        (input.name.clone(), vec![join])
    } else {
        let on = program.expr(&sql::of(option(node, "on").unwrap_or_default())?);
        let right = format!("{right}.alias(\"r\")");
        let join = call("join", [right, on, python::text(how)]);
        let left = call("alias", ["\"l\"".to_string()]);
        (input.name.clone(), vec![left, join])
    };
    if let Some(select) = option(node, "select") {
        if option(node, "on").is_none() {
            // Columns are told apart by their sides.
            calls.insert(0, call("alias", ["\"l\"".to_string()]));
            if let Some(join) = calls.get_mut(1) {
                join.args[0] += ".alias(\"r\")";
            }
        }
        let mut texts = Vec::new();
        for piece in sql::pieces(select) {
            if let all @ ("l.*" | "r.*") = piece.trim() {
                texts.push(all.to_string());
                continue;
            }
            let items = parse_list(piece).map_err(|error| anyhow!("--select: {error}"))?;
            texts.extend(sql::items(&items)?);
        }
        calls.push(call(
            "selectExpr",
            texts.iter().map(|text| python::text(text)),
        ));
    }
    let name = program.variable(node, "joined");
    program.say(node, &[], &name, &head, &calls);
    program.frame(node, name, input)
}

/// A list of names, as it was given or as a list.
fn columns(node: &Node, name: &str) -> Result<Option<Vec<String>>> {
    Ok(match node.options.get(name) {
        Some(Value::Array(names)) => Some(
            names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_string)
                .collect(),
        ),
        Some(Value::String(text)) => {
            Some(parse_names(text).map_err(|error| anyhow!("--{name}: {error}"))?)
        }
        _ => None,
    })
}

/// A file as the right side.
fn table(program: &mut Program, node: &Node) -> Result<String> {
    let path = option(node, "right")
        .or(option(node, "table"))
        .unwrap_or_default();
    let bare = path.trim_end_matches(".gz").trim_end_matches(".zst");
    let format = option(node, "right-format").unwrap_or_else(|| match bare.rsplit_once('.') {
        Some((_, "csv")) => "csv",
        Some((_, "tsv" | "tab")) => "tsv",
        Some((_, "parquet")) => "parquet",
        Some((_, "db" | "sqlite" | "sqlite3")) => "sqlite",
        _ => "json",
    });
    if format == "sqlite" {
        return Err(refuse(
            node,
            "a table of SQLite",
            "it reads databases through JDBC: give the table as Parquet or CSV",
        ));
    }
    let mut calls = vec![attribute("read")];
    let schema = option(node, "right-schema");
    match (schema, format) {
        (Some(schema), _) => calls.push(call("schema", [python::text(schema)])),
        (None, "csv" | "tsv") => {
            calls.push(call(
                "option",
                ["\"inferSchema\"".to_string(), "True".to_string()],
            ));
        }
        _ => {}
    }
    let reader = if format == "tsv" { "csv" } else { format };
    let mut described = node.clone();
    described.options.clear();
    described
        .options
        .insert("format".to_string(), format.into());
    calls.extend(file::reading(&described, reader)?);
    calls.push(call(reader, [python::text(path)]));
    let name = program.fresh("table".to_string());
    program.body += &format!("\n# {}: the table\n", node.name);
    program.body += &python::statement(&name, "spark", &calls);
    Ok(name)
}

pub fn union(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    let mut calls = Vec::new();
    for (_, plan) in parts(node)? {
        let Some(other) = program.pipeline(&plan, None)? else {
            bail!("an input of it ends in a sink: let it end before");
        };
        calls.push(call(
            "unionByName",
            [other.name, "allowMissingColumns=True".to_string()],
        ));
    }
    let name = program.variable(node, "united");
    program.say(node, &[], &name, &input.name, &calls);
    program.frame(node, name, input)
}
