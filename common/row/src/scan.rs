//! The loops under everything else: skip white space, strings, values. Eight bytes at a time where it pays.
//!
//! They trust that the row was validated, and so look only at what delimits; on other bytes they return an error or an odd
//! slice, but never panic and always advance.

use crate::{BadRow, bad::not_json};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// High bit set in each byte of `word` that equals `byte`; exact up to and including the lowest hit.
#[inline(always)]
pub(crate) fn equal_to(word: u64, byte: u8) -> u64 {
    let x = word ^ (ONES * byte as u64);
    x.wrapping_sub(ONES) & !x & HIGHS
}

/// High bit set in each byte of `word` below `limit` (at most 128); exact up to and including the lowest hit.
#[inline(always)]
pub(crate) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// The eight bytes from `at` as a little-endian word, so that the first byte is the lowest.
#[inline(always)]
pub(crate) fn word_at(row: &[u8], at: usize) -> Option<u64> {
    row.get(at..)?
        .first_chunk::<8>()
        .map(|b| u64::from_le_bytes(*b))
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
        while let Some(word) = word_at(row, at) {
            let hit = equal_to(word, b'"') | equal_to(word, b'\\');
            if hit != 0 {
                at += (hit.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        match row.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
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

/// End of a number, `true`, `false` or `null`.
#[inline(always)]
fn scalar_end(row: &[u8], start: usize) -> Result<usize, BadRow> {
    let mut at = start;
    while at < row.len()
        && !matches!(
            row[at],
            b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b':' | b'"' | b'{' | b'['
        )
    {
        at += 1;
    }
    if at == start {
        not_json(at, "expected a value")
    } else {
        Ok(at)
    }
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
