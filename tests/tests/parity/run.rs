//! Runs a case's line over its files and reads the wire before `st-sink json`: rows per batch, and what was late.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::answer::{Answer, exact};
use crate::case::Case;

/// How every line ends.
const SINK: &str = "| st-sink json";

/// Our answer. The last stage's rows must be those on the wire before it.
pub fn run(bin: &Path, case: &Case) -> Result<Answer> {
    // Checkpoints are synced to the device, which takes most of the time where there is one.
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    for (name, text) in &case.files {
        let path = scratch.path().join(name);
        std::fs::create_dir_all(path.parent().context(name.clone())?)?;
        std::fs::write(path, text)?;
    }
    let line = case
        .st
        .strip_suffix(SINK)
        .context("the line must end with | st-sink json")?;
    let line = format!("set -o pipefail\n{line} | tee wire {SINK} -q");
    let mut command = st_tests::bash(bin, scratch.path(), &line);
    // Windows that no watermark has closed stay open, as in Spark.
    command.env("ST_CHECKPOINT", scratch.path().join("ck"));
    command
        .env("SCHEMA", &case.schema)
        .env("SELECT", &case.select);
    if let Some(zone) = case.option("zone") {
        command.env("ST_TZ", zone);
    }
    let outcome = st_tests::run(command)?;
    let wire = std::fs::read_to_string(scratch.path().join("wire"))?;
    if outcome.status != 0 {
        if !outcome.stdout.is_empty() {
            bail!(
                "failed with status {} after rows were written: {}{}",
                outcome.status,
                outcome.err(),
                outcome.out()
            );
        }
        return Ok(Answer::Refused(outcome.err()));
    }
    let (mut steps, mut late, mut rows) = (Vec::new(), Vec::new(), String::new());
    for line in wire.lines() {
        let value: Value = serde_json::from_str(&exact(line)).with_context(|| line.to_string())?;
        match value.get("$st").and_then(Value::as_str) {
            None => {
                rows += &format!("{line}\n");
                let step: &mut Vec<Value> =
                    steps.last_mut().context("a row before the first batch")?;
                step.push(value);
            }
            Some("begin") => steps.push(Vec::new()),
            Some("batch") => {
                let stages = value["stages"].as_array().cloned().unwrap_or_default();
                late.push(
                    stages
                        .iter()
                        .filter_map(|stage| stage["late"].as_i64())
                        .sum(),
                );
            }
            Some(_) => {}
        }
    }
    if rows != outcome.out() {
        bail!(
            "st-sink json wrote other rows than it was given:\n{rows}---\n{}",
            outcome.out()
        );
    }
    Ok(Answer::Rows { steps, late })
}
