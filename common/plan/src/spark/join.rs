//! `st-join` and `st-union`.

use anyhow::{Result, bail};
use st_stream::marker::Node;

use super::python::{self, call};
use super::{Frame, Program, option};
use crate::parts;

pub fn join(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    let _ = (&program, option(node, "how"), &input);
    bail!("is not known to the program")
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
    let name = program.variable(node, "union");
    program.say(node, &[], &name, &input.name, &calls);
    let _ = python::text;
    program.frame(node, name, input)
}
