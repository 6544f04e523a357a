//! One episode: a query that is killed a few times, then runs to its end, and must have delivered what it would have.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use super::feeder::{Feeder, Input};
use super::killer::{self, Plan, Running};
use super::pipelines::Pipeline;
use super::random::Random;

#[derive(Default)]
pub struct Tally {
    pub episodes: u64,
    pub kills: u64,
    pub at_points: u64,
    pub batches: u64,
}

const METADATA: &str = r#"{"st-checkpoint":1,"id":"0b52a41f-6d1e-4c1b-9a65-c36c1d2f7e11","kind":"query","created_by":"test"}"#;

/// What the uninterrupted run of a pipeline delivered, and how long its logs were.
static WHOLE: Mutex<Option<HashMap<&str, (String, u64)>>> = Mutex::new(None);

struct Place<'a> {
    bin: &'a Path,
    folder: &'a Path,
    pipeline: &'a Pipeline,
    port: u16,
}

impl Place<'_> {
    fn prepare(&self) {
        // The query's id is the same in every run, and with it what rand() gives.
        std::fs::create_dir(self.folder.join("ck")).unwrap();
        std::fs::create_dir(self.folder.join("to")).unwrap();
        std::fs::write(self.folder.join("ck/metadata"), format!("{METADATA}\n")).unwrap();
    }

    fn line(&self, last: bool) -> Command {
        let mut command = st_tests::bash(self.bin, self.folder, self.pipeline.line);
        command.env("PORT", self.port.to_string());
        match self.pipeline.input {
            _ if !last => {}
            Input::Files => {}
            Input::Folder | Input::Log => _ = command.env("LAST", "--available-now"),
            // A socket never has all it will send; here the client is gone already.
            Input::Socket => _ = command.env("LAST", "--stop-after 100ms"),
        }
        command
    }

    /// Runs to the end; must do so without a complaint.
    fn finish(&self, what: &str) -> Result<(), String> {
        let messages = self.folder.join("messages");
        let mut running = Running::start(self.line(true), &messages);
        let status = running.wait(Duration::from_secs(60));
        let said = std::fs::read_to_string(&messages).unwrap();
        match status {
            None => Err(format!("{what} hangs: {said}")),
            Some(status) if !status.success() => Err(format!("{what} fails with {status}: {said}")),
            Some(_) => Ok(()),
        }
    }

    fn result(&self) -> String {
        let seen =
            st_tests::run(st_tests::bash(self.bin, self.folder, self.pipeline.result)).unwrap();
        seen.out()
    }

    /// Puts what was delivered aside, so that the batches recorded can be delivered once more from the beginning.
    fn rewind(&self) -> bool {
        let at = |name: &str| self.folder.join(name);
        std::fs::rename(at("ck"), at("ck.killed")).unwrap();
        std::fs::rename(at("to"), at("to.killed")).unwrap();
        self.prepare();
        for part in ["offsets", "sources"] {
            if at("ck.killed").join(part).exists() {
                copy(&at("ck.killed").join(part), &at("ck").join(part));
            }
        }
        let offsets = records(&at("ck"));
        offsets.first().is_some_and(|first| first["batch"] == 0)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The batches that the source has recorded.
fn records(checkpoint: &Path) -> Vec<serde_json::Value> {
    let mut records = Vec::new();
    for entry in std::fs::read_dir(checkpoint.join("offsets"))
        .into_iter()
        .flatten()
    {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        records.extend(
            text.lines()
                .skip(1)
                .map(|line| serde_json::from_str(line).unwrap()),
        );
    }
    records
}

/// Runs an episode.
///
/// # Errors
/// Text that tells all: the kills, what the tools said, the difference.
pub fn run(
    bin: &Path,
    pipeline: &'static Pipeline,
    seed: u64,
    episode: u64,
    tally: &mut Tally,
) -> Result<(), String> {
    let (expected, length) = match pipeline.timed {
        true => (None, 1500),
        false => {
            let (expected, length) = whole(bin, pipeline)?;
            (Some(expected), length)
        }
    };
    let mut random = Random::new(seed, pipeline.name, episode);
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        bin,
        folder: folder.path(),
        pipeline,
        port: free_port(),
    };
    place.prepare();
    let live = pipeline.input != Input::Files;
    let feeder = Feeder::start(
        pipeline.input,
        folder.path(),
        place.port,
        Random::new(seed, "feeder", episode),
    );
    let mut story = String::new();
    let mut dying = Vec::new();
    for run in 0..1 + random.below(4) {
        let left = if live {
            length
        } else {
            length.saturating_sub(killer::logged(folder.path()))
        };
        let plan = Plan::choose(&mut random, pipeline.line, pipeline.stages, left);
        let messages = folder.path().join(format!("messages.{run}"));
        let killed = killer::run(
            place.line(false),
            folder.path(),
            &messages,
            &plan,
            live,
            &mut random,
        );
        let said = std::fs::read_to_string(&messages).unwrap();
        story += &format!("--- {plan:?}\n{said}");
        let killed = killed.map_err(|error| format!("{error}\n{story}"))?;
        tally.kills += killed.kills;
        tally.at_points += u64::from(killed.at_point);
        dying.extend(killed.rest);
    }
    let made = feeder.finish();
    place
        .finish("the last run")
        .map_err(|error| format!("{error}\n{story}"))?;
    drop(dying);
    let delivered = place.result();
    let batches = records(&folder.path().join("ck"));
    tally.batches += batches.len() as u64;
    tally.episodes += 1;
    if let Some(made) = made {
        count(&place, made).map_err(|error| format!("{error}\n{story}"))?;
    }
    let expected = match expected {
        Some(expected) => expected,
        None => {
            if !place.rewind() {
                return Ok(());
            }
            place
                .finish("the replay")
                .map_err(|error| format!("{error}\n{story}"))?;
            place.result()
        }
    };
    if delivered != expected {
        let kept = folder.keep();
        return Err(format!(
            "delivered is not what an uninterrupted run delivers; see {}\n{}{story}",
            kept.display(),
            difference(&delivered, &expected)
        ));
    }
    Ok(())
}

