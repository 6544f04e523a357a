//! Rows made of one row that differ in one value: all else of them is written once, then copied around each value.
//!
//! `explode(split(column, "c"))` goes further: its values are pieces of the row's own bytes and need neither be decoded nor
//! encoded, so that a row costs two copies of a few bytes.

use anyhow::Result;
use st_expr::{Cut, Generator, Slots, Value, write_json};
use st_time::Zone;

use crate::layout::{Layout, Member, Parts, Source, write_members};
use crate::target::Target;

/// Bytes of text that are cut at once, so that a long one is not in memory as rows.
const CHUNK: usize = 16 << 10;

/// Room for rows that is kept from row to row.
const MOST: usize = 4 << 20;

/// Bytes copied at a time; buffers have as many behind their end.
const STEP: usize = 16;

/// What stands around the value; reused from row to row.
#[derive(Default)]
pub struct Stencil {
    /// From the row's beginning to the value.
    head: Vec<u8>,
    /// From behind the value to the newline.
    tail: Vec<u8>,
    /// From behind a text to the next row's text, both quotes among it.
    joint: Vec<u8>,
    /// The text that is cut, and space behind it.
    text: Vec<u8>,
    /// Rows being written; as long as they could ever be.
    rows: Vec<u8>,
    /// Head and tail are the same for all rows, and written.
    fixed: bool,
}

/// Which member of the layout has the value `generated`, if no other one needs to be computed anew for each row.
pub fn place(layout: &Layout, generated: usize) -> Option<usize> {
    let Layout::Made(members) = layout else {
        return None;
    };
    let varies = |member: &Member| match member.source {
        Source::Value(value) => value >= generated,
        Source::Field(_) => false,
        Source::Expression(_) => true,
    };
    let place = members.iter().position(varies)?;
    let fits = matches!(members[place].source, Source::Value(value) if value == generated)
        && !members[place + 1..].iter().any(varies);
    fits.then_some(place)
}

impl Stencil {
    /// Writes what stands around the member at `place`.
    fn fill(&mut self, members: &[Member], place: usize, parts: &Parts<'_, '_>) {
        if self.fixed {
            return;
        }
        let Stencil {
            head, tail, joint, ..
        } = self;
        head.clear();
        head.push(b'{');
        write_members(&members[..place], parts, head);
        if place > 0 {
            head.push(b',');
        }
        head.extend_from_slice(members[place].label());
        tail.clear();
        if place + 1 < members.len() {
            tail.push(b',');
        }
        write_members(&members[place + 1..], parts, tail);
        tail.extend_from_slice(b"}\n");
        joint.clear();
        joint.push(b'"');
        joint.extend_from_slice(tail);
        joint.extend_from_slice(head);
        joint.push(b'"');
        self.fixed = members.len() == 1;
    }

    /// Hands on the rows that `generator` makes of a row; false if there are none. `values` are as long as before.
    pub fn rows<'r>(
        &mut self,
        generator: &'r Generator,
        (members, place): (&[Member], usize),
        parts: &Parts<'_, 'r>,
        target: &mut Target<'_>,
    ) -> Result<bool> {
        self.fill(members, place, parts);
        let slots = Slots::new(parts.row, parts.spans, parts.values);
        let cut = generator.cut();
        if let Some((cut, text)) = cut.and_then(|cut| Some((cut, cut.text(&slots)?))) {
            self.pieces(cut, text, target)?;
            return Ok(true);
        }
        let mut made = generator.made(parts.env, &slots);
        let mut values: Vec<Value<'r>> = Vec::new();
        let mut any = false;
        while made.next_into(&mut values) {
            any = true;
            let value = values.pop().unwrap_or(Value::Null);
            values.clear();
            target.rows_with(|out| {
                out.extend_from_slice(&self.head);
                write_json(out, &value, Zone::UTC);
                out.extend_from_slice(&self.tail);
                1
            })?;
        }
        Ok(any)
    }

    /// A row for each piece of a text without escapes.
    fn pieces(&mut self, cut: &Cut, text: &[u8], target: &mut Target<'_>) -> Result<()> {
        let mut rest = Some(text);
        while let Some(text) = rest {
            let far = text
                .get(CHUNK..)
                .and_then(|far| memchr::memchr(cut.byte(), far));
            let (now, later) = match far {
                Some(at) => (&text[..CHUNK + at], Some(&text[CHUNK + at + 1..])),
                None => (text, None),
            };
            target.rows_with(|out| self.write(cut.byte(), now, out))?;
            rest = later;
        }
        Ok(())
    }

    /// Appends the rows of some pieces; says how many.
    fn write(&mut self, byte: u8, text: &[u8], out: &mut Vec<u8>) -> u64 {
        let Stencil {
            head,
            tail,
            joint,
            text: padded,
            rows,
            ..
        } = self;
        // So that the last piece ends like the others, and every copy may be of whole steps.
        padded.clear();
        padded.extend_from_slice(text);
        padded.push(byte);
        padded.resize(text.len() + 1 + 2 * STEP, 0);
        let between = joint.len();
        joint.resize(between + STEP, 0);
        // Counting costs more than room that is not used, up to a point.
        let most = match text.len() {
            ..=CHUNK => text.len() + 1,
            _ => memchr::memchr_iter(byte, text).count() + 1,
        };
        let room = text.len() + most * between + 2 * STEP;
        if rows.len() < room {
            rows.resize(room, 0);
        }

        let (mut at, mut begin, mut count) = (0, 0, 0);
        for from in (0..=text.len()).step_by(8) {
            let mut hits = hits(padded, from, byte);
            while hits != 0 {
                let end = from + (hits.trailing_zeros() / 8) as usize;
                at = copy(rows, at, &padded[begin..], end - begin);
                at = copy(rows, at, joint, between);
                begin = end + 1;
                hits &= hits - 1;
                count += 1;
            }
        }
        joint.truncate(between);
        out.extend_from_slice(head);
        out.push(b'"');
        // The last joint is one row's end and no row's beginning.
        out.extend_from_slice(&rows[..at - between + 1]);
        out.extend_from_slice(tail);
        if rows.len() > MOST {
            *rows = Vec::new();
        }
        count
    }
}

/// A bit in each of the eight bytes from `at` that is `byte`.
#[inline(always)]
fn hits(text: &[u8], at: usize, byte: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
        return 0;
    };
    let other = u64::from_le_bytes(*word) ^ (0x0101_0101_0101_0101 * u64::from(byte));
    !(((other & LOW) + LOW) | other | LOW)
}

/// Copies `length` bytes to `at` in whole steps; returns where they end. Both have a step more behind what is copied.
#[inline(always)]
fn copy(out: &mut [u8], at: usize, from: &[u8], length: usize) -> usize {
    let mut done = 0;
    while done < length {
        out[at + done..][..STEP].copy_from_slice(&from[done..][..STEP]);
        done += STEP;
    }
    at + length
}

#[cfg(test)]
#[path = "stencil_tests.rs"]
mod tests;
