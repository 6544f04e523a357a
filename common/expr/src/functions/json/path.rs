//! `get_json_object`: Hive's dialect of JSONPath, as Spark's `GetJsonObjectEvaluator` walks it.

use super::document::{Document, copy};
use crate::function::{Call, Failure, Prepared, prepared};
use crate::functions::arguments::{string, text};
use crate::{Type, Value};
use st_row::{Kind, elements_of, fields_of, unescape};
use std::borrow::Cow;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
    /// `[*]`
    Each,
    /// `.*`, which finds nothing.
    AnyName,
}

/// Reads `$.a['b'][0][*]`; `None` if it is no path, which finds nothing.
fn parse(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = vec![];
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(steps);
        }
        let step;
        if let Some(after) = rest
            .strip_prefix(".*")
            .or_else(|| rest.strip_prefix("['*']"))
        {
            (step, rest) = (Step::AnyName, after);
        } else if let Some(after) = rest.strip_prefix("['") {
            let (name, after) = after.split_once('\'')?;
            (step, rest) = (
                Step::Name(name.to_owned()),
                after.trim_start().strip_prefix(']')?,
            );
            if name.is_empty() {
                return None;
            }
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            rest = after;
            step = match index.trim() {
                "*" => Step::Each,
                index => Step::Index(index.parse().ok()?),
            };
        } else {
            let after = rest.strip_prefix('.')?.trim_start();
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return None;
            }
            (step, rest) = (Step::Name(after[..end].to_owned()), &after[end..]);
        }
        steps.push(step);
    }
}

/// How a match is written: a string bare, as JSON, or an array's elements into the array around it.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Raw,
    Quoted,
    Flat,
}

/// What is written: values, parted by commas in an array.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    /// True if the next value in the array has to be parted from the last.
    follows: bool,
}

impl Out {
    fn part(&mut self) {
        if std::mem::replace(&mut self.follows, true) {
            self.bytes.push(b',');
        }
    }

    /// An array of what `fill` writes.
    fn array(&mut self, fill: impl FnOnce(&mut Out) -> bool) -> bool {
        self.part();
        self.bytes.push(b'[');
        self.follows = false;
        let found = fill(self);
        self.bytes.push(b']');
        self.follows = true;
        found
    }
}

/// Writes what the path finds in a value; false if it finds nothing.
fn walk(raw: &[u8], steps: &[Step], style: Style, out: &mut Out) -> bool {
    let kind = Kind::of(raw);
    match (kind, steps) {
        (Some(Kind::String), []) if style == Style::Raw => {
            out.bytes
                .extend_from_slice(unescape(raw).unwrap_or_default().as_bytes());
            true
        }
        (Some(Kind::Array), []) if style == Style::Flat => elements_of(raw)
            .flatten()
            .fold(false, |found, value| walk(value, steps, style, out) | found),
        (_, []) => {
            out.part();
            copy(&mut out.bytes, raw);
            true
        }
        (Some(Kind::Object), [Step::Name(name), rest @ ..]) => {
            let members = fields_of(raw).flatten();
            let mut named = members.filter(|(key, _)| unescape(key).is_ok_and(|key| key == *name));
            named.any(|(_, value)| {
                Kind::of(value) != Some(Kind::Null) && walk(value, rest, style, out)
            })
        }
        (Some(Kind::Array), [Step::Each, Step::Each, rest @ ..]) => out.array(|out| {
            elements_of(raw).flatten().fold(false, |found, value| {
                walk(value, rest, Style::Flat, out) | found
            })
        }),
        (Some(Kind::Array), [Step::Each, rest @ ..]) if style != Style::Quoted => {
            let style = if style == Style::Raw {
                Style::Quoted
            } else {
                style
            };
            let mut inner = Out::default();
            let found = elements_of(raw)
                .flatten()
                .filter(|value| walk(value, rest, style, &mut inner))
                .count();
            // One match stands alone, several are an array.
            match found {
                0 => {}
                1 => {
                    out.part();
                    out.bytes.extend_from_slice(&inner.bytes);
                }
                _ => {
                    out.array(|out| {
                        out.bytes.extend_from_slice(&inner.bytes);
                        true
                    });
                }
            }
            found > 0
        }
        (Some(Kind::Array), [Step::Each, rest @ ..]) => out.array(|out| {
            elements_of(raw).flatten().fold(false, |found, value| {
                walk(value, rest, Style::Quoted, out) | found
            })
        }),
        (Some(Kind::Array), [Step::Index(index), rest @ ..]) => {
            let style = if rest.first() == Some(&Step::Each) {
                Style::Quoted
            } else {
                style
            };
            elements_of(raw)
                .flatten()
                .nth(*index)
                .is_some_and(|value| walk(value, rest, style, out))
        }
        _ => false,
    }
}

pub fn bind(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = match &call.constants[1] {
        Some(Value::String(path)) => Some(parse(path)),
        _ => None,
    };
    let body = prepared(move |_, a| {
        let steps = match &ready {
            Some(steps) => Cow::Borrowed(steps),
            None => Cow::Owned(parse(text(&a[1])?)),
        };
        let document = Document::of(text(&a[0])?);
        let (Some(document), Some(steps)) = (document, steps.as_ref()) else {
            return Ok(Value::Null);
        };
        let mut out = Out::default();
        if !walk(document.value(), steps, Style::Raw, &mut out) {
            return Ok(Value::Null);
        }
        String::from_utf8(out.bytes)
            .map(string)
            .map_err(|error| Failure(error.to_string()))
    });
    Ok((Type::String, body))
}
