//! Nulls, equality, the greatest and the least; the lazy ones (`coalesce`, `if`, `case`) are the evaluator's.

use super::arguments::string;
use super::{ANY, MANY, NUMBER, Param, bound, plain, with_nulls};
use crate::compare::{compare, total};
use crate::function::{Call, Function, Prepared, prepared};
use crate::{Type, Value};
use std::cmp::Ordering;

pub static FUNCTIONS: &[Function] = &[
    with_nulls(plain(
        &["isnull"],
        (1, 1),
        "isnull(x)",
        &[ANY],
        |_| Type::Boolean,
        |_, a| Ok(Value::Boolean(a[0].is_null())),
    )),
    with_nulls(plain(
        &["isnotnull"],
        (1, 1),
        "isnotnull(x)",
        &[ANY],
        |_| Type::Boolean,
        |_, a| Ok(Value::Boolean(!a[0].is_null())),
    )),
    with_nulls(plain(
        &["nullif"],
        (2, 2),
        "nullif(x, y)",
        &[ANY],
        |types| types[0].clone(),
        |env, a| {
            let equal = !a[0].is_null()
                && !a[1].is_null()
                && compare(env, &a[0], &a[1])? == Ordering::Equal;
            Ok(if equal { Value::Null } else { a[0].clone() })
        },
    )),
    with_nulls(plain(
        &["equal_null"],
        (2, 2),
        "equal_null(x, y)",
        &[ANY],
        |_| Type::Boolean,
        |env, a| {
            Ok(Value::Boolean(match (a[0].is_null(), a[1].is_null()) {
                (false, false) => compare(env, &a[0], &a[1])? == Ordering::Equal,
                (one, other) => one && other,
            }))
        },
    )),
    with_nulls(plain(
        &["zeroifnull"],
        (1, 1),
        "zeroifnull(x)",
        &[NUMBER],
        |types| {
            if types[0] == Type::Null {
                Type::Int
            } else {
                types[0].clone()
            }
        },
        |_, a| {
            Ok(if a[0].is_null() {
                Value::Integer(0)
            } else {
                a[0].clone()
            })
        },
    )),
    plain(
        &["nullifzero"],
        (1, 1),
        "nullifzero(x)",
        &[NUMBER],
        |types| types[0].clone(),
        |_, a| {
            Ok(if a[0].as_double() == Some(0.0) {
                Value::Null
            } else {
                a[0].clone()
            })
        },
    ),
    with_nulls(bound(
        &["greatest"],
        (2, MANY),
        "greatest(x, y, …)",
        &[Param::Common],
        |call| extreme(call, Ordering::Greater),
    )),
    with_nulls(bound(
        &["least"],
        (2, MANY),
        "least(x, y, …)",
        &[Param::Common],
        |call| extreme(call, Ordering::Less),
    )),
    with_nulls(bound(&["typeof"], (1, 1), "typeof(x)", &[ANY], |call| {
        let name = type_name(&call.types[0]);
        let open = call.types[0] == Type::Any;
        Ok((
            Type::String,
            prepared(move |_, a| {
                Ok(string(if open {
                    type_name(&a[0].kind())
                } else {
                    name.clone()
                }))
            }),
        ))
    })),
];

/// Nulls are passed over; of equals the first is taken.
fn extreme(call: &Call<'_>, wanted: Ordering) -> Result<(Type, Prepared), String> {
    let body = prepared(move |_, a| {
        let mut best = &Value::Null;
        for value in a.iter().filter(|value| !value.is_null()) {
            if best.is_null() || total(value, best) == wanted {
                best = value;
            }
        }
        Ok(best.clone())
    });
    Ok((super::common_type(call.types).unwrap_or(Type::Any), body))
}

/// A type as Spark's `typeof` and its schemas in JSON name it.
pub fn type_name(kind: &Type) -> String {
    match kind {
        Type::Array(element) => format!("array<{}>", type_name(element)),
        Type::Map(key, value) => format!("map<{},{}>", type_name(key), type_name(value)),
        Type::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name, type_name(&field.kind)))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
        other => other.to_string().to_ascii_lowercase(),
    }
}
