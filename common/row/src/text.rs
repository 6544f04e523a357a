//! Strings: decoded, compared, written.

use std::borrow::Cow;

use crate::BadRow;
use crate::bad::not_json;
use crate::scan::clean_end;

/// The text of a raw string or key, given with its quotes. Borrowed if it has no escape. A lone surrogate, which JSON can
/// write but UTF-8 cannot, becomes U+FFFD.
pub fn unescape(quoted: &[u8]) -> Result<Cow<'_, str>, BadRow> {
    let [b'"', inner @ .., b'"'] = quoted else {
        return not_json(0, "expected a string");
    };
    if clean_end(inner, 0) == inner.len() {
        return utf8(inner).map(Cow::Borrowed);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.iter().position(|&b| b == b'\\') {
        text.extend_from_slice(&rest[..at]);
        let (c, length) = decode_escape(&rest[at..]);
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + length..];
    }
    text.extend_from_slice(rest);
    String::from_utf8(text)
        .map(Cow::Owned)
        .map_err(|e| BadRow::NotUtf8 {
            at: e.utf8_error().valid_up_to(),
        })
}

fn utf8(bytes: &[u8]) -> Result<&str, BadRow> {
    std::str::from_utf8(bytes).map_err(|e| BadRow::NotUtf8 {
        at: e.valid_up_to(),
    })
}

/// True if the raw key (without quotes) decodes to `name`.
pub(crate) fn key_is(key: &[u8], name: &[u8]) -> bool {
    if key == name {
        return !key.contains(&b'\\');
    }
    // An escape is never shorter than what it stands for.
    if key.len() <= name.len() || !key.contains(&b'\\') {
        return false;
    }
    let (mut key, mut name) = (key, name);
    while let Some(&b) = key.first() {
        if b == b'\\' {
            let (c, length) = decode_escape(key);
            let mut buffer = [0; 4];
            let Some(rest) = name.strip_prefix(c.encode_utf8(&mut buffer).as_bytes()) else {
                return false;
            };
            name = rest;
            key = &key[length..];
        } else {
            if name.first() != Some(&b) {
                return false;
            }
            key = &key[1..];
            name = &name[1..];
        }
    }
    name.is_empty()
}

/// Decodes the escape `text` begins with: the character, and how many bytes it took (at least one, at most all).
fn decode_escape(text: &[u8]) -> (char, usize) {
    let simple = match text.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return decode_unicode(text),
        Some(&b) if b.is_ascii() => b as char,
        // Not JSON; take the backslash alone, so that the rest stays whole characters.
        _ => return ('\\', 1),
    };
    (simple, 2)
}

fn decode_unicode(text: &[u8]) -> (char, usize) {
    let Some(high) = hex4(text, 2) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if (0xd800..0xdc00).contains(&high)
        && text.get(6..8) == Some(b"\\u")
        && let Some(low @ 0xdc00..0xe000) = hex4(text, 8)
    {
        let c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (
        char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER),
        6,
    )
}

/// Four hexadecimal digits from `at`.
pub(crate) fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?
        .iter()
        .try_fold(0, |value, &b| Some(value * 16 + (b as char).to_digit(16)?))
}

/// The text of a raw string without escapes, given with its quotes; `None` for all else.
#[inline]
pub fn plain_text(raw: &[u8]) -> Option<&[u8]> {
    match raw {
        [b'"', text @ .., b'"'] if clean_end(text, 0) == text.len() => Some(text),
        _ => None,
    }
}

/// Appends `text` as a JSON string with its quotes. Only what must be escaped is.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        // So many bytes need no escape.
        let clean = clean_end(rest, 0);
        out.extend_from_slice(&rest[..clean]);
        let Some(&b) = rest.get(clean) else { break };
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[(b >> 4) as usize]);
                out.push(HEX[(b & 15) as usize]);
            }
        }
        rest = &rest[clean + 1..];
    }
    out.push(b'"');
}
