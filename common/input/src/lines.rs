//! Finds lines in a block, and passes over those beyond the limit without taking them into memory.

use anyhow::Result;

use crate::decoder::{Long, State};
use crate::rows::{Room, Rows};

/// How much of a record beyond the limit is kept for its reject.
const KEPT: usize = 1024;

/// The next line of `block` from `at` on: where it ends, and where the one after it begins. None if it is not whole.
#[inline]
pub(crate) fn line_end(block: &[u8], at: usize, last: bool) -> Option<(usize, usize)> {
    match memchr::memchr(b'\n', &block[at..]) {
        Some(length) => Some((at + length, at + length + 1)),
        None if last && at < block.len() => Some((block.len(), block.len())),
        None => None,
    }
}

impl State {
    /// The record of `bytes` and `lines` newlines at the place is done with.
    #[inline]
    pub(crate) fn pass(&mut self, bytes: usize, lines: u64) {
        self.place.offset += bytes as u64;
        self.place.lines += lines;
    }

    /// The number of the line at the place, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.place.lines + 1
    }

    /// Rejects a line of the block that is longer than the limit.
    #[cold]
    pub(crate) fn reject_long<R: Rows>(&self, line: &[u8], rows: &mut R) -> Result<()> {
        self.reject_head(line, &too_long(self.limit, line.len() as u64), rows)
    }

    /// Rejects a record for its length, with its beginning.
    #[cold]
    pub(crate) fn reject_head<R: Rows>(
        &self,
        record: &[u8],
        reason: &str,
        rows: &mut R,
    ) -> Result<()> {
        let head = &record[..record.len().min(KEPT)];
        rows.refuse(head, reason, self.line())
    }

    /// Begins to pass over a line of which `part` is there: more than the limit, and no end.
    #[cold]
    pub(crate) fn begin_long(&mut self, part: &[u8]) {
        self.long = Some(Long {
            head: part[..part.len().min(KEPT)].to_vec(),
            length: part.len() as u64,
        });
    }

    /// Goes on passing over a long line; returns how much of the block belongs to it.
    pub(crate) fn pass_long<R: Rows>(
        &mut self,
        block: &[u8],
        last: bool,
        room: &mut Room,
        rows: &mut R,
    ) -> Result<usize> {
        let Some(mut long) = self.long.take() else {
            return Ok(0);
        };
        let end = memchr::memchr(b'\n', block);
        let used = end.map_or(block.len(), |end| end + 1);
        let passed = long.length + used as u64;
        if end.is_none() && !last {
            long.length = passed;
            self.long = Some(long);
            return Ok(used);
        }
        let length = passed - end.map_or(0, |_| 1);
        rows.refuse(&long.head, &too_long(self.limit, length), self.line())?;
        self.place.offset += passed;
        self.place.lines += end.map_or(0, |_| 1);
        room.take(1, passed as usize);
        Ok(used)
    }
}

fn too_long(limit: usize, length: u64) -> String {
    format!("a line of {length} bytes, longer than {limit}")
}
