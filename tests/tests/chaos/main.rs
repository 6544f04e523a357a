#![allow(clippy::unwrap_used)]
//! Kills whole pipelines at random moments and steps, runs the same line again, and compares with an uninterrupted run.
//!
//! `make chaos` is the long form. A failure prints the variables that repeat its episode: `ST_CHAOS_SEED`, from which
//! every choice of an episode follows, and `ST_CHAOS_EPISODE`. `ST_CHAOS_KILLS` is the number of kills each pipeline
//! has to take.

mod episode;
mod feeder;
mod killer;
mod pipelines;
mod points;
mod random;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use episode::Tally;

/// What became of one pipeline.
struct Row {
    pipeline: &'static str,
    tally: Tally,
    result: String,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let seed = number("ST_CHAOS_SEED").unwrap_or(1);
    let kills = number("ST_CHAOS_KILLS").unwrap_or(3);
    let only = number("ST_CHAOS_EPISODE");
    let bin = st_tests::bin();
    let rows = Arc::new(Mutex::new(Vec::new()));
    let trials = pipelines::ALL
        .iter()
        .map(|pipeline| {
            let rows = rows.clone();
            let bin = bin
                .as_ref()
                .map(Clone::clone)
                .map_err(|error| format!("{error:#}"));
            Trial::test(pipeline.name, move || {
                let bin = bin.map_err(Failed::from)?;
                let mut tally = Tally::default();
                let mut episode = only.unwrap_or(0);
                let result = loop {
                    if let Err(failure) = episode::run(&bin, pipeline, seed, episode, &mut tally) {
                        break Err(format!(
                            "{failure}\nrepeat: ST_CHAOS_SEED={seed} ST_CHAOS_EPISODE={episode} cargo test -p st-tests --test chaos -- '{}'",
                            pipeline.name
                        ));
                    }
                    episode += 1;
                    if only.is_some() || tally.kills >= kills {
                        break Ok(());
                    }
                    if episode > 20 + 4 * kills {
                        break Err(format!("only {} kills in {episode} episodes", tally.kills));
                    }
                };
                rows.lock().unwrap().push(Row {
                    pipeline: pipeline.name,
                    tally,
                    result: result
                        .as_ref()
                        .map_or_else(|_| format!("DIFFERS in episode {episode}"), |()| "same".to_string()),
                });
                result.map_err(Failed::from)
            })
        })
        .chain(points::trials(&bin))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    table(&mut rows.lock().unwrap(), seed);
    conclusion.exit_code()
}

#[allow(clippy::print_stdout)]
fn table(rows: &mut [Row], seed: u64) {
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|row| row.pipeline);
    println!(
        "{:<44} {:>8} {:>6} {:>9} {:>7} {:>8}  result",
        "pipeline", "episodes", "kills", "at points", "batches", "compared"
    );
    let mut whole = Tally::default();
    for Row {
        pipeline,
        tally,
        result,
    } in rows.iter()
    {
        println!(
            "{pipeline:<44} {:>8} {:>6} {:>9} {:>7} {:>8}  {result}",
            tally.episodes, tally.kills, tally.at_points, tally.batches, tally.compared
        );
        whole.episodes += tally.episodes;
        whole.kills += tally.kills;
        whole.at_points += tally.at_points;
        whole.batches += tally.batches;
        whole.compared += tally.compared;
    }
    println!(
        "{:<44} {:>8} {:>6} {:>9} {:>7} {:>8}  seed {seed}",
        "all", whole.episodes, whole.kills, whole.at_points, whole.batches, whole.compared
    );
}
