//! `st-listen`: `format("socket")`, which is a client and reads text.

use anyhow::Result;
use st_stream::marker::Node;

use super::pace::Pace;
use super::python::{self, attribute, call};
use super::{Frame, Program, given, option, refuse, schema};

pub fn read(program: &mut Program, node: &Node) -> Result<Frame> {
    let Some(address) = option(node, "connect") else {
        return Err(refuse(
            node,
            "listening",
            "its socket source connects to a server: give --connect HOST:PORT",
        ));
    };
    if option(node, "format") == Some("json") {
        return Err(refuse(
            node,
            "--format json",
            "its socket source gives lines: read them as text, then st-map --select 'from_json(value, …)'",
        ));
    }
    let (host, port) = address.rsplit_once(':').unwrap_or(("localhost", address));
    let set = |name: &str, value: String| call("option", [python::text(name), value]);
    let mut notes = Vec::new();
    let mut pace = Pace::of(node, &mut notes);
    if pace.checkpoint.take().is_some() {
        notes.push(
            "A socket cannot be read again, so Spark goes on after no crash: no checkpoint".into(),
        );
    }
    let mut calls = vec![
        attribute("readStream"),
        call("format", ["\"socket\"".to_string()]),
        set("host", python::text(host.trim_matches(['[', ']']))),
        set("port", port.to_string()),
    ];
    if given(node, "include-timestamp") {
        calls.push(set("includeTimestamp", "True".to_string()));
    }
    calls.push(call("load", []));
    let name = program.variable(node, "source");
    program.say(node, &notes, &name, "spark", &calls);
    Ok(Frame {
        name,
        schema: schema(node)?,
        pace,
        aggregated: None,
        sessions: Vec::new(),
    })
}
