//! Arrays: making them, looking into them, cutting and sorting them. Places are counted from 1, from the end below zero.

use super::arguments::{Answer, array, failure, integer, kind, map};
use super::{ANY, ARRAY, INT, MANY, Param, TEXT, as_text, bound, common_type, plain, with_nulls};
use crate::compare::{same, total};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Type, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

const BOOLEAN: Param = Param::To(&Type::Boolean);

pub static FUNCTIONS: &[Function] = &[
    with_nulls(plain(
        &["array"],
        (0, MANY),
        "array(value, …)",
        &[Param::Common],
        |types| of(common_type(types).as_ref()),
        |_, a| Ok(Value::Array(a.to_vec())),
    )),
    with_nulls(plain(
        &["size", "cardinality"],
        (1, 1),
        "size(array or map)",
        &[ANY],
        |_| Type::Int,
        |_, a| {
            Ok(Value::Integer(match &a[0] {
                Value::Null => -1,
                Value::Array(elements) => elements.len() as i64,
                // A map in an undeclared column is an object.
                Value::Map(entries) => entries.len() as i64,
                Value::Struct(members) => members.len() as i64,
                other => return failure(format!("wants an array or a map, not {}", kind(other))),
            }))
        },
    )),
    plain(
        &["array_size"],
        (1, 1),
        "array_size(array)",
        &[ARRAY],
        |_| Type::Int,
        |_, a| Ok(Value::Integer(array(&a[0])?.len() as i64)),
    ),
    plain(
        &["array_join"],
        (2, 3),
        "array_join(array, separator[, null])",
        &[ARRAY, TEXT, TEXT],
        |_| Type::String,
        array_join,
    ),
    plain(
        &["array_max"],
        (1, 1),
        "array_max(array)",
        &[ARRAY],
        element,
        |_, a| extreme(&a[0], Ordering::Greater),
    ),
    plain(
        &["array_min"],
        (1, 1),
        "array_min(array)",
        &[ARRAY],
        element,
        |_, a| extreme(&a[0], Ordering::Less),
    ),
    with_nulls(plain(
        &["array_repeat"],
        (2, 2),
        "array_repeat(value, times)",
        &[ANY, INT],
        |types| of(types.first()),
        array_repeat,
    )),
    plain(
        &["array_compact"],
        (1, 1),
        "array_compact(array)",
        &[ARRAY],
        first,
        |_, a| {
            Ok(Value::Array(
                array(&a[0])?
                    .iter()
                    .filter(|value| !value.is_null())
                    .cloned()
                    .collect(),
            ))
        },
    ),
    plain(
        &["flatten"],
        (1, 1),
        "flatten(array of arrays)",
        &[ARRAY],
        element,
        flatten,
    ),
    plain(
        &["slice"],
        (3, 3),
        "slice(array, start, length)",
        &[ARRAY, INT, INT],
        first,
        slice,
    ),
    plain(
        &["sort_array"],
        (1, 2),
        "sort_array(array[, ascending])",
        &[ARRAY, BOOLEAN],
        first,
        sort_array,
    ),
    plain(
        &["array_sort"],
        (1, 1),
        "array_sort(array)",
        &[ARRAY],
        first,
        |_, a| {
            let mut sorted = array(&a[0])?.to_vec();
            sorted.sort_by(|x, y| x.is_null().cmp(&y.is_null()).then_with(|| total(x, y)));
            Ok(Value::Array(sorted))
        },
    ),
    bound(
        &["element_at", "try_element_at"],
        (2, 2),
        "element_at(array or map, place or key)",
        &[ANY],
        element_at,
    ),
    plain(
        &["get"],
        (2, 2),
        "get(array, index)",
        &[ARRAY, INT],
        element,
        |_, a| {
            let index = usize::try_from(integer(&a[1])?).ok();
            Ok(index
                .and_then(|index| array(&a[0]).ok()?.get(index).cloned())
                .unwrap_or(Value::Null))
        },
    ),
    with_nulls(bound(
        &["arrays_zip"],
        (1, MANY),
        "arrays_zip(array, …)",
        &[ARRAY],
        zip,
    )),
];

/// The type of an array of this.
pub fn of(element: Option<&Type>) -> Type {
    Type::Array(Box::new(element.cloned().unwrap_or(Type::Null)))
}

/// The type of the first argument.
pub fn first(types: &[Type]) -> Type {
    types[0].clone()
}

/// The type of the first argument's elements.
pub fn element(types: &[Type]) -> Type {
    types[0].element().clone()
}

