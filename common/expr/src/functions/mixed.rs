//! Functions that are one thing for text and another for arrays or bytes: `concat`, `reverse`, `decode`.

use super::arguments::{Answer, array, binary, failure, string};
use super::{ANY, MANY, as_text, bound, common_type, with_nulls};
use crate::cast::cast;
use crate::compare::same;
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    bound(&["concat"], (0, MANY), "concat(value, …)", &[ANY], concat),
    bound(
        &["reverse"],
        (1, 1),
        "reverse(text or array)",
        &[ANY],
        |call| {
            let kind = match &call.types[0] {
                Type::Array(_) | Type::Any => call.types[0].clone(),
                _ => Type::String,
            };
            Ok((
                kind,
                prepared(|env, a| match &a[0] {
                    Value::Array(elements) => {
                        Ok(Value::Array(elements.iter().rev().cloned().collect()))
                    }
                    other => Ok(string(
                        as_text(env, other).chars().rev().collect::<String>(),
                    )),
                }),
            ))
        },
    ),
    with_nulls(bound(
        &["decode"],
        (2, MANY),
        "decode(binary, charset) or decode(x, is, then, …[, else])",
        &[ANY],
        decode,
    )),
];

fn concat(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let arrays = call
        .types
        .iter()
        .filter(|kind| matches!(kind, Type::Array(_)))
        .count();
    if arrays > 0 {
        if call
            .types
            .iter()
            .any(|kind| !matches!(kind, Type::Array(_) | Type::Any))
        {
            return Err("arrays are joined to arrays alone".to_owned());
        }
        let kind = common_type(call.types).ok_or("the arrays have no common type")?;
        let kinds = call.types.to_vec();
        let target = kind.clone();
        let body = prepared(move |env, a| {
            let mut out = vec![];
            for (value, own) in a.iter().zip(&kinds) {
                match cast(env, value.clone(), own, &target)? {
                    Value::Array(elements) => out.extend(elements),
                    other => {
                        return failure(format!(
                            "wants an array, not {}",
                            super::arguments::kind(&other)
                        ));
                    }
                }
            }
            Ok(Value::Array(out))
        });
        return Ok((kind, body));
    }
    let binary = !call.types.is_empty() && call.types.iter().all(|kind| *kind == Type::Binary);
    let kind = match call.types {
        _ if binary => Type::Binary,
        kinds if !kinds.is_empty() && kinds.iter().all(|kind| *kind == Type::Any) => Type::Any,
        _ => Type::String,
    };
    Ok((kind, Box::new(join)))
}

/// Arrays give an array, bytes give bytes, anything else gives text.
fn join<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if !a.is_empty() && a.iter().all(|value| matches!(value, Value::Array(_))) {
        return Ok(Value::Array(
            a.iter().map(array).collect::<Result<Vec<_>, _>>()?.concat(),
        ));
    }
    if !a.is_empty() && a.iter().all(|value| matches!(value, Value::Binary(_))) {
        return Ok(binary(
            a.iter()
                .map(super::arguments::bytes)
                .collect::<Result<Vec<_>, _>>()?
                .concat(),
        ));
    }
    let mut out = String::new();
    for value in a {
        match value {
            Value::String(text) => out.push_str(text),
            other => out.push_str(&as_text(env, other)),
        }
    }
    Ok(string(out))
}

/// With two arguments bytes of a character set, with more Oracle's `case`, for which nulls are equal.
fn decode(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    if call.types.len() == 2 {
        return super::encodings::decode(call);
    }
    let results: Vec<Type> = (2..call.types.len())
        .step_by(2)
        .map(|place| call.types[place].clone())
        .collect();
    let otherwise = call
        .types
        .len()
        .is_multiple_of(2)
        .then(|| call.types[call.types.len() - 1].clone());
    let all: Vec<Type> = results.into_iter().chain(otherwise).collect();
    let kind = common_type(&all).ok_or("the results have no common type")?;
    let kinds = call.types.to_vec();
    let target = kind.clone();
    let body = prepared(move |env, a| {
        let pairs = (1..a.len() - 1).step_by(2);
        let found = pairs
            .clone()
            .find(|place| same(&a[*place], &a[0]))
            .map(|place| place + 1);
        match found.or(a.len().is_multiple_of(2).then(|| a.len() - 1)) {
            Some(place) => cast(env, a[place].clone(), &kinds[place], &target),
            None => Ok(Value::Null),
        }
    });
    Ok((kind, body))
}
