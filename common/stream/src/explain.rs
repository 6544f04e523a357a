//! `--explain`: the pipeline says what it is instead of running. The source sends `start` and `end` alone, every stage checks
//! itself and appends its node to the plan, and the last one prints it.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// The form in which the last stage prints the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explain {
    /// For people: a stage a line.
    Tree,
    /// For programs: one JSON object on one line.
    Json,
    /// A program for PySpark that is the same query.
    Pyspark,
}

impl Explain {
    /// Reads `tree`, `json` or `pyspark`.
    pub fn parse(text: &str) -> Result<Explain> {
        Ok(match text {
            "tree" => Explain::Tree,
            "json" => Explain::Json,
            "pyspark" => Explain::Pyspark,
            _ => bail!("`{text}` is none of tree, json, pyspark"),
        })
    }
}
