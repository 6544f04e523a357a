#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Seek};
use std::os::fd::OwnedFd;
use std::path::Path;

use clap::Parser;
use serde_json::{Map, json};
use st_checkpoint::Commits;

use super::*;

/// Numbers up to `end`; idle (or at its end) behind `there`.
struct Numbers {
    next: u64,
    cut: u64,
    there: u64,
    end: u64,
    waits: u64,
    stop: Stop,
}

impl Numbers {
    fn up_to(end: u64) -> Numbers {
        Numbers {
            next: 0,
            cut: 0,
            there: end,
            end,
            waits: 0,
            stop: Stop::default(),
        }
    }

    fn send(&mut self, out: &mut Out) -> Result<()> {
        out.read(1);
        out.row(format!("{{\"n\":{}}}", self.next).as_bytes())?;
        self.next += 1;
        Ok(())
    }
}

fn number(range: &Recorded, name: &str) -> u64 {
    range.get(name).unwrap().as_u64().unwrap()
}

impl Source for Numbers {
    fn tool(&self) -> &'static str {
        "st-numbers"
    }
    fn options(&self) -> Map<String, Value> {
        Map::new()
    }
    fn identity(&self) -> Value {
        json!({ "of": "numbers" })
    }
    fn schema(&self) -> String {
        "n BIGINT".to_string()
    }
    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        if let Some((_, range)) = opening.recorded.last() {
            self.next = number(range, "to");
            self.cut = self.next;
        }
        Ok(())
    }
    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        let (here, from, to) = (self.next, number(range, "from"), number(range, "to"));
        self.next = from;
        while self.next < to.min(self.end) {
            self.send(out)?;
        }
        self.next = here;
        Ok(())
    }
    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        while self.next < self.there {
            if budget.spent() {
                return Ok(Read::Full);
            }
            self.send(out)?;
            budget.take(8);
        }
        Ok(if self.next == self.end {
            Read::End
        } else {
            Read::Idle
        })
    }
    fn cut(&mut self) -> Result<Recorded> {
        let range = Recorded::new(&json!({ "from": self.cut, "to": self.next }));
        self.cut = self.next;
        range
    }
    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        self.waits += 1;
        let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
        match patience {
            Some(patience) if patience < LOOK_ALONE / 2 => std::thread::sleep(patience),
            // Nothing is due but a look around.
            _ => self.stop.ask(),
        }
        Ok(())
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    source: SourceArgs,
}

fn run_numbers(source: Numbers, arguments: &[&str]) -> (Result<Ending>, Vec<String>) {
    let arguments = ["st-numbers", "-q", "--durability", "process"]
        .iter()
        .chain(arguments);
    let args = Arguments::parse_from(arguments).source;
    let mut seen = tempfile::tempfile().unwrap();
    let out = Out::new(
        Writer::new(OwnedFd::from(seen.try_clone().unwrap())),
        args.strict,
    );
    let stop = source.stop.clone();
    let result = Run::new(source, args, out, stop).run();
    seen.rewind().unwrap();
    let mut text = String::new();
    seen.read_to_string(&mut text).unwrap();
    (result, text.lines().map(str::to_string).collect())
}

/// The stream in short: `begin 0`, rows as they are, `batch 0`, `batch 1 final`, `end`.
fn short(lines: &[String]) -> Vec<String> {
    let name = |line: &String| match Marker::parse(line.as_bytes()) {
        _ if !line.starts_with("{\"$st\"") => line.clone(),
        Ok(Marker::Start(start)) => format!("start {}", start.epoch),
        Ok(Marker::Begin(begin)) => format!("begin {}", begin.id),
        Ok(Marker::Batch(batch)) => format!(
            "batch {}{}",
            batch.id,
            if batch.last { " final" } else { "" }
        ),
        Ok(Marker::End) => "end".to_string(),
        Ok(Marker::Abort(abort)) => format!("abort {}", abort.reason),
        other => format!("{other:?}"),
    };
    lines.iter().map(name).collect()
}

/// As if a sink had joined at −1 and delivered batches up to `last`.
fn deliver(checkpoint: &Path, sink: &str, last: i64) {
    let dir =
        QueryDir::create_or_open(checkpoint, Kind::Query, Durability::Process, "test").unwrap();
    let mut commits = Commits::register(&dir, sink, -1, &Value::Null, &[]).unwrap();
    for batch in commits.last() + 1..=last {
        commits.commit(batch, 1, None).unwrap();
    }
}

#[test]
fn limits_cut_batches_and_the_last_one_is_final() {
    let (result, lines) = run_numbers(Numbers::up_to(3), &["--max-rows-per-trigger", "2"]);
    assert_eq!(result.unwrap(), Ending::Done);
    let expected = [
        "start -1",
        "begin 0",
        "{\"n\":0}",
        "{\"n\":1}",
        "batch 0",
        "begin 1",
        "{\"n\":2}",
        "batch 1 final",
        "end",
    ];
    assert_eq!(short(&lines), expected);
}

#[test]
fn a_source_without_rows_ends_with_an_empty_final_batch() {
    let (_, lines) = run_numbers(Numbers::up_to(0), &[]);
    assert_eq!(
        short(&lines),
        ["start -1", "begin 0", "batch 0 final", "end"]
    );
}

#[test]
fn a_byte_limit_lets_at_least_one_row_through() {
    let (_, lines) = run_numbers(Numbers::up_to(2), &["--max-bytes-per-trigger", "1"]);
    let short = short(&lines);
    assert_eq!(short[1..5], ["begin 0", "{\"n\":0}", "batch 0", "begin 1"]);
}

