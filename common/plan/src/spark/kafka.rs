//! `st-kafka` and `st-sink kafka`: `format("kafka")`, whose rows have bytes as key and value.

use anyhow::Result;
use serde_json::Value;
use st_expr::Type;
use st_stream::marker::Node;

use super::pace::Pace;
use super::python::{self, Call, attribute, call, quoted};
use super::{FUNCTIONS, Frame, Program, given, option, refuse, schema};
use crate::Plan;

/// The source, its options by Spark's names.
pub fn read(program: &mut Program, node: &Node) -> Result<Frame> {
    program.kafka = true;
    let mut notes = Vec::new();
    let pace = Pace::of(node, &mut notes);
    // What other sources cannot do, this one can.
    notes.retain(|note| !note.starts_with("--max-rows-per-trigger"));
    settings(node, &mut notes);
    let mut calls = vec![
        attribute("readStream"),
        call("format", ["\"kafka\"".to_string()]),
        servers(node),
        set("kafka.isolation.level", "read_committed"),
    ];
    if let Some(Value::Array(topics)) = node.options.get("topics") {
        let topics: Vec<&str> = topics.iter().filter_map(Value::as_str).collect();
        calls.push(set("subscribe", &topics.join(",")));
    }
    for (ours, theirs) in [("topic-pattern", "subscribePattern"), ("assign", "assign")] {
        calls.extend(option(node, ours).map(|value| set(theirs, value)));
    }
    match option(node, "starting-timestamp") {
        Some(text) if text.trim_start().starts_with('{') => {
            calls.push(set("startingOffsetsByTimestamp", text));
            calls.push(set("startingOffsetsByTimestampStrategy", "latest"));
        }
        Some(text) => {
            let micros = st_time::parse_timestamp(text.as_bytes(), st_time::Zone::UTC).unwrap_or(0);
            calls.push(set(
                "startingTimestamp",
                &micros.div_euclid(1000).to_string(),
            ));
            calls.push(set("startingOffsetsByTimestampStrategy", "latest"));
        }
        None => {
            let offsets = option(node, "starting-offsets").unwrap_or("latest");
            calls.push(set("startingOffsets", offsets));
        }
    }
    for (ours, theirs) in [
        ("max-rows-per-trigger", "maxOffsetsPerTrigger"),
        ("min-rows-per-trigger", "minOffsetsPerTrigger"),
    ] {
        if let Some(value) = node.options.get(ours) {
            calls.push(call("option", [python::text(theirs), python::value(value)]));
        }
    }
    calls.extend(option(node, "max-trigger-delay").map(|delay| set("maxTriggerDelay", delay)));
    for (ours, theirs, value) in [
        ("skip-lost", "failOnDataLoss", "false"),
        ("include-headers", "includeHeaders", "true"),
    ] {
        if given(node, ours) {
            calls.push(set(theirs, value));
        }
    }
    calls.push(call("load", []));
    columns(program, node, &mut calls, &mut notes)?;
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

/// From bytes to what key and value are said to be.
fn columns(
    program: &mut Program,
    node: &Node,
    calls: &mut Vec<Call>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let value = option(node, "value").unwrap_or("text");
    let ddl = option(node, "schema");
    let needs_schema = |flag: &str| {
        refuse(
            node,
            flag,
            "its from_json needs the types: declare them with --schema",
        )
    };
    let mut replace = |column: &str, expr: String| {
        calls.push(call("withColumn", [python::text(column), expr]));
    };
    if value != "row" {
        match option(node, "key") {
            Some("json") => {
                return Err(refuse(
                    node,
                    "--key json",
                    "its columns have one type: read keys as text, then st-map --select 'from_json(key, …)'",
                ));
            }
            Some("base64") => {}
            _ => replace("key", program.expr("CAST(key AS STRING)")),
        }
    }
    let parsed = |program: &mut Program, ddl: &str| {
        program.imports.insert(FUNCTIONS);
        format!(
            "F.from_json(F.col(\"value\").cast(\"string\"), {})",
            python::text(ddl)
        )
    };
    match (value, ddl) {
        ("text", _) => replace("value", program.expr("CAST(value AS STRING)")),
        ("base64", _) => {}
        (_, None) => return Err(needs_schema(&format!("--value {value}"))),
        (how, Some(ddl)) => {
            notes.push(
                "Messages that are no JSON are left out: Spark would make rows of nulls of them"
                    .to_string(),
            );
            let test = match how {
                "row" => "json_object_keys(CAST(value AS STRING)) is not null",
                _ => "value is null or get_json_object(CAST(value AS STRING), '$') is not null",
            };
            let parsed = parsed(program, ddl);
            calls.push(call("where", [python::text(test)]));
            calls.push(call("withColumn", ["\"value\"".to_string(), parsed]));
            if how == "row" {
                calls.push(call("select", ["\"value.*\"".to_string()]));
            }
        }
    }
    Ok(())
}

/// The sink's chain from `writeStream` on, and the columns that go in front: what a message is made of.
pub fn write(
    program: &mut Program,
    node: &Node,
    frame: &Frame,
    plan: &Plan,
    notes: &mut Vec<String>,
) -> (Vec<Call>, Vec<Call>) {
    program.kafka = true;
    program.imports.insert(FUNCTIONS);
    settings(node, notes);
    if !given(node, "at-least-once") {
        notes.push("A batch that is repeated after a crash is sent once more".to_string());
    }
    let kind = |column: &str| {
        let declared = st_expr::Schema::parse(&plan.schema).unwrap_or_default();
        let kind = declared.kind(column).or(frame.schema.kind(column));
        kind.cloned()
    };
    let text = |column: &str| {
        let quoted = python::text(&quoted(column));
        match kind(column) {
            Some(Type::Struct(_) | Type::Array(_) | Type::Map(..)) => {
                format!("F.to_json({quoted}, {FULL})")
            }
            Some(Type::Binary) => format!("F.base64({quoted})"),
            _ => format!("F.col({quoted}).cast(\"string\")"),
        }
    };
    let topic = option(node, "topic").unwrap_or_default();
    let mut message = Vec::new();
    if let Some(column) = option(node, "topic-column") {
        let column = python::text(&quoted(column));
        message.push(format!(
            "F.coalesce(F.col({column}), F.lit({})).alias(\"topic\")",
            python::text(topic)
        ));
    }
    if let Some(column) = option(node, "key") {
        message.push(format!("{}.alias(\"key\")", text(column)));
    }
    let value = match option(node, "value") {
        Some(column) => text(column),
        None => format!("F.to_json(F.struct(\"*\"), {FULL})"),
    };
    message.push(format!("{value}.alias(\"value\")"));
    if let Some(column) = option(node, "partition-column") {
        let column = python::text(&quoted(column));
        message.push(format!(
            "F.col({column}).cast(\"int\").alias(\"partition\")"
        ));
    }
    if let Some(column) = option(node, "headers") {
        let column = python::text(&quoted(column));
        message.push(format!("F.col({column}).alias(\"headers\")"));
    }
    let mut calls = vec![call("format", ["\"kafka\"".to_string()]), servers(node)];
    if option(node, "topic-column").is_none() {
        calls.push(set("topic", topic));
    }
    (vec![call("select", message)], calls)
}

/// Nulls are members too.
const FULL: &str = "{\"ignoreNullFields\": \"false\"}";

fn servers(node: &Node) -> Call {
    let servers = option(node, "bootstrap-servers").unwrap_or_default();
    set("kafka.bootstrap.servers", servers)
}

fn settings(node: &Node, notes: &mut Vec<String>) {
    if let Some(file) = option(node, "config") {
        notes.push(format!(
            "The settings in {file} are librdkafka's: give those of Java's client as .option(\"kafka.…\")"
        ));
    }
}

fn set(name: &str, value: &str) -> Call {
    call("option", [python::text(name), python::text(value)])
}
