//! `schema_of_json`: the type that Spark infers from one JSON text.

use crate::coercion::numeric;
use crate::{Decimal, Field, Type};
use st_row::{Kind, elements_of, fields_of, parse_i64, unescape};

/// The type of a checked value; what is null everywhere is text.
pub fn of(raw: &[u8]) -> Type {
    settled(infer(raw))
}

fn infer(raw: &[u8]) -> Type {
    match Kind::of(raw) {
        None | Some(Kind::Null) => Type::Null,
        Some(Kind::Bool) => Type::Boolean,
        Some(Kind::String) => Type::String,
        Some(Kind::Fraction) => Type::Double,
        Some(Kind::Integer) => match parse_i64(raw) {
            Some(_) => Type::BigInt,
            None => std::str::from_utf8(raw)
                .ok()
                .and_then(Decimal::parse)
                .map_or(Type::Double, |number| number.kind()),
        },
        Some(Kind::Array) => {
            let elements = elements_of(raw).flatten().map(infer);
            Type::Array(Box::new(elements.fold(Type::Null, merge)))
        }
        Some(Kind::Object) => {
            let field = |(key, value): (&[u8], &[u8])| Field {
                name: unescape(key).unwrap_or_default().into_owned(),
                kind: infer(value),
            };
            let mut fields: Vec<Field> = fields_of(raw).flatten().map(field).collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            Type::Struct(fields)
        }
    }
}

/// The type that holds both; text if there is no other.
fn merge(a: Type, b: Type) -> Type {
    match (a, b) {
        (a, b) if a == b => a,
        (Type::Null, other) | (other, Type::Null) => other,
        (a, b) if a.is_numeric() && b.is_numeric() => numeric(&a, &b),
        (Type::Array(a), Type::Array(b)) => Type::Array(Box::new(merge(*a, *b))),
        (Type::Struct(mut fields), Type::Struct(more)) => {
            for field in more {
                match fields.iter_mut().find(|known| known.name == field.name) {
                    Some(known) => {
                        known.kind =
                            merge(std::mem::replace(&mut known.kind, Type::Null), field.kind)
                    }
                    None => fields.push(field),
                }
            }
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            Type::Struct(fields)
        }
        _ => Type::String,
    }
}

fn settled(kind: Type) -> Type {
    match kind {
        Type::Null => Type::String,
        Type::Array(element) => Type::Array(Box::new(settled(*element))),
        Type::Struct(fields) => {
            let settle = |field: Field| Field {
                kind: settled(field.kind),
                ..field
            };
            Type::Struct(fields.into_iter().map(settle).collect())
        }
        other => other,
    }
}
