//! What a person at the terminal sees of a running query: one line on stderr, drawn again and again; at the end a summary,
//! and the problems. Where stderr is no terminal only the problems are said, and with `-v` the summary.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use st_monitor::Live;
use st_stream::{Batch, Context, Figures, Start, message};
use st_time::Zone;

use crate::bar::{Reading, SURE, bar};
use crate::terminal;

/// The line is drawn no more often than this.
const PAUSE: Duration = Duration::from_millis(100);
/// Rows between two looks at the clock.
const STRIDE: u64 = 1024;

/// What one stage could not hand on, in all batches.
#[derive(Default)]
struct Trouble {
    late: u64,
    bad: u64,
    failed: u64,
    /// Rows that say nothing to the watermark.
    timeless: u64,
    /// Where the stage keeps them, if it does.
    late_file: Option<String>,
    bad_file: Option<String>,
}

/// What of the line is left out where there is no room, the least important first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    /// The watermark's day.
    NoDay,
    /// When the next window closes, too.
    NoWindow,
    /// Everything but rows.
    Rows,
}

/// Totals since the run started.
#[derive(Default)]
struct Totals {
    batches: u64,
    rows_in: u64,
    rows_out: u64,
    filtered: u64,
    late: u64,
    bad: u64,
}

/// The status of a run.
pub struct Status {
    name: String,
    quiet: bool,
    /// Sinks of other branches draw on the same terminal.
    branched: bool,
    /// A person reads stderr.
    person: bool,
    zone: Zone,
    drawn: bool,
    visible: bool,
    since: Instant,
    last: Instant,
    totals: Totals,
    troubles: BTreeMap<String, Trouble>,
    /// Where this stage's own bad rows are.
    rejects: Option<PathBuf>,
    /// A watermark is declared.
    watermarked: bool,
    watermark: Option<i64>,
    /// Groups held open by all stages.
    open: u64,
    closes: Option<String>,
    batch: i64,
    /// The first source's name, and where it says how far it is within a batch.
    live: Option<(String, PathBuf)>,
    /// How much of an input of known size each source has read, as the last batch or the source itself told.
    read: Reading,
    /// Rows it has read into a batch that has not come yet.
    reading: u64,
    /// Of several sinks on a terminal the one that holds this draws.
    turn: Option<File>,
}

impl Status {
    /// `shared`: rows go to the same terminal as they come, so that there is no place for a line.
    pub fn new(start: &Start, context: &Context, shared: bool, zone: Zone) -> Status {
        let now = Instant::now();
        let person = !context.quiet && terminal::is_stderr();
        Status {
            name: context.name.clone(),
            quiet: context.quiet,
            branched: start.branch.is_some(),
            drawn: false,
            person,
            zone,
            visible: person && !shared,
            since: now,
            last: now,
            totals: Totals::default(),
            troubles: BTreeMap::new(),
            rejects: context.rejects.clone(),
            watermarked: !start.watermarks.is_empty(),
            watermark: start.mark(),
            open: 0,
            closes: None,
            batch: start.epoch,
            live: start.home().zip(start.plan.first()).map(|(home, source)| {
                let live = home.join("live").join(&source.name);
                (source.name.clone(), live)
            }),
            read: Reading::default(),
            reading: 0,
            turn: None,
        }
    }

    /// Draws the line again while a batch comes in, `rows` so far.
    #[inline]
    pub fn row(&mut self, rows: u64) {
        if self.visible && rows.is_multiple_of(STRIDE) && self.last.elapsed() >= PAUSE {
            self.draw(rows);
        }
    }

    /// The same after many rows.
    pub fn rows(&mut self, rows: u64) {
        if self.visible && self.last.elapsed() >= PAUSE {
            self.draw(rows);
        }
    }

    /// Takes the line away, so that something else can be written.
    pub fn clear(&mut self) {
        // Another branch's line may stand where this one writes.
        if self.drawn || self.visible && self.branched {
            self.drawn = false;
            put("\r\x1b[K");
        }
    }

    /// A batch has ended. `out`: rows delivered; `bad`: rows this stage rejected.
    pub fn batch(&mut self, batch: &Batch, out: u64, bad: u64) {
        self.batch = batch.id;
        self.reading = 0;
        self.watermark = batch.watermark;
        self.totals.batches += 1;
        self.totals.rows_out += out;
        if let Some(source) = batch.stages.first() {
            self.totals.rows_in += source.rows_in.max(source.rows_out);
        } else {
            self.totals.rows_in += out + bad;
        }
        self.open = 0;
        self.closes = None;
        for stage in &batch.stages {
            self.totals.filtered += stage.filtered;
            self.totals.late += stage.late;
            self.totals.bad += stage.bad;
            self.open += stage.state.map_or(0, |state| state.rows);
            if let Some(closes) = stage.rest.get("closes").and_then(|time| time.as_str()) {
                // The first stage's windows close first.
                self.closes.get_or_insert(closes.to_string());
            }
            if let Some(told) = stage.rest.get("source") {
                self.read.note(&stage.name, told.get("bytes"));
            }
            self.note(&stage.name, stage.late, stage.bad, stage.failed);
            if let Some(rows) = stage
                .rest
                .get("no_event_time")
                .and_then(|rows| rows.as_u64())
            {
                let trouble = self.troubles.entry(stage.name.clone()).or_default();
                trouble.timeless += rows;
            }
            self.note_files(stage);
        }
        self.totals.bad += bad;
        self.note(&self.name.clone(), 0, bad, 0);
        if self.visible && self.last.elapsed() >= PAUSE {
            self.draw(0);
        }
    }

