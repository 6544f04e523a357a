//! Files that are read once, each to its end: named ones, and what comes into directories.

mod backlog;
mod damaged;
mod findings;
mod listing;
mod parquet;
mod partition;
mod range;
mod reading;
mod seen;
mod shape;
mod standing;
mod text;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use st_checkpoint::{Change, Recorded};
use st_input::Advice;
use st_stream::{Budget, Opening, Out, Read, Source, message};

use backlog::Backlog;
use damaged::Damaged;
pub use listing::Listing;
pub use range::Mark;
pub use seen::Seen;

use listing::Found;
use range::{FileRange, Range};
use reading::{Part, Reading};
use shape::{Shape, last_record};

use crate::config::Config;
use crate::roots::Root;
use crate::{identity, open};

/// The source.
pub struct FileSource {
    config: Config,
    name: String,
    quiet: bool,
    seen: Seen,
    backlog: Backlog,
    advice: Advice,
    shape: Shape,
    /// The file that is being read.
    open: Option<Reading>,
    /// What was read since the last cut, the open file aside.
    done: Vec<FileRange>,
    available_now: bool,
    /// Bytes of the files this run has read to their end.
    finished: u64,
    /// Bytes of a file that an earlier run had begun.
    resumed: u64,
    /// The directories were looked at.
    begun: bool,
}

impl FileSource {
    pub fn new(config: Config) -> Result<FileSource> {
        Ok(FileSource {
            name: "st-tail".to_string(),
            quiet: false,
            seen: Seen::default(),
            backlog: Backlog::new(&config, "st-tail"),
            advice: Advice::new("st-tail", config.format_name(), false),
            shape: Shape::default(),
            open: None,
            done: Vec::new(),
            available_now: false,
            finished: 0,
            resumed: 0,
            begun: false,
            config,
        })
    }

    /// Lists what is there now, once.
    fn list(&mut self) -> Result<()> {
        if !self.begun {
            self.begun = true;
            self.backlog.begin(&mut self.seen, self.available_now)?;
        }
        Ok(())
    }

    /// Opens the next file. False if there is none just now.
    fn open_next(&mut self) -> Result<bool> {
        self.list()?;
        while let Some(found) = self.backlog.next(&mut self.seen)? {
            let path = found.path.clone();
            let Some(file) = open::open(&path)? else {
                self.lost(&format!("{path}: is gone before it was read"))?;
                continue;
            };
            let (name, whole) = (
                Some(self.name.as_str()).filter(|_| !self.quiet),
                found.clone(),
            );
            message::tell(2, &self.name, || {
                format!("{path}: opened, {} bytes", whole.size)
            });
            match Reading::new(
                &self.config,
                &self.shape,
                name,
                found,
                file,
                Part::default(),
            ) {
                Ok(reading) => {
                    self.open = Some(reading);
                    return Ok(true);
                }
                Err(error) => {
                    self.skip(error, "skipped")?;
                    // It is not to be tried again in each run.
                    self.finished += whole.size;
                    self.done.push(FileRange::nothing(whole));
                }
            }
        }
        Ok(false)
    }

    /// Goes on after an error that is a file's, if the user said so.
    fn skip(&self, error: anyhow::Error, what: &str) -> Result<()> {
        if !self.config.skip_lost || !Damaged::is(&error) {
            return Err(error);
        }
        message::say(&self.name, &format!("{}: {what}", message::chain(&error)));
        Ok(())
    }

    /// Something that was to be read cannot be: an error unless the user has accepted that.
    fn lost(&self, what: &str) -> Result<()> {
        if !self.config.skip_lost {
            bail!("{what}: put it back, or go on without it with --skip-lost");
        }
        message::say(&self.name, &format!("{what}: skipped"));
        Ok(())
    }

    /// The open file is read: notes what it was.
    fn close_file(&mut self) {
        if let Some(mut reading) = self.open.take() {
            self.finished += reading.extent().1;
            self.done.push(reading.cut(false));
        }
    }