fn array_join<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let separator = as_text(env, &a[1]);
    let mut out = String::new();
    let mut first = true;
    for value in array(&a[0])?.iter().map(|value| {
        if value.is_null() {
            a.get(2).unwrap_or(value)
        } else {
            value
        }
    }) {
        if !value.is_null() {
            if !std::mem::take(&mut first) {
                out.push_str(&separator);
            }
            out.push_str(&as_text(env, value));
        }
    }
    Ok(super::arguments::string(out))
}

fn extreme<'a>(value: &Value<'a>, wanted: Ordering) -> Answer<'a> {
    let values = array(value)?.iter().filter(|value| !value.is_null());
    let best = values.reduce(|best, value| {
        if total(value, best) == wanted {
            value
        } else {
            best
        }
    });
    Ok(best.cloned().unwrap_or(Value::Null))
}

fn array_repeat<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if a[1].is_null() {
        return Ok(Value::Null);
    }
    match integer(&a[1])?.max(0) {
        times if times > LONGEST => failure(format!("{times} elements are too many")),
        times => Ok(Value::Array(vec![a[0].clone(); times as usize])),
    }
}

/// Longest array a function makes out of numbers alone.
pub const LONGEST: i64 = 1 << 24;

fn flatten<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let mut out = vec![];
    for inner in array(&a[0])? {
        match inner {
            Value::Null => return Ok(Value::Null),
            inner => out.extend_from_slice(array(inner)?),
        }
    }
    Ok(Value::Array(out))
}

fn slice<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (all, start, length) = (array(&a[0])?, integer(&a[1])?, integer(&a[2])?);
    let size = all.len() as i64;
    let start = match start {
        0 => return failure("places are counted from 1"),
        start if start > 0 => start - 1,
        start => start + size,
    };
    if length < 0 {
        return failure("the length is less than zero");
    }
    if start < 0 || start >= size {
        return Ok(Value::Array(vec![]));
    }
    Ok(Value::Array(
        all[start as usize..(start + length).min(size) as usize].to_vec(),
    ))
}

fn sort_array<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let mut sorted = array(&a[0])?.to_vec();
    let descending = matches!(a.get(1), Some(Value::Boolean(false)));
    sorted.sort_by(|x, y| if descending { total(y, x) } else { total(x, y) });
    Ok(Value::Array(sorted))
}

/// Of an array by place, of a map by key. Out of bounds is null, as is a key that is not there; place 0 fails.
fn element_at(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let kind = match &call.types[0] {
        Type::Array(element) => (**element).clone(),
        Type::Map(_, value) => (**value).clone(),
        open if open.is_open() => open.clone(),
        other => return Err(format!("wants an array or a map, not {other}")),
    };
    let body = prepared(move |_, a| match &a[0] {
        Value::Array(elements) => match super::arguments::whole(&a[1])? {
            0 => failure("places are counted from 1"),
            place => {
                let index = if place > 0 {
                    place - 1
                } else {
                    place + elements.len() as i64
                };
                Ok(usize::try_from(index)
                    .ok()
                    .and_then(|index| elements.get(index))
                    .cloned()
                    .unwrap_or(Value::Null))
            }
        },
        Value::Struct(members) => {
            let name = super::arguments::text(&a[1])?;
            Ok(members
                .iter()
                .find(|(known, _)| known == name)
                .map_or(Value::Null, |(_, value)| value.clone()))
        }
        other => Ok(map(other)?
            .iter()
            .find(|(key, _)| same(key, &a[1]))
            .map_or(Value::Null, |(_, value)| value.clone())),
    });
    Ok((kind, body))
}

/// Members are named as the arguments that are columns, others by their place.
fn zip(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let name = |place: usize| match call.names.get(place) {
        Some(Some(name)) => name.clone(),
        _ => place.to_string(),
    };
    let names: Vec<String> = (0..call.types.len()).map(name).collect();
    let fields = names
        .iter()
        .zip(call.types)
        .map(|(name, kind)| crate::Field {
            name: name.clone(),
            kind: kind.element().clone(),
        });
    let kind = Type::Array(Box::new(Type::Struct(fields.collect())));
    Ok((kind, prepared(move |_, a| arrays_zip(&names, a))))
}

fn arrays_zip<'a>(names: &[String], a: &[Value<'a>]) -> Answer<'a> {
    if a.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let arrays = a.iter().map(array).collect::<Result<Vec<_>, _>>()?;
    let longest = arrays.iter().map(|array| array.len()).max().unwrap_or(0);
    let row = |index: usize| {
        let member = |(name, array): (&String, &&[Value<'a>])| {
            (
                Cow::Owned(name.clone()),
                array.get(index).cloned().unwrap_or(Value::Null),
            )
        };
        Value::Struct(names.iter().zip(&arrays).map(member).collect())
    };
    Ok(Value::Array((0..longest).map(row).collect()))
}
