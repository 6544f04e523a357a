//! `st-rate`: `format("rate")`, or `format("rate-micro-batch")`.

use anyhow::Result;
use serde_json::Value;
use st_stream::marker::Node;

use super::pace::{Pace, Rows};
use super::python::{self, attribute, call};
use super::{Frame, Program, option, refuse, schema};

pub fn read(program: &mut Program, node: &Node) -> Result<Frame> {
    let number = |name: &str| node.options.get(name).and_then(Value::as_i64);
    let set = |name: &str, value: String| call("option", [python::text(name), value]);
    let mut notes = Vec::new();
    let mut pace = Pace::of(node, &mut notes);
    let start = option(node, "start-time");
    let mut calls = vec![attribute("readStream")];
    // Rows of one step of the source's offset, and steps that do not count.
    let (size, unsteady) = if let Some(size) = number("rows-per-batch") {
        calls.push(call("format", ["\"rate-micro-batch\"".to_string()]));
        calls.push(set("rowsPerBatch", size.to_string()));
        if let Some(advance) = number("advance-ms").filter(|advance| *advance != 1000) {
            calls.push(set("advanceMillisPerBatch", advance.to_string()));
        }
        if let Some(start) = start {
            let micros =
                st_time::parse_timestamp(start.as_bytes(), st_time::Zone::UTC).unwrap_or(0);
            notes.push(format!("Begins at {start}"));
            calls.push(set("startTimestamp", (micros / 1000).to_string()));
        }
        // The offset counts rows.
        (1, 0)
    } else {
        if start.is_some() {
            return Err(refuse(
                node,
                "--start-time",
                "its rate source begins at the present; one with --rows-per-batch can begin at any time",
            ));
        }
        let rate = number("rows-per-second").unwrap_or(1);
        calls.push(call("format", ["\"rate\"".to_string()]));
        calls.push(set("rowsPerSecond", rate.to_string()));
        let ramp = number("ramp-up-seconds").unwrap_or(0);
        if ramp > 0 {
            calls.push(set("rampUpTime", python::text(&format!("{ramp}s"))));
        }
        (rate, ramp)
    };
    calls.push(call("load", []));
    if let Some(rows) = number("rows") {
        notes.push(format!(
            "The source has no end: rows beyond {rows} are left out"
        ));
        calls.push(call("where", [python::text(&format!("value < {rows}"))]));
        // A batch more than has the rows: Spark closes windows by the watermark of the batch before.
        let offset = rows.div_euclid(size) + i64::from(rows % size > 0) + unsteady + 1;
        pace.rows = Some(Rows { offset });
    }
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
