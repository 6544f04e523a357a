//! Whether a line may go on from a checkpoint: what each of its stages was gathered for is compared with what the plan of the
//! line says now, by the same rules as at a start. Nothing is touched.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use st_checkpoint::{QueryDir, Verdict};
use st_plan::Plan;
use st_stream::{Kept, Writer};

/// A stage of the plan, with all those of its branches and further inputs.
struct Stage {
    tool: String,
    name: String,
    kept: Option<Kept>,
}

/// Prints what a start with this plan would find, one line per stage, and fails if it would be refused.
///
/// # Errors
/// A plan that is none; a change that is not safe; a sink that the line does not have.
pub fn check(dir: &QueryDir, plan: &Path, out: &mut Writer) -> Result<()> {
    let stages = read(plan)?;
    let mut bad = 0;
    let mut say = |good: bool, text: String| {
        bad += usize::from(!good);
        out.buffer().extend_from_slice(text.as_bytes());
        out.buffer().push(b'\n');
        out.wrote()
    };
    let states = dir.stages()?;
    for source in dir.sources()? {
        let Some(stage) = stages.iter().find(|stage| stage.name == source.name) else {
            say(
                false,
                format!(
                    "{}: the source is not in this line: give it its old --name",
                    source.name
                ),
            )?;
            continue;
        };
        let (good, text) = judge(dir, stage, &source.definition, source.batches.is_none())?;
        say(good, text)?;
    }
    for name in &states {
        let Some(stage) = stages.iter().find(|stage| stage.name == *name) else {
            say(
                true,
                format!("{name}: not in this line: its state is left behind"),
            )?;
            continue;
        };
        let view = dir.read_state(name, None, || {}, |_, _| {})?;
        let (good, text) = judge(dir, stage, &view.definition, view.epoch < 0)?;
        say(good, text)?;
    }
    for stage in &stages {
        if stage.kept.is_some() && !states.contains(&stage.name) && !is_source(stage) {
            if dir.committed()? >= 0 && dir.names_in_plan(&stage.name)? {
                say(
                    false,
                    format!(
                        "{}: its state is missing, though it has run in this query",
                        stage.name
                    ),
                )?;
            } else {
                say(true, format!("{}: is new and begins empty", stage.name))?;
            }
        }
    }
    let sinks = dir.sinks()?;
    for sink in &sinks {
        if !stages.iter().any(|stage| stage.name == sink.name) {
            let place = dir.path().display();
            say(
                false,
                format!(
                    "{0}: this sink is not in this line and would hold it back: st-state forget {place} {0}",
                    sink.name
                ),
            )?;
        }
    }
    if bad > 0 {
        out.flush()?;
        bail!(
            "{}: this line may not go on from here: {bad} of its stages stand against it",
            dir.path().display()
        );
    }
    Ok(())
}

fn is_source(stage: &Stage) -> bool {
    matches!(
        stage.tool.as_str(),
        "st-tail" | "st-rate" | "st-listen" | "st-kafka"
    )
}

fn judge(dir: &QueryDir, stage: &Stage, old: &Value, nothing_kept: bool) -> Result<(bool, String)> {
    let name = &stage.name;
    let Some(kept) = &stage.kept else {
        return Ok((true, format!("{name}: its own start decides")));
    };
    let verdict = dir.verdict(name, old, &kept.definition, &kept.safe)?;
    if verdict.changes.is_empty() {
        return Ok((true, format!("{name}: goes on")));
    }
    let listed: Vec<String> = verdict
        .changes
        .iter()
        .map(|(change, safe)| {
            if *safe {
                format!("{change} (safe)")
            } else {
                change.to_string()
            }
        })
        .collect();
    let listed = listed.join("; ");
    if nothing_kept {
        return Ok((true, format!("{name}: nothing is kept yet: {listed}")));
    }
    let text = match &verdict {
        Verdict {
            lagging: Some(sink),
            changes,
        } if changes.iter().all(|(_, safe)| *safe) => {
            format!(
                "{name}: {listed}: waits until sink {sink} stands where the others do: run the old line until then"
            )
        }
        verdict if verdict.is_good() => format!("{name}: goes on: {listed}"),
        _ => format!("{name}: refused: {listed}"),
    };
    Ok((verdict.is_good(), text))
}

/// The stages of a plan as `--explain=json` prints it.
fn read(path: &Path) -> Result<Vec<Stage>> {
    let mut text = Vec::new();
    let shown = if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut text)
            .context("stdin: cannot read")?;
        "stdin".to_string()
    } else {
        let shown = path.display().to_string();
        text = std::fs::read(path).with_context(|| format!("{shown}: cannot read"))?;
        shown
    };
    let plan: Value = serde_json::from_slice(&text).map_err(|_| {
        anyhow!("{shown}: not a plan: give the source --explain=json and end the line with st-sink")
    })?;
    let _: Plan = serde_json::from_value(plan.clone())
        .map_err(|error| anyhow!("{shown}: not a plan: {error}"))?;
    let mut stages = Vec::new();
    collect(&plan, &mut stages);
    Ok(stages)
}

/// Every object below that has a tool and a name is a stage: those of branches and further inputs stand within others.
fn collect(value: &Value, stages: &mut Vec<Stage>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, stages)),
        Value::Object(fields) => {
            let text = |name: &str| Some(fields.get(name)?.as_str()?.to_string());
            if let (Some(tool), Some(name)) = (text("tool"), text("name")) {
                let kept = fields
                    .get("kept")
                    .and_then(|kept| serde_json::from_value(kept.clone()).ok());
                stages.push(Stage { tool, name, kept });
            }
            let nested = fields
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "options" | "kept"));
            nested.for_each(|(_, value)| collect(value, stages));
        }
        _ => {}
    }
}
