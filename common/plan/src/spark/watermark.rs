//! `st-watermark`: `withWatermark`.

use anyhow::Result;
use st_expr::Type;
use st_stream::marker::Node;

use super::python::{self, call};
use super::{FUNCTIONS, Frame, Program, given, option, refuse};

pub fn apply(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    if given(node, "idle-timeout") {
        return Err(refuse(
            node,
            "--idle-timeout",
            "its watermark waits for rows, however long",
        ));
    }
    let column = option(node, "column").unwrap_or_default();
    let delay = option(node, "delay").unwrap_or_default();
    let mut calls = Vec::new();
    if input.schema.kind(column) != Some(&Type::Timestamp) {
        program.imports.insert(FUNCTIONS);
        let cast = format!(
            "F.col({}).cast(\"timestamp\")",
            python::text(&python::quoted(column))
        );
        calls.push(call("withColumn", [python::text(column), cast]));
    }
    calls.push(call(
        "withWatermark",
        [python::text(&python::quoted(column)), python::text(delay)],
    ));
    let name = program.variable(node, "timed");
    program.say(node, &[], &name, &input.name, &calls);
    program.frame(node, name, input)
}
