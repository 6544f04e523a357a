//! The loops under everything else: skip white space, strings, values. Sixteen bytes at a time where it pays.
//!
//! They trust that the row was validated, and so look only at what delimits; on other bytes they return an error or an odd
//! slice, but never panic and always advance.

use wide::u8x16;

use crate::{BadRow, bad::not_json};

/// The eight bytes from `at` as a little-endian word, so that the first byte is the lowest.
#[inline(always)]
pub(crate) fn word_at(row: &[u8], at: usize) -> Option<u64> {
    row.get(at..)?
        .first_chunk::<8>()
        .map(|b| u64::from_le_bytes(*b))
}

/// The beginning of a text that is looked for at a place, sixteen bytes in one comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    bytes: [u8; 16],
    /// One bit for each byte that counts.
    bits: u32,
}

impl Prefix {
    pub(crate) fn of(text: &[u8]) -> Prefix {
        let length = text.len().min(16);
        let mut bytes = [0; 16];
        bytes[..length].copy_from_slice(&text[..length]);
        Prefix {
            bytes,
            bits: (1 << length) - 1,
        }
    }

    /// True if `text`, of which this is the beginning, stands at `at`.
    #[inline(always)]
    pub(crate) fn stands(&self, row: &[u8], at: usize, text: &[u8]) -> bool {
        let Some(bytes) = row.get(at..).and_then(<[u8]>::first_chunk::<16>) else {
            return row.get(at..at + text.len()) == Some(text);
        };
        let same = u8x16::new(*bytes).simd_eq(u8x16::new(self.bytes));
        if !same.to_bitmask() & self.bits != 0 {
            return false;
        }
        text.len() <= 16 || row.get(at + 16..at + text.len()) == Some(&text[16..])
    }
}

/// All bits of each byte that is a quote or a backslash.
#[inline(always)]
pub(crate) fn delimiters(bytes: u8x16) -> u8x16 {
    bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))
}

/// All bits of each byte that is a quote, a backslash or a control character.
#[inline(always)]
pub(crate) fn special(bytes: u8x16) -> u8x16 {
    delimiters(bytes) | bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)
}

/// The first position from `at` on of a byte of which `stops` sets all bits; the end of the row if there is none.
#[inline(always)]
fn next(row: &[u8], mut at: usize, stops: impl Fn(u8x16) -> u8x16) -> usize {
    let stops = |bytes: &[u8; 16]| stops(u8x16::new(*bytes)).to_bitmask();
    while let Some(bytes) = row.get(at..).and_then(<[u8]>::first_chunk) {
        let hit = stops(bytes);
        if hit != 0 {
            return at + hit.trailing_zeros() as usize;
        }
        at += 16;
    }
    let rest = row.len().saturating_sub(at);
    let hit = match row.last_chunk() {
        // They begin before `at`.
        Some(bytes) => stops(bytes) >> (16 - rest),
        None => {
            let mut bytes = [0; 16];
            bytes[..rest].copy_from_slice(&row[row.len() - rest..]);
            stops(&bytes) & ((1 << rest) - 1)
        }
    };
    match hit {
        0 => row.len(),
        hit => at + hit.trailing_zeros() as usize,
    }
}

/// The first position from `at` on of a byte that ends a string or may not stand in one (a quote, a backslash, a control character);
/// the end of the row if there is none.
#[inline(always)]
pub(crate) fn clean_end(row: &[u8], at: usize) -> usize {
    next(row, at, special)
}

/// First position from `at` on that is no JSON white space.
#[inline(always)]
pub(crate) fn skip_space(row: &[u8], mut at: usize) -> usize {
    while at < row.len() && matches!(row[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// `at` is the first byte after an opening quote. Returns the position of the closing quote and whether an escape was met.
#[inline(always)]
pub(crate) fn string_end(row: &[u8], mut at: usize) -> Result<(usize, bool), BadRow> {
    let mut escaped = false;
    loop {
        at = next(row, at, delimiters);
        match row.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(_) => {
                escaped = true;
                at += 2;
            }
            None => return not_json(row.len(), "the string has no end"),
        }
    }
}

/// `at` is the first byte of a value. Returns the position after it.
#[inline(always)]
pub(crate) fn value_end(row: &[u8], at: usize) -> Result<usize, BadRow> {
    match row.get(at) {
        Some(b'"') => Ok(string_end(row, at + 1)?.0 + 1),
        Some(b'{' | b'[') => nested_end(row, at),
        _ => scalar_end(row, at),
    }
}

/// The bytes that stand behind a number or a word.
const ENDS_SCALAR: [bool; 256] = {
    let mut ends = [false; 256];
    let mut bytes: &[u8] = b",}] \t\n\r:\"{[";
    while let [byte, rest @ ..] = bytes {
        ends[*byte as usize] = true;
        bytes = rest;
    }
    ends
};

/// End of a number, `true`, `false` or `null`.
#[inline(always)]
fn scalar_end(row: &[u8], start: usize) -> Result<usize, BadRow> {
    let rest = row.get(start..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk::<16>() {
        // Without a branch for each byte: numbers differ in length.
        let ends = ends_scalar(bytes);
        if ends & 1 == 0 && ends != 0 {
            return Ok(start + ends.trailing_zeros() as usize);
        }
    }
    let length = rest.iter().position(|&b| ENDS_SCALAR[b as usize]);
    let at = start + length.unwrap_or(rest.len());
    if at == start {
        not_json(at, "expected a value")
    } else {
        Ok(at)
    }
}

/// One bit for each byte that stands behind a number or a word, or that is another control character.
#[inline(always)]
fn ends_scalar(bytes: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*bytes);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    // Brackets and braces differ in one bit.
    let folded = bytes | u8x16::splat(0x20);
    let bracket = folded.simd_eq(u8x16::splat(b'{')) | folded.simd_eq(u8x16::splat(b'}'));
    let space = bytes.min(u8x16::splat(b' ')).simd_eq(bytes);
    (bracket | space | is(b',') | is(b':') | is(b'"')).to_bitmask()
}

/// End of an object or array, by counting depth outside strings.
fn nested_end(row: &[u8], mut at: usize) -> Result<usize, BadRow> {
    let mut depth = 0usize;
    while at < row.len() {
        match row[at] {
            b'"' => at = string_end(row, at + 1)?.0,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    not_json(row.len(), "the object or array has no end")
}