    /// Nothing comes for the moment, `rows` of the open batch so far. Gives when the line is to be drawn again all the same:
    /// behind a stage that waits for the end of its batch the source alone moves.
    pub fn idle(&mut self, rows: u64) -> Option<Instant> {
        if !self.visible {
            return None;
        }
        if !self.drawn || self.last.elapsed() >= PAUSE {
            self.draw(rows);
        }
        match self.read.all() {
            Some(bytes) if bytes.done < bytes.total => Some(self.last + PAUSE),
            None if self.totals.batches == 0 => Some(self.last + SURE),
            _ => None,
        }
    }

    fn note_files(&mut self, stage: &Figures) {
        let path = |name| Some(stage.rest.get(name)?.as_str()?.to_string());
        let (late, bad) = (path("late_file"), path("bad_file"));
        if late.is_none() && bad.is_none() {
            return;
        }
        let trouble = self.troubles.entry(stage.name.clone()).or_default();
        trouble.late_file = late.or(trouble.late_file.take());
        trouble.bad_file = bad.or(trouble.bad_file.take());
    }

    fn note(&mut self, stage: &str, late: u64, bad: u64, failed: u64) {
        if late + bad + failed == 0 {
            return;
        }
        let trouble = self.troubles.entry(stage.to_string()).or_default();
        trouble.late += late;
        trouble.bad += bad;
        trouble.failed += failed;
    }

    fn draw(&mut self, pending: u64) {
        self.last = Instant::now();
        if self.turn.is_none() {
            self.turn = terminal::turn();
        }
        if self.turn.is_none() {
            return;
        }
        self.drawn = true;
        // Within a long batch no marker comes: the source tells by itself.
        if let Some((name, live)) = &self.live
            && let Some(live) = Live::read(live)
        {
            self.read.further(name, live.bytes);
            self.reading = if live.batch > self.batch {
                live.rows
            } else {
                0
            };
        }
        let (columns, _) = terminal::size();
        let whose = match self.branched {
            true => format!("{}: ", self.name),
            false => String::new(),
        };
        let bar = match self.read.all() {
            Some(bytes) => format!("{} ", bar(bytes, self.since.elapsed())),
            None => String::new(),
        };
        let room = columns.saturating_sub(1);
        let line = self.fitted(&format!("{bar}{whose}"), pending, room);
        // The cursor goes back to the beginning, so that what other stages say overwrites the line.
        put(&format!("\r\x1b[K{line}\r"));
    }

    /// As much of the line as there is room for, behind what it begins with.
    fn fitted(&self, begin: &str, pending: u64, room: usize) -> String {
        let mut line = String::new();
        for detail in [Detail::All, Detail::NoDay, Detail::NoWindow, Detail::Rows] {
            line = format!("{begin}{}", self.line(pending, detail));
            if line.chars().count() <= room {
                return line;
            }
        }
        line.chars().take(room).collect()
    }

    fn line(&self, pending: u64, detail: Detail) -> String {
        let totals = &self.totals;
        if totals.batches == 0 && pending == 0 {
            return match self.reading {
                0 => "waits for the first batch".to_string(),
                rows => format!("reads the first batch: {} rows so far", grouped(rows)),
            };
        }
        let mut line = match self.batch {
            batch if totals.batches > 0 => format!("batch {batch}: "),
            _ => String::new(),
        };
        line.push_str(&format!(
            "{} in, {} kept",
            grouped(totals.rows_in),
            grouped(totals.rows_out)
        ));
        if pending > 0 {
            line.push_str(&format!(", {} coming", grouped(pending)));
        } else if self.reading > 0 {
            line.push_str(&format!(", {} being read", grouped(self.reading)));
        }
        for (count, word) in [
            (totals.filtered, "filtered"),
            (totals.late, "late"),
            (totals.bad, "bad"),
        ] {
            if count > 0 {
                line.push_str(&format!(", {} {word}", grouped(count)));
            }
        }
        if detail == Detail::Rows {
            return line;
        }
        match (self.watermark, self.watermarked) {
            (Some(mark), _) => {
                let mut mark = self.clock(mark);
                if detail != Detail::All
                    && let Some((_, time)) = mark.split_once(' ')
                {
                    mark = time.to_string();
                }
                line.push_str(&format!("; watermark {mark}"));
            }
            (None, true) => line.push_str("; waits for the first event time"),
            (None, false) => {}
        }
        if detail == Detail::NoWindow {
            return line;
        }
        match &self.closes {
            Some(time) => line.push_str(&format!(", window closes at {}", self.local(time))),
            None if self.open > 0 && self.watermark.is_some() => {
                line.push_str(&format!(", {} open", grouped(self.open)));
            }
            None => {}
        }
        line
    }