    /// True if all there is was read, and nothing can come.
    fn is_over(&self) -> bool {
        self.begun && self.open.is_none() && self.backlog.is_over()
    }

    /// Finds the file in which the last recorded batch was cut.
    fn resume(&mut self, recorded: &[(i64, Recorded)]) -> Result<()> {
        let Some((_, range)) = recorded.last() else {
            return Ok(());
        };
        let Some(last) = Range::parse(range)?.files.pop().filter(|file| file.more) else {
            return Ok(());
        };
        let Some(file) = open::open(&last.path)? else {
            return self.lost(&format!(
                "{}: is gone, and was read only up to byte {}",
                last.path,
                last.end()
            ));
        };
        let found = Found {
            mtime: last.mtime,
            path: last.path.clone(),
            size: last.size,
        };
        let part = Part {
            from: last.to.unwrap_or_default(),
            to: None,
            header: last.header,
        };
        let reading = Reading::new(&self.config, &self.shape, None, found, file, part)?;
        self.resumed = reading.extent().1;
        self.open = Some(reading);
        Ok(())
    }

    /// Sends what was read of one file again.
    fn replay_file(&mut self, range: &FileRange, out: &mut Out) -> Result<()> {
        let path = &range.path;
        if range.rows == 0 {
            return Ok(());
        }
        let Some(file) = open::open(path)? else {
            return self.lost(&format!("{path}: is gone"));
        };
        let mut reading = match Reading::again(&self.config, &self.shape, range, file) {
            Ok(reading) => reading,
            Err(error) => return self.skip(error, "skipped"),
        };
        while !reading.read(None, out, &mut self.advice)? {}
        let again = reading.cut(range.more);
        if (again.rows, again.crc) != (range.rows, range.crc) {
            self.lost(&format!("{path}: was changed since it was read"))?;
        }
        Ok(())
    }

    /// Files that grew after they were read were not complete when they came.
    fn warn_of_growth(&self) {
        let grown = |range: &&FileRange| {
            !range.more
                && std::fs::metadata(&range.path).is_ok_and(|found| found.len() > range.size)
        };
        let mut grown = self.done.iter().filter(grown);
        let Some(first) = grown.next() else { return };
        let others = match grown.count() {
            0 => String::new(),
            count => format!(" (and {count} others)"),
        };
        message::say(
            &self.name,
            &format!(
                "{}{others}: grew after it was read, and the rest will not be: write files under another name, such as x.tmp, and rename them; or follow them with -f",
                first.path
            ),
        );
    }

    /// A named file that grew after an earlier run had read it is not read on: that is said.
    fn warn_of_later_growth(&self, recorded: &[(i64, Recorded)]) -> Result<()> {
        if self.config.roots.iter().all(Root::is_watched) {
            return Ok(());
        }
        for (_, range) in recorded {
            for file in Range::parse(range)?.files.iter().filter(|file| !file.more) {
                let is_named = self
                    .config
                    .roots
                    .iter()
                    .any(|root| !root.is_watched() && root.text() == file.path);
                if is_named
                    && std::fs::metadata(&file.path).is_ok_and(|found| found.len() > file.size)
                {
                    message::say(
                        &self.name,
                        &format!(
                            "{}: has grown since an earlier run read it, and is not read again: -f follows growing files",
                            file.path
                        ),
                    );
                }
            }
        }
        Ok(())
    }

    fn clean(&self, range: &Recorded) -> Result<()> {
        let Some(clean) = &self.config.clean else {
            return Ok(());
        };
        for file in Range::parse(range)?.files.iter().filter(|file| !file.more) {
            clean.apply(&file.path, file.size, file.mtime)?;
        }
        Ok(())
    }
}

