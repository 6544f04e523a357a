//! `from_json`: text as a declared type, by the rules of Spark's permissive mode. What does not fit makes the member null
//! that it stands in; malformed text gives a struct of nulls.

use super::document::{Document, copy};
use crate::function::{Call, Prepared, prepared};
use crate::functions::arguments::{failure, string, text};
use crate::json::read_json;
use crate::{Field, Schema, Type, Value};
use st_row::{Kind, elements_of, fields_of, parse_i64, unescape};
use st_time::{ReadPattern, Zone};
use std::borrow::Cow;

/// How to read.
struct Options {
    zone: Zone,
    timestamps: Option<ReadPattern>,
    dates: Option<ReadPattern>,
    /// True if what does not fit is a failure of the whole value.
    strict: bool,
    /// The column that takes the text of what does not fit.
    corrupt: String,
}

impl Options {
    fn of(call: &Call<'_>) -> Result<Options, String> {
        let mut options = Options {
            zone: call.zone,
            timestamps: None,
            dates: None,
            strict: false,
            corrupt: "_corrupt_record".to_owned(),
        };
        for (name, value) in super::write::options(call, 2)? {
            let pattern = || {
                value
                    .parse::<ReadPattern>()
                    .map(Some)
                    .map_err(|error| format!("{error:#}"))
            };
            match name.to_ascii_lowercase().as_str() {
                "timestampformat" => options.timestamps = pattern()?,
                "dateformat" => options.dates = pattern()?,
                "columnnameofcorruptrecord" => options.corrupt = value,
                "mode" => match value.to_ascii_uppercase().as_str() {
                    "PERMISSIVE" => {}
                    "FAILFAST" => options.strict = true,
                    _ => return Err(format!("no mode {value}: use PERMISSIVE or FAILFAST")),
                },
                _ => {
                    return Err(format!(
                        "no option {name}: use mode, timestampFormat, dateFormat or columnNameOfCorruptRecord"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// A value that does not fit its type.
struct Unfit;

/// A value read; `complete` becomes false where a member had to be made null.
fn read<'r>(
    raw: &'r [u8],
    kind: &Type,
    options: &Options,
    complete: &mut bool,
) -> Result<Value<'r>, Unfit> {
    let found = Kind::of(raw).ok_or(Unfit)?;
    if found == Kind::Null {
        return Ok(Value::Null);
    }
    match (kind, found) {
        (Type::Struct(fields), Kind::Object) => {
            Ok(Value::Struct(members(raw, fields, options, complete)))
        }
        (Type::Array(element), Kind::Array) => {
            let elements = elements_of(raw)
                .flatten()
                .map(|value| read(value, element, options, complete));
            elements.collect::<Result<_, _>>().map(Value::Array)
        }
        (Type::Map(_, inner), Kind::Object) => {
            let mut entries: Vec<(Value<'_>, Value<'_>)> = vec![];
            for (key, value) in fields_of(raw).flatten() {
                let key = unescape(key).map_err(|_| Unfit)?;
                let value = read(value, inner, options, complete)?;
                match entries
                    .iter_mut()
                    .find(|(known, _)| known.as_str() == Some(&*key))
                {
                    Some((_, known)) => *known = value,
                    None => entries.push((Value::String(key), value)),
                }
            }
            Ok(Value::Map(entries))
        }
        (Type::String, Kind::Object | Kind::Array | Kind::Fraction) => {
            let mut out = vec![];
            copy(&mut out, raw);
            String::from_utf8(out).map(string).map_err(|_| Unfit)
        }
        (Type::Timestamp, Kind::Integer) => {
            let micros = parse_i64(raw).and_then(|seconds| seconds.checked_mul(st_time::SECOND));
            micros.map(Value::Timestamp).ok_or(Unfit)
        }
        (Type::Timestamp, Kind::String) if options.timestamps.is_some() => {
            instant(raw, options.timestamps.as_ref(), options.zone).map(Value::Timestamp)
        }
        (Type::Date, Kind::String) if options.dates.is_some() => {
            let micros = instant(raw, options.dates.as_ref(), options.zone)?;
            Ok(Value::Date(st_time::date_of(micros, options.zone)))
        }
        _ => match read_json(raw, kind, options.zone) {
            Value::Null => Err(Unfit),
            value => Ok(value),
        },
    }
}

fn instant(raw: &[u8], pattern: Option<&ReadPattern>, zone: Zone) -> Result<i64, Unfit> {
    let text = unescape(raw).map_err(|_| Unfit)?;
    pattern
        .and_then(|pattern| pattern.read(&text, zone))
        .ok_or(Unfit)
}

/// The members of an object; of a name that stands twice the last.
fn members<'r>(
    raw: &'r [u8],
    fields: &[Field],
    options: &Options,
    complete: &mut bool,
) -> Vec<(Cow<'r, str>, Value<'r>)> {
    let mut out = nulls(fields);
    for (key, value) in fields_of(raw).flatten() {
        let Ok(key) = unescape(key) else { continue };
        if let Some(place) = fields.iter().position(|field| field.name == key) {
            let read = read(value, &fields[place].kind, options, complete);
            *complete &= read.is_ok();
            out[place].1 = read.unwrap_or(Value::Null);
        }
    }
    out
}

fn nulls<'r>(fields: &[Field]) -> Vec<(Cow<'r, str>, Value<'r>)> {
    fields
        .iter()
        .map(|field| (Cow::Owned(field.name.clone()), Value::Null))
        .collect()
}

/// The type a schema names: columns, or a struct, an array or a map.
fn schema(ddl: &str) -> Result<Type, String> {
    let whole = Type::parse(ddl).ok().filter(Type::is_nested);
    let kind = whole.map_or_else(
        || Schema::parse(ddl).map(|schema| Type::Struct(schema.fields)),
        Ok,
    );
    kind.map_err(|error| format!("the schema '{ddl}': {error}"))
}

pub fn bind(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let Some(Value::String(ddl)) = &call.constants[1] else {
        return Err("the schema must be a constant".to_owned());
    };
    let kind = schema(ddl)?;
    let options = Options::of(call)?;
    let result = kind.clone();
    let corrupt = match &kind {
        Type::Struct(fields) => fields
            .iter()
            .position(|field| field.name == options.corrupt && field.kind == Type::String),
        _ => None,
    };
    let body = prepared(move |_, a| {
        let json = text(&a[0])?;
        if json.trim().is_empty() {
            return Ok(Value::Null);
        }
        let document = Document::of(json);
        let raw = document.as_ref().map(Document::value);
        let mut complete = true;
        let mut value = match (raw.map(|raw| (raw, Kind::of(raw))), &kind) {
            (Some((raw, Some(Kind::Object))), Type::Struct(_) | Type::Map(..))
            | (Some((raw, Some(Kind::Array))), Type::Array(_)) => {
                read(raw, &kind, &options, &mut complete)
            }
            // An object where an array of structs is declared is its one element.
            (Some((raw, Some(Kind::Object))), Type::Array(element))
                if matches!(**element, Type::Struct(_)) =>
            {
                read(raw, element, &options, &mut complete).map(|value| Value::Array(vec![value]))
            }
            (Some((_, Some(Kind::Null))), Type::Struct(fields)) => Ok(Value::Struct(nulls(fields))),
            (Some((_, Some(Kind::Null))), _) => Ok(Value::Null),
            _ => Err(Unfit),
        };
        complete &= value.is_ok();
        if !complete && options.strict {
            return failure("the text is not of the schema");
        }
        if let (Err(Unfit), Type::Struct(fields)) = (&value, &kind) {
            value = Ok(Value::Struct(nulls(fields)));
        }
        let mut value = value.map_or(Value::Null, Value::into_owned);
        if let (false, Some(place), Value::Struct(members)) = (complete, corrupt, &mut value) {
            members[place].1 = string(json);
        }
        Ok(value)
    });
    Ok((result, body))
}
