//! The first JSON value of a text, checked.

use crate::number::write_double;
use st_row::{Kind, elements_of, fields_of, parse_f64, parse_i64, unescape, write_string};
use std::borrow::Cow;

/// A checked JSON value in a text.
pub struct Document<'t> {
    text: Cow<'t, str>,
    start: usize,
    end: usize,
}

impl<'t> Document<'t> {
    /// The first value of the text; `None` if it is malformed. What follows it is not looked at.
    pub fn of(text: &'t str) -> Option<Document<'t>> {
        let text = double_quoted(text);
        let start = text.len() - text.trim_start().len();
        let end = start + length(&text.as_bytes()[start..])?;
        // The checker wants an object.
        let mut checked = Vec::with_capacity(end - start + 6);
        checked.extend_from_slice(b"{\"v\":");
        checked.extend_from_slice(&text.as_bytes()[start..end]);
        checked.push(b'}');
        st_row::validate(&checked).ok()?;
        Some(Document { text, start, end })
    }

    /// The value's bytes.
    pub fn value(&self) -> &[u8] {
        &self.text.as_bytes()[self.start..self.end]
    }
}

/// How many bytes the value at the front takes, going by brackets and quotes alone.
fn length(json: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut at) = (0usize, false, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return Some(at);
                }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ if depth > 0 => {}
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {
                return Some(at - 1).filter(|end| *end > 0);
            }
            _ => {}
        }
    }
    (depth == 0 && !quoted && at > 0).then_some(json.len())
}

/// The text with strings in single quotes put into double ones.
fn double_quoted(text: &str) -> Cow<'_, str> {
    if !text.contains('\'') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                out.push('"');
            }
            (Some(open), close) if open == close => {
                quote = None;
                out.push('"');
            }
            (Some('\''), '"') => out.push_str("\\\""),
            (Some(_), '\\') => match characters.next() {
                Some('\'') => out.push('\''),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            (_, other) => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Appends a checked value without white space, its numbers and strings written as Spark's generator writes them.
pub fn copy(out: &mut Vec<u8>, raw: &[u8]) {
    match Kind::of(raw) {
        Some(Kind::Object) => {
            out.push(b'{');
            for (place, (key, value)) in fields_of(raw).flatten().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_string(out, &unescape(key).unwrap_or_default());
                out.push(b':');
                copy(out, value);
            }
            out.push(b'}');
        }
        Some(Kind::Array) => {
            out.push(b'[');
            for (place, value) in elements_of(raw).flatten().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                copy(out, value);
            }
            out.push(b']');
        }
        Some(Kind::String) => write_string(out, &unescape(raw).unwrap_or_default()),
        Some(Kind::Fraction) => match parse_f64(raw) {
            Some(number) => write_double(out, number),
            None => out.extend_from_slice(raw),
        },
        Some(Kind::Integer) if parse_i64(raw) == Some(0) => out.push(b'0'),
        _ => out.extend_from_slice(raw),
    }
}
