//! Maps and structs. A map has each key once and none that is null; Spark stops at a second one, here the map is null and
//! counted.

use super::arguments::{Answer, array, failure, map, text};
use super::{ANY, ARRAY, MANY, MAP, TEXT, bound, plain, with_nulls};
use crate::cast::cast;
use crate::compare::{same, write_key};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Field, Type, Value};
use std::borrow::Cow;
use std::collections::HashSet;

pub static FUNCTIONS: &[Function] = &[
    with_nulls(bound(
        &["map"],
        (0, MANY),
        "map(key, value, …)",
        &[ANY],
        make_map,
    )),
    plain(
        &["map_from_arrays"],
        (2, 2),
        "map_from_arrays(keys, values)",
        &[ARRAY],
        |types| {
            Type::Map(
                Box::new(types[0].element().clone()),
                Box::new(types[1].element().clone()),
            )
        },
        |_, a| {
            let (keys, values) = (array(&a[0])?, array(&a[1])?);
            if keys.len() != values.len() {
                return failure(format!(
                    "there are {} keys and {} values",
                    keys.len(),
                    values.len()
                ));
            }
            build(keys.iter().cloned().zip(values.iter().cloned()))
        },
    ),
    plain(
        &["map_from_entries"],
        (1, 1),
        "map_from_entries(array of entries)",
        &[ARRAY],
        entries_type,
        map_from_entries,
    ),
    plain(
        &["map_keys"],
        (1, 1),
        "map_keys(map)",
        &[MAP],
        |types| array_of(members(&types[0]).0),
        |_, a| {
            Ok(Value::Array(
                map(&a[0])?.iter().map(|(key, _)| key.clone()).collect(),
            ))
        },
    ),
    plain(
        &["map_values"],
        (1, 1),
        "map_values(map)",
        &[MAP],
        |types| array_of(members(&types[0]).1),
        |_, a| {
            Ok(Value::Array(
                map(&a[0])?.iter().map(|(_, value)| value.clone()).collect(),
            ))
        },
    ),
    plain(
        &["map_entries"],
        (1, 1),
        "map_entries(map)",
        &[MAP],
        |types| {
            let (key, value) = members(&types[0]);
            let field = |name: &str, kind| Field {
                name: name.to_owned(),
                kind,
            };
            array_of(Type::Struct(vec![field("key", key), field("value", value)]))
        },
        |_, a| {
            let entries = map(&a[0])?.iter().map(|(key, value)| {
                Value::Struct(vec![
                    (Cow::Borrowed("key"), key.clone()),
                    (Cow::Borrowed("value"), value.clone()),
                ])
            });
            Ok(Value::Array(entries.collect()))
        },
    ),
    plain(
        &["map_concat"],
        (0, MANY),
        "map_concat(map, …)",
        &[super::Param::Common],
        |types| {
            types
                .first()
                .cloned()
                .unwrap_or(Type::Map(Box::new(Type::String), Box::new(Type::String)))
        },
        |_, a| {
            let mut entries = vec![];
            for one in a {
                match one {
                    Value::Struct(members) => {
                        entries.extend(
                            members
                                .iter()
                                .map(|(name, value)| (Value::String(name.clone()), value.clone())),
                        );
                    }
                    other => entries.extend_from_slice(map(other)?),
                }
            }
            build(entries.into_iter())
        },
    ),
    plain(
        &["map_contains_key"],
        (2, 2),
        "map_contains_key(map, key)",
        &[MAP, ANY],
        |_| Type::Boolean,
        |_, a| {
            Ok(Value::Boolean(
                map(&a[0])?.iter().any(|(key, _)| same(key, &a[1])),
            ))
        },
    ),
    bound(
        &["str_to_map"],
        (1, 3),
        "str_to_map(text[, pair_regex[, key_regex]])",
        &[TEXT],
        str_to_map,
    ),
    with_nulls(bound(
        &["named_struct"],
        (2, MANY),
        "named_struct('name', value, …)",
        &[ANY],
        named_struct,
    )),
    with_nulls(bound(
        &["struct"],
        (1, MANY),
        "struct(value, …)",
        &[ANY],
        |call| {
            let names = (1..=call.types.len())
                .map(|place| format!("col{place}"))
                .collect();
            Ok(make_struct(names, call.types, 1))
        },
    )),
];

fn array_of(kind: Type) -> Type {
    Type::Array(Box::new(kind))
}

/// The types of a map's keys and values.
fn members(kind: &Type) -> (Type, Type) {
    match kind {
        Type::Map(key, value) => ((**key).clone(), (**value).clone()),
        _ => (Type::String, Type::Any),
    }
}

