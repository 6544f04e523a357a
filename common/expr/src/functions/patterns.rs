//! Text to timestamps and back, by datetime patterns or without.

use super::arguments::{Answer, string, text, timestamp};
use super::{ANY, BIGINT, TEXT, TIMESTAMP, bound};
use crate::cast::cast;
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
use crate::{Type, Value};
use st_time::{ReadPattern, SECOND, WritePattern};
use std::borrow::Cow;
use std::str::FromStr;

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["to_timestamp", "to_timestamp_ltz"],
        (1, 2),
        "to_timestamp(text[, pattern])",
        &[ANY, TEXT],
        |call| parse(call, Type::Timestamp, false),
    ),
    bound(
        &["try_to_timestamp"],
        (1, 2),
        "try_to_timestamp(text[, pattern])",
        &[ANY, TEXT],
        |call| parse(call, Type::Timestamp, true),
    ),
    bound(
        &["to_date"],
        (1, 2),
        "to_date(text[, pattern])",
        &[ANY, TEXT],
        |call| parse(call, Type::Date, false),
    ),
    bound(
        &["try_to_date"],
        (1, 2),
        "try_to_date(text[, pattern])",
        &[ANY, TEXT],
        |call| parse(call, Type::Date, true),
    ),
    bound(
        &["unix_timestamp"],
        (0, 2),
        "unix_timestamp([time[, pattern]])",
        &[ANY, TEXT],
        unix_timestamp,
    ),
    bound(
        &["to_unix_timestamp"],
        (1, 2),
        "to_unix_timestamp(time[, pattern])",
        &[ANY, TEXT],
        unix_timestamp,
    ),
    bound(
        &["date_format"],
        (2, 2),
        "date_format(timestamp, pattern)",
        &[TIMESTAMP, TEXT],
        |call| {
            let ready = Pattern::<WritePattern>::of(call, 1, "")?;
            let body = prepared(move |env, a| format(env, &*ready.at(a, 1)?, timestamp(&a[0])?));
            Ok((Type::String, body))
        },
    ),
    bound(
        &["from_unixtime"],
        (1, 2),
        "from_unixtime(seconds[, pattern])",
        &[BIGINT, TEXT],
        |call| {
            let ready = Pattern::<WritePattern>::of(call, 1, DEFAULT)?;
            let body = prepared(move |env, a| {
                let seconds = super::arguments::integer(&a[0])?;
                match seconds.checked_mul(SECOND) {
                    Some(micros) => format(env, &*ready.at(a, 1)?, micros),
                    None => super::arguments::failure("the timestamp is out of range"),
                }
            });
            Ok((Type::String, body))
        },
    ),
];

/// The pattern of the functions of Unix time.
const DEFAULT: &str = "yyyy-MM-dd HH:mm:ss";

/// A pattern: compiled at the start if it is a constant, else for each row.
struct Pattern<P>(Option<P>);

impl<P: FromStr<Err = anyhow::Error> + Clone> Pattern<P> {
    fn of(call: &Call<'_>, place: usize, default: &str) -> Result<Pattern<P>, String> {
        let compile = |pattern: &str| {
            pattern
                .parse()
                .map(|ready| Pattern(Some(ready)))
                .map_err(|error| format!("{error:#}"))
        };
        match call.constants.get(place) {
            None => compile(default),
            Some(Some(Value::String(pattern))) => compile(pattern),
            _ => Ok(Pattern(None)),
        }
    }

    fn at(&self, a: &[Value<'_>], place: usize) -> Result<Cow<'_, P>, Failure> {
        match &self.0 {
            Some(ready) => Ok(Cow::Borrowed(ready)),
            None => text(&a[place])?
                .parse()
                .map(Cow::Owned)
                .map_err(|error| Failure(format!("{error:#}"))),
        }
    }
}

fn format<'a>(env: &Env, pattern: &WritePattern, micros: i64) -> Answer<'a> {
    let mut out = Vec::new();
    pattern.write(&mut out, micros, env.zone);
    Ok(string(String::from_utf8(out).unwrap_or_default()))
}

/// Text by the pattern; without one, and of all that is not text, the cast.
fn parse(call: &Call<'_>, to: Type, lenient: bool) -> Result<(Type, Prepared), String> {
    let kind = call.types[0].clone();
    if !crate::cast::castable(&kind, &to) {
        return Err(format!("{kind} cannot become {to}"));
    }
    let pattern = match call.types.len() {
        1 => None,
        _ => Some(Pattern::<ReadPattern>::of(call, 1, "")?),
    };
    let result = to.clone();
    let body = prepared(move |env, a| {
        let read = match (&pattern, &a[0]) {
            (Some(pattern), Value::String(text)) => match pattern.at(a, 1)?.read(text, env.zone) {
                Some(micros) if to == Type::Date => {
                    Ok(Value::Date(st_time::date_of(micros, env.zone)))
                }
                Some(micros) => Ok(Value::Timestamp(micros)),
                None => super::arguments::failure(format!("'{text}' is not of the pattern")),
            },
            _ => cast(env, a[0].clone(), &kind, &to),
        };
        if lenient {
            Ok(read.unwrap_or(Value::Null))
        } else {
            read
        }
    });
    Ok((result, body))
}

/// Seconds since the epoch, the fraction cut off; without an argument, of the batch's clock.
fn unix_timestamp(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = Pattern::<ReadPattern>::of(call, 1, DEFAULT)?;
    let body = prepared(move |env, a| {
        let micros = match a.first() {
            None => env.now,
            Some(Value::Timestamp(micros)) => *micros,
            Some(Value::Date(_)) => {
                timestamp(&cast(env, a[0].clone(), &Type::Date, &Type::Timestamp)?)?
            }
            Some(value) => match ready.at(a, 1)?.read(text(value)?, env.zone) {
                Some(micros) => micros,
                None => {
                    return super::arguments::failure(format!(
                        "'{}' is not of the pattern",
                        text(value)?
                    ));
                }
            },
        };
        Ok(Value::Integer(micros / SECOND))
    });
    Ok((Type::BigInt, body))
}
