//! Finding text in text. Places are counted in code points from 1; 0 means not found.

use memchr::memmem;

use super::arguments::{Answer, bytes, integer, text};
use super::pieces::characters;
use super::{BYTES, INT, TEXT, plain, with_nulls};
use crate::function::{Env, Function};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["instr"],
        (2, 2),
        "instr(text, search)",
        &[TEXT],
        |_| Type::Int,
        |_, a| Ok(Value::Integer(place(text(&a[0])?, text(&a[1])?, 1))),
    ),
    with_nulls(plain(
        &["locate", "position"],
        (2, 3),
        "locate(search, text[, start])",
        &[TEXT, TEXT, INT],
        |_| Type::Int,
        locate,
    )),
    plain(
        &["contains"],
        (2, 2),
        "contains(text, search)",
        &[BYTES],
        |_| Type::Boolean,
        |_, a| {
            Ok(Value::Boolean(
                memmem::find(bytes(&a[0])?, bytes(&a[1])?).is_some(),
            ))
        },
    ),
    plain(
        &["startswith"],
        (2, 2),
        "startswith(text, search)",
        &[BYTES],
        |_| Type::Boolean,
        |_, a| Ok(Value::Boolean(bytes(&a[0])?.starts_with(bytes(&a[1])?))),
    ),
    plain(
        &["endswith"],
        (2, 2),
        "endswith(text, search)",
        &[BYTES],
        |_| Type::Boolean,
        |_, a| Ok(Value::Boolean(bytes(&a[0])?.ends_with(bytes(&a[1])?))),
    ),
    plain(
        &["find_in_set"],
        (2, 2),
        "find_in_set(text, 'a,b,c')",
        &[TEXT],
        |_| Type::Int,
        find_in_set,
    ),
];

/// Where `search` stands in `text`, looked for from the place `start`.
fn place(text: &str, search: &str, start: i64) -> i64 {
    if search.is_empty() {
        return 1;
    }
    let from = super::pieces::range(text, start - 1, i64::MAX).start;
    match memmem::find(&text.as_bytes()[from..], search.as_bytes()) {
        Some(found) => characters(&text[..from + found]) as i64 + 1,
        None => 0,
    }
}

/// A null start gives 0, as in Hive; a start below 1 finds nothing.
fn locate<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if matches!(a.get(2), Some(Value::Null)) {
        return Ok(Value::Integer(0));
    }
    if a.iter().any(|value| matches!(value, Value::Null)) {
        return Ok(Value::Null);
    }
    let start = a.get(2).map_or(Ok(1), integer)?;
    let (search, text) = (text(&a[0])?, text(&a[1])?);
    Ok(Value::Integer(if start < 1 {
        0
    } else {
        place(text, search, start)
    }))
}

fn find_in_set<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (word, set) = (text(&a[0])?, text(&a[1])?);
    let found = if word.contains(',') {
        None
    } else {
        set.split(',').position(|member| member == word)
    };
    Ok(Value::Integer(found.map_or(0, |index| index as i64 + 1)))
}
