//! How the beginnings of several streams become one: what they must agree on, and whose names give way.

use anyhow::{Result, bail};
use serde_json::Value;

use super::First;
use super::follow::Follow;
use crate::marker::{self, Start};

/// How one input begins.
pub(super) struct Beginning {
    /// Its start, with the names its stages have in the whole plan.
    pub start: Start,
    /// The stages that got another name: old and new.
    pub renamed: Vec<(String, String)>,
    /// How many stages at the front of its plan an input before it has too.
    pub shared: usize,
}

/// The starts of all inputs, if they are marked; none if they are plain. Each must be of the same query, or none of any.
///
/// # Errors
/// A marked input beside a plain or an empty one; another query, another epoch, a checkpoint on one side; two stages of one
/// name in a checkpoint.
pub(super) fn agree(inputs: &[Follow]) -> Result<Option<Vec<Beginning>>> {
    let marked = |input: &&Follow| matches!(input.first, Some(First::Marked(_)));
    let Some(some) = inputs.iter().find(marked) else {
        return Ok(None);
    };
    let mut starts: Vec<Start> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let label = &input.label;
        let start = match &input.first {
            Some(First::Marked(start)) => start.as_ref().clone(),
            Some(First::Plain) => bail!(
                "{label}: holds plain rows, and {} is a marked stream: read it by a source, as in <(… | st-tail -)",
                some.label
            ),
            _ => bail!(
                "{label}: nothing arrived, not even a start marker: the stage before died or is no source"
            ),
        };
        if let Some(first) = starts.first() {
            let whose = &inputs[0].label;
            if first.explain != start.explain {
                bail!(
                    "{label}: only one of the inputs is explained: give --explain to the sources of all, or ST_EXPLAIN=tree to the line"
                );
            }
            let of = |start: &Start| match &start.checkpoint {
                Some(path) => format!("has the checkpoint {}", path.display()),
                None => "has no checkpoint".to_string(),
            };
            if first.checkpoint != start.checkpoint
                || start.checkpoint.is_some() && first.query != start.query
            {
                bail!(
                    "{label}: {}, and {whose} {}: give the sources of both the same --checkpoint",
                    of(&start),
                    of(first)
                );
            }
            if first.epoch != start.epoch {
                bail!(
                    "{label}: begins behind batch {}, and {whose} behind batch {}: an earlier run was still ending; run the same line again",
                    start.epoch,
                    first.epoch
                );
            }
        }
        starts.push(start);
    }
    rename(starts, inputs).map(Some)
}

/// Makes the names of all stages unique. Without a checkpoint a later one gets a number; in one, where state and locks go by
/// them, two stages of one name cannot be told apart any more. What is above a split (`st-tee`) is one stage in both plans.
fn rename(starts: Vec<Start>, inputs: &[Follow]) -> Result<Vec<Beginning>> {
    let mut taken = Vec::new();
    let mut beginnings: Vec<Beginning> = Vec::with_capacity(starts.len());
    for (mut start, input) in starts.into_iter().zip(inputs) {
        let of_one_query = beginnings
            .iter()
            .filter(|other| other.start.query == start.query);
        let shared = of_one_query
            .map(|other| common(&other.start, &start))
            .max()
            .unwrap_or(0);
        let mut renamed = Vec::new();
        for node in start.plan.iter_mut().skip(shared) {
            let old = node.name.clone();
            if taken.contains(&old) {
                if start.checkpoint.is_some() {
                    bail!(
                        "{}: two stages of the query are called {old}: give this one another --name, or its source --branch NAME",
                        input.label
                    );
                }
                let mut number = 2;
                while taken.contains(&node.name) {
                    node.name = format!("{old}-{number}");
                    number += 1;
                }
                renamed.push((old, node.name.clone()));
            }
            taken.extend(marker::names(std::slice::from_ref(node)));
        }
        beginnings.push(Beginning {
            start,
            renamed,
            shared,
        });
    }
    Ok(beginnings)
}

/// How many stages at the front of two plans are the same process: as far as both are equal, up to the stage that split them.
fn common(one: &Start, other: &Start) -> usize {
    let pairs = one.plan.iter().zip(&other.plan);
    pairs
        .take_while(|(one, other)| {
            one.tool == other.tool
                && one.name == other.name
                && (one.options == other.options || one.tool == "st-tee")
        })
        .count()
}

/// Without a checkpoint each source has a folder of its own in which its run is shown: those who look are told that it is one
/// query.
pub(super) fn show_as_one(beginnings: &[Beginning]) {
    let Some((first, others)) = beginnings.split_first() else {
        return;
    };
    let Some(whole) = &first.start.run_dir else {
        return;
    };
    for other in others {
        if let Some(part) = other.start.run_dir.as_ref().filter(|part| *part != whole) {
            st_monitor::join_runs(part, whole, &other.renamed);
        }
    }
}

/// The start of the one stream: the first input's, with the watermarks and the sources of all.
pub(super) fn merge(starts: &[Start]) -> Start {
    let mut merged = starts[0].clone();
    // The stages from here on have a part in every batch.
    merged.rest.shift_remove("filled_since");
    for start in &starts[1..] {
        merged.watermarks.extend(start.watermarks.iter().cloned());
        merged.sources.extend(start.sources.clone());
    }
    merged
}

/// An instant as the wire has it.
pub(super) fn instant_of(value: &Value) -> Option<i64> {
    crate::instant::parse(value.as_str()?).ok()
}
