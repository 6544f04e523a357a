//! Short rows that come again and again are counted before they are read.
//!
//! Rows of one word or one level repeat byte for byte. Where a group only counts its rows, the second of two equal rows need not be
//! scanned: it goes wherever the first one goes. A row is looked for in a few neighbouring places; where all are taken it drives
//! out another, so this costs little where it finds nothing; and where it does so for long it is given up for the batch.

/// Rows of each length; a batch touches only the lines of its own rows.
const PLACES: usize = 32_768;
const _: () = assert!(PLACES <= 1 << 16);
/// How many places a row may be in.
const NEIGHBOURS: usize = 4;
/// A place is half a line of the processor's cache, or a whole one: most rows are so short that all of them stay near it.
const SHORT: usize = 27;
const LONG: usize = 59;
/// After so many rows a quarter of them must have been found.
const TRIAL: u64 = 65_536;

/// One row.
#[derive(Clone, Copy)]
struct Kept<const LONGEST: usize> {
    times: u32,
    length: u8,
    row: [u8; LONGEST],
}

/// As many rows as stand in one line of the processor's cache.
#[derive(Clone)]
#[repr(align(64))]
struct Line<const EACH: usize, const LONGEST: usize>([Kept<LONGEST>; EACH]);
const _: () = assert!(size_of::<Line<2, SHORT>>() == 64 && size_of::<Line<1, LONG>>() == 64);

impl<const LONGEST: usize> Kept<LONGEST> {
    const NONE: Self = Kept {
        times: 0,
        length: 0,
        row: [0; LONGEST],
    };

    #[inline]
    fn row(&self) -> &[u8] {
        &self.row[..usize::from(self.length).min(LONGEST)]
    }

    /// True if a row is kept, which may also be empty, and can be counted once more.
    #[inline(always)]
    fn has_room(&self) -> bool {
        self.times.wrapping_sub(1) < u32::MAX - 1
    }
}

/// The whole of a short row in words of eight bytes, which overlap: rows are compared and hashed without a loop.
#[inline(always)]
fn words(row: &[u8]) -> Option<[u64; 4]> {
    let last = row.len().checked_sub(8)?;
    if row.len() > 32 {
        return None;
    }
    let word = |at: usize| {
        let bytes = row.get(at.min(last)..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    Some([word(0)?, word(8)?, word(16)?, word(last)?])
}

/// Two multiplications, folded.
#[inline(always)]
fn mix([a, b, c, d]: [u64; 4]) -> u64 {
    let fold = |x: u64, y: u64| {
        let product = u128::from(x) * u128::from(y);
        product as u64 ^ (product >> 64) as u64
    };
    fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd6e8_feb8_6659_fd93)
        ^ fold(c ^ 0xa076_1d64_78bd_642f, d ^ 0xe703_7ed1_a0b4_28db)
}

/// The place where a row is looked for first.
#[inline(always)]
fn place_of(row: &[u8], words: Option<[u64; 4]>) -> usize {
    let words = words.unwrap_or_else(|| {
        let mut sum = [row.len() as u64; 4];
        for chunk in row.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            sum[1] = mix(sum) ^ u64::from_le_bytes(word);
        }
        sum
    });
    // The product's upper bits depend on all of the lower ones.
    (mix(words) >> 40) as usize % PLACES
}

/// Rows up to a length with how often they came.
#[derive(Default)]
struct Table<const EACH: usize, const LONGEST: usize> {
    lines: Vec<Line<EACH, LONGEST>>,
    /// The places that are taken, so that the end of a small batch need not look at all.
    taken: Vec<u16>,
}

impl<const EACH: usize, const LONGEST: usize> Table<EACH, LONGEST> {
    #[inline(always)]
    fn at(&mut self, place: usize) -> &mut Kept<LONGEST> {
        &mut self.lines[place / EACH].0[place % EACH]
    }

    /// Counts a row if it came before; true if it did. Otherwise it is kept, and the row that makes room for it goes to `gone`.
    #[inline(always)]
    fn take(&mut self, row: &[u8], gone: impl FnOnce(&[u8], u32)) -> bool {
        if self.lines.is_empty() {
            self.lines = vec![Line([Kept::NONE; EACH]); PLACES / EACH];
        }
        let words = words(row);
        let first = place_of(row, words);
        let kept = self.at(first);
        if kept.has_room() && is(kept.row(), row, words) {
            kept.times += 1;
            return true;
        }
        self.elsewhere(row, words, first, gone)
    }

    /// The row is not in its first place.
    fn elsewhere(
        &mut self,
        row: &[u8],
        words: Option<[u64; 4]>,
        first: usize,
        gone: impl FnOnce(&[u8], u32),
    ) -> bool {
        let mut place = first;
        for step in 0..NEIGHBOURS {
            let at = (first + step) % PLACES;
            let kept = self.at(at);
            if kept.times == 0 {
                place = at;
                break;
            }
            if kept.has_room() && is(kept.row(), row, words) {
                kept.times += 1;
                return true;
            }
        }
        let kept = self.at(place);
        let is_free = kept.times == 0;
        if !is_free {
            gone(kept.row(), kept.times);
        }
        kept.times = 1;
        kept.length = row.len() as u8;
        kept.row[..row.len()].copy_from_slice(row);
        if is_free {
            self.taken.push(place as u16);
        }
        false
    }

