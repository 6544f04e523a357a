//! JSON in text: taken apart, read as a type, written.
//!
//! As Spark's parser does, text is taken up to the end of its first value; strings may stand in single quotes; numbers are
//! written anew (`1.50` is `1.5`).

mod document;
mod path;
mod read;
mod shape;
mod write;

use super::arguments::{string, text};
use super::{ANY, TEXT, bound, plain};
use crate::function::Function;
use crate::{Type, Value};
use document::Document;
use st_row::Kind;

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["get_json_object"],
        (2, 2),
        "get_json_object(json, '$.path')",
        &[TEXT],
        path::bind,
    ),
    bound(
        &["from_json"],
        (2, 3),
        "from_json(json, 'name TYPE, …'[, options])",
        &[TEXT, TEXT, ANY],
        read::bind,
    ),
    bound(
        &["to_json"],
        (1, 2),
        "to_json(value[, options])",
        &[ANY],
        write::bind,
    ),
    plain(
        &["schema_of_json"],
        (1, 1),
        "schema_of_json(json)",
        &[TEXT],
        |_| Type::String,
        |_, a| {
            let json = text(&a[0])?;
            match Document::of(json).map(|document| shape::of(document.value())) {
                Some(shape) => Ok(string(shape.to_string())),
                None => super::arguments::failure("not JSON"),
            }
        },
    ),
    plain(
        &["json_array_length"],
        (1, 1),
        "json_array_length(json)",
        &[TEXT],
        |_| Type::Int,
        |_, a| {
            let document = Document::of(text(&a[0])?);
            let array = document
                .as_ref()
                .map(Document::value)
                .filter(|raw| Kind::of(raw) == Some(Kind::Array));
            Ok(array.map_or(Value::Null, |raw| {
                Value::Integer(st_row::elements_of(raw).count() as i64)
            }))
        },
    ),
    plain(
        &["json_object_keys"],
        (1, 1),
        "json_object_keys(json)",
        &[TEXT],
        |_| Type::Array(Box::new(Type::String)),
        |_, a| {
            let document = Document::of(text(&a[0])?);
            let object = document
                .as_ref()
                .map(Document::value)
                .filter(|raw| Kind::of(raw) == Some(Kind::Object));
            let keys = object.map(|raw| {
                st_row::fields_of(raw)
                    .flatten()
                    .flat_map(|(key, _)| st_row::unescape(key))
            });
            Ok(keys.map_or(Value::Null, |keys| {
                Value::Array(keys.map(|key| string(key.into_owned())).collect())
            }))
        },
    ),
];
