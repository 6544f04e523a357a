//! The plan for people: a stage after the other, what it was told below it, branches and other inputs indented.

use serde_json::Value;
use st_stream::Bound;
use st_stream::marker::Node;

use crate::{Plan, parts};

/// The whole plan.
pub fn print(plan: &Plan) -> String {
    let mut text = String::new();
    stages(plan, "", &mut text);
    text
}

fn stages(plan: &Plan, indent: &str, text: &mut String) {
    for (number, node) in plan.plan.iter().enumerate() {
        let last = number + 1 == plan.plan.len();
        stage(node, last, indent, text);
    }
    // What the branches' rows are stands behind them.
    let splits = plan.plan.last().is_some_and(|node| node.tool == "st-tee");
    if !splits {
        for line in rows(plan) {
            *text += &format!("{indent}{line}\n");
        }
    }
}

fn stage(node: &Node, last: bool, indent: &str, text: &mut String) {
    let own = node.name.rsplit('.').next().unwrap_or_default();
    let title = if own.starts_with(&node.tool) {
        node.name.clone()
    } else {
        format!("{} ({})", node.name, node.tool)
    };
    *text += &format!("{indent}{title}\n");
    let parts = parts(node).unwrap_or_default();
    let rail = if last && parts.is_empty() { " " } else { "│" };
    for (name, value) in &node.options {
        for line in option(name, value) {
            *text += &format!("{indent}{rail}   {line}\n");
        }
    }
    for (number, (title, part)) in parts.iter().enumerate() {
        let ends = last && number + 1 == parts.len();
        let (corner, rail) = if ends { ("└", " ") } else { ("├", "│") };
        *text += &format!("{indent}{corner}── {title}\n");
        stages(part, &format!("{indent}{rail}   "), text);
    }
}

fn option(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(steps) if name == "steps" => steps
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .flat_map(|(name, value)| option(name, value))
            .collect(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(plain).collect();
            vec![format!("{name}: {}", values.join(", "))]
        }
        Value::Bool(true) => vec![name.to_string()],
        value => vec![format!("{name}: {}", plain(value))],
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => st_expr::tidy(text),
        value => value.to_string(),
    }
}

/// What the rows are at the end.
fn rows(plan: &Plan) -> Vec<String> {
    let mut how = format!("rows: {}", plan.mode);
    if !plan.keys.is_empty() {
        how += &format!(" by {}", plan.keys.join(", "));
    }
    let mut lines = vec![how];
    for declared in &plan.watermarks {
        for (column, bound) in &declared.columns {
            let what = match bound {
                Bound::Time => "",
                Bound::Window => "the end of ",
            };
            lines.push(format!("watermark: {} on {what}{column}", declared.delay));
        }
    }
    if let Some(columns) = &plan.columns {
        lines.push(format!("columns: {}", columns.join(", ")));
    }
    if !plan.schema.is_empty() {
        lines.push(format!("declared: {}", plan.schema));
    }
    lines
}