    /// Gives up all rows that are kept.
    fn drain<E>(&mut self, gone: &mut impl FnMut(&[u8], u32) -> Result<(), E>) -> Result<(), E> {
        let Table { lines, taken } = self;
        for place in taken.drain(..).map(usize::from) {
            let kept = &mut lines[place / EACH].0[place % EACH];
            gone(kept.row(), kept.times)?;
            kept.times = 0;
            kept.length = 0;
        }
        Ok(())
    }
}

/// Rows with how often they came.
#[derive(Default)]
pub struct Repeats {
    short: Table<2, SHORT>,
    long: Table<1, LONG>,
    rows: u64,
    found: u64,
    off: bool,
}

impl Repeats {
    /// Counts a row if it came before. Otherwise it is kept, and the row that makes room for it goes to `gone` with its number;
    /// so does the row itself if rows are not kept.
    #[inline(always)]
    pub fn take(&mut self, row: &[u8], gone: impl FnOnce(&[u8], u32)) {
        if self.off || row.len() > SHORT {
            return self.take_other(row, gone);
        }
        self.rows += 1;
        let found = self.short.take(row, gone);
        self.note(found);
    }

    /// The same of a row that is long, or when none is kept.
    #[inline(never)]
    fn take_other(&mut self, row: &[u8], gone: impl FnOnce(&[u8], u32)) {
        if self.off || row.len() > LONG {
            return gone(row, 1);
        }
        self.rows += 1;
        let found = self.long.take(row, gone);
        self.note(found);
    }

    #[inline(always)]
    fn note(&mut self, found: bool) {
        if found {
            self.found += 1;
        } else if self.rows >= TRIAL {
            self.off = self.found < TRIAL / 4;
            (self.rows, self.found) = (0, 0);
        }
    }

    /// Ends the batch: gives up all rows that are kept.
    pub fn drain<E>(&mut self, mut gone: impl FnMut(&[u8], u32) -> Result<(), E>) -> Result<(), E> {
        (self.rows, self.found, self.off) = (0, 0, false);
        self.short.drain(&mut gone)?;
        self.long.drain(&mut gone)
    }
}

/// True if it is this row that is kept.
#[inline(always)]
fn is(kept: &[u8], row: &[u8], known: Option<[u64; 4]>) -> bool {
    kept.len() == row.len()
        && match known {
            // Word by word: put together for one comparison they would go through memory.
            Some([a, b, c, d]) => {
                words(kept).is_some_and(|[e, f, g, h]| (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0)
            }
            None => kept == row,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// How often each row was given up, after batches of these rows.
    fn counted(batches: &[Vec<Vec<u8>>]) -> HashMap<Vec<u8>, u32> {
        let mut repeats = Repeats::default();
        let mut counted: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut note = |row: &[u8], times| *counted.entry(row.to_vec()).or_default() += times;
        for batch in batches {
            batch.iter().for_each(|row| repeats.take(row, &mut note));
            let drained: Result<(), ()> = repeats.drain(|row, times| {
                note(row, times);
                Ok(())
            });
            assert!(drained.is_ok());
        }
        counted
    }

    fn expected(batches: &[Vec<Vec<u8>>]) -> HashMap<Vec<u8>, u32> {
        let mut expected: HashMap<Vec<u8>, u32> = HashMap::new();
        for row in batches.iter().flatten() {
            *expected.entry(row.clone()).or_default() += 1;
        }
        expected
    }

    #[test]
    fn every_row_is_counted_once_wherever_it_is_kept() {
        let row = |i: u32| format!("{}{}", "x".repeat(i as usize % 61), i % 20_000).into_bytes();
        let rows = (0..200_000u32).map(|i| row(i.wrapping_mul(i))).collect();
        let batches = [rows];
        assert_eq!(counted(&batches), expected(&batches));
    }

    #[test]
    fn rows_that_differ_in_one_byte_or_in_length_are_told_apart() {
        let mut rows = Vec::new();
        for length in 0..70 {
            rows.push(vec![0; length]);
            for at in 0..length {
                let mut row = vec![0; length];
                row[at] = 1 + (at % 2) as u8;
                rows.push(row);
            }
        }
        // The same in every batch, and often within one; empty rows first, then among others.
        let twice = [rows.clone(), rows.clone()].concat();
        let batches = [
            vec![Vec::new(); 3],
            twice,
            rows,
            Vec::new(),
            vec![Vec::new()],
        ];
        assert_eq!(counted(&batches), expected(&batches));
    }
}
