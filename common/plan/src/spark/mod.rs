//! The plan as a program: the same query in PySpark Structured Streaming, as someone would write it who takes it over.
//!
//! A stage is a variable. Expressions are Spark SQL on both sides and pass as they are; what is spelled otherwise here is
//! translated; what cannot be said in Spark is refused, and what differs without changing the result is said in a comment.

mod agg;
mod dedup;
mod file;
mod join;
mod kafka;
mod listen;
mod map;
mod pace;
mod python;
mod rate;
mod sink;
mod sql;
mod tail;
mod watermark;
mod window;

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use st_expr::{Schema, Type};
use st_stream::Mode;
use st_stream::marker::Node;

use crate::{Plan, parts};
use pace::Pace;
use python::Call;

/// A DataFrame of the program.
#[derive(Clone)]
struct Frame {
    /// Its variable.
    name: String,
    /// The declared columns.
    schema: Schema,
    /// What cuts its batches, and where the query's memory is.
    pace: Pace,
    /// What was aggregated above it, if anything was.
    aggregated: Option<Mode>,
    /// Session windows that are still to be merged: column, time, gap.
    sessions: Vec<(String, String)>,
}

/// The program as it is written.
#[derive(Default)]
struct Program {
    /// Modules, `import …`.
    imports: BTreeSet<&'static str>,
    /// Functions of `helpers`, by name.
    helpers: BTreeSet<&'static str>,
    zone: Option<String>,
    body: String,
    taken: HashSet<String>,
    /// The variables of the queries.
    queries: Vec<String>,
    /// How the run ends.
    pace: Option<Pace>,
    /// The session needs Spark's package for Kafka.
    kafka: bool,
}

/// The program's text.
///
/// # Errors
/// The first stage that cannot be said in Spark.
pub fn program(plan: &Plan) -> Result<String> {
    let mut program = Program::default();
    program
        .taken
        .extend(["spark", "F", "flat", "store", "reached"].map(str::to_string));
    program.pipeline(plan, None)?;
    if program.queries.is_empty() {
        bail!("the pipeline has no sink: end it with st-sink");
    }
    Ok(program.finish())
}

/// What Spark has no word for.
fn refuse(node: &Node, what: &str, why: &str) -> anyhow::Error {
    anyhow!("{}: {what} has no counterpart in Spark: {why}", node.name)
}

/// An option's text.
fn option<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    node.options.get(name).and_then(Value::as_str)
}

/// True if an option without a value was given.
fn given(node: &Node, name: &str) -> bool {
    node.options
        .get(name)
        .is_some_and(|value| value != &Value::Bool(false))
}

impl Program {
    /// The stages of a plan behind `input`; gives the last DataFrame, unless sinks were the end.
    fn pipeline(&mut self, plan: &Plan, input: Option<Frame>) -> Result<Option<Frame>> {
        let mut frame = input;
        for node in &plan.plan {
            self.same_zone(node)?;
            frame = self.stage(node, frame, plan).map_err(|error| {
                match error.to_string().starts_with(&node.name) {
                    true => error,
                    false => error.context(node.name.clone()),
                }
            })?;
        }
        Ok(frame)
    }

    fn stage(&mut self, node: &Node, input: Option<Frame>, plan: &Plan) -> Result<Option<Frame>> {
        let frame = match (node.tool.as_str(), input) {
            ("st-tail", None) => tail::read(self, node)?,
            ("st-rate", None) => rate::read(self, node)?,
            ("st-listen", None) => listen::read(self, node)?,
            ("st-kafka", None) => kafka::read(self, node)?,
            ("st-map", Some(frame)) => map::apply(self, node, frame)?,
            ("st-watermark", Some(frame)) => watermark::apply(self, node, frame)?,
            ("st-window", Some(frame)) => window::apply(self, node, frame)?,
            ("st-agg", Some(frame)) => agg::apply(self, node, frame)?,
            ("st-dedup", Some(frame)) => dedup::apply(self, node, frame)?,
            ("st-join", Some(frame)) => join::join(self, node, frame)?,
            ("st-union", Some(frame)) => join::union(self, node, frame)?,
            ("st-fold", Some(_)) => {
                return Err(refuse(
                    node,
                    "an update program in jq",
                    "write it in Python, as a StatefulProcessor for transformWithState",
                ));
            }
            ("st-tee", Some(frame)) => {
                for (_, branch) in parts(node)? {
                    if self.pipeline(&branch, Some(frame.clone()))?.is_some() {
                        let name = branch.branch.unwrap_or_default();
                        bail!("branch {name}: has no sink: end it with st-sink");
                    }
                }
                return Ok(None);
            }
            ("st-sink", Some(frame)) => {
                sink::write(self, node, frame, plan)?;
                return Ok(None);
            }
            (tool, Some(_)) => {
                return Err(refuse(
                    node,
                    tool,
                    "it is no stage that the program can be made of",
                ));
            }
            (tool, None) => {
                return Err(refuse(
                    node,
                    tool,
                    "it is no source that the program can be made of",
                ));
            }
        };
        Ok(Some(frame))
    }

