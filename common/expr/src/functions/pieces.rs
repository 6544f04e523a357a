//! Pieces of text and bytes. Positions count code points from 1, and from the end below zero.

use std::ops::Range;

use super::arguments::{Answer, binary, failure, integer, piece, string, text};
use super::{BYTES, INT, TEXT, plain};
use crate::function::{Env, Function};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["substring", "substr"],
        (2, 3),
        "substring(text, start[, length])",
        &[BYTES, INT, INT],
        bytes_type,
        substring,
    ),
    plain(
        &["substring_index"],
        (3, 3),
        "substring_index(text, delimiter, count)",
        &[TEXT, TEXT, INT],
        |_| Type::String,
        substring_index,
    ),
    plain(
        &["left"],
        (2, 2),
        "left(text, length)",
        &[BYTES, INT],
        bytes_type,
        left,
    ),
    plain(
        &["right"],
        (2, 2),
        "right(text, length)",
        &[TEXT, INT],
        |_| Type::String,
        right,
    ),
    plain(
        &["overlay"],
        (3, 4),
        "overlay(text, replacement, start[, length])",
        &[BYTES, BYTES, INT, INT],
        bytes_type,
        overlay,
    ),
    plain(
        &["split_part"],
        (3, 3),
        "split_part(text, delimiter, part)",
        &[TEXT, TEXT, INT],
        |_| Type::String,
        split_part,
    ),
];

/// The type of a function that takes text or binary and gives the same.
pub fn bytes_type(types: &[Type]) -> Type {
    match types.first() {
        Some(Type::Binary) => Type::Binary,
        Some(Type::Any) => Type::Any,
        _ => Type::String,
    }
}

/// Number of code points.
pub fn characters(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// The byte range of the code points `start..end`, cut to the text.
pub fn range(text: &str, start: i64, end: i64) -> Range<usize> {
    let place = |index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        if text.is_ascii() {
            index.min(text.len())
        } else {
            text.char_indices()
                .nth(index)
                .map_or(text.len(), |(place, _)| place)
        }
    };
    if end <= start || end <= 0 {
        0..0
    } else {
        place(start)..place(end)
    }
}

/// Spark's `substringSQL`: one-based, zero is one, below zero counts from the end; what lies outside is cut.
fn substring<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let start = integer(&a[1])?;
    let length = a.get(2).map_or(Ok(i64::from(i32::MAX)), integer)?;
    let bounds = |size: usize| {
        let start = if start > 0 {
            start - 1
        } else if start < 0 {
            start + size as i64
        } else {
            0
        };
        (start, start + length)
    };
    match &a[0] {
        Value::Binary(value) => {
            let (start, end) = bounds(value.len());
            let clamp = |place: i64| place.clamp(0, value.len() as i64) as usize;
            Ok(binary(
                value.get(clamp(start)..clamp(end)).unwrap_or_default(),
            ))
        }
        value => {
            let text = text(value)?;
            let (start, end) = bounds(if start < 0 { characters(text) } else { 0 });
            piece(value, range(text, start, end))
        }
    }
}

fn left<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let length = integer(&a[1])?;
    match &a[0] {
        Value::Binary(value) => Ok(binary(&value[..(length.max(0) as usize).min(value.len())])),
        value => piece(value, range(text(value)?, 0, length)),
    }
}

fn right<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let text = text(&a[0])?;
    let size = characters(text) as i64;
    piece(
        &a[0],
        range(text, size - integer(&a[1])?.clamp(0, size), size),
    )
}

fn substring_index<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (all, delimiter, count) = (text(&a[0])?, text(&a[1])?, integer(&a[2])?);
    if delimiter.is_empty() || count == 0 {
        return piece(&a[0], 0..0);
    }
    // Delimiters may overlap, as in Spark: the search goes on one byte after the last find.
    if count > 0 {
        let mut from = 0;
        for found in 1.. {
            match memchr::memmem::find(&all.as_bytes()[from.min(all.len())..], delimiter.as_bytes())
            {
                Some(place) if found == count => return piece(&a[0], 0..from + place),
                Some(place) => from += place + 1,
                None => break,
            }
        }
    } else {
        let mut until = all.len();
        for found in 1.. {
            match memchr::memmem::rfind(&all.as_bytes()[..until], delimiter.as_bytes()) {
                Some(place) if found == -count => {
                    return piece(&a[0], place + delimiter.len()..all.len());
                }
                Some(place) => until = (place + delimiter.len()).saturating_sub(1),
                None => break,
            }
        }
    }
    piece(&a[0], 0..all.len())
}

/// What stands before the place, the replacement, and what stands `length` after it; both as [`substring`] cuts them, so a
/// place below zero counts from the end.
fn overlay<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (start, given) = (integer(&a[2])?, a.get(3).map_or(Ok(-1), integer)?);
    let own = match &a[1] {
        Value::Binary(bytes) => bytes.len(),
        replacement => characters(text(replacement)?),
    };
    let length = if given >= 0 { given } else { own as i64 };
    let cut = |start: i64, length: i64| {
        substring(
            env,
            &[a[0].clone(), Value::Integer(start), Value::Integer(length)],
        )
    };
    let (head, tail) = (cut(1, start - 1)?, cut(start + length, i32::MAX.into())?);
    Ok(match (&head, &a[1], &tail) {
        (Value::Binary(head), Value::Binary(replacement), Value::Binary(tail)) => {
            binary([&**head, replacement, tail].concat())
        }
        _ => string([text(&head)?, text(&a[1])?, text(&tail)?].concat()),
    })
}

fn split_part<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (all, delimiter, part) = (text(&a[0])?, text(&a[1])?, integer(&a[2])?);
    if part == 0 {
        return failure("parts are counted from 1, or from -1 at the end");
    }
    let nth = usize::try_from(part.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = match (delimiter.is_empty(), part > 0) {
        (true, _) => (nth == 0).then_some(all),
        (_, true) => all.split(delimiter).nth(nth),
        (_, false) => {
            let parts = all.split(delimiter).count();
            parts
                .checked_sub(nth + 1)
                .and_then(|index| all.split(delimiter).nth(index))
        }
    };
    match found {
        Some(found) => {
            let start = found.as_ptr() as usize - all.as_ptr() as usize;
            piece(&a[0], start..start + found.len())
        }
        None => piece(&a[0], 0..0),
    }
}
