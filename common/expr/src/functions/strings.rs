//! Case, trimming, padding, lengths and pieces of text. Positions and lengths count code points.

use std::borrow::Cow;
use std::ops::Range;

use super::arguments::{Answer, binary, bytes, failure, integer, piece, string, text};
use super::{BYTES, INT, TEXT, as_text, bound, plain, with_nulls};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["upper", "ucase"],
        (1, 1),
        "upper(text)",
        &[TEXT],
        |_| Type::String,
        upper,
    ),
    plain(
        &["lower", "lcase"],
        (1, 1),
        "lower(text)",
        &[TEXT],
        |_| Type::String,
        lower,
    ),
    plain(
        &["initcap"],
        (1, 1),
        "initcap(text)",
        &[TEXT],
        |_| Type::String,
        initcap,
    ),
    plain(
        &["trim"],
        (1, 2),
        "trim([characters, ]text)",
        &[TEXT],
        |_| Type::String,
        trim,
    ),
    plain(
        &["ltrim"],
        (1, 2),
        "ltrim([characters, ]text)",
        &[TEXT],
        |_| Type::String,
        ltrim,
    ),
    plain(
        &["rtrim"],
        (1, 2),
        "rtrim([characters, ]text)",
        &[TEXT],
        |_| Type::String,
        rtrim,
    ),
    plain(
        &["btrim"],
        (1, 2),
        "btrim(text[, characters])",
        &[TEXT],
        |_| Type::String,
        btrim,
    ),
    bound(
        &["lpad"],
        (2, 3),
        "lpad(text, length[, pad])",
        &[BYTES, INT, BYTES],
        |call| pad(call, Side::Left),
    ),
    bound(
        &["rpad"],
        (2, 3),
        "rpad(text, length[, pad])",
        &[BYTES, INT, BYTES],
        |call| pad(call, Side::Right),
    ),
    plain(
        &["length", "char_length", "character_length", "len"],
        (1, 1),
        "length(text)",
        &[BYTES],
        |_| Type::Int,
        length,
    ),
    plain(
        &["octet_length"],
        (1, 1),
        "octet_length(text)",
        &[BYTES],
        |_| Type::Int,
        |_, a| Ok(Value::Integer(bytes(&a[0])?.len() as i64)),
    ),
    plain(
        &["bit_length"],
        (1, 1),
        "bit_length(text)",
        &[BYTES],
        |_| Type::Int,
        |_, a| Ok(Value::Integer(bytes(&a[0])?.len() as i64 * 8)),
    ),
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
    plain(
        &["replace"],
        (2, 3),
        "replace(text, search[, replacement])",
        &[TEXT],
        |_| Type::String,
        replace,
    ),
    bound(
        &["translate"],
        (3, 3),
        "translate(text, from, to)",
        &[TEXT],
        translate,
    ),
    plain(
        &["repeat"],
        (2, 2),
        "repeat(text, times)",
        &[TEXT, INT],
        |_| Type::String,
        repeat,
    ),
    plain(
        &["space"],
        (1, 1),
        "space(length)",
        &[INT],
        |_| Type::String,
        |_, a| Ok(string(" ".repeat(count(integer(&a[0])?)?))),
    ),
    with_nulls(plain(
        &["concat_ws"],
        (1, super::MANY),
        "concat_ws(separator, value, …)",
        &[super::ANY],
        |_| Type::String,
        concat_ws,
    )),
    with_nulls(plain(
        &["elt"],
        (2, super::MANY),
        "elt(index, value, …)",
        &[INT, TEXT],
        |_| Type::String,
        elt,
    )),
    plain(
        &["quote"],
        (1, 1),
        "quote(text)",
        &[TEXT],
        |_| Type::String,
        |_, a| Ok(string(format!("'{}'", text(&a[0])?.replace('\'', "\\'")))),
    ),
];

/// Longest text a function makes out of a number alone.
const LONGEST: i64 = 1 << 28;

/// A count from an argument: below zero is zero.
fn count(number: i64) -> Result<usize, crate::function::Failure> {
    if number > LONGEST {
        failure(format!("{number} characters are too many"))
    } else {
        Ok(number.max(0) as usize)
    }
}

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

fn upper<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let text = text(&a[0])?;
    Ok(if text.is_ascii() {
        string(text.to_ascii_uppercase())
    } else {
        string(text.to_uppercase())
    })
}

fn lower<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let text = text(&a[0])?;
    Ok(if text.is_ascii() {
        string(text.to_ascii_lowercase())
    } else {
        string(text.to_lowercase())
    })
}

/// Words are what stands between blanks; the rest of each is in lower case.
fn initcap<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let lower = text(&a[0])?.to_lowercase();
    let mut out = String::with_capacity(lower.len());
    let mut starts = true;
    for character in lower.chars() {
        if starts {
            title(character, &mut out)
        } else {
            out.push(character)
        }
        starts = character == ' ';
    }
    Ok(string(out))
}

/// The title case of a character: of a letter that becomes several, only the first stays a capital.
fn title(character: char, out: &mut String) {
    let digraph = match character {
        'Ǆ' | 'ǆ' => Some('ǅ'),
        'Ǉ' | 'ǉ' => Some('ǈ'),
        'Ǌ' | 'ǌ' => Some('ǋ'),
        'Ǳ' | 'ǳ' => Some('ǲ'),
        _ => None,
    };
    if let Some(digraph) = digraph {
        return out.push(digraph);
    }
    let mut capital = false;
    for upper in character.to_uppercase() {
        if capital {
            out.extend(upper.to_lowercase())
        } else {
            out.push(upper)
        }
        capital |= upper.is_uppercase();
    }
}

