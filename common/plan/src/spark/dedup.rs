//! `st-dedup`: `dropDuplicates`, `dropDuplicatesWithinWatermark`.

use anyhow::{Result, anyhow};
use serde_json::Value;
use st_expr::parse_names;
use st_stream::marker::Node;

use super::python::{self, call};
use super::{Frame, Program, given};

pub fn apply(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    let names: Vec<String> = match node.options.get("by") {
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_string)
            .collect(),
        Some(Value::String(text)) => parse_names(text).map_err(|error| anyhow!("--by: {error}"))?,
        _ => Vec::new(),
    };
    let method = if given(node, "within-watermark") {
        "dropDuplicatesWithinWatermark"
    } else {
        "dropDuplicates"
    };
    let args = if names.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "[{}]",
            python::texts(names.iter().map(String::as_str))
        )]
    };
    let name = program.variable(node, "unique");
    program.say(node, &[], &name, &input.name, &[call(method, args)]);
    program.frame(node, name, input)
}
