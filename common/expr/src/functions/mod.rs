//! Every scalar function, one file per family.

mod arguments;
mod encodings;
mod likeness;
mod regexes;
mod search;
mod strings;

use std::borrow::Cow;

use crate::function::{Body, Call, Code, Env, Failure, Function, Param, Prepared};
use crate::{Type, Value};

/// All functions of all families.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        strings::FUNCTIONS,
        search::FUNCTIONS,
        regexes::FUNCTIONS,
        encodings::FUNCTIONS,
        likeness::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

const ANY: Param = Param::Any;
const TEXT: Param = Param::To(&Type::String);
const INT: Param = Param::To(&Type::Int);
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

/// A value of the type as text, as `cast(… as string)` gives it.
fn as_text<'v>(_env: &Env, value: &'v Value<'_>, _kind: &Type) -> Result<Cow<'v, str>, Failure> {
    match value {
        Value::String(text) => Ok(Cow::Borrowed(text)),
        Value::Integer(number) => Ok(Cow::Owned(number.to_string())),
        _ => arguments::failure(format!("no text for {}", arguments::kind(value))),
    }
}
