//! One file while it is read: as much of it as fits into the batch.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};
use st_input::{Advice, Blocks, Decoder, Direct, Place};
use st_stream::{Budget, Out};

use super::listing::Found;
use super::range::FileRange;
use crate::config::Config;
use crate::open;

/// A file that is being read.
pub struct Reading {
    found: Found,
    reader: Box<dyn Read>,
    blocks: Blocks,
    decoder: Decoder,
    /// Where the open batch begins in it.
    from: Place,
    rows: u64,
    sum: crc32fast::Hasher,
    /// The decoder needs more than it was given.
    hungry: bool,
    eof: bool,
}

impl Reading {
    /// Reads `file` from a place on.
    pub fn new(
        config: &Config,
        found: Found,
        file: File,
        from: Place,
        header: Option<Vec<String>>,
    ) -> Result<Reading> {
        let reader = open::text_from(file, &found.path, from.offset)
            .with_context(|| damaged(&found.path))?;
        Ok(Reading::over(config, found, reader, from, header))
    }

    /// Reads a recorded range and nothing after it.
    pub fn again(config: &Config, range: &FileRange, file: File) -> Result<Reading> {
        let from = Place::from(range.from);
        let reader = open::text_from(file, &range.path, from.offset)
            .with_context(|| damaged(&range.path))?;
        let reader = Box::new(reader.take(range.end().saturating_sub(from.offset)));
        let found = Found {
            mtime: range.mtime,
            path: range.path.clone(),
            size: range.size,
        };
        let header = if from.offset > 0 {
            range.header.clone()
        } else {
            None
        };
        Ok(Reading::over(config, found, reader, from, header))
    }

    fn over(
        config: &Config,
        found: Found,
        reader: Box<dyn Read>,
        from: Place,
        header: Option<Vec<String>>,
    ) -> Reading {
        let decoder = Decoder::at(&config.reading_of(&found.path), from, header);
        Reading {
            found,
            reader,
            blocks: Blocks::default(),
            decoder,
            from,
            rows: 0,
            sum: crc32fast::Hasher::new(),
            hungry: true,
            eof: false,
        }
    }

    /// Hands on a block of rows; true if that was the last of the file.
    pub fn read(
        &mut self,
        mut budget: Option<&mut Budget>,
        out: &mut Out,
        advice: &mut Advice,
    ) -> Result<bool> {
        if self.hungry && !self.eof {
            self.fill()?;
        }
        let mut rows = Direct {
            out,
            budget: budget.as_deref_mut(),
            name: &self.found.path,
            advice,
            count: 0,
            sum: Some(&mut self.sum),
        };
        let used = self
            .decoder
            .decode(self.blocks.data(), self.eof, &mut rows)?;
        self.rows += rows.count;
        self.blocks.consume(used);
        self.hungry = budget.as_deref().is_none_or(|budget| !budget.spent());
        // A batch that is full with the last row of a file ends with the file.
        if self.blocks.data().is_empty() && !self.eof && !self.hungry {
            self.fill()?;
        }
        Ok(self.eof && self.blocks.data().is_empty())
    }

    fn fill(&mut self) -> Result<()> {
        let got = self
            .blocks
            .fill(&mut self.reader)
            .with_context(|| damaged(&self.found.path))?;
        self.eof = got == 0;
        Ok(())
    }

    /// What was read since the last cut; `more`: the file goes on.
    pub fn cut(&mut self, more: bool) -> FileRange {
        let to = self.decoder.place();
        let compressed = open::is_compressed(&self.found.path);
        if !more && !compressed {
            // It may have grown since it was listed.
            self.found.size = self.found.size.max(to.offset);
        }
        let exact = !more && !compressed && to.offset == self.found.size;
        let range = FileRange {
            path: self.found.path.clone(),
            size: self.found.size,
            mtime: self.found.mtime,
            from: self.from.into(),
            to: if exact { None } else { Some(to.into()) },
            more,
            header: if more || self.from.offset > 0 {
                self.decoder.header()
            } else {
                None
            },
            rows: self.rows,
            crc: std::mem::take(&mut self.sum).finalize(),
        };
        self.from = to;
        self.rows = 0;
        range
    }
}

fn damaged(path: &str) -> String {
    format!("{path}: cannot be read to its end; replace it, or go on without it with --skip-lost")
}
