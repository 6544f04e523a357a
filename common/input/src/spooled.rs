//! Rows that cannot be read again: kept in a spool before they are passed on.
//!
//! The spool holds what the decoder made of the input, row by row, and the bad records between them as
//! `{"$st":"bad",…}`, which no row can look like. A replay needs no decoder, no clock, and gives the same bytes.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use st_checkpoint::{QueryDir, Recorded, Spool};
use st_stream::Out;

use crate::rows::{Direct, Room, Rows};

/// What the offsets say of a batch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Range {
    /// Positions in the spool.
    from: u64,
    to: u64,
    /// Checksum of what lies between.
    crc: u32,
}

/// A bad record in the spool.
#[derive(Serialize, Deserialize)]
struct Bad {
    #[serde(rename = "$st")]
    kind: String,
    reason: String,
    at: String,
    /// Its text; or its bytes, if they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
}

const BAD: &[u8] = b"{\"$st\":\"bad\"";

/// The spool of one source.
pub struct RowSpool {
    spool: Spool,
    /// Where the open batch begins.
    from: u64,
}

impl RowSpool {
    /// Opens the spool behind the last recorded range.
    pub fn open(dir: &QueryDir, source: &str, last: Option<&Recorded>) -> Result<RowSpool> {
        let from = last.map(parse).transpose()?.map_or(0, |range| range.to);
        Ok(RowSpool {
            spool: Spool::open(dir, source, from)?,
            from,
        })
    }

    /// Makes the open batch durable and gives its range.
    pub fn cut(&mut self) -> Result<Recorded> {
        let crc = self.spool.seal()?;
        let range = Range {
            from: self.from,
            to: self.spool.position(),
            crc,
        };
        self.from = range.to;
        Recorded::new(&range)
    }

    /// Sends the rows of a range again.
    pub fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        let range = parse(range)?;
        let mut carry = Vec::new();
        self.spool
            .read(range.from, range.to, range.crc, &mut |block| {
                carry.extend_from_slice(block);
                let whole = memchr::memrchr(b'\n', &carry).map_or(0, |at| at + 1);
                again(&carry[..whole], out)?;
                carry.drain(..whole);
                Ok(())
            })
    }

    /// Sends what an earlier run had taken but not recorded: no sender will send it again. Belongs to the open batch. True if
    /// there was any. To be called once, before anything is appended.
    pub fn leftover(&mut self, out: &mut Out) -> Result<bool> {
        if self.spool.position() == self.from {
            return Ok(false);
        }
        let mut carry = Vec::new();
        self.spool
            .read_unrecorded(self.from, &mut |block| pass(&mut carry, block, out))?;
        Ok(true)
    }

    /// Gives up everything below the end of a range.
    pub fn forget(&mut self, range: &Recorded) -> Result<()> {
        self.spool.forget_below(parse(range)?.to)
    }

    fn bad(&mut self, record: &[u8], reason: &str, at: String) -> Result<()> {
        let text = std::str::from_utf8(record).ok().map(str::to_string);
        let bytes = if text.is_none() {
            Some(record.to_vec())
        } else {
            None
        };
        let mut line = serde_json::to_vec(&Bad {
            kind: "bad".into(),
            reason: reason.into(),
            at,
            text,
            bytes,
        })?;
        line.push(b'\n');
        self.spool.append(&line)
    }
}

fn parse(range: &Recorded) -> Result<Range> {
    range
        .parse()
        .context("the recorded range is none of a spool")
}

/// Hands on the whole lines of a block of the spool; `carry` keeps the line that goes on in the next one.
fn pass(carry: &mut Vec<u8>, block: &[u8], out: &mut Out) -> Result<()> {
    carry.extend_from_slice(block);
    let whole = memchr::memrchr(b'\n', carry).map_or(0, |at| at + 1);
    again(&carry[..whole], out)?;
    carry.drain(..whole);
    Ok(())
}

/// Hands on whole lines of the spool.
fn again(lines: &[u8], out: &mut Out) -> Result<()> {
    let (mut start, mut at, mut count) = (0, 0, 0);
    while at < lines.len() {
        let next =
            memchr::memchr(b'\n', &lines[at..]).map_or(lines.len(), |length| at + length + 1);
        if lines[at..].starts_with(BAD) {
            out.read(count);
            out.rows(&lines[start..at], count)?;
            let bad: Bad =
                serde_json::from_slice(&lines[at..next]).context("a bad row in the spool")?;
            let record = bad
                .text
                .map(String::into_bytes)
                .or(bad.bytes)
                .unwrap_or_default();
            out.read(1);
            out.reject_at(&record, &bad.reason, Some(&bad.at))?;
            (start, count) = (next, 0);
        } else {
            count += 1;
        }
        at = next;
    }
    out.read(count);
    out.rows(&lines[start..], count)
}

/// Rows that go to a spool, if there is one, and on to the output.
pub struct Spooled<'a> {
    /// The output.
    pub direct: Direct<'a>,
    /// The spool; none without a checkpoint.
    pub spool: Option<&'a mut RowSpool>,
}

impl Rows for Spooled<'_> {
    fn room(&self) -> Room {
        self.direct.room()
    }

    fn set_room(&mut self, room: Room) {
        self.direct.set_room(room);
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        if let Some(spool) = &mut self.spool {
            spool.spool.append(lines)?;
        }
        self.direct.rows(lines, count)
    }

    fn clock(&self) -> i64 {
        self.direct.clock()
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        if let Some(spool) = &mut self.spool {
            spool.bad(record, reason, format!("{}:{line}", self.direct.name))?;
        }
        self.direct.bad(record, reason, line)
    }
}
