//! Arrays as sets: membership, union, difference. Nulls equal each other, NaN equals NaN, 0.0 equals -0.0; the first of
//! equals stays where it stands.

use super::arguments::{Answer, array, failure, integer};
use super::arrays::{first, of};
use super::{ANY, ARRAY, INT, Param, bound, common_type, plain, with_nulls};
use crate::cast::cast;
use crate::compare::{same, write_key};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Type, Value};
use std::collections::HashSet;

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["array_contains"],
        (2, 2),
        "array_contains(array, value)",
        &[ARRAY, ANY],
        |call| {
            check(call)?;
            Ok((
                Type::Boolean,
                prepared(|_, a| {
                    let elements = array(&a[0])?;
                    Ok(match elements.iter().any(|element| same(element, &a[1])) {
                        false if elements.iter().any(Value::is_null) => Value::Null,
                        found => Value::Boolean(found),
                    })
                }),
            ))
        },
    ),
    bound(
        &["array_position"],
        (2, 2),
        "array_position(array, value)",
        &[ARRAY, ANY],
        |call| {
            check(call)?;
            Ok((
                Type::BigInt,
                prepared(|_, a| {
                    let place = array(&a[0])?
                        .iter()
                        .position(|element| same(element, &a[1]));
                    Ok(Value::Integer(place.map_or(0, |index| index as i64 + 1)))
                }),
            ))
        },
    ),
    bound(
        &["array_remove"],
        (2, 2),
        "array_remove(array, value)",
        &[ARRAY, ANY],
        |call| {
            check(call)?;
            Ok((
                call.types[0].clone(),
                prepared(|_, a| {
                    let kept = array(&a[0])?.iter().filter(|element| !same(element, &a[1]));
                    Ok(Value::Array(kept.cloned().collect()))
                }),
            ))
        },
    ),
    plain(
        &["array_distinct"],
        (1, 1),
        "array_distinct(array)",
        &[ARRAY],
        first,
        |_, a| {
            let mut seen = Seen::default();
            Ok(Value::Array(
                array(&a[0])?
                    .iter()
                    .filter(|value| seen.add(value))
                    .cloned()
                    .collect(),
            ))
        },
    ),
    plain(
        &["array_union"],
        (2, 2),
        "array_union(array, array)",
        &[Param::Common],
        first,
        |_, a| {
            let mut seen = Seen::default();
            let both = array(&a[0])?.iter().chain(array(&a[1])?);
            Ok(Value::Array(
                both.filter(|value| seen.add(value)).cloned().collect(),
            ))
        },
    ),
    plain(
        &["array_intersect"],
        (2, 2),
        "array_intersect(array, array)",
        &[Param::Common],
        first,
        |_, a| difference(a, true),
    ),
    plain(
        &["array_except"],
        (2, 2),
        "array_except(array, array)",
        &[Param::Common],
        first,
        |_, a| difference(a, false),
    ),
    plain(
        &["arrays_overlap"],
        (2, 2),
        "arrays_overlap(array, array)",
        &[Param::Common],
        |_| Type::Boolean,
        arrays_overlap,
    ),
    with_nulls(bound(
        &["array_append"],
        (2, 2),
        "array_append(array, value)",
        &[ARRAY, ANY],
        |call| joined(call, |elements, value| elements.push(value)),
    )),
    with_nulls(bound(
        &["array_prepend"],
        (2, 2),
        "array_prepend(array, value)",
        &[ARRAY, ANY],
        |call| joined(call, |elements, value| elements.insert(0, value)),
    )),
    with_nulls(plain(
        &["array_insert"],
        (3, 3),
        "array_insert(array, place, value)",
        &[ARRAY, INT, ANY],
        first,
        array_insert,
    )),
];

/// Refuses a value that no element can equal: text among numbers, say.
fn check(call: &Call<'_>) -> Result<Type, String> {
    let (element, value) = (call.types[0].element(), &call.types[1]);
    let open = element.is_open() || value.is_open();
    let mixed = (*element == Type::String) != (*value == Type::String);
    match common_type(&[element.clone(), value.clone()]) {
        Some(kind) if open || !mixed => Ok(kind),
        _ => Err(format!(
            "an array of {element} holds no {value}: cast one of them"
        )),
    }
}

/// Values met so far, known by their keys.
#[derive(Default)]
struct Seen {
    keys: HashSet<Vec<u8>>,
    key: Vec<u8>,
}

impl Seen {
    /// True the first time a value is added.
    fn add(&mut self, value: &Value<'_>) -> bool {
        !self.has(value) && self.keys.insert(self.key.clone())
    }

    fn has(&mut self, value: &Value<'_>) -> bool {
        self.key.clear();
        write_key(&mut self.key, value);
        self.keys.contains(&self.key)
    }
}

fn difference<'a>(a: &[Value<'a>], wanted: bool) -> Answer<'a> {
    let (mut other, mut seen) = (Seen::default(), Seen::default());
    for value in array(&a[1])? {
        other.add(value);
    }
    let kept = array(&a[0])?
        .iter()
        .filter(|value| other.has(value) == wanted && seen.add(value));
    Ok(Value::Array(kept.cloned().collect()))
}

/// Null if nothing is common but a null could be.
fn arrays_overlap<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (one, other) = (array(&a[0])?, array(&a[1])?);
    let mut seen = Seen::default();
    for value in one.iter().filter(|value| !value.is_null()) {
        seen.add(value);
    }
    let unknown =
        !one.is_empty() && !other.is_empty() && one.iter().chain(other).any(Value::is_null);
    Ok(
        match other
            .iter()
            .any(|value| !value.is_null() && seen.has(value))
        {
            false if unknown => Value::Null,
            found => Value::Boolean(found),
        },
    )
}

/// An array and one more value, both of the type that holds either.
fn joined(
    call: &Call<'_>,
    put: for<'a> fn(&mut Vec<Value<'a>>, Value<'a>),
) -> Result<(Type, Prepared), String> {
    let (kind, value) = (check(call)?, call.types[1].clone());
    let whole = call.types[0].clone();
    let result = of(Some(&kind));
    let target = result.clone();
    let body = prepared(move |env, a| {
        if a[0].is_null() {
            return Ok(Value::Null);
        }
        let Value::Array(mut elements) = cast(env, a[0].clone(), &whole, &target)? else {
            return failure("wants an array");
        };
        put(&mut elements, cast(env, a[1].clone(), &value, &kind)?);
        Ok(Value::Array(elements))
    });
    Ok((result, body))
}

/// Beyond the ends the gap is filled with nulls.
fn array_insert<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if a[0].is_null() || a[1].is_null() {
        return Ok(Value::Null);
    }
    let (mut elements, place) = (array(&a[0])?.to_vec(), integer(&a[1])?);
    let size = elements.len() as i64;
    if place == 0 {
        return failure("places are counted from 1");
    }
    if place.abs() > size + super::arrays::LONGEST {
        return failure(format!("place {place} is too far out"));
    }
    if place > 0 {
        let index = (place - 1) as usize;
        elements.resize(elements.len().max(index), Value::Null);
        elements.insert(index, a[2].clone());
    } else if place + size + 1 >= 0 {
        elements.insert((place + size + 1) as usize, a[2].clone());
    } else {
        let gap = (-(place + size + 1)) as usize;
        let filled = std::iter::once(a[2].clone()).chain(std::iter::repeat_n(Value::Null, gap));
        elements.splice(0..0, filled);
    }
    Ok(Value::Array(elements))
}
