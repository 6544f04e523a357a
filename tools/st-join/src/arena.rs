//! Room for the bytes of rows, in blocks: a block whose rows are all gone is given back.
//!
//! The first row of a block stands there without its keys, the others of its kind without what they share with it beside.

use st_row::{Forms, Near, prefetch};

/// Bytes of one block, unless a row is longer.
const BLOCK: usize = 256 * 1024;

/// Bytes of rows, each with its length before it.
#[derive(Default)]
pub struct Arena {
    blocks: Vec<Block>,
    /// The blocks that were given back.
    free: Vec<u32>,
    /// The block that is written to.
    last: u32,
    used: usize,
    live: usize,
    forms: Forms,
    /// The first row of the last block.
    near: Near,
    packed: Vec<u8>,
}

#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Of these, bytes of rows that are there.
    live: usize,
}

/// Where a row stands: its block, and the position in that.
pub type At = [u32; 2];

impl Arena {
    /// Keeps a row's bytes.
    #[inline]
    pub fn add(&mut self, row: &[u8]) -> At {
        self.packed.clear();
        self.forms.pack(row, &self.near, &mut self.packed);
        let length = self.packed.len() + MOST;
        let fits = self
            .blocks
            .get(self.last as usize)
            .is_some_and(|block| block.bytes.capacity() - block.bytes.len() >= length);
        if !fits {
            self.packed.clear();
            self.forms.pack(row, &Near::default(), &mut self.packed);
            Forms::near(&self.packed, &mut self.near);
            self.begin(self.packed.len() + MOST);
        }
        let (head, heads) = head(self.packed.len());
        let length = heads + self.packed.len();
        let block = &mut self.blocks[self.last as usize];
        let at = block.bytes.len() as u32;
        block.bytes.extend_from_slice(&head[..heads]);
        block.bytes.extend_from_slice(&self.packed);
        block.live += length;
        self.used += length;
        self.live += length;
        [self.last, at]
    }

    #[cold]
    fn begin(&mut self, length: usize) {
        let full = self.last;
        self.last = self.free.pop().unwrap_or_else(|| {
            self.blocks.push(Block::default());
            self.blocks.len() as u32 - 1
        });
        self.blocks[self.last as usize].bytes = Vec::with_capacity(BLOCK.max(length));
        // All of its rows may have gone while it was written to.
        if full != self.last
            && self
                .blocks
                .get(full as usize)
                .is_some_and(|block| block.live == 0 && block.bytes.capacity() > 0)
        {
            self.give_back(full);
        }
    }

    fn give_back(&mut self, number: u32) {
        let block = std::mem::take(&mut self.blocks[number as usize]);
        self.used -= block.bytes.len();
        self.free.push(number);
    }

    /// Appends the bytes of a row.
    #[inline]
    pub fn read(&self, at: At, row: &mut Vec<u8>) {
        let block = &self.blocks[at[0] as usize].bytes;
        self.forms
            .unpack(packed(&block[at[1] as usize..]), packed(block), row);
    }

    /// Asks for the memory of a row.
    #[inline]
    pub fn prefetch(&self, at: At) {
        let block = &self.blocks[at[0] as usize].bytes;
        block.get(at[1] as usize).into_iter().for_each(prefetch);
    }

    /// Forgets a row.
    pub fn remove(&mut self, at: At) {
        let block = &mut self.blocks[at[0] as usize];
        let (length, heads) = length(&block.bytes[at[1] as usize..]);
        block.live -= heads + length;
        self.live -= heads + length;
        if block.live == 0 && at[0] != self.last {
            self.give_back(at[0]);
        }
    }

    /// True if so many rows are gone that those which keep their blocks are worth to be moved.
    pub fn is_sparse(&self) -> bool {
        self.used > 2 * self.live + 16 * BLOCK
    }

    /// True if a row keeps a block of which most is gone.
    pub fn is_lonely(&self, at: At) -> bool {
        let block = &self.blocks[at[0] as usize];
        at[0] != self.last && block.live < block.bytes.len() / 2
    }

    /// Bytes of the rows that are there.
    pub fn bytes(&self) -> usize {
        self.live
    }
}

/// The row whose length is in front.
#[inline]
fn packed(bytes: &[u8]) -> &[u8] {
    let (length, heads) = length(bytes);
    &bytes[heads..heads + length]
}

/// The most bytes that a length takes.
const MOST: usize = 10;

/// A length in front of a row: seven bits a byte, the lowest first; and how many bytes these are.
#[inline]
fn head(mut length: usize) -> ([u8; MOST], usize) {
    let mut head = [0; MOST];
    let mut used = 0;
    loop {
        head[used] = length as u8 & 0x7f;
        length >>= 7;
        used += 1;
        if length == 0 {
            return (head, used);
        }
        head[used - 1] |= 0x80;
    }
}

#[inline]
fn length(bytes: &[u8]) -> (usize, usize) {
    let (mut length, mut used) = (0, 0);
    loop {
        let byte = bytes[used];
        length |= usize::from(byte & 0x7f) << (7 * used);
        used += 1;
        if byte < 0x80 {
            return (length, used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_go_with_their_rows() {
        let mut arena = Arena::default();
        let get = |arena: &Arena, at: At| {
            let mut row = Vec::new();
            arena.read(at, &mut row);
            row
        };
        let row = |number: usize| vec![number as u8; number * 7 % 300_000];
        let places: Vec<At> = (0..4000).map(|number| arena.add(&row(number))).collect();
        for (number, at) in places.iter().enumerate() {
            assert_eq!(get(&arena, *at), row(number));
        }
        let (long, used) = (arena.add(&row(40_000)), arena.used);
        for at in &places[..3999] {
            arena.remove(*at);
        }
        assert!(arena.used < used / 20);
        assert_eq!(get(&arena, places[3999]), row(3999));
        assert!(arena.is_lonely(places[3999]) && !arena.is_lonely(long));
        let moved = arena.add(&row(3999));
        arena.remove(places[3999]);
        assert_eq!(get(&arena, moved), row(3999));
        assert_eq!(get(&arena, long), row(40_000));
        arena.remove(moved);
        arena.remove(long);
        assert_eq!(arena.bytes(), 0);
        let again = arena.add(&row(50_000));
        assert_eq!(get(&arena, again), row(50_000));
    }
}