/// The rows of a live input: each delivered once, none lost that the source could know of.
fn count(place: &Place<'_>, made: u64) -> Result<(), String> {
    let all = match place.pipeline.input {
        Input::Files => return Ok(()),
        Input::Folder => "find to/rows -name '*.json' | xargs cat",
        Input::Log | Input::Socket => "cat to/out.json",
    };
    let rows = st_tests::run(st_tests::bash(place.bin, place.folder, all))
        .unwrap()
        .out();
    let mut seen = vec![0_u32; made as usize];
    for row in rows.lines() {
        let row: serde_json::Value =
            serde_json::from_str(row).map_err(|error| format!("{row}: {error}"))?;
        seen[row["n"].as_u64().unwrap() as usize] += 1;
    }
    // What a killed server had not read yet is lost with its socket.
    let least = u32::from(place.pipeline.input != Input::Socket);
    match seen.iter().position(|times| !(least..=1).contains(times)) {
        Some(n) => Err(format!("row {n} of {made} was delivered {} times", seen[n])),
        None => Ok(()),
    }
}

/// What an uninterrupted run delivers.
fn whole(bin: &Path, pipeline: &'static Pipeline) -> Result<(String, u64), String> {
    if let Some(known) = WHOLE
        .lock()
        .unwrap()
        .get_or_insert_default()
        .get(pipeline.name)
    {
        return Ok(known.clone());
    }
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        bin,
        folder: folder.path(),
        pipeline,
        port: 0,
    };
    place.prepare();
    Feeder::start(pipeline.input, folder.path(), 0, Random::new(0, "", 0)).finish();
    place.finish("the uninterrupted run")?;
    let whole = (place.result(), killer::logged(folder.path()));
    if whole.0.lines().count() < 5 {
        return Err(format!("delivers next to nothing: {}", whole.0));
    }
    let mut known = WHOLE.lock().unwrap();
    known
        .get_or_insert_default()
        .insert(pipeline.name, whole.clone());
    Ok(whole)
}

/// The first lines that differ.
fn difference(delivered: &str, expected: &str) -> String {
    let (mut left, mut right) = (delivered.lines(), expected.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                return format!(
                    "line {number} delivered: {}\nline {number} expected:  {}\n",
                    left.unwrap_or("(end)"),
                    right.unwrap_or("(end)")
                );
            }
        }
    }
    String::new()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
