//! The gate: is this line a row? A source asks once per line; what passed is trusted by every later scan.

use crate::BadRow;
use crate::bad::not_json;
use crate::scan::{clean_end, skip_space};
use crate::text::{hex4, key_is};

/// Objects and arrays may be nested this deep.
pub const MAX_DEPTH: usize = 512;

/// The line without JSON white space at either end (a carriage return among it).
pub fn trim(line: &[u8]) -> &[u8] {
    let start = skip_space(line, 0);
    let mut end = line.len();
    while end > start && matches!(line[end - 1], b' ' | b'\t' | b'\n' | b'\r') {
        end -= 1;
    }
    &line[start..end]
}

/// Checks that `line` is one JSON object (RFC 8259, UTF-8, at most [`MAX_DEPTH`] deep) without a top-level key `$st`,
/// however that is spelled. White space around it is allowed. One pass, no recursion, no allocation.
pub fn validate(line: &[u8]) -> Result<(), BadRow> {
    if simdutf8::basic::from_utf8(line).is_err() {
        let at = std::str::from_utf8(line).map_or_else(|e| e.valid_up_to(), |_| 0);
        return Err(BadRow::NotUtf8 { at });
    }
    let start = skip_space(line, 0);
    if line.get(start) != Some(&b'{') {
        // Tell an array or a number from text that is no JSON at all.
        let end = value(line, start, 0)?;
        return if skip_space(line, end) == line.len() {
            Err(BadRow::NotObject)
        } else {
            not_json(skip_space(line, end), "text after the value")
        };
    }
    let end = value(line, start, 0)?;
    match skip_space(line, end) {
        end if end == line.len() => Ok(()),
        more => not_json(more, "text after the object"),
    }
}

/// One bit per open container: set for an object.
struct Stack {
    bits: [u64; MAX_DEPTH / 64],
    depth: usize,
}

impl Stack {
    #[inline(always)]
    fn push(&mut self, object: bool) -> Result<(), BadRow> {
        if self.depth == MAX_DEPTH {
            return Err(BadRow::TooDeep);
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        if object {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
        self.depth += 1;
        Ok(())
    }

    /// Closes the innermost container; says whether the one around it is an object, `None` if there is none.
    #[inline(always)]
    fn pop(&mut self) -> Option<bool> {
        self.depth -= 1;
        let top = self.depth.checked_sub(1)?;
        Some(self.bits[top / 64] >> (top % 64) & 1 == 1)
    }
}

/// Checks the value at `at`, around which `outer` containers are open; returns the position after it.
pub(crate) fn value(line: &[u8], mut at: usize, outer: usize) -> Result<usize, BadRow> {
    let mut stack = Stack {
        bits: [0; MAX_DEPTH / 64],
        depth: outer,
    };
    let mut object = false;
    'value: loop {
        // One value, or the opening of one.
        match line.get(at) {
            Some(b'"') => at = string(line, at + 1)?,
            Some(b'{') => {
                stack.push(true)?;
                object = true;
                at = skip_space(line, at + 1);
                if line.get(at) != Some(&b'}') {
                    at = key(line, at, stack.depth == 1)?;
                    continue 'value;
                }
            }
            Some(b'[') => {
                stack.push(false)?;
                object = false;
                at = skip_space(line, at + 1);
                if line.get(at) != Some(&b']') {
                    continue 'value;
                }
            }
            Some(b'-' | b'0'..=b'9') => at = number(line, at)?,
            Some(b't') => at = word(line, at, b"true")?,
            Some(b'f') => at = word(line, at, b"false")?,
            Some(b'n') => at = word(line, at, b"null")?,
            Some(_) => return not_json(at, "expected a value"),
            None => return not_json(at, "the line ends too early"),
        }
        // What may follow it: the next member or element, or the end of containers.
        loop {
            if stack.depth == outer {
                return Ok(at);
            }
            at = skip_space(line, at);
            match line.get(at) {
                Some(b',') => {
                    at = skip_space(line, at + 1);
                    if object {
                        at = key(line, at, stack.depth == 1)?;
                    }
                    continue 'value;
                }
                Some(b'}') if object => {}
                Some(b']') if !object => {}
                Some(_) => {
                    return not_json(
                        at,
                        if object {
                            "expected ',' or '}'"
                        } else {
                            "expected ',' or ']'"
                        },
                    );
                }
                None => return not_json(at, "the line ends too early"),
            }
            at += 1;
            object = stack.pop().unwrap_or(false);
        }
    }
}

/// Checks the key at `at` and its colon; returns where the value begins.
#[inline(always)]
fn key(line: &[u8], at: usize, top: bool) -> Result<usize, BadRow> {
    if line.get(at) != Some(&b'"') {
        return not_json(
            at,
            if at < line.len() {
                "expected a key"
            } else {
                "the line ends too early"
            },
        );
    }
    let end = string(line, at + 1)?;
    if top {
        let inner = &line[at + 1..end - 1];
        // The longest spelling escapes all three characters.
        if inner == b"$st"
            || (inner.first() == Some(&b'\\') || inner.first() == Some(&b'$'))
                && inner.len() <= 18
                && key_is(inner, b"$st")
        {
            return Err(BadRow::Reserved);
        }
    }
    let colon = skip_space(line, end);
    match line.get(colon) {
        Some(b':') => Ok(skip_space(line, colon + 1)),
        Some(_) => not_json(colon, "expected ':'"),
        None => not_json(colon, "the line ends too early"),
    }
}

/// Checks the string whose first byte after the quote is `at`; returns the position after the closing quote.
#[inline(always)]
pub(crate) fn string(line: &[u8], mut at: usize) -> Result<usize, BadRow> {
    loop {
        at = clean_end(line, at);
        match line.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match line.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') if hex4(line, at + 2).is_some() => at += 6,
                _ => return not_json(at, "not an escape"),
            },
            Some(_) => return not_json(at, "a control character in a string"),
            None => return not_json(at, "the string has no end"),
        }
    }
}

#[inline(always)]
fn digits(line: &[u8], mut at: usize) -> usize {
    while at < line.len() && line[at].is_ascii_digit() {
        at += 1;
    }
    at
}

#[inline(always)]
pub(crate) fn number(line: &[u8], mut at: usize) -> Result<usize, BadRow> {
    if line[at] == b'-' {
        at += 1;
    }
    let start = at;
    at = digits(line, at);
    if at == start {
        return not_json(at, "expected a digit");
    }
    if line[start] == b'0' && at > start + 1 {
        return not_json(start, "a number with a leading zero");
    }
    if line.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(line, fraction);
        if at == fraction {
            return not_json(at, "expected a digit");
        }
    }
    if let Some(b'e' | b'E') = line.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = line.get(at) {
            at += 1;
        }
        let exponent = at;
        at = digits(line, exponent);
        if at == exponent {
            return not_json(at, "expected a digit");
        }
    }
    Ok(at)
}

#[inline(always)]
pub(crate) fn word(line: &[u8], at: usize, word: &'static [u8]) -> Result<usize, BadRow> {
    if line[at..].starts_with(word) {
        Ok(at + word.len())
    } else {
        not_json(at, "expected a value")
    }
}
