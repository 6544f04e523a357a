//! Standard input, or a pipe in its place: read as it comes, and spooled under a checkpoint, since nobody can send it again.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use st_checkpoint::{Change, Recorded};
use st_input::{Advice, Blocks, Decoder, Direct, RowSpool, Spooled};
use st_stream::{Budget, Opening, Out, Read, Source};

use crate::config::Config;
use crate::identity;

/// The longest wait without a look at the signals.
const NAP: Duration = Duration::from_millis(100);

/// The source.
pub struct StdinSource {
    config: Config,
    /// What it is called in messages and rejects.
    label: String,
    input: File,
    blocks: Blocks,
    decoder: Decoder,
    advice: Advice,
    spool: Option<RowSpool>,
    /// What an earlier run took and did not record was sent.
    begun: bool,
    eof: bool,
    /// The decoder needs more than it was given.
    hungry: bool,
    /// Read to the end, however long it takes to come.
    to_the_end: bool,
}

impl StdinSource {
    /// Reads the pipe the configuration names, standard input if it names none.
    pub fn new(config: Config) -> Result<StdinSource> {
        let (label, input) = match config.roots.first() {
            Some(root) => {
                let path = root.text();
                (
                    path.to_string(),
                    File::open(path).with_context(|| format!("{path}: cannot be read"))?,
                )
            }
            None => (
                "stdin".to_string(),
                File::from(rustix::io::dup(rustix::stdio::stdin()).context("stdin")?),
            ),
        };
        Ok(StdinSource {
            decoder: Decoder::new(&config.reading),
            advice: Advice::new("st-tail", config.reading.format.name(), false),
            label,
            input,
            blocks: Blocks::default(),
            spool: None,
            begun: false,
            eof: false,
            hungry: true,
            to_the_end: false,
            config,
        })
    }

    /// Waits until there is something to read, or the end: at most so long. True if there is.
    fn is_ready(&self, patience: Duration) -> Result<bool> {
        let timeout = Timespec {
            tv_sec: patience.as_secs() as _,
            tv_nsec: patience.subsec_nanos() as _,
        };
        let mut waiting = [PollFd::new(&self.input, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{}: cannot wait", self.label)),
        }
    }

    /// Reads a block; false if there is nothing just now.
    fn fill(&mut self) -> Result<bool> {
        if !self.is_ready(Duration::ZERO)? {
            return Ok(false);
        }
        match self.blocks.fill(&mut self.input) {
            Ok(got) => self.eof = got == 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("{}: cannot be read", self.label));
            }
        }
        Ok(true)
    }
}

impl Source for StdinSource {
    fn tool(&self) -> &'static str {
        "st-tail"
    }

    fn options(&self) -> Map<String, Value> {
        self.config.options()
    }

    fn findings(&self) -> Map<String, Value> {
        Map::from_iter([("pipe".to_string(), true.into())])
    }

    fn identity(&self) -> Value {
        self.config.identity()
    }

    fn may_follow(&self, change: &Change) -> bool {
        identity::may_follow(change)
    }

    fn schema(&self) -> String {
        self.config.schema().to_string()
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.to_the_end = opening.available_now;
        self.advice = Advice::new(
            opening.name,
            self.config.reading.format.name(),
            opening.quiet,
        );
        if let Some(dir) = opening.query {
            let last = opening.recorded.last().map(|(_, range)| range);
            self.spool = Some(RowSpool::open(dir, opening.name, last)?);
        }
        Ok(())
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        match &mut self.spool {
            Some(spool) => spool.replay(range, out),
            None => Ok(()),
        }
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        if !self.begun {
            self.begun = true;
            if let Some(spool) = &mut self.spool {
                spool.leftover(out)?;
            }
        }
        if self.hungry && !self.eof && !self.fill()? {
            if !self.to_the_end {
                self.advice.rest();
                return Ok(Read::Idle);
            }
            out.flush()?;
            self.is_ready(NAP)?;
            return Ok(Read::More);
        }
        let direct = Direct {
            out,
            budget: Some(&mut *budget),
            name: &self.label,
            advice: &mut self.advice,
            count: 0,
            sum: None,
        };
        let mut rows = Spooled {
            direct,
            spool: self.spool.as_mut(),
        };
        let used = self
            .decoder
            .decode(self.blocks.data(), self.eof, &mut rows)?;
        self.blocks.consume(used);
        self.hungry = !budget.spent();
        if self.eof && self.blocks.data().is_empty() {
            self.advice.rest();
            return Ok(Read::End);
        }
        Ok(if self.hungry { Read::More } else { Read::Full })
    }

    fn cut(&mut self) -> Result<Recorded> {
        match &mut self.spool {
            Some(spool) => spool.cut(),
            None => Recorded::new(&json!({})),
        }
    }

    fn offset(&self, range: &Recorded) -> Value {
        // Where the spool ends; without one there is no place to go back to.
        range
            .get("to")
            .map_or(Value::Null, |to| json!({"spool": to}))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let patience = until.map_or(NAP, |until| {
            until.saturating_duration_since(Instant::now()).min(NAP)
        });
        self.is_ready(patience).map(|_| ())
    }

    fn forget(&mut self, _batch: i64, range: &Recorded) -> Result<()> {
        match &mut self.spool {
            Some(spool) => spool.forget(range),
            None => Ok(()),
        }
    }

    fn floods(&self) -> bool {
        true
    }
}
