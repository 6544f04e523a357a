//! Case, trimming, padding and lengths of text. Lengths count code points.

use std::borrow::Cow;

use super::arguments::{Answer, binary, bytes, integer, piece, string, text};
use super::pieces::{bytes_type, characters, range};
use super::{BYTES, INT, TEXT, bound, plain};
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
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
];

/// Longest text a function makes out of a number alone.
const LONGEST: i64 = 1 << 28;

/// A count from an argument: below zero is zero.
pub fn count(number: i64) -> Result<usize, Failure> {
    if number > LONGEST {
        super::arguments::failure(format!("{number} characters are too many"))
    } else {
        Ok(number.max(0) as usize)
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
