//! `st-window`: a column of `window(…)`; sessions are made where they are grouped, for there Spark merges them.

use anyhow::Result;
use st_stream::marker::Node;

use super::python::{self, call};
use super::{FUNCTIONS, Frame, Program, option, refuse};

pub fn apply(program: &mut Program, node: &Node, input: Frame) -> Result<Frame> {
    if let Some(zone) = option(node, "tz") {
        return Err(refuse(
            node,
            &format!("--tz {zone}"),
            "its windows are aligned to 1970 UTC; --offset shifts them",
        ));
    }
    let column = option(node, "column").unwrap_or_default();
    let name = option(node, "as").unwrap_or("window");
    let time = program.time(&input, column);
    program.imports.insert(FUNCTIONS);
    let window = match option(node, "session") {
        Some(gap) => {
            let window = session(program, &time, gap)?;
            let mut frame = program.frame(node, input.name.clone(), input)?;
            // Spark merges the sessions of a `groupBy` alone.
            frame.sessions.retain(|(column, _)| column != name);
            frame.sessions.push((name.to_string(), window));
            program.title(
                node,
                &["Sessions are made by the aggregation that merges them".to_string()],
            );
            return Ok(frame);
        }
        None => {
            let size = option(node, "size").unwrap_or_default();
            grid(&time, size, option(node, "slide"), option(node, "offset"))
        }
    };
    let variable = program.variable(node, "windowed");
    let calls = [call("withColumn", [python::text(name), window])];
    program.say(node, &[], &variable, &input.name, &calls);
    program.frame(node, variable, input)
}

/// `F.window(time, size[, slide[, offset]])`
pub fn grid(time: &str, size: &str, slide: Option<&str>, offset: Option<&str>) -> String {
    let mut args = vec![time.to_string(), python::text(size)];
    match (slide, offset) {
        (slide, Some(offset)) => {
            args.push(python::text(slide.unwrap_or(size)));
            args.push(python::text(offset));
        }
        (Some(slide), None) => args.push(python::text(slide)),
        (None, None) => {}
    }
    format!("F.window({})", args.join(", "))
}

/// `F.session_window(time, gap)`; the gap is a duration or an expression.
pub fn session(program: &mut Program, time: &str, gap: &str) -> anyhow::Result<String> {
    let gap = match gap.parse::<st_time::Duration>() {
        Ok(duration) => python::text(&duration.to_string()),
        Err(_) => program.expr(&super::sql::of(gap)?),
    };
    Ok(format!("F.session_window({time}, {gap})"))
}
