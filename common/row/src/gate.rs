//! The gate for many rows: what [`validate`] says, for less, of rows that look like one that passed before.
//!
//! Rows that one program wrote differ in their values only. What stood between the values of a row that passed (keys, colons, commas)
//! needs no second look where the same bytes stand again; the values are checked each time, many of them at a stretch.

use std::ops::Range;

use crate::fields_of;
use crate::scan::{Prefix, special};
use crate::stretch::{Count, Length, Stretch};
use crate::validate::{number, string, value, word};

/// Looks of rows that are remembered: a writer that leaves out what is absent has a few.
const KNOWN: usize = 4;

/// Objects within each other that are looked into.
const DEEP: usize = 4;

/// Rows that were seen, by what stands between their values.
#[derive(Debug, Default)]
pub struct Gate {
    /// The one that passed last is the first to be tried.
    looks: Vec<Look>,
    /// How many were none of them.
    strangers: u32,
}

/// What stands between the values of a row. Those of an object within it count in its place.
#[derive(Debug, Default)]
struct Look {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    /// The same by stretches, if enough rows passed to know them. Behind each but the last stands a value, in so many objects.
    stretches: Vec<(Stretch, usize)>,
    slow: Count,
}

/// What stands before a value.
#[derive(Debug)]
struct Part {
    /// Its beginning.
    prefix: Prefix,
    /// Where in the look's bytes it ends.
    end: usize,
    /// How many objects the value stands in.
    depth: usize,
    length: Length,
}

impl Gate {
    /// True if every row of `lines` may be asked for by [`Gate::pass`]: they are UTF-8.
    pub fn takes(lines: &[u8]) -> bool {
        simdutf8::basic::from_utf8(lines).is_ok()
    }

    /// The position after the row that begins at `at` of `text`, which is UTF-8, and its newline. None says that it is to be asked
    /// of [`validate`](crate::validate()): the row looks new, has no newline, or is none.
    #[inline]
    pub fn pass(&mut self, text: &[u8], at: usize) -> Option<usize> {
        match self.looks.first()?.by_stretches(text, at) {
            None => self.pass_other(text, at),
            end => end,
        }
    }

    #[inline(never)]
    fn pass_other(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let mut looks = self.looks.iter().enumerate().skip(1);
        let found = looks.find_map(|(index, look)| Some((index, look.by_stretches(text, at)?)));
        let (index, end) = match found {
            Some(found) => found,
            None => {
                let mut looks = self.looks.iter_mut().enumerate();
                looks.find_map(|(index, look)| Some((index, look.by_values(text, at)?)))?
            }
        };
        self.looks.swap(0, index);
        Some(end)
    }

    /// Remembers how a row looks that was not passed and yet is valid, unless such rows are all alike in being new.
    #[cold]
    pub fn learn(&mut self, row: &[u8]) {
        self.strangers = self.strangers.saturating_add(1);
        if !self.strangers.is_power_of_two() {
            return;
        }
        // Where objects differ from row to row, they are values like any other.
        let deep = if self.strangers <= 2 { DEEP } else { 1 };
        if let Some(look) = Look::of(row, deep) {
            self.looks.truncate(KNOWN - 1);
            self.looks.insert(0, look);
        }
    }
}

impl Look {
    /// Objects are looked into so deep. None for a row that ends with anything but its brace, or has no member.
    fn of(row: &[u8], deep: usize) -> Option<Look> {
        let mut look = Look::default();
        let mut from = 0;
        look.members(row, row, 1..deep, &mut from)?;
        look.bytes.extend_from_slice(&row[from..]);
        look.bytes.push(b'\n');
        (!look.parts.is_empty() && row.ends_with(b"}")).then_some(look)
    }

    /// Adds the members of an object within the row, at the first of these depths; what stands `from` there on was not added yet.
    fn members(
        &mut self,
        row: &[u8],
        object: &[u8],
        depths: Range<usize>,
        from: &mut usize,
    ) -> Option<()> {
        for member in fields_of(object) {
            let (_, value) = member.ok()?;
            let parts = self.parts.len();
            if value.starts_with(b"{") && !depths.is_empty() {
                self.members(row, value, depths.start + 1..depths.end, from)?;
            }
            if self.parts.len() > parts {
                continue;
            }
            // Where the value stands: both are slices of one row.
            let start = value.as_ptr().addr() - row.as_ptr().addr();
            let before = &row[*from..start];
            self.bytes.extend_from_slice(before);
            self.parts.push(Part {
                prefix: Prefix::of(before),
                end: self.bytes.len(),
                depth: depths.start,
                length: Length::default(),
            });
            *from = start + value.len();
        }
        Some(())
    }

    #[inline]
    fn by_stretches(&self, text: &[u8], mut at: usize) -> Option<usize> {
        let ((last, _), stretches) = self.stretches.split_last()?;
        for (stretch, depth) in stretches {
            at = value_end(text, stretch.stands(text, at, special)?, *depth)?;
        }
        last.stands(text, at, special)
    }

    fn by_values(&mut self, text: &[u8], mut at: usize) -> Option<usize> {
        let mut from = 0;
        for part in &mut self.parts {
            let before = &self.bytes[from..part.end];
            if !part.prefix.stands(text, at, before) {
                return None;
            }
            let start = at + before.len();
            at = value_end(text, start, part.depth)?;
            part.length.note(&text[start..at]);
            from = part.end;
        }
        let end = &self.bytes[from..];
        if !text.get(at..)?.starts_with(end) {
            return None;
        }
        let end = at + end.len();
        if self.slow.enough() {
            self.stretch();
        }
        Some(end)
    }

    #[cold]
    fn stretch(&mut self) {
        self.stretches.clear();
        let (mut stretch, mut from) = (Stretch::default(), 0);
        for part in &self.parts {
            stretch.text(&self.bytes[from..part.end]);
            if !stretch.string(part.length) {
                let stretch = std::mem::take(&mut stretch);
                self.stretches.push((stretch, part.depth));
            }
            from = part.end;
        }
        stretch.text(&self.bytes[from..]);
        self.stretches.push((stretch, 0));
    }
}

/// The end of the value at `at`, if it is one.
#[inline(always)]
fn value_end(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string(text, at + 1).ok(),
        b'-' | b'0'..=b'9' => number(text, at).ok(),
        _ => other(text, at, depth),
    }
}

/// The end of a value that is no string and no number. A newline ends the row: an object or array does not go on after it.
#[inline(never)]
fn other(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    match text.get(at)? {
        b't' => word(text, at, b"true").ok(),
        b'f' => word(text, at, b"false").ok(),
        b'n' => word(text, at, b"null").ok(),
        b'{' | b'[' => {
            let line = &text[..at + text[at..].iter().position(|&b| b == b'\n')?];
            value(line, at, depth).ok()
        }
        _ => None,
    }
}
