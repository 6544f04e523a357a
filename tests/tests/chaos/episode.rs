//! One episode: a query that is killed a few times, then runs to its end, and must have delivered what it would have.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::feeder::{Feeder, Input};
use super::killer::{self, Passes, Plan, Running, Step};
use super::pipelines::Pipeline;
use super::random::Random;

#[derive(Default)]
pub struct Tally {
    pub episodes: u64,
    pub kills: u64,
    pub at_points: u64,
    pub batches: u64,
    /// Episodes whose whole result was compared; of the others every row was counted.
    pub compared: u64,
}

const METADATA: &str = r#"{"st-checkpoint":1,"id":"0b52a41f-6d1e-4c1b-9a65-c36c1d2f7e11","kind":"query","created_by":"test"}"#;

/// What an uninterrupted run showed.
pub struct Known {
    /// What it delivered, if that is the same in each run.
    expected: Option<String>,
    /// Batches recorded and delivered.
    length: u64,
    pub passes: Passes,
}

/// So many batches of a live input are recorded and delivered before it is ended.
const LIVE: u64 = 40;

/// What a stage says whose sources are not the last that began.
const OVERTAKEN: &str = "a later run of this query has begun";

struct Place<'a> {
    bin: &'a Path,
    folder: &'a Path,
    pipeline: &'a Pipeline,
    port: u16,
    /// Logs are rewritten after a few records.
    early: bool,
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
        if self.early {
            command.env("ST_FAIL_EARLY", "1");
        }
        match self.pipeline.input {
            _ if !last => {}
            Input::Files => {}
            Input::Folder | Input::Log | Input::Rotated => {
                _ = command.env("LAST", "--available-now")
            }
            // A socket never has all it will send; here the client is gone already.
            Input::Socket => _ = command.env("LAST", "--stop-after 100ms"),
        }
        command
    }

    /// Runs to the end; must do so without a complaint, unless a killed line that was still beginning overtakes it.
    fn finish(&self, what: &str) -> Result<(), String> {
        for _ in 0..3 {
            match self.must_end(what, self.line(true)) {
                Err(said) if said.contains(OVERTAKEN) => continue,
                ended => return ended,
            }
        }
        self.must_end(what, self.line(true))
    }

    fn finish_watched(&self) -> Result<(), String> {
        let mut line = self.line(true);
        killer::watch(&mut line, self.folder, self.pipeline.stages());
        self.must_end("the uninterrupted run", line)
    }

    fn must_end(&self, what: &str, line: Command) -> Result<(), String> {
        let messages = self.folder.join("messages");
        let mut running = Running::start(line, &messages);
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
        if self.early {
            // What is delivered was forgotten.
            return false;
        }
        let at = |name: &str| self.folder.join(name);
        std::fs::rename(at("ck"), at("ck.killed")).unwrap();
        std::fs::rename(at("to"), at("to.killed")).unwrap();
        self.prepare();
        for part in ["offsets", "sources", "tables"] {
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

/// Kills a pipeline a few times, as `seed` and `episode` choose.
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
    let known = known(bin, pipeline)?;
    let mut random = Random::new(seed, pipeline.name, episode);
    // Of a query that depends on time all offsets must stay, or it cannot be replayed from its beginning.
    let early = random.below(if pipeline.timed { 3 } else { 2 }) == 0;
    let runs = 1 + random.below(4);
    let live = pipeline.input != Input::Files;
    let choose = |random: &mut Random, logged: u64| {
        let left = match pipeline.input {
            Input::Files => known.length.saturating_sub(logged),
            _ => LIVE / 2,
        };
        // What is forgotten early cannot be replayed as it was divided by an end that was asked for.
        let may_ask = live || !early;
        Plan::choose(random, &known.passes, left, may_ask)
    };
    killed(bin, pipeline, early, runs, &choose, &mut random, tally).map(drop)
}

/// What a run said that came to the step it was told.
///
/// # Errors
/// As [`run`].
pub fn at_step(
    bin: &Path,
    pipeline: &'static Pipeline,
    step: &Step,
) -> Result<Option<String>, String> {
    let mut tally = Tally::default();
    let choose = |_: &mut Random, _| Plan::at(step.clone());
    let mut random = Random::new(1, pipeline.name, 0);
    let said = killed(bin, pipeline, true, 1, &choose, &mut random, &mut tally)?;
    Ok((tally.at_points > 0).then_some(said))
}

/// Runs, kills as chosen, so often; then to the end. Returns what the killed runs said.
fn killed(
    bin: &Path,
    pipeline: &'static Pipeline,
    early: bool,
    runs: u64,
    choose: &dyn Fn(&mut Random, u64) -> Plan,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<String, String> {
    let known = known(bin, pipeline)?;
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        bin,
        folder: folder.path(),
        pipeline,
        port: free_port(),
        early,
    };
    place.prepare();
    let live = pipeline.input != Input::Files;
    let feeder = Feeder::start(
        pipeline.input,
        folder.path(),
        place.port,
        Random::new(random.next(), "feeder", 0),
    );
    let mut story = String::new();
    let mut heard = String::new();
    let mut dying = Vec::new();
    // A source that is asked to end closes the open batch as it is, and of two one may record a batch more than the other.
    let mut asked = false;
    for run in 0..runs {
        let plan = choose(random, killer::logged(folder.path()));
        asked |= plan.asks();
        let messages = folder.path().join(format!("messages.{run}"));
        let killed = killer::run(
            place.line(false),
            folder.path(),
            &messages,
            &plan,
            live,
            random,
        );
        let said = std::fs::read_to_string(&messages).unwrap();
        story += &format!("--- {plan:?}\n{said}");
        heard += &said;
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
        count(&place, made).map_err(|error| {
            let kept = format!("{error}; see {}\n{story}", folder.path().display());
            kept
        })?;
    }
    let expected = match &known.expected {
        Some(expected) if !asked => expected.clone(),
        _ => {
            if !place.rewind() {
                return Ok(heard);
            }
            place
                .finish("the replay")
                .map_err(|error| format!("{error}\n{story}"))?;
            place.result()
        }
    };
    tally.compared += 1;
    if delivered != expected {
        let kept = folder.keep();
        return Err(format!(
            "delivered is not what an uninterrupted run delivers; see {}\n{}{story}",
            kept.display(),
            difference(&delivered, &expected)
        ));
    }
    Ok(heard)
}

/// The rows of a live input: each delivered once, none lost that the source could know of.
fn count(place: &Place<'_>, made: u64) -> Result<(), String> {
    if place.pipeline.input == Input::Files {
        return Ok(());
    }
    let all = "cat to/out.json 2>/dev/null; find to/rows -name '*.json' 2>/dev/null | xargs -r cat";
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

type Once = Arc<OnceLock<Result<Arc<Known>, String>>>;

/// What an uninterrupted run of a pipeline shows, which runs once.
///
/// # Errors
/// If it fails, or delivers nothing worth a comparison.
pub fn known(bin: &Path, pipeline: &'static Pipeline) -> Result<Arc<Known>, String> {
    static KNOWN: Mutex<Option<HashMap<&str, Once>>> = Mutex::new(None);
    let once = {
        let mut known = KNOWN.lock().unwrap();
        let once = known.get_or_insert_default().entry(pipeline.name);
        once.or_default().clone()
    };
    once.get_or_init(|| learn(bin, pipeline).map(Arc::new))
        .clone()
}

fn learn(bin: &Path, pipeline: &'static Pipeline) -> Result<Known, String> {
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        bin,
        folder: folder.path(),
        pipeline,
        port: free_port(),
        early: true,
    };
    place.prepare();
    let mut random = Random::new(0, "", 0);
    let feeder = Feeder::start(
        pipeline.input,
        folder.path(),
        place.port,
        Random::new(0, "", 0),
    );
    let live = pipeline.input != Input::Files;
    if live {
        let messages = folder.path().join("messages.0");
        let mut line = place.line(false);
        killer::watch(&mut line, folder.path(), pipeline.stages());
        let ended = killer::run(
            line,
            folder.path(),
            &messages,
            &Plan::end(LIVE),
            live,
            &mut random,
        );
        let said = std::fs::read_to_string(&messages).unwrap();
        ended.map_err(|error| format!("the uninterrupted run: {error}\n{said}"))?;
        feeder.finish();
    } else {
        feeder.finish();
        place.finish_watched()?;
    }
    let (delivered, length) = (place.result(), killer::logged(folder.path()));
    if delivered.lines().count() < 5 {
        return Err(format!("delivers next to nothing: {delivered}"));
    }
    Ok(Known {
        expected: (!pipeline.timed).then_some(delivered),
        length,
        passes: killer::passes(folder.path(), pipeline.stages()),
    })
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
