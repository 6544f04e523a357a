//! What rows have had in common of late: the text between their values, and how long some of these are.
//!
//! Ids and instants are as long in one row as in the next. So rows are compared by stretches, each from one value whose length changes
//! to the next such: the processor need not know where one value ends before it looks at what stands behind it.

use wide::u8x16;

/// Rows after which a string is taken to be as long in the next one; twice as many with each time that was wrong.
const OFTEN: u32 = 8;

/// Rows that were compared value by value, after which they are compared by stretches.
const ENOUGH: u32 = 32;

/// Longer strings are searched for their end: a stretch takes three times its own length.
const LONGEST: usize = 256;

/// How long the strings at one place were.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Length {
    bytes: u32,
    /// Rows since it was another.
    rows: u32,
    changes: u32,
}

impl Length {
    /// Notes one more value; its quotes, if it is a string, are its first and last byte.
    #[inline]
    pub(crate) fn note(&mut self, value: &[u8]) {
        let bytes = value.len() as u32;
        if bytes == self.bytes && value.first() == Some(&b'"') {
            self.rows = self.rows.saturating_add(1);
        } else {
            self.changes += u32::from(self.changes < OFTEN);
            (self.bytes, self.rows) = (bytes, 0);
        }
    }

    /// The length with its quotes that the next string is taken to have.
    fn steady(self) -> Option<usize> {
        let bytes = self.bytes as usize;
        (self.rows >= OFTEN << self.changes && bytes <= LONGEST).then_some(bytes)
    }
}

/// Counts rows that were compared value by value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count(u32);

impl Count {
    /// One more; true if stretches are to be made of what was noted.
    #[inline]
    pub(crate) fn enough(&mut self) -> bool {
        self.0 = (self.0 + 1) % ENOUGH;
        self.0 == 0
    }
}

/// What stands before a value whose end is to be searched, or behind the last one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stretch {
    chunks: Vec<Chunk>,
    length: usize,
    has_strings: bool,
}

/// Sixteen bytes of it. All bits are set in `text` for a byte that stands there in each row, in `inside` for one within a string.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    bytes: u8x16,
    text: u8x16,
    inside: u8x16,
}

impl Stretch {
    /// Its length so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Goes on with a text that stands in each row.
    pub(crate) fn text(&mut self, text: &[u8]) {
        for byte in text {
            self.push(Some(*byte));
        }
    }

    /// Goes on with a string, if it is as long in each row; false if it is not.
    pub(crate) fn string(&mut self, length: Length) -> bool {
        let Some(inside) = length.steady().and_then(|bytes| bytes.checked_sub(2)) else {
            return false;
        };
        self.has_strings = true;
        self.push(Some(b'"'));
        (0..inside).for_each(|_| self.push(None));
        self.push(Some(b'"'));
        true
    }

    /// A byte of text, or any within a string.
    fn push(&mut self, byte: Option<u8>) {
        let place = self.length % 16;
        if place == 0 {
            self.chunks.push(Chunk {
                bytes: u8x16::ZERO,
                text: u8x16::ZERO,
                inside: u8x16::ZERO,
            });
        }
        let at = self.length / 16;
        let chunk = &mut self.chunks[at];
        match byte {
            Some(byte) => {
                chunk.bytes.as_mut_array()[place] = byte;
                chunk.text.as_mut_array()[place] = u8::MAX;
            }
            None => chunk.inside.as_mut_array()[place] = u8::MAX,
        }
        self.length += 1;
    }

    /// The position after it, if it stands at `at` of `row`. `stops` sets all bits of the bytes that may not stand in its strings.
    #[inline(always)]
    pub(crate) fn stands(
        &self,
        row: &[u8],
        at: usize,
        stops: impl Fn(u8x16) -> u8x16,
    ) -> Option<usize> {
        let mut wrong = u8x16::ZERO;
        let mut look = |chunk: &Chunk, bytes: u8x16| {
            wrong |= (bytes ^ chunk.bytes) & chunk.text | stops(bytes) & chunk.inside;
        };
        match row.get(at..at + 16 * self.chunks.len()) {
            Some(bytes) => {
                let (bytes, _) = bytes.as_chunks();
                for (chunk, bytes) in self.chunks.iter().zip(bytes) {
                    look(chunk, u8x16::new(*bytes));
                }
            }
            // Mostly the end of a row, which takes less than to put sixteen bytes together.
            None if self.chunks.len() == 1 && !self.has_strings => {
                let text = self.chunks.first()?.bytes.as_array();
                let same = row.get(at..)?.starts_with(&text[..self.length]);
                return same.then_some(at + self.length);
            }
            None => {
                for (index, chunk) in self.chunks.iter().enumerate() {
                    look(chunk, sixteen(row, at + 16 * index));
                }
            }
        }
        (wrong == u8x16::ZERO).then_some(at + self.length)
    }
}

/// The bytes from `at` on; zeros where there are no more, which is no text of a row.
#[inline(always)]
fn sixteen(row: &[u8], at: usize) -> u8x16 {
    let rest = row.get(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return u8x16::new(*bytes);
    }
    if let Some(bytes) = row.last_chunk() {
        // Shifted, since to copy so few bytes takes longer.
        let shift = 8 * (16 - rest.len() as u32);
        let bytes = u128::from_le_bytes(*bytes).checked_shr(shift);
        return u8x16::new(bytes.unwrap_or(0).to_le_bytes());
    }
    let mut bytes = [0; 16];
    bytes[..rest.len()].copy_from_slice(rest);
    u8x16::new(bytes)
}