#[test]
fn with_a_checkpoint_the_end_is_not_final_unless_drained() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("ck");
    let place = checkpoint.to_str().unwrap();
    let (_, lines) = run_numbers(Numbers::up_to(1), &["--checkpoint", place]);
    assert_eq!(
        short(&lines),
        ["start -1", "begin 0", "{\"n\":0}", "batch 0", "end"]
    );
    deliver(&checkpoint, "s", 0);
    let (_, lines) = run_numbers(Numbers::up_to(2), &["--checkpoint", place, "--drain"]);
    assert_eq!(
        short(&lines),
        ["start 0", "begin 1", "{\"n\":1}", "batch 1 final", "end"]
    );
    deliver(&checkpoint, "s", 1);
    let (_, lines) = run_numbers(Numbers::up_to(2), &["--checkpoint", place]);
    assert_eq!(short(&lines), ["start 1", "end"]);
}

#[test]
fn recorded_batches_after_the_least_commit_are_replayed_with_their_clocks() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("ck");
    let place = checkpoint.to_str().unwrap();
    let arguments = ["--checkpoint", place, "--max-rows-per-trigger", "2"];
    let (_, first) = run_numbers(Numbers::up_to(5), &arguments);
    deliver(&checkpoint, "fast", 1);
    deliver(&checkpoint, "slow", 0);
    let (_, again) = run_numbers(Numbers::up_to(6), &arguments);
    let expected = [
        "start 0",
        "begin 1",
        "{\"n\":2}",
        "{\"n\":3}",
        "batch 1",
        "begin 2",
        "{\"n\":4}",
        "batch 2",
        "begin 3",
        "{\"n\":5}",
        "batch 3",
        "end",
    ];
    assert_eq!(short(&again), expected);
    let clocks = |lines: &[String]| -> Vec<String> {
        lines
            .iter()
            .filter(|line| line.contains("\"begin\""))
            .cloned()
            .collect()
    };
    assert_eq!(clocks(&again)[..2], clocks(&first)[1..]);
}

#[test]
fn a_replay_with_another_number_of_rows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ck").display().to_string();
    run_numbers(Numbers::up_to(3), &["--checkpoint", &place])
        .0
        .unwrap();
    let (result, lines) = run_numbers(Numbers::up_to(2), &["--checkpoint", &place]);
    let error = message::chain(&result.unwrap_err());
    assert!(
        error.contains("batch 0 had 3 rows when it was recorded and has 2 now"),
        "{error}"
    );
    assert!(
        short(&lines)
            .last()
            .unwrap()
            .starts_with("abort batch 0 had 3 rows")
    );
}

#[test]
fn offsets_that_lost_what_was_delivered_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("ck");
    deliver(&checkpoint, "s", 4);
    let (result, _) = run_numbers(
        Numbers::up_to(3),
        &["--checkpoint", checkpoint.to_str().unwrap()],
    );
    let error = message::chain(&result.unwrap_err());
    assert!(
        error.contains("has no record of batch 4, which every sink has committed"),
        "{error}"
    );
}

#[test]
fn an_idle_source_closes_its_batch_and_a_signal_ends_the_run() {
    let mut numbers = Numbers::up_to(10);
    numbers.there = 2;
    let (result, lines) = run_numbers(numbers, &[]);
    assert_eq!(result.unwrap(), Ending::Done);
    let expected = [
        "start -1",
        "begin 0",
        "{\"n\":0}",
        "{\"n\":1}",
        "batch 0",
        "begin 1",
        "batch 1 final",
        "end",
    ];
    assert_eq!(short(&lines), expected);
}

#[test]
fn available_now_ends_where_the_input_is_idle() {
    let mut numbers = Numbers::up_to(10);
    numbers.there = 3;
    let (_, lines) = run_numbers(numbers, &["--available-now", "--max-rows-per-trigger", "2"]);
    assert_eq!(
        short(&lines)[5..],
        ["begin 1", "{\"n\":2}", "batch 1 final", "end"]
    );
}

#[test]
fn a_heartbeat_cuts_empty_batches() {
    let mut numbers = Numbers::up_to(10);
    numbers.there = 0;
    let (_, lines) = run_numbers(numbers, &["--heartbeat", "1ms", "--stop-after", "50ms"]);
    assert_eq!(
        short(&lines)[..4],
        ["start -1", "begin 0", "batch 0", "begin 1"]
    );
}

#[test]
fn drain_needs_a_checkpoint() {
    let args = Arguments::parse_from(["st-numbers", "--drain"]).source;
    assert!(args.check().unwrap_err().is::<crate::cli::Usage>());
}

#[test]
fn where_the_filled_batches_begin_is_known_when_their_records_are_forgotten() {
    let record = |batch: i64, since: Option<i64>, filled: bool| OffsetRecord {
        batch,
        time: String::new(),
        is_final: false,
        rows: 0,
        range: Recorded::new(&json!(null)).unwrap(),
        memory: None,
        filled,
        since,
    };
    let all = [
        record(2, None, false),
        record(3, Some(2), true),
        record(4, Some(2), true),
        record(5, Some(2), true),
    ];
    let at = |kept: &[OffsetRecord], epoch| filled_since(kept.iter(), epoch);
    assert_eq!(at(&all, 2), None);
    assert_eq!(at(&all, 4), Some(2));
    assert_eq!(at(&all[3..], 5), Some(2));
    // Records that do not say it are counted.
    let old: Vec<_> = all
        .into_iter()
        .map(|record| OffsetRecord {
            since: None,
            ..record
        })
        .collect();
    assert_eq!(at(&old, 5), Some(2));
    assert_eq!(at(&old[1..], 5), Some(2));
}