    /// Spark has one time zone per session.
    fn same_zone(&mut self, node: &Node) -> Result<()> {
        if node.tool == "st-window" {
            return Ok(());
        }
        let Some(zone) = option(node, "tz") else {
            return Ok(());
        };
        match &self.zone {
            Some(other) if other != zone => Err(refuse(
                node,
                &format!("--tz {zone}"),
                &format!("another stage has {other}, and a session has one time zone"),
            )),
            _ => {
                self.zone = Some(zone.to_string());
                Ok(())
            }
        }
    }

    /// A variable of this name, or with a number behind it.
    fn variable(&mut self, node: &Node, word: &str) -> String {
        // `revenue.st-agg-2`: the branch, the tool, the number it has among its kind.
        let (branch, own) = node.name.rsplit_once('.').unwrap_or(("", &node.name));
        let own = match own.strip_prefix(&node.tool) {
            Some("") => word.to_string(),
            Some(number) if number[1..].parse::<u32>().is_ok() => format!("{word}{number}"),
            _ => own.to_string(),
        };
        let branch = if branch.starts_with(|c: char| c.is_ascii_digit()) {
            format!("branch_{branch}")
        } else {
            branch.to_string()
        };
        let name = if branch.is_empty() {
            own
        } else {
            format!("{branch}_{own}")
        };
        let name = python::identifier(&name);
        self.fresh(name)
    }

    fn fresh(&mut self, base: String) -> String {
        let mut name = base.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }

    /// Writes `variable = input.calls`, with the stage and what is to be said of it above.
    fn say(&mut self, node: &Node, notes: &[String], name: &str, head: &str, calls: &[Call]) {
        self.title(node, notes);
        self.body += &python::statement(name, head, calls);
    }

    fn title(&mut self, node: &Node, notes: &[String]) {
        self.body += &format!("\n# {}\n", node.name);
        for note in notes {
            self.body += &python::comment(note, "");
        }
    }

    /// The frame behind a stage.
    fn frame(&self, node: &Node, name: String, input: Frame) -> Result<Frame> {
        Ok(Frame {
            name,
            schema: schema(node)?,
            ..input
        })
    }

    /// A column whose time is read: one that is not declared is a text that Spark has to cast.
    fn time(&mut self, frame: &Frame, column: &str) -> String {
        match frame.schema.kind(column) {
            Some(Type::Timestamp | Type::Date | Type::Struct(_)) => {
                python::text(&python::quoted(column))
            }
            _ => {
                self.imports.insert(FUNCTIONS);
                format!(
                    "F.col({}).cast(\"timestamp\")",
                    python::text(&python::quoted(column))
                )
            }
        }
    }

    fn expr(&mut self, text: &str) -> String {
        self.imports.insert(FUNCTIONS);
        format!("F.expr({})", python::text(text))
    }

    fn finish(mut self) -> String {
        self.end();
        if self.kafka {
            self.imports.insert("import pyspark");
        }
        let mut text =
            "# This query was a pipeline of st tools; `--explain=pyspark` made the program.\n\
                        # It runs with PySpark 4: python FILE, or spark-submit FILE.\n\n"
                .to_string();
        let functions = self.imports.remove(FUNCTIONS);
        for module in &self.imports {
            text += &format!("{module}\n");
        }
        if !self.imports.is_empty() {
            text += "\n";
        }
        text += "from pyspark.sql import SparkSession";
        text += if functions {
            ", functions as F\n\n"
        } else {
            "\n\n"
        };
        let zone = self.zone.as_deref().unwrap_or("UTC").to_string();
        let usual = [
            ("spark.sql.ansi.enabled", "false".to_string()),
            ("spark.sql.session.timeZone", zone),
        ];
        text += "spark = (\n    SparkSession.builder.appName(\"st\")\n";
        for (name, value) in usual {
            text += &format!("    .config(\"{name}\", {})\n", python::text(&value));
        }
        if self.kafka {
            text += "    .config(\n        \"spark.jars.packages\",\n        \"org.apache.spark:spark-sql-kafka-0-10_2.13:\" + pyspark.__version__,\n    )\n";
        }
        text += "    .getOrCreate()\n)\n";
        for helper in sink::HELPERS {
            if self.helpers.contains(helper.0) {
                text += &format!("\n\n{}", helper.1);
            }
        }
        if !self.helpers.is_empty() {
            text += "\n";
        }
        text + &self.body
    }
}

/// `import` of the functions, which shares its line with the session's.
const FUNCTIONS: &str = "F";

/// The declared columns behind a stage.
fn schema(node: &Node) -> Result<Schema> {
    let ddl = node
        .rest
        .get("schema")
        .and_then(Value::as_str)
        .unwrap_or("");
    Schema::parse(ddl)
        .map_err(|error| anyhow!("{error}"))
        .context("the plan's schema")
}
