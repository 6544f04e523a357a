//! Rows that stand in a file just as they are handed on, so that they need not be copied from there.

use std::fs::File;

use anyhow::Result;
use st_input::{Room, Rows};
use st_row::place_in;

/// Finds rows in the block that they were decoded from, and so in its file.
pub struct Standing<'a, R> {
    /// Where they go.
    pub rows: &'a mut R,
    /// What is decoded.
    pub block: &'a [u8],
    /// What it was read from.
    pub file: &'a File,
    /// Where in the file it begins.
    pub offset: u64,
}

impl<R> Standing<'_, R> {
    /// Where in the file `lines` stand; none if they were made.
    fn offset_of(&self, lines: &[u8]) -> Option<u64> {
        let at = place_in(lines, &self.block.as_ptr_range())?;
        Some(self.offset + at as u64)
    }
}

impl<R: Rows> Rows for Standing<'_, R> {
    fn room(&self) -> Room {
        self.rows.room()
    }

    fn set_room(&mut self, room: Room) {
        self.rows.set_room(room);
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        match self.offset_of(lines) {
            Some(offset) => self.rows.rows_from(lines, count, self.file, offset),
            None => self.rows.rows(lines, count),
        }
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.rows.bad(record, reason, line)
    }

    fn refuse(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.rows.refuse(record, reason, line)
    }

    fn clock(&self) -> i64 {
        self.rows.clock()
    }

    fn at(&mut self, line: u64) {
        self.rows.at(line);
    }
}