/// What is left of `value` after taking `characters` (blanks, if not given) off the sides asked for.
fn trimmed<'a>(
    value: &Value<'a>,
    characters: Option<&Value<'a>>,
    left: bool,
    right: bool,
) -> Answer<'a> {
    let all = text(value)?;
    let set = characters.map_or(Ok(" "), text)?;
    let mut kept = all;
    if left {
        kept = kept.trim_start_matches(|c| set.contains(c));
    }
    let start = all.len() - kept.len();
    if right {
        kept = kept.trim_end_matches(|c| set.contains(c));
    }
    piece(value, start..start + kept.len())
}

fn trim<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    match a {
        [characters, text] => trimmed(text, Some(characters), true, true),
        _ => trimmed(&a[0], None, true, true),
    }
}

fn ltrim<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    match a {
        [characters, text] => trimmed(text, Some(characters), true, false),
        _ => trimmed(&a[0], None, true, false),
    }
}

fn rtrim<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    match a {
        [characters, text] => trimmed(text, Some(characters), false, true),
        _ => trimmed(&a[0], None, false, true),
    }
}

fn btrim<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    trimmed(&a[0], a.get(1), true, true)
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn pad(call: &Call<'_>, side: Side) -> Result<(Type, Prepared), String> {
    let body = prepared(move |_, a| match &a[0] {
        Value::Binary(value) => {
            let default = Value::Binary(Cow::Borrowed(&[0]));
            let pad = bytes(a.get(2).unwrap_or(&default))?;
            let length = count(integer(&a[1])?)?;
            if length <= value.len() || pad.is_empty() {
                return Ok(binary(&value[..length.min(value.len())]));
            }
            let filling = pad.iter().cycle().take(length - value.len());
            Ok(match side {
                Side::Left => binary(filling.chain(value.iter()).copied().collect::<Vec<_>>()),
                Side::Right => binary(value.iter().chain(filling).copied().collect::<Vec<_>>()),
            })
        }
        value => {
            let default = Value::String(Cow::Borrowed(" "));
            let pad = text(a.get(2).unwrap_or(&default))?;
            let text = text(value)?;
            let length = count(integer(&a[1])?)?;
            let size = characters(text);
            if length <= size || pad.is_empty() {
                return piece(value, range(text, 0, length as i64));
            }
            let filling = pad.chars().cycle().take(length - size);
            Ok(match side {
                Side::Left => string(filling.chain(text.chars()).collect::<String>()),
                Side::Right => string(text.chars().chain(filling).collect::<String>()),
            })
        }
    });
    Ok((bytes_type(call.types), body))
}

fn length<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Integer(match &a[0] {
        Value::Binary(bytes) => bytes.len(),
        value => characters(text(value)?),
    } as i64))
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

fn replace<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (all, search) = (text(&a[0])?, text(&a[1])?);
    let replacement = a.get(2).map_or(Ok(""), text)?;
    if search.is_empty() || memchr::memmem::find(all.as_bytes(), search.as_bytes()).is_none() {
        return Ok(a[0].clone());
    }
    Ok(string(all.replace(search, replacement)))
}

/// Each character of `from` becomes the one in the same place of `to`, or nothing; the first mention holds.
fn translate(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let table = |from: &str, to: &str| {
        let mut pairs: Vec<(char, Option<char>)> = Vec::new();
        let mut to = to.chars();
        for character in from.chars() {
            let target = to.next();
            if !pairs.iter().any(|(known, _)| *known == character) {
                pairs.push((character, target));
            }
        }
        pairs
    };
    let ready = match call.constants {
        [_, Some(Value::String(from)), Some(Value::String(to))] => Some(table(from, to)),
        _ => None,
    };
    let body = prepared(move |_, a| {
        let made;
        let pairs = match &ready {
            Some(pairs) => pairs,
            None => {
                made = table(text(&a[1])?, text(&a[2])?);
                &made
            }
        };
        let mapped = text(&a[0])?.chars().filter_map(|character| {
            pairs
                .iter()
                .find(|(from, _)| *from == character)
                .map_or(Some(character), |(_, to)| *to)
        });
        Ok(string(mapped.collect::<String>()))
    });
    Ok((Type::String, body))
}

fn repeat<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let text = text(&a[0])?;
    let times = integer(&a[1])?.max(0);
    count(times.saturating_mul(text.len() as i64))?;
    Ok(string(text.repeat(times as usize)))
}

/// Nulls are left out; the elements of arrays are joined like arguments.
fn concat_ws<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if a[0].is_null() {
        return Ok(Value::Null);
    }
    let separator = as_text(env, &a[0]);
    let mut out = String::new();
    let mut first = true;
    let mut push = |value: &Value<'_>| {
        if !value.is_null() {
            if !std::mem::take(&mut first) {
                out.push_str(&separator);
            }
            out.push_str(&as_text(env, value));
        }
    };
    for value in &a[1..] {
        match value {
            Value::Array(elements) => elements.iter().for_each(&mut push),
            _ => push(value),
        }
    }
    Ok(string(out))
}

fn elt<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if matches!(a[0], Value::Null) {
        return Ok(Value::Null);
    }
    let index = integer(&a[0])?;
    Ok(if index < 1 {
        Value::Null
    } else {
        a.get(index as usize).cloned().unwrap_or(Value::Null)
    })
}
