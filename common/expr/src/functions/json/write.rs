//! `to_json`: a struct, a map or an array as text.

use crate::function::{Call, Prepared, prepared};
use crate::functions::arguments::string;
use crate::json::{write_json, write_json_without_nulls};
use crate::{Type, Value};
use st_time::{WritePattern, Zone};

/// The options of a call, from the constant map in an argument.
pub fn options(call: &Call<'_>, place: usize) -> Result<Vec<(String, String)>, String> {
    let wrong = || "the options must be a constant map of text".to_owned();
    let entry = |(name, value): &(Value<'_>, Value<'_>)| {
        Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))
    };
    match call.constants.get(place) {
        None => Ok(vec![]),
        Some(Some(Value::Map(entries))) => entries
            .iter()
            .map(entry)
            .collect::<Option<_>>()
            .ok_or_else(wrong),
        Some(_) => Err(wrong()),
    }
}

pub fn bind(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let kind = &call.types[0];
    if !kind.is_nested() && !kind.is_open() {
        return Err(format!("a struct, a map or an array is wanted, not {kind}"));
    }
    let (mut timestamps, mut dates, mut nulls) = (None, None, false);
    for (name, value) in options(call, 1)? {
        let pattern = || {
            value
                .parse::<WritePattern>()
                .map(Some)
                .map_err(|error| format!("{error:#}"))
        };
        match name.to_ascii_lowercase().as_str() {
            "timestampformat" => timestamps = pattern()?,
            "dateformat" => dates = pattern()?,
            "ignorenullfields" => nulls = value.eq_ignore_ascii_case("false"),
            _ => {
                return Err(format!(
                    "no option {name}: use timestampFormat, dateFormat or ignoreNullFields"
                ));
            }
        }
    }
    let body = prepared(move |env, a| {
        let mut out = vec![];
        let shown;
        let value = if timestamps.is_some() || dates.is_some() {
            shown = formatted(&a[0], timestamps.as_ref(), dates.as_ref(), env.zone);
            &shown
        } else {
            &a[0]
        };
        let write = if nulls {
            write_json
        } else {
            write_json_without_nulls
        };
        write(&mut out, value, env.zone);
        Ok(string(String::from_utf8(out).unwrap_or_default()))
    });
    Ok((Type::String, body))
}

/// The value with its timestamps and dates as text.
fn formatted<'a>(
    value: &Value<'a>,
    timestamps: Option<&WritePattern>,
    dates: Option<&WritePattern>,
    zone: Zone,
) -> Value<'a> {
    let again = |value: &Value<'a>| formatted(value, timestamps, dates, zone);
    let text = |pattern: &WritePattern, micros: i64| {
        let mut out = vec![];
        pattern.write(&mut out, micros, zone);
        string(String::from_utf8(out).unwrap_or_default())
    };
    match (value, timestamps, dates) {
        (Value::Timestamp(micros), Some(pattern), _) => text(pattern, *micros),
        (Value::Date(days), _, Some(pattern)) => text(
            pattern,
            st_time::days_to_micros(*days, zone).unwrap_or_default(),
        ),
        (Value::Array(elements), ..) => Value::Array(elements.iter().map(again).collect()),
        (Value::Map(entries), ..) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), again(value)))
                .collect(),
        ),
        (Value::Struct(members), ..) => Value::Struct(
            members
                .iter()
                .map(|(name, value)| (name.clone(), again(value)))
                .collect(),
        ),
        _ => value.clone(),
    }
}
