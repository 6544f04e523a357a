//! What `--explain` prints. A plan is the start marker behind the last stage: the stages with their options in normal form, and
//! what their rows are. It is printed by the end of a pipeline ([`deliver`]), and by `st-tee`, which joins those of its branches.

mod spark;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use st_stream::marker::{Declared, Node};
use st_stream::{Explain, Mode, Out, Start};

/// The field of `start` that says into which file a branch of `st-tee` writes its plan, for `st-tee` to print all of them.
pub const INTO: &str = "explain_into";

/// A pipeline, or a branch of one: its stages, and what holds of its rows behind the last of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The branch of `st-tee`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The stages, the source first. One of `st-tee` has its branches in the field `branches`, each a plan that begins behind it.
    pub plan: Vec<Node>,
    /// The declared columns, as Spark DDL.
    #[serde(default)]
    pub schema: String,
    /// All columns, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// How rows are to be read.
    #[serde(default)]
    pub mode: Mode,
    /// The columns by which an update replaces an earlier row.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The watermarks.
    #[serde(default)]
    pub watermarks: Vec<Declared>,
}

impl Plan {
    /// The plan of a stream that begins with `start`.
    pub fn of(start: &Start) -> Plan {
        Plan {
            branch: None,
            plan: start.plan.clone(),
            schema: start.schema.clone(),
            columns: start.columns.clone(),
            mode: start.mode,
            keys: start.keys.clone(),
            watermarks: start.watermarks.clone(),
        }
    }

    /// The plan as text that ends in a newline.
    ///
    /// # Errors
    /// A stage that Spark has no counterpart for, if a program is asked for.
    pub fn print(&self, form: Explain) -> Result<String> {
        match form {
            Explain::Tree => Ok(tree::print(self)),
            Explain::Json => Ok(serde_json::to_string(self)? + "\n"),
            Explain::Pyspark => spark::program(self).context("explain"),
        }
    }
}

/// Prints the plan of a pipeline at its end, or keeps it for the `st-tee` this is a branch of.
///
/// # Errors
/// As [`Plan::print`], and a file that cannot be written.
pub fn deliver(start: &Start, out: &mut Out) -> Result<()> {
    let plan = Plan::of(start);
    match destination(start) {
        Some(file) => std::fs::write(&file, plan.print(Explain::Json)?)
            .with_context(|| format!("{}: cannot write the plan", file.display())),
        None => {
            out.raw(
                plan.print(start.explain.unwrap_or(Explain::Tree))?
                    .as_bytes(),
            )?;
            out.flush()
        }
    }
}

/// The file in which an st-tee above wants the plan, to print those of all its branches.
pub fn destination(start: &Start) -> Option<PathBuf> {
    Some(start.rest.get(INTO)?.as_str()?.into())
}

/// The stage `name` of `st-tee`, whose branches have written their plans into these files, behind the stages of `start`.
///
/// # Errors
/// A branch that has written none, for it ended in something else than `st-sink`.
pub fn branched(
    start: &Start,
    name: &str,
    branches: &[(String, impl AsRef<Path>)],
) -> Result<Plan> {
    let mut plan = Plan::of(start);
    let mut plans = Vec::new();
    for (branch, file) in branches {
        let text = std::fs::read(file.as_ref()).map_err(|_| {
            anyhow!("branch {branch}: has no plan: end it with `| st-sink`, or st-sink console")
        })?;
        let mut part: Plan = serde_json::from_slice(&text)
            .with_context(|| format!("branch {branch}: its plan cannot be read"))?;
        part.branch = Some(branch.clone());
        // The stages above, and the branch's own node of this stage.
        part.plan
            .drain(..(plan.plan.len() + 1).min(part.plan.len()));
        plans.push(serde_json::to_value(part)?);
    }
    let schema = Value::from(plan.schema.clone());
    plan.plan.push(Node {
        tool: "st-tee".to_string(),
        name: name.to_string(),
        options: Map::new(),
        rest: Map::from_iter([
            ("branches".to_string(), Value::Array(plans)),
            ("schema".to_string(), schema),
        ]),
    });
    Ok(plan)
}

/// True if the query that is explained has a checkpoint.
pub fn checkpointed(start: &Start) -> bool {
    start
        .plan
        .first()
        .is_some_and(|source| source.options.contains_key("checkpoint"))
}

/// The plans a node holds beside its own input: branches of `st-tee`, the other sides of a join or union, with a title.
pub(crate) fn parts(node: &Node) -> Result<Vec<(String, Plan)>> {
    let mut parts = Vec::new();
    for (field, value) in &node.rest {
        if matches!(field.as_str(), "schema" | "kept") {
            continue;
        }
        let several = match (field.as_str(), value) {
            ("branches" | "inputs", Value::Array(several)) => several.clone(),
            _ => vec![value.clone()],
        };
        let count = several.len();
        for (number, value) in several.into_iter().enumerate() {
            let plan: Plan = match value {
                // A list of stages alone.
                Value::Array(_) => serde_json::from_value(serde_json::json!({ "plan": value })),
                value => serde_json::from_value(value),
            }
            .with_context(|| format!("{}: {field} is no plan", node.name))?;
            let title = match &plan.branch {
                Some(branch) => branch.clone(),
                None if count > 1 || field == "inputs" => format!("{field} {}", number + 1),
                None => field.clone(),
            };
            parts.push((title, plan));
        }
    }
    Ok(parts)
}