/// A map of these entries, in their order.
fn build<'a>(entries: impl Iterator<Item = (Value<'a>, Value<'a>)>) -> Answer<'a> {
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(entries.size_hint().0);
    for (key, value) in entries {
        let mut known = vec![];
        write_key(&mut known, &key);
        match key {
            Value::Null => return failure("a key is null"),
            key if !seen.insert(known) => {
                return failure(format!(
                    "the key {} stands twice",
                    key.into_text(st_time::Zone::UTC)
                ));
            }
            Value::Double(number) => out.push((Value::Double(number + 0.0), value)),
            key => out.push((key, value)),
        }
    }
    Ok(Value::Map(out))
}

/// Keys and values in turn, each brought to their common type.
fn make_map(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    if call.types.len() % 2 == 1 {
        return Err("a key has no value".to_owned());
    }
    let side = |first: usize, what: &str| {
        let kinds: Vec<Type> = call.types.iter().skip(first).step_by(2).cloned().collect();
        super::common_type(&kinds).ok_or_else(|| format!("the {what} have no common type"))
    };
    let (key, value) = (side(0, "keys")?, side(1, "values")?);
    let result = Type::Map(Box::new(key.clone()), Box::new(value.clone()));
    let kinds = call.types.to_vec();
    let body = prepared(move |env, a| {
        let cast = |place: usize, to: &Type| cast(env, a[place].clone(), &kinds[place], to);
        let pairs = (0..a.len())
            .step_by(2)
            .map(|place| Ok((cast(place, &key)?, cast(place + 1, &value)?)));
        build(pairs.collect::<Result<Vec<_>, _>>()?.into_iter())
    });
    Ok((result, body))
}

fn entries_type(types: &[Type]) -> Type {
    match types[0].element() {
        Type::Struct(fields) if fields.len() == 2 => Type::Map(
            Box::new(fields[0].kind.clone()),
            Box::new(fields[1].kind.clone()),
        ),
        _ => Type::Map(Box::new(Type::Any), Box::new(Type::Any)),
    }
}

fn map_from_entries<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let mut entries = vec![];
    for entry in array(&a[0])? {
        match entry {
            Value::Null => return Ok(Value::Null),
            Value::Struct(members) if members.len() == 2 => {
                entries.push((members[0].1.clone(), members[1].1.clone()))
            }
            _ => return failure("an entry is a struct of a key and a value"),
        }
    }
    build(entries.into_iter())
}

/// Pairs parted by one regular expression, keys and values by another; a key without a value has null.
fn str_to_map(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    use crate::regex::Pattern;
    let pattern = |place: usize, default: &str| match call.constants.get(place) {
        None => Pattern::new(default),
        Some(Some(Value::String(pattern))) => Pattern::new(pattern),
        Some(Some(_)) => Pattern::new(default),
        Some(None) => Err("the delimiters must be constants".to_owned()),
    };
    let (between_pairs, in_pair) = (pattern(1, ",")?, pattern(2, ":")?);
    let body = prepared(move |_, a| {
        let all = text(&a[0])?;
        let mut entries = vec![];
        for pair in super::regexes::split(&between_pairs, all, -1, |part| part)? {
            let (start, end) = (pair.start, pair.end);
            let mut sides =
                super::regexes::split(&in_pair, &all[start..end], 2, |part| part)?.into_iter();
            let mut side = || {
                sides.next().map(|side| {
                    super::arguments::piece(&a[0], start + side.start..start + side.end)
                })
            };
            entries.push((
                side().transpose()?.unwrap_or(Value::Null),
                side().transpose()?.unwrap_or(Value::Null),
            ));
        }
        build(entries.into_iter())
    });
    Ok((
        Type::Map(Box::new(Type::String), Box::new(Type::String)),
        body,
    ))
}

fn named_struct(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    if call.types.len() % 2 == 1 {
        return Err("a name has no value".to_owned());
    }
    let names = call.constants.iter().step_by(2).map(|name| match name {
        Some(Value::String(name)) => Ok(name.clone().into_owned()),
        _ => Err("a name must be constant text".to_owned()),
    });
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let kinds: Vec<Type> = call.types.iter().skip(1).step_by(2).cloned().collect();
    Ok(make_struct(names, &kinds, 2))
}

/// A struct of every `step`-th argument, the last of each step.
fn make_struct(names: Vec<String>, kinds: &[Type], step: usize) -> (Type, Prepared) {
    let fields = names.iter().zip(kinds).map(|(name, kind)| Field {
        name: name.clone(),
        kind: kind.clone(),
    });
    let kind = Type::Struct(fields.collect());
    let body = prepared(move |_, a| {
        let values = a.iter().skip(step - 1).step_by(step).cloned();
        Ok(Value::Struct(
            names
                .iter()
                .map(|name| Cow::Owned(name.clone()))
                .zip(values)
                .collect(),
        ))
    });
    (kind, body)
}
