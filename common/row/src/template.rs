//! What the rows of a stream have had in common of late: the text between their values, and how long some of these are.
//!
//! Ids and instants are as long in one row as in the next. So rows are compared a stretch at a time, from one value whose length
//! changes to the next: where a value ends need not be known before what stands behind it is looked at.

use wide::u8x16;

/// Rows after which a string is taken to stay as long as it was.
const OFTEN: u32 = 8;

/// How long the strings at one place were.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Length {
    bytes: u32,
    rows: u32,
}

impl Length {
    /// Another string.
    #[inline(always)]
    pub(crate) fn note(&mut self, bytes: usize) {
        let same = bytes == self.bytes as usize;
        self.rows = if same { self.rows.saturating_add(1) } else { 0 };
        self.bytes = bytes as u32;
    }

    /// Another value, which is none.
    #[inline(always)]
    pub(crate) fn other(&mut self) {
        self.rows = 0;
    }

    /// The length of the next one, if the last ones were of one length.
    pub(crate) fn steady(self) -> Option<usize> {
        (self.rows >= OFTEN).then_some(self.bytes as usize)
    }
}

/// Sixteen bytes of a stretch. `text` and `inside` have all bits set in the bytes that are text and in those of a string.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    bytes: u8x16,
    text: u8x16,
    inside: u8x16,
}

/// What stands before a value whose end is to be searched, or behind the last one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stretch {
    chunks: Vec<Chunk>,
    length: usize,
}

impl Stretch {
    /// Text that is the same in all rows.
    pub(crate) fn text(&mut self, text: &[u8]) {
        text.iter().for_each(|byte| self.push(*byte, true));
    }

    /// A string of so many bytes, with its quotes.
    pub(crate) fn string(&mut self, bytes: usize) {
        self.text(b"\"");
        (0..bytes).for_each(|_| self.push(0, false));
        self.text(b"\"");
    }

    fn push(&mut self, byte: u8, text: bool) {
        let place = self.length % 16;
        if place == 0 {
            self.chunks.push(Chunk { bytes: u8x16::ZERO, text: u8x16::ZERO, inside: u8x16::ZERO });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.bytes.as_mut_array()[place] = byte;
            let side = if text { &mut chunk.text } else { &mut chunk.inside };
            side.as_mut_array()[place] = 0xff;
        }
        self.length += 1;
    }

    pub(crate) fn length(&self) -> usize { self.length }

    /// The position after the stretch, if it stands at `at`; `ends` has all bits set in bytes that no string goes on after.
    #[inline(always)]
    pub(crate) fn stands(&self, text: &[u8], at: usize, ends: impl Fn(u8x16) -> u8x16) -> Option<usize> {
        let mut differs = u8x16::ZERO;
        let mut look = |chunk: &Chunk, bytes: u8x16| {
            differs |= (bytes ^ chunk.bytes) & chunk.text | ends(bytes) & chunk.inside;
        };
        match text.get(at..at + 16 * self.chunks.len()) {
            Some(text) => {
                let (parts, _) = text.as_chunks::<16>();
                for (chunk, bytes) in self.chunks.iter().zip(parts) {
                    look(chunk, u8x16::new(*bytes));
                }
            }
            None => {
                let mut from = at;
                for chunk in &self.chunks {
                    look(chunk, last(text, from));
                    from += 16;
                }
            }
        }
        (differs == u8x16::ZERO).then_some(at + self.length)
    }
}

/// The bytes from `at` on, and zeros behind them.
#[inline(always)]
fn last(text: &[u8], at: usize) -> u8x16 {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return u8x16::new(*bytes);
    }
    match text.last_chunk::<16>() {
        Some(bytes) if !rest.is_empty() => {
            let bytes = u128::from_le_bytes(*bytes) >> (8 * (16 - rest.len()));
            u8x16::new(bytes.to_le_bytes())
        }
        _ => {
            let mut bytes = [0; 16];
            let n = rest.len().min(16);
            bytes[..n].copy_from_slice(&rest[..n]);
            u8x16::new(bytes)
        }
    }
}
