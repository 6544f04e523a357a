//! Text made of other text: replaced, translated, repeated, joined.

use super::arguments::{Answer, integer, string, text};
use super::strings::count;
use super::{INT, TEXT, as_text, bound, plain, with_nulls};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
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
