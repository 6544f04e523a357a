//! Rows are looked at a few at a time, so that their trips to memory overlap.
//!
//! With many keys nearly all of a row's time goes into waiting for the table, then for the key that it points to. So both are asked
//! for while the keys of other rows are found, and by the time the rows are taken, in their order, they are there.

use std::ops::Range;

use st_row::BadRow;

use crate::seen::Seen;

/// So many rows.
const ROWS: usize = 32;
/// So many rows later what was asked for is there.
const LAG: usize = 8;

/// What was found out of a row.
pub enum Looked {
    /// By what it is known.
    Key {
        /// Where the key stands.
        key: Range<usize>,
        /// When it is to be forgotten.
        moment: i64,
        /// What it is looked for by.
        hash: u32,
    },
    /// It is late, for this reason.
    Late(String),
    /// It is no row.
    Bad(BadRow),
}

/// Rows that were looked at and not yet taken: where they stand in bytes held by someone else, and what was found out of them.
#[derive(Default)]
pub struct Ahead {
    rows: Vec<(Range<usize>, Looked)>,
    keys: Vec<u8>,
}

impl Ahead {
    /// The keys so far; the next row's is to be appended.
    pub fn keys(&mut self) -> &mut Vec<u8> {
        &mut self.keys
    }

    /// Notes a row.
    #[inline]
    pub fn push(&mut self, row: Range<usize>, looked: Looked, seen: &Seen) {
        if let Looked::Key { hash, .. } = looked {
            seen.prefetch(hash);
        }
        self.rows.push((row, looked));
        if let Some(earlier) = self.rows.len().checked_sub(1 + LAG) {
            prefetch_key(&self.rows[earlier].1, seen);
        }
    }

    /// True if the rows should be taken now.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= ROWS
    }

    /// The last rows were noted.
    pub fn settle(&self, seen: &Seen) {
        let last = self.rows.len().saturating_sub(LAG);
        for (_, looked) in &self.rows[last..] {
            prefetch_key(looked, seen);
        }
    }

    /// The rows, which stand in `bytes`, with what was found out of them.
    pub fn rows<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a Looked)> {
        self.rows
            .iter()
            .map(|(row, looked)| (&bytes[row.clone()], looked))
    }

    /// A row's key.
    #[inline]
    pub fn key(&self, key: &Range<usize>) -> &[u8] {
        &self.keys[key.clone()]
    }

    /// Forgets the rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.keys.clear();
    }
}

#[inline]
fn prefetch_key(looked: &Looked, seen: &Seen) {
    if let Looked::Key { hash, .. } = looked {
        seen.prefetch_key(*hash);
    }
}
