//! Where decoded rows go, and how many of them still fit into the batch.

use std::fs::File;

use anyhow::Result;
use st_stream::{Budget, Out};

use crate::Advice;

/// What still fits into the open batch, as a decoder counts it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Rows.
    pub rows: u64,
    /// Bytes of records as they stand in the input.
    pub bytes: u64,
}

impl Room {
    /// Room without limits.
    pub const ENDLESS: Room = Room {
        rows: u64::MAX,
        bytes: u64::MAX,
    };

    /// True while another record may be taken.
    #[inline]
    pub fn is_left(&self) -> bool {
        self.rows > 0 && self.bytes > 0
    }

    /// Takes off a record of `bytes` that gave `rows`.
    #[inline]
    pub fn take(&mut self, rows: u64, bytes: usize) {
        self.rows = self.rows.saturating_sub(rows);
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }
}

/// Takes what a decoder found.
pub trait Rows {
    /// What still fits.
    fn room(&self) -> Room;

    /// What still fits after the block that was just decoded.
    fn set_room(&mut self, room: Room);

    /// `count` rows: lines that each end in a newline and were validated.
    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()>;

    /// The same of lines that stand in `file` at `offset`, which may be taken from there.
    fn rows_from(&mut self, lines: &[u8], count: u64, _file: &File, _offset: u64) -> Result<()> {
        self.rows(lines, count)
    }

    /// A record that is no row, the reason, and the line it begins on.
    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()>;

    /// A bad record that is to be rejected whatever becomes of the others: it forges a marker, or is too long to be kept.
    fn refuse(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.bad(record, reason, line)
    }

    /// The batch's clock, in microseconds since 1970.
    fn clock(&self) -> i64;

    /// The rows given next begin at this line, one row a line.
    fn at(&mut self, _line: u64) {}
}

/// Rows that go straight to the output.
pub struct Direct<'a> {
    /// The source's output.
    pub out: &'a mut Out,
    /// The batch's limits; none in a replay.
    pub budget: Option<&'a mut Budget>,
    /// What is read, for `NAME:LINE` in the rejects.
    pub name: &'a str,
    /// Notices when everything is bad.
    pub advice: &'a mut Advice,
    /// How many records were handed on, bad ones included.
    pub count: u64,
    /// Checksum of all that was handed on, where it is recorded.
    pub sum: Option<&'a mut crc32fast::Hasher>,
}

impl Direct<'_> {
    /// Accounts for rows that are handed on.
    fn note(&mut self, lines: &[u8], count: u64) {
        if let Some(sum) = &mut self.sum {
            sum.update(lines);
        }
        self.count += count;
        self.advice.good();
        self.out.read(count);
    }
}

impl Rows for Direct<'_> {
    fn room(&self) -> Room {
        self.budget.as_ref().map_or(Room::ENDLESS, |budget| Room {
            rows: budget.rows,
            bytes: budget.bytes,
        })
    }

    fn set_room(&mut self, room: Room) {
        if let Some(budget) = &mut self.budget {
            (budget.rows, budget.bytes) = (room.rows, room.bytes);
        }
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        self.note(lines, count);
        self.out.rows(lines, count)
    }

    fn rows_from(&mut self, lines: &[u8], count: u64, file: &File, offset: u64) -> Result<()> {
        self.note(lines, count);
        self.out.rows_from(lines, count, file, offset)
    }

    fn clock(&self) -> i64 {
        self.out.clock()
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        if let Some(sum) = &mut self.sum {
            sum.update(record);
        }
        self.count += 1;
        self.out.read(1);
        self.advice.bad(record);
        self.out
            .reject_at(record, reason, Some(&format!("{}:{line}", self.name)))
    }
}
