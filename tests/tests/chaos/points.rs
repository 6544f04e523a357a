//! Every fail point in the sources is passed by some pipeline, killed at, and, where it guards an operation, failed at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use super::episode;
use super::killer::Step;
use super::pipelines::{self, Pipeline};

/// Where a point is passed, and how often.
type Places = BTreeMap<String, Vec<(&'static Pipeline, usize, u64)>>;

pub fn trials(bin: &anyhow::Result<PathBuf>) -> Vec<Trial> {
    let trial = |name: &str, error: &'static str| {
        let bin = bin.as_ref().cloned().map_err(|error| format!("{error:#}"));
        Trial::test(name, move || {
            let bin = bin.map_err(Failed::from)?;
            every(&bin, error).map_err(Failed::from)
        })
    };
    vec![
        trial("every fail point is killed at", ""),
        trial("every operation with a fail point fails once", ":eio"),
        trial(
            "every operation with a fail point finds the disk full",
            ":enospc",
        ),
    ]
}

fn every(bin: &Path, error: &'static str) -> Result<(), String> {
    let (all, failing) = named();
    let places = places(bin)?;
    let unknown: Vec<_> = places.keys().filter(|point| !all.contains(point)).collect();
    let missed: Vec<_> = all
        .iter()
        .filter(|point| !places.contains_key(*point))
        .collect();
    if !unknown.is_empty() || !missed.is_empty() {
        return Err(format!(
            "no pipeline passes {missed:?}; no source has {unknown:?}"
        ));
    }
    let mut failures = String::new();
    for (point, places) in &places {
        if !error.is_empty() && !failing.contains(point) {
            continue;
        }
        if let Err(failure) = one(bin, point, places, error) {
            failures += &format!("=== {point}{error}: {failure}\n");
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures)
    }
}

/// Lets the stages of up to five pipelines come to the point, until one has.
fn one(
    bin: &Path,
    point: &str,
    places: &[(&'static Pipeline, usize, u64)],
    error: &'static str,
) -> Result<(), String> {
    for (pipeline, stage, times) in places.iter().cycle().take(5.max(places.len())) {
        let step = Step {
            stage: *stage,
            point: point.to_string(),
            // Neither the first time nor the last, if there are others.
            count: 1 + times / 2,
            error,
        };
        let said = episode::at_step(bin, pipeline, &step)
            .map_err(|failure| format!("{}: {failure}", pipeline.name))?;
        let Some(said) = said else {
            continue;
        };
        let mend = match error {
            "" => return Ok(()),
            ":eio" => {
                "(os error 5): see what the device says (dmesg), mend it and run the same line again"
            }
            _ => "(os error 28): make room and run the same line again",
        };
        let told = said
            .lines()
            .filter(|line| line.starts_with("st-") && line.ends_with(mend));
        if told.count() == 0 || said.contains("panicked") {
            return Err(format!("{}: stage {stage} says: {said}", pipeline.name));
        }
        return Ok(());
    }
    Err(format!(
        "is passed, but not reached again in {} runs",
        5.max(places.len())
    ))
}

fn places(bin: &Path) -> Result<Places, String> {
    let mut places = Places::new();
    // What does not depend on time comes to the same step again.
    let mut sorted: Vec<_> = pipelines::ALL.iter().collect();
    sorted.sort_by_key(|pipeline| pipeline.timed);
    for pipeline in sorted {
        let known =
            episode::known(bin, pipeline).map_err(|error| format!("{}: {error}", pipeline.name))?;
        for (index, passes) in known.passes.iter().enumerate() {
            for (point, times) in passes {
                places
                    .entry(point.clone())
                    .or_default()
                    .push((pipeline, index + 1, *times));
            }
        }
    }
    Ok(places)
}

/// The names of all fail points in the sources; of those, the ones that can fail.
fn named() -> (Vec<String>, Vec<String>) {
    let (mut all, mut failing): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut steps, mut kinds) = (Vec::new(), Vec::new());
    let mut waiting = vec![
        st_tests::root().join("common"),
        st_tests::root().join("tools"),
    ];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|of| of == "rs")
            && path.components().all(|part| part.as_os_str() != "tests")
        {
            let text = std::fs::read_to_string(path).unwrap();
            all.extend(after(&text, "fail_point(\""));
            failing.extend(after(&text, "fail_io(\""));
            // The logs of records share their steps.
            steps.extend(after(&text, "self.point(\""));
            kinds.extend(after(&text, "dir.durability(), \""));
        }
    }
    for kind in &kinds {
        failing.extend(steps.iter().map(|step| format!("{kind}.{step}")));
    }
    all.extend(failing.iter().cloned());
    // Not passed by a pipeline: `st-state forget`, which is killed in its own test.
    all.retain(|point| !point.starts_with("forget."));
    (all, failing)
}

/// The texts between `before` and the next quote.
fn after(text: &str, before: &str) -> Vec<String> {
    let parts = text.split(before).skip(1);
    let names = parts.filter_map(|part| part.split('"').next());
    names.map(str::to_string).collect()
}
