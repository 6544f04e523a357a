//! `st-agg`: `groupBy(…).agg(…)`, and in complete mode `orderBy` and `limit`.

use anyhow::{Result, anyhow};
use serde_json::Value;
use st_expr::{Ast, Item, parse_list, parse_order};
use st_stream::Mode;
use st_stream::marker::Node;

use super::python::{self, Call, call};
use super::sql;
use super::{FUNCTIONS, Frame, Program, given, option, refuse, window};

pub fn apply(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    let mode = match option(node, "mode") {
        Some("append") => Mode::Append,
        Some("complete") => Mode::Complete,
        _ => Mode::Update,
    };
    if input.aggregated.is_some_and(|above| above != Mode::Append)
        || input.aggregated.is_some() && mode != Mode::Append
    {
        return Err(refuse(
            node,
            "an aggregation behind another one, unless both append,",
            "a query has one output mode: give both --mode append",
        ));
    }
    let wrong =
        |option: &'static str| move |error: st_expr::SyntaxError| anyhow!("--{option}: {error}");
    let by = parse_list_of(option(node, "by").unwrap_or_default()).map_err(wrong("by"))?;
    let agg = parse_list(option(node, "agg").unwrap_or_default()).map_err(wrong("agg"))?;
    let mut calls = Vec::new();
    let mut keys = Vec::new();
    for item in &by {
        let (key, name) = key(program, node, item, &input)?;
        // Spark's aggregates see the columns that are grouped, not the keys' names.
        let used = item.expr.column().is_none_or(|column| column != name)
            && agg.iter().any(|output| names(&output.expr, &name))
            && input.schema.kind(&name).is_none();
        if used {
            calls.push(call("withColumn", [python::text(&name), key]));
            keys.push(python::text(&python::quoted(&name)));
        } else {
            keys.push(alias(key, item, &name));
        }
    }
    calls.push(call("groupBy", keys));
    program.imports.insert(FUNCTIONS);
    let outputs = sql::items(&agg)?;
    calls.push(call(
        "agg",
        outputs
            .iter()
            .map(|text| format!("F.expr({})", python::text(text))),
    ));
    calls.extend(order(program, node)?);
    let mut notes = Vec::new();
    if given(node, "late") {
        notes.push(
            "Rows for closed windows are counted (numRowsDroppedByWatermark), not kept".to_string(),
        );
    }
    let name = program.variable(node, "grouped");
    program.say(node, &notes, &name, &input.name, &calls);
    let mut frame = program.frame(node, name, input)?;
    frame.aggregated = Some(mode);
    frame.sessions.clear();
    Ok(frame)
}

fn parse_list_of(text: &str) -> Result<Vec<Item>, st_expr::SyntaxError> {
    if text.is_empty() {
        Ok(Vec::new())
    } else {
        parse_list(text)
    }
}

/// The key as a column of Python, and its name.
fn key(program: &mut Program, node: &Node, item: &Item, input: &Frame) -> Result<(String, String)> {
    let name = item.name();
    if let Some(column) = item.expr.column() {
        if let Some((_, session)) = input.sessions.iter().find(|(window, _)| window == column) {
            return Ok((session.clone(), name));
        }
        return Ok((python::text(&python::quoted(column)), name));
    }
    let Some(call) = item
        .expr
        .call()
        .filter(|call| call.name.ends_with("window"))
    else {
        return Ok((program.expr(&sql::of(item.source())?), name));
    };
    program.imports.insert(FUNCTIONS);
    let [time, sizes @ ..] = call.args.as_slice() else {
        return Err(refuse(node, item.source(), "it is no window"));
    };
    let text = |ast: &Ast| {
        let source = item.text.get(ast.span.start..ast.span.end);
        sql::of(source.unwrap_or_default())
    };
    let time = match time.column() {
        Some(column) => program.time(input, column),
        None => program.expr(&text(time)?),
    };
    let sizes: Vec<String> = sizes
        .iter()
        .map(|size| {
            size.text()
                .map_or_else(|| text(size), |size| Ok(size.to_string()))
        })
        .collect::<Result<_>>()?;
    let duration = |size: &str| {
        size.trim_start_matches("interval ")
            .trim_matches('\'')
            .parse::<st_time::Duration>()
            .map_or_else(|_| size.to_string(), |size| size.to_string())
    };
    let made = match (call.name.as_str(), sizes.as_slice()) {
        ("session_window", [gap]) => window::session(program, &time, gap)?,
        (_, [size]) => window::grid(&time, &duration(size), None, None),
        (_, [size, slide]) => window::grid(&time, &duration(size), Some(&duration(slide)), None),
        (_, [size, slide, offset]) => window::grid(
            &time,
            &duration(size),
            Some(&duration(slide)),
            Some(&duration(offset)),
        ),
        _ => return Err(refuse(node, item.source(), "it is no window")),
    };
    Ok((made, name))
}

/// The key under its name; an expression without an alias, and a window, have it already.
fn alias(key: String, item: &Item, name: &str) -> String {
    let natural = match (item.expr.column(), item.expr.call()) {
        (Some(column), _) => column == name && !key.starts_with("F."),
        (None, Some(call)) if call.name == "window" || call.name == "session_window" => {
            call.name == name
        }
        _ => item.aliases.is_empty(),
    };
    if natural {
        return key;
    }
    let column = if key.starts_with("F.") {
        key
    } else {
        format!("F.col({key})")
    };
    format!("{column}.alias({})", python::text(name))
}

/// True if the expression, outside aggregates, or within them, reads the column `name`.
fn names(ast: &Ast, name: &str) -> bool {
    ast.column() == Some(name) || ast.parts().into_iter().any(|part| names(part, name))
}

/// `--order-by` and `--limit`.
fn order(program: &mut Program, node: &Node) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    let text = option(node, "order-by")
        .or(option(node, "order_by"))
        .unwrap_or_default();
    if !text.is_empty() {
        let mut keys = Vec::new();
        for order in parse_order(text).map_err(|error| anyhow!("--order-by: {error}"))? {
            let span = order.expr.span;
            let source = sql::of(text.get(span.start..span.end).unwrap_or_default())?;
            let column = match order.expr.column() {
                Some(column) => python::quoted(column),
                None => source.clone(),
            };
            let natural = order.nulls_first != order.descending;
            let plain = order.expr.column().is_some();
            keys.push(match (order.descending, natural, plain) {
                (false, true, true) => python::text(&column),
                (true, true, true) => format!("F.desc({})", python::text(&column)),
                (descending, natural, _) => {
                    let way = if descending { "desc" } else { "asc" };
                    let nulls = match (natural, order.nulls_first) {
                        (true, _) => "",
                        (false, true) => "_nulls_first",
                        (false, false) => "_nulls_last",
                    };
                    format!("{}.{way}{nulls}()", program.expr(&column))
                }
            });
        }
        calls.push(call("orderBy", keys));
    }
    if let Some(limit) = node.options.get("limit").and_then(Value::as_u64) {
        calls.push(call("limit", [limit.to_string()]));
    }
    Ok(calls)
}
