//! Every scalar function, one file per family.

mod arguments;
mod arrays;
mod building;
mod conditions;
mod dates;
mod digests;
mod encodings;
mod fdlibm;
mod hashes;
mod integers;
mod intervals;
mod json;
mod likeness;
mod maps;
mod math;
mod mixed;
mod numbers;
mod patterns;
mod pieces;
mod printf;
mod regexes;
mod rounding;
mod search;
mod sequence;
mod sets;
mod strings;
mod times;
mod urls;

use std::borrow::Cow;

use crate::function::{Body, Call, Code, Env, Function, Param, Prepared};
use crate::{Type, Value};

/// All functions of all families.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        arrays::FUNCTIONS,
        building::FUNCTIONS,
        conditions::FUNCTIONS,
        dates::FUNCTIONS,
        digests::FUNCTIONS,
        encodings::FUNCTIONS,
        hashes::FUNCTIONS,
        integers::FUNCTIONS,
        intervals::FUNCTIONS,
        json::FUNCTIONS,
        likeness::FUNCTIONS,
        maps::FUNCTIONS,
        math::FUNCTIONS,
        mixed::FUNCTIONS,
        numbers::FUNCTIONS,
        patterns::FUNCTIONS,
        pieces::FUNCTIONS,
        printf::FUNCTIONS,
        regexes::FUNCTIONS,
        rounding::FUNCTIONS,
        search::FUNCTIONS,
        sequence::FUNCTIONS,
        sets::FUNCTIONS,
        strings::FUNCTIONS,
        times::FUNCTIONS,
        urls::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

const ANY: Param = Param::Any;
const TEXT: Param = Param::To(&Type::String);
const INT: Param = Param::To(&Type::Int);
const BIGINT: Param = Param::To(&Type::BigInt);
const DATE: Param = Param::To(&Type::Date);
const TIMESTAMP: Param = Param::To(&Type::Timestamp);
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
    crate::coercion::common_of(kinds)
}