    /// An instant of the wire as a person reads it; the time alone if its day is the watermark's.
    fn local(&self, iso: &str) -> String {
        let Some(micros) = st_time::parse_timestamp(iso.as_bytes(), Zone::UTC) else {
            return iso.to_string();
        };
        let (text, mark) = (
            self.clock(micros),
            self.watermark.map(|mark| self.clock(mark)),
        );
        match (
            text.split_once(' '),
            mark.as_deref().and_then(|mark| mark.split_once(' ')),
        ) {
            (Some((day, time)), Some((today, _))) if day == today => time.to_string(),
            _ => text,
        }
    }

    fn clock(&self, micros: i64) -> String {
        let mut text = Vec::new();
        st_time::write_spark(&mut text, micros, self.zone);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The run has ended: the summary for a person, the problems for everybody.
    pub fn end(&mut self) {
        self.clear();
        if self.quiet {
            return;
        }
        for (stage, trouble) in &self.troubles {
            for (count, what, file) in [
                (trouble.bad, "bad", &trouble.bad_file),
                (trouble.late, "late", &trouble.late_file),
            ] {
                if count > 0 {
                    let own = (*stage == self.name && what == "bad")
                        .then(|| self.rejects.clone())
                        .flatten();
                    let kept = match own.or(file.as_ref().map(PathBuf::from)) {
                        Some(path) => format!(": see {}", shown(&path)),
                        None => {
                            let option = if what == "bad" { "rejects" } else { "late" };
                            format!(", counted and left out: --{option} FILE keeps such rows")
                        }
                    };
                    let rows = if count == 1 { "row" } else { "rows" };
                    message::say(
                        &self.name,
                        &format!("{stage}: {} {what} {rows}{kept}", grouped(count)),
                    );
                }
            }
            // Without any event time the watermark never begins; rows without one among others are for those who need it.
            if trouble.timeless > 0 && self.watermark.is_none() {
                let rows = if trouble.timeless == 1 {
                    "row has"
                } else {
                    "rows have"
                };
                let count = grouped(trouble.timeless);
                message::say(
                    &self.name,
                    &format!(
                        "{stage}: {count} {rows} no event time, so that there is no watermark: is its column the right one?"
                    ),
                );
            }
            if trouble.failed > 0 {
                let count = grouped(trouble.failed);
                let what = if trouble.failed == 1 {
                    "expression"
                } else {
                    "expressions"
                };
                message::say(
                    &self.name,
                    &format!(
                        "{stage}: {count} {what} could not be evaluated and gave null: --strict there stops at the first"
                    ),
                );
            }
        }
        if self.person {
            message::say(&self.name, &self.summary());
        } else {
            message::tell(1, &self.name, || self.summary());
        }
    }

    fn summary(&self) -> String {
        let totals = &self.totals;
        let batches = if totals.batches == 1 {
            "batch"
        } else {
            "batches"
        };
        format!(
            "{} {batches}, {} rows in, {} out, {} filtered, {} late, {} rejected, {:.1} s",
            grouped(totals.batches),
            grouped(totals.rows_in),
            grouped(totals.rows_out),
            grouped(totals.filtered),
            grouped(totals.late),
            grouped(totals.bad),
            self.since.elapsed().as_secs_f64()
        )
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `path` as a person here would type it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A terminal that is gone is no reason to fail.
fn put(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let context = Context {
            name: "st-sink".into(),
            query: None,
            marked: true,
            quiet: false,
            rejects: None,
        };
        let start = Start::new(String::new(), -1);
        Status::new(&start, &context, false, Zone::UTC)
    }

    #[test]
    fn what_is_least_important_gives_way() {
        let mut status = status();
        status.totals.batches = 1;
        status.totals.rows_in = 1200;
        status.batch = 7;
        status.watermark = st_time::parse_timestamp(b"2025-01-15T10:03:39Z", Zone::UTC);
        status.closes = Some("2025-01-15T10:05:00Z".into());
        let rows = "[#] batch 7: 1,200 in, 0 kept";
        let long = format!("{rows}; watermark 2025-01-15 10:03:39, window closes at 10:05:00");
        let noday = format!("{rows}; watermark 10:03:39, window closes at 10:05:00");
        let nowindow = format!("{rows}; watermark 10:03:39");
        for (room, wanted) in [
            (200, long.as_str()),
            (long.len(), &long),
            (long.len() - 1, &noday),
            (noday.len() - 1, &nowindow),
            (nowindow.len() - 1, rows),
            (5, "[#] b"),
        ] {
            assert_eq!(status.fitted("[#] ", 0, room), wanted, "{room}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
