//! Rows are looked at a few at a time, so that their trips to memory overlap.
//!
//! With many keys nearly all of a row's time goes into waiting for what is held of its key on the other side. So the keys of
//! several rows are found first, and what they will meet is asked for at once; then the rows are taken, in their order.

use std::ops::Range;

use crate::keys::Hashed;
use crate::state::Times;

/// So many rows.
const ROWS: usize = 32;

/// What was found out of a row.
pub struct Looked {
    /// Where it stands in bytes held by someone else.
    pub row: Range<usize>,
    /// How many rows came before it.
    pub number: u64,
    pub shape: u32,
    /// None if it can match nothing.
    pub times: Option<Times>,
    /// Where its key stands.
    key: Range<usize>,
}

/// Rows of one side that were looked at and not yet taken.
#[derive(Default)]
pub struct Ahead {
    pub rows: Vec<Looked>,
    keys: Vec<u8>,
    /// Of each row the hash of its key, and which number the key most likely has on the other side.
    pub hashes: Vec<u32>,
    pub guesses: Vec<Option<u32>>,
}

impl Ahead {
    /// Where the next row's key begins among all; it is to be appended to what is given.
    pub fn key(&mut self) -> (usize, &mut Vec<u8>) {
        (self.keys.len(), &mut self.keys)
    }

    /// The key that was appended from `start` on.
    pub fn key_from(&self, start: usize) -> &[u8] {
        &self.keys[start..]
    }

    /// Notes a row whose key begins at `start` and has this hash.
    pub fn push(
        &mut self,
        row: Range<usize>,
        number: u64,
        shape: u32,
        times: Option<Times>,
        start: usize,
        hash: u32,
    ) {
        self.rows.push(Looked {
            row,
            number,
            shape,
            times,
            key: start..self.keys.len(),
        });
        self.hashes.push(hash);
    }

    /// True if the rows should be taken now.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= ROWS
    }

    /// The key of the row of that index.
    pub fn hashed(&self, index: usize) -> Hashed<'_> {
        Hashed {
            bytes: &self.keys[self.rows[index].key.clone()],
            hash: self.hashes[index],
        }
    }

    /// Forgets the rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.keys.clear();
        self.hashes.clear();
        self.guesses.clear();
    }
}
