//! Where a stage puts its rows: handed on, filtered, late or rejected — each row is counted as one of them.

use std::os::fd::AsFd;

use anyhow::{Result, bail};

use crate::marker::{self, Begin, Figures, Marker, StateFigures};
use crate::side::Side;
use crate::twin::Doubled;
use crate::writer::Writer;

/// The output of a stage in the current batch.
pub struct Out {
    pub(crate) writer: Writer,
    /// What the stage did in this batch.
    pub(crate) figures: Figures,
    /// The batch, for side files.
    pub(crate) batch: i64,
    /// In a source: the clock of the batch, in microseconds since 1970.
    pub(crate) clock: i64,
    /// In a source: the marker to be written in front of the batch's first row.
    pub(crate) opening: Option<Begin>,
    pub(crate) rejects: Side,
    pub(crate) late: Side,
    pub(crate) strict: bool,
    /// The block of input that is being taken, if there is a twin of it.
    pub(crate) doubled: Option<Doubled>,
}

impl Out {
    pub(crate) fn new(writer: Writer, strict: bool) -> Out {
        Out {
            writer,
            figures: Figures::default(),
            batch: -1,
            clock: 0,
            opening: None,
            rejects: Side::nowhere("bad"),
            late: Side::nowhere("late"),
            strict,
            doubled: None,
        }
    }

    /// Hands on a row.
    #[inline]
    pub fn row(&mut self, row: &[u8]) -> Result<()> {
        self.row_with(|line| {
            line.extend_from_slice(row);
            Ok(())
        })
    }

    /// Hands on the row that `write` appends. Nothing is handed on if it fails.
    #[inline]
    pub fn row_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        if self.opening.is_some() {
            self.open()?;
        }
        let line = self.writer.buffer();
        let start = line.len();
        if let Err(error) = write(line) {
            line.truncate(start);
            return Err(error);
        }
        if line[start..].starts_with(marker::PREFIX) {
            line.truncate(start);
            bail!("a row would begin like a marker: no column may be called `$st`");
        }
        line.push(b'\n');
        self.figures.rows_out += 1;
        self.writer.wrote()
    }

    /// Hands on the rows that `write` appends, each with its newline, and counts; it leaves none half written. The
    /// caller sees to it that all begin alike, so that the first one tells whether they could be taken for markers.
    #[inline]
    pub fn rows_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> u64) -> Result<()> {
        if self.opening.is_some() {
            self.open()?;
        }
        let lines = self.writer.buffer();
        let start = lines.len();
        let count = write(lines);
        if lines[start..].starts_with(marker::PREFIX) {
            lines.truncate(start);
            bail!("a row would begin like a marker: no column may be called `$st`");
        }
        self.figures.rows_out += count;
        self.writer.wrote()
    }

    /// Hands on `count` rows at once: lines that each end in a newline and were all validated, so that none can be taken
    /// for a marker.
    pub fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.begin_rows(count)?;
        match self.doubled.as_ref().and_then(|block| block.find(lines)) {
            Some((twin, place)) => self.writer.write_twin(lines, twin, place),
            None => self.writer.write(lines),
        }
    }

    /// The same of lines that stand in `file` at `offset`, which may be taken from there.
    pub fn rows_from(
        &mut self,
        lines: &[u8],
        count: u64,
        file: impl AsFd,
        offset: u64,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.begin_rows(count)?;
        self.writer.write_from(lines, file, offset)
    }

    /// Counts rows that are written next, behind the batch's `begin`.
    fn begin_rows(&mut self, count: u64) -> Result<()> {
        if self.opening.is_some() {
            self.open()?;
        }
        self.figures.rows_out += count;
        Ok(())
    }

    /// Writes bytes that are no rows: a sink's own output.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.buffer().extend_from_slice(bytes);
        self.writer.wrote()
    }

    /// Sends everything written so far.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    /// Counts rows that were delivered in another way than through this output.
    pub fn delivered(&mut self, rows: u64) {
        self.figures.rows_out += rows;
    }

    /// Counts rows a source has read.
    pub fn read(&mut self, rows: u64) {
        self.figures.rows_in += rows;
    }

    /// Counts a row that a condition left out.
    #[inline]
    pub fn filtered(&mut self) {
        self.figures.filtered += 1;
    }

    /// Counts a row behind the watermark, and keeps it with the reason.
    pub fn late(&mut self, row: &[u8], reason: &str) -> Result<()> {
        self.figures.late += 1;
        self.late.put(self.batch, reason, None, row)
    }

    /// Counts rows that were rejected, and are kept, in another way than through this output.
    pub fn rejected(&mut self, rows: u64) {
        self.figures.bad += rows;
    }

    /// Counts a row that cannot be read, and keeps it with the reason. An error under `--strict`.
    pub fn reject(&mut self, row: &[u8], reason: &str) -> Result<()> {
        self.reject_at(row, reason, None)
    }

    /// The same, with the place it came from: `events.json:17`.
    pub fn reject_at(&mut self, row: &[u8], reason: &str, at: Option<&str>) -> Result<()> {
        self.figures.bad += 1;
        if self.strict {
            let at = at.map(|at| format!("{at}: ")).unwrap_or_default();
            bail!("{at}{reason}: {}", marker::quote(row));
        }
        self.rejects.put(self.batch, reason, at, row)
    }

    /// Counts expressions that could not be evaluated and gave null. An error under `--strict`, with the first reason.
    pub fn failed(&mut self, count: u64, reason: &str) -> Result<()> {
        self.figures.failed += count;
        if self.strict && count > 0 {
            bail!("{reason}");
        }
        Ok(())
    }

    /// States what the stage holds.
    pub fn state(&mut self, state: StateFigures) {
        self.figures.state = Some(state);
    }

    /// Adds a figure of this tool's own.
    pub fn figure(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.figures.rest.insert(name.to_string(), value.into());
    }

    /// What the stage did so far in this batch.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// True under `--strict`.
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// The batch's id.
    pub fn batch(&self) -> i64 {
        self.batch
    }

    /// In a source: the clock of the batch, in microseconds since 1970; the same when it is replayed.
    pub fn clock(&self) -> i64 {
        self.clock
    }

    pub(crate) fn marker(&mut self, marker: &Marker) -> Result<()> {
        marker.write(self.writer.buffer())?;
        Ok(())
    }

    /// Writes the `begin` that was held back until the batch's first row.
    #[cold]
    pub(crate) fn open(&mut self) -> Result<()> {
        match self.opening.take() {
            Some(begin) => self.marker(&Marker::Begin(begin)),
            None => Ok(()),
        }
    }

    /// Makes rejects and late rows durable, before the batch's marker is handed on.
    /// Who reads the figures of a batch that has such rows is told where they are.
    pub fn sync_sides(&mut self) -> Result<()> {
        self.rejects.sync()?;
        self.late.sync()?;
        for (rows, side, name) in [
            (self.figures.bad, &self.rejects, "bad_file"),
            (self.figures.late, &self.late, "late_file"),
        ] {
            if rows > 0
                && let Some(path) = side.path()
            {
                let path = path.to_string_lossy().into_owned();
                self.figures.rest.insert(name.to_string(), path.into());
            }
        }
        Ok(())
    }
}
