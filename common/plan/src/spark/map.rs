//! `st-map`: `where`, `withColumn`, `selectExpr`, `drop`, `withColumnRenamed`, in the order given.

use anyhow::{Result, anyhow};
use serde_json::Value;
use st_expr::{parse_assignments, parse_list, parse_names};
use st_stream::marker::Node;

use super::python::{self, Call, call};
use super::sql;
use super::{Frame, Program, given, refuse};

pub fn apply(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    if given(node, "else") {
        return Err(refuse(
            node,
            "--else",
            "a query has one result: make the other one a branch of st-tee, with the opposite --where",
        ));
    }
    let steps = node.options.get("steps").and_then(Value::as_array);
    let mut calls = Vec::new();
    for step in steps.into_iter().flatten().filter_map(Value::as_object) {
        for (kind, text) in step {
            let text = text.as_str().unwrap_or_default();
            calls.extend(one(program, node, kind, text)?);
        }
    }
    let name = program.variable(node, "mapped");
    program.say(node, &[], &name, &input.name, &calls);
    let mut frame = program.frame(node, name, input)?;
    frame
        .sessions
        .retain(|(column, _)| frame.schema.kind(column).is_some());
    Ok(frame)
}

fn one(program: &mut Program, node: &Node, kind: &str, text: &str) -> Result<Vec<Call>> {
    let wrong = |error: st_expr::SyntaxError| anyhow!("--{kind}: {error}");
    Ok(match kind {
        "where" => vec![call("where", [python::text(&sql::of(text)?)])],
        "select" => {
            let items = parse_list(text).map_err(wrong)?;
            let texts = sql::items(&items)?;
            vec![call(
                "selectExpr",
                texts.iter().map(|text| python::text(text)),
            )]
        }
        "set" => {
            let mut calls = Vec::new();
            for assignment in parse_assignments(text).map_err(wrong)? {
                let span = assignment.expr.span;
                let source = assignment
                    .text
                    .get(span.start..span.end)
                    .unwrap_or_default();
                let expr = program.expr(&sql::of(source)?);
                calls.push(call("withColumn", [python::text(&assignment.name), expr]));
            }
            calls
        }
        "drop" => {
            let names = parse_names(text).map_err(wrong)?;
            vec![call(
                "drop",
                names.iter().map(|name| python::text(&python::quoted(name))),
            )]
        }
        "rename" => {
            let mut calls = Vec::new();
            for (old, new) in renames(text).map_err(wrong)? {
                calls.push(call(
                    "withColumnRenamed",
                    [python::text(&old), python::text(&new)],
                ));
            }
            calls
        }
        _ => {
            return Err(refuse(
                node,
                "--through",
                "its rows go through a command of the shell: write it as an expression",
            ));
        }
    })
}

/// `old as new` or `old = new`.
fn renames(text: &str) -> Result<Vec<(String, String)>, st_expr::SyntaxError> {
    use st_expr::ast::{Binary, Node};
    let mut pairs = Vec::new();
    for item in parse_list(text)? {
        let pair = match (&item.expr.node, item.aliases.as_slice()) {
            (Node::Column(old), [new]) => Some((old.clone(), new.clone())),
            (Node::Binary(Binary::Equal, old, new), []) => old
                .column()
                .zip(new.column())
                .map(|(old, new)| (old.to_string(), new.to_string())),
            _ => None,
        };
        pairs.extend(pair);
    }
    Ok(pairs)
}
