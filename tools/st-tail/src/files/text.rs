//! A file that is a stream of records, compressed or not.

use std::fs::File;
use std::io::{Read, Seek};

use anyhow::{Context, Result};
use st_input::{Blocks, Decoder, Place, Rows};

use super::range::Mark;
use super::reading::Part;
use super::standing::Standing;
use crate::open;

/// One such file while it is read.
pub struct Text {
    path: String,
    reader: Box<dyn Read>,
    /// The same file once more.
    file: Option<File>,
    compressed: bool,
    blocks: Blocks,
    /// Bytes of the text up to the end of `blocks`.
    filled: u64,
    decoder: Decoder,
    /// The decoder needs more than it was given.
    hungry: bool,
    eof: bool,
}

impl Text {
    /// Reads a part of a file.
    pub fn open(reading: &st_input::Reading, path: &str, file: File, part: Part) -> Result<Text> {
        let from = Place::from(part.from);
        // It shares the place that the reader moves.
        let clone = file.try_clone().ok();
        let mut reader = open::text_from(file, path, from.offset).with_context(|| damaged(path))?;
        if let Some(to) = part.to {
            reader = Box::new(reader.take(to.offset().saturating_sub(from.offset)));
        }
        let header = part.header.filter(|_| from.offset > 0);
        Ok(Text {
            path: path.to_string(),
            reader,
            file: clone,
            compressed: open::is_compressed(path),
            blocks: Blocks::default(),
            filled: from.offset,
            decoder: Decoder::at(reading, from, header),
            hungry: true,
            eof: false,
        })
    }

    /// The place behind the last record that was handed on.
    pub fn place(&self) -> Mark {
        self.decoder.place().into()
    }

    /// Of what is compressed: how many bytes of the file are behind the place, and what is in memory.
    pub fn consumed(&self) -> Option<u64> {
        let file = self.file.as_ref().filter(|_| self.compressed);
        file?.stream_position().ok()
    }

    /// The names of its header line.
    pub fn header(&self) -> Option<Vec<String>> {
        self.decoder.header()
    }

    /// Hands on a block of rows; true if that was the last of the file.
    pub fn read<R: Rows>(&mut self, rows: &mut R) -> Result<bool> {
        if self.hungry && !self.eof {
            self.fill()?;
        }
        let block = self.blocks.data();
        let used = match &self.file {
            Some(file) if !self.compressed => {
                let offset = self.filled - block.len() as u64;
                let mut standing = Standing {
                    rows,
                    block,
                    file,
                    offset,
                };
                self.decoder.decode(block, self.eof, &mut standing)?
            }
            _ => self.decoder.decode(block, self.eof, rows)?,
        };
        self.blocks.consume(used);
        self.hungry = rows.room().is_left();
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
            .with_context(|| damaged(&self.path))?;
        self.filled += got as u64;
        self.eof = got == 0;
        Ok(())
    }
}

fn damaged(path: &str) -> String {
    format!("{path}: cannot be read to its end; replace it, or go on without it with --skip-lost")
}