impl Source for FileSource {
    fn tool(&self) -> &'static str {
        "st-tail"
    }

    fn options(&self) -> Map<String, Value> {
        self.config.options()
    }

    fn findings(&self) -> Map<String, Value> {
        findings::of(&self.config)
    }

    fn identity(&self) -> Value {
        self.config.identity()
    }

    fn may_follow(&self, change: &Change) -> bool {
        identity::may_follow(change)
    }

    fn schema(&self) -> String {
        self.shape.declared(&self.config).to_string()
    }

    fn accepts_loss(&self) -> bool {
        self.config.skip_lost
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.name = opening.name.to_string();
        self.quiet = opening.quiet;
        self.available_now = opening.available_now;
        self.backlog = Backlog::new(&self.config, opening.name);
        self.advice = Advice::new(opening.name, self.config.format_name(), opening.quiet);
        if let Some(dir) = opening.query {
            self.seen.load(dir, opening.name, opening.recorded)?;
        }
        self.shape = match last_record(opening.recorded)? {
            Some(range) => Shape::recorded(&range)?,
            None => {
                self.list()?;
                Shape::find(&self.config, self.backlog.planned())?
            }
        };
        // The last run may have ended before it knew that these are committed.
        for (_, range) in opening
            .recorded
            .iter()
            .filter(|(batch, _)| *batch <= opening.epoch)
        {
            self.clean(range)?;
        }
        if !opening.quiet {
            self.warn_of_later_growth(opening.recorded)?;
        }
        self.resume(opening.recorded)
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        for file in Range::parse(range)?.files {
            self.replay_file(&file, out)?;
        }
        Ok(())
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        let mut files = self.done.len() as u64;
        loop {
            if self.open.is_none() && !self.open_next()? {
                self.advice.rest();
                return Ok(if self.is_over() {
                    Read::End
                } else {
                    Read::Idle
                });
            }
            let Some(reading) = &mut self.open else {
                return Ok(Read::Idle);
            };
            let read = reading.read(Some(&mut *budget), out, &mut self.advice);
            let finished = read
                // A damaged file, if the user said so, ends where it is damaged.
                .or_else(|error| self.skip(error, "the rest is skipped").map(|()| true))?;
            if finished {
                self.close_file();
                files += 1;
            }
            let full = budget.spent()
                || finished && self.config.max_files.is_some_and(|most| files >= most);
            if full && out.figures().rows_in > 0 {
                return Ok(if self.is_over() {
                    Read::End
                } else {
                    Read::Full
                });
            }
            if budget.due() {
                return Ok(Read::More);
            }
        }
    }

    fn cut(&mut self) -> Result<Recorded> {
        if !self.quiet {
            self.warn_of_growth();
        }
        let mut files = std::mem::take(&mut self.done);
        if let Some(reading) = &mut self.open {
            let part = reading.cut(true);
            if part.rows > 0 {
                files.push(part);
            }
        }
        let mut range = Range {
            files,
            ..Range::default()
        };
        self.shape.note(&mut range);
        Recorded::new(&range)
    }

    fn offset(&self, range: &Recorded) -> Value {
        let Some(last) = Range::parse(range)
            .ok()
            .and_then(|mut range| range.files.pop())
        else {
            return Value::Null;
        };
        match last.more {
            true => json!({"path": last.path, "bytes": last.end()}),
            false => json!({"path": last.path}),
        }
    }

    fn extent(&self) -> Option<(u64, u64)> {
        let total = self.backlog.size().filter(|_| self.begun)? + self.resumed;
        let open = self.open.as_ref().map_or(0, |reading| reading.extent().0);
        Some(((self.finished + open).min(total), total))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let patience = self.backlog.patience();
        std::thread::sleep(until.map_or(patience, |until| {
            until
                .saturating_duration_since(Instant::now())
                .min(patience)
        }));
        Ok(())
    }

    fn forget(&mut self, _batch: i64, range: &Recorded) -> Result<()> {
        self.clean(range)
    }

    fn remember(&mut self, ranges: &[(i64, Recorded)]) -> Result<()> {
        self.seen.fold(ranges).context("the memory of files read")
    }
}
