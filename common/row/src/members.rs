//! Walk the members of any object and the elements of any array.

use crate::BadRow;
use crate::bad::not_json;
use crate::scan::{skip_space, string_end, value_end};

/// A raw key with its quotes, and a raw value.
type Member<'r> = (&'r [u8], &'r [u8]);

/// Iterator over `(raw key with its quotes, raw value)`. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Members<'r> {
    object: &'r [u8],
    state: State,
}

/// Iterator over raw values. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Elements<'r> {
    array: &'r [u8],
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Start,
    After(usize),
    Done,
}

/// The members of a raw object in the order they stand, duplicates included.
pub fn fields_of(object: &[u8]) -> Members<'_> {
    Members {
        object,
        state: State::Start,
    }
}

/// The elements of a raw array.
pub fn elements_of(array: &[u8]) -> Elements<'_> {
    Elements {
        array,
        state: State::Start,
    }
}

/// Moves to the next item of a container; `None` at its end.
#[inline]
fn advance(text: &[u8], state: State, open: u8, close: u8) -> Result<Option<usize>, BadRow> {
    let at = match state {
        State::Done => return Ok(None),
        State::Start => {
            let at = skip_space(text, 0);
            if text.get(at) != Some(&open) {
                return not_json(
                    at,
                    if open == b'{' {
                        "expected an object"
                    } else {
                        "expected an array"
                    },
                );
            }
            let at = skip_space(text, at + 1);
            if text.get(at) == Some(&close) {
                return Ok(None);
            }
            return Ok(Some(at));
        }
        State::After(at) => skip_space(text, at),
    };
    match text.get(at) {
        Some(b',') => Ok(Some(skip_space(text, at + 1))),
        Some(&b) if b == close => Ok(None),
        _ => not_json(
            at,
            if close == b'}' {
                "expected ',' or '}'"
            } else {
                "expected ',' or ']'"
            },
        ),
    }
}

impl<'r> Members<'r> {
    fn step(&mut self) -> Result<Option<Member<'r>>, BadRow> {
        let text = self.object;
        let Some(key) = advance(text, self.state, b'{', b'}')? else {
            return Ok(None);
        };
        if text.get(key) != Some(&b'"') {
            return not_json(key, "expected a key");
        }
        let after = string_end(text, key + 1)?.0 + 1;
        let colon = skip_space(text, after);
        if text.get(colon) != Some(&b':') {
            return not_json(colon, "expected ':'");
        }
        let start = skip_space(text, colon + 1);
        let end = value_end(text, start)?;
        self.state = State::After(end);
        Ok(Some((&text[key..after], &text[start..end])))
    }
}

impl<'r> Iterator for Members<'r> {
    type Item = Result<Member<'r>, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = State::Done;
        }
        item
    }
}

impl<'r> Elements<'r> {
    fn step(&mut self) -> Result<Option<&'r [u8]>, BadRow> {
        let text = self.array;
        let Some(start) = advance(text, self.state, b'[', b']')? else {
            return Ok(None);
        };
        let end = value_end(text, start)?;
        self.state = State::After(end);
        Ok(Some(&text[start..end]))
    }
}

impl<'r> Iterator for Elements<'r> {
    type Item = Result<&'r [u8], BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = State::Done;
        }
        item
    }
}
