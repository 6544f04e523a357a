//! Every scalar function, one file per family.

mod arguments;
mod arrays;
mod conditions;
mod digests;
mod encodings;
mod hashes;
mod integers;
mod likeness;
mod maps;
mod math;
mod mixed;
mod regexes;
mod rounding;
mod search;
mod sequence;
mod sets;
mod strings;

use std::borrow::Cow;

use crate::function::{Body, Call, Code, Env, Function, Param, Prepared};
use crate::{Type, Value};

/// All functions of all families.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        strings::FUNCTIONS,
        search::FUNCTIONS,
        regexes::FUNCTIONS,
        encodings::FUNCTIONS,
        likeness::FUNCTIONS,
        math::FUNCTIONS,
        rounding::FUNCTIONS,
        integers::FUNCTIONS,
        conditions::FUNCTIONS,
        arrays::FUNCTIONS,
        sets::FUNCTIONS,
        maps::FUNCTIONS,
        sequence::FUNCTIONS,
        mixed::FUNCTIONS,
        digests::FUNCTIONS,
        hashes::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

const ANY: Param = Param::Any;
const TEXT: Param = Param::To(&Type::String);
const INT: Param = Param::To(&Type::Int);
const DOUBLE: Param = Param::To(&Type::Double);
const NUMBER: Param = Param::Number;
const ARRAY: Param = Param::Array;
const MAP: Param = Param::Map;
const BYTES: Param = Param::Bytes;
const MANY: usize = usize::MAX;

/// A function of its arguments' values alone; a null argument gives null.
const fn plain(
    names: &'static [&'static str],
    arity: (usize, usize),
    usage: &'static str,
    params: &'static [Param],
    result: fn(&[Type]) -> Type,
    body: Body,
) -> Function {
    Function {
        names,
        arity,
        usage,
        params,
        takes_null: false,
        code: Code::Plain { result, body },
    }
}

/// A function whose type or code depends on types or constants; a null argument gives null.
const fn bound(
    names: &'static [&'static str],
    arity: (usize, usize),
    usage: &'static str,
    params: &'static [Param],
    bind: fn(&Call<'_>) -> Result<(Type, Prepared), String>,
) -> Function {
    Function {
        names,
        arity,
        usage,
        params,
        takes_null: false,
        code: Code::Bound(bind),
    }
}

/// The same function, seeing its null arguments.
const fn with_nulls(function: Function) -> Function {
    let Function {
        names,
        arity,
        usage,
        params,
        code,
        ..
    } = function;
    Function {
        names,
        arity,
        usage,
        params,
        takes_null: true,
        code,
    }
}

/// A value as text, as `cast(… as string)` gives it.
fn as_text<'v>(env: &Env, value: &'v Value<'_>) -> Cow<'v, str> {
    value.borrowed().into_text(env.zone)
}

/// The type that values of all these types are cast to, as in `coalesce`; `None` if there is none.
fn common_type(kinds: &[Type]) -> Option<Type> {
    let mut kinds = kinds.iter().cloned();
    let first = kinds.next().unwrap_or(Type::Null);
    kinds.try_fold(first, |a, b| match (a, b) {
        (a, b) if a == b => Some(a),
        (Type::Null, other) | (other, Type::Null) => Some(other),
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        (Type::String, _) | (_, Type::String) => Some(Type::String),
        (a, b) if a.is_integer() && b.is_integer() => {
            Some(if a.integer_range().1 >= b.integer_range().1 {
                a
            } else {
                b
            })
        }
        _ => None,
    })
}
