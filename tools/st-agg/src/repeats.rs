//! Short rows that come again and again are counted before they are read.
//!
//! Rows of one word or one level repeat byte for byte. Where a group only counts its rows, the second of two equal rows need not be
//! scanned: it goes wherever the first one goes. A row is looked for in one place only, from where it drives out another, so
//! this costs little where it finds nothing; and where it does so for long it is given up for the batch.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

const PLACES: usize = 8192;
const LONGEST: usize = 59;
/// After so many rows a quarter of them must have been found.
const TRIAL: u32 = 65_536;

/// One row, in one line of the processor's cache.
#[derive(Clone)]
#[repr(align(64))]
struct Kept {
    times: u32,
    length: u8,
    row: [u8; LONGEST],
}

impl Kept {
    const NONE: Kept = Kept {
        times: 0,
        length: 0,
        row: [0; LONGEST],
    };

    #[inline]
    fn row(&self) -> &[u8] {
        &self.row[..usize::from(self.length).min(LONGEST)]
    }
}

/// Rows with how often they came.
#[derive(Default)]
pub struct Repeats {
    places: Vec<Kept>,
    hasher: FixedState,
    rows: u32,
    found: u32,
    off: bool,
}

impl Repeats {
    /// Counts a row if it came before. Otherwise it is kept, and the row that makes room for it goes to `gone` with its number;
    /// so does the row itself if rows are not kept.
    #[inline]
    pub fn take(&mut self, row: &[u8], gone: impl FnOnce(&[u8], u32)) {
        if self.off || row.len() > LONGEST {
            return gone(row, 1);
        }
        if self.places.is_empty() {
            self.places = vec![Kept::NONE; PLACES];
        }
        let place = self.hasher.hash_one(row) as usize % PLACES;
        let kept = &mut self.places[place];
        self.rows += 1;
        if kept.row() == row && kept.times < u32::MAX {
            kept.times += 1;
            self.found += 1;
            return;
        }
        if kept.times > 0 {
            gone(kept.row(), kept.times);
        }
        kept.times = 1;
        kept.length = row.len() as u8;
        kept.row[..row.len()].copy_from_slice(row);
        if self.rows == TRIAL {
            self.off = self.found < TRIAL / 4;
            (self.rows, self.found) = (0, 0);
        }
    }

    /// Ends the batch: gives up all rows that are kept.
    pub fn drain<E>(&mut self, mut gone: impl FnMut(&[u8], u32) -> Result<(), E>) -> Result<(), E> {
        (self.rows, self.found, self.off) = (0, 0, false);
        for kept in &mut self.places {
            if kept.times > 0 {
                gone(kept.row(), kept.times)?;
                kept.times = 0;
                kept.length = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_row_is_counted_once_wherever_it_is_kept() {
        let mut repeats = Repeats::default();
        let mut counted: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut note = |row: &[u8], times| *counted.entry(row.to_vec()).or_default() += times;
        let row = |i: u32| format!("{}{}", "x".repeat(i as usize % 61), i % 20_000).into_bytes();
        for i in 0..200_000u32 {
            repeats.take(&row(i.wrapping_mul(i)), &mut note);
        }
        let drained: Result<(), ()> = repeats.drain(|row, times| {
            note(row, times);
            Ok(())
        });
        assert!(drained.is_ok());
        let mut expected: HashMap<Vec<u8>, u32> = HashMap::new();
        for i in 0..200_000u32 {
            *expected.entry(row(i.wrapping_mul(i))).or_default() += 1;
        }
        assert_eq!(counted, expected);
    }
}
