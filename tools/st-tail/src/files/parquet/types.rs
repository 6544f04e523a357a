//! Types of Parquet columns, and which of them a declared type can read.

use arrow_schema::{DataType, Fields as ArrowFields, Schema as ArrowSchema};
use st_expr::{Field, Schema, Type};

use crate::identity::holds;

/// The columns of a file. An error names the first one whose type there is none for.
pub fn schema_of(schema: &ArrowSchema) -> Result<Schema, String> {
    Ok(Schema {
        fields: fields(schema.fields())?,
    })
}

fn fields(fields: &ArrowFields) -> Result<Vec<Field>, String> {
    let kinds = fields.iter().map(|field| {
        let kind = kind(field.data_type()).ok_or_else(|| {
            let (name, kind) = (field.name(), field.data_type());
            format!("column `{name}` is {kind}, which has no type here")
        })?;
        Ok(Field {
            name: field.name().clone(),
            kind,
        })
    });
    kinds.collect()
}

/// Spark's type of a column (`ParquetToSparkSchemaConverter`); a time of day is text. None if there is none.
pub fn kind(kind_: &DataType) -> Option<Type> {
    Some(match kind_ {
        DataType::Boolean => Type::Boolean,
        DataType::Int8 => Type::TinyInt,
        DataType::Int16 | DataType::UInt8 => Type::SmallInt,
        DataType::Int32 | DataType::UInt16 => Type::Int,
        DataType::Int64 | DataType::UInt32 => Type::BigInt,
        DataType::UInt64 => Type::Decimal {
            precision: 20,
            scale: 0,
        },
        DataType::Float16 | DataType::Float32 => Type::Float,
        DataType::Float64 => Type::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Type::Decimal {
            precision: *precision,
            scale: u8::try_from(*scale).ok()?,
        },
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Null
        | DataType::Time32(_)
        | DataType::Time64(_) => Type::String,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Type::Binary,
        DataType::Date32 => Type::Date,
        DataType::Timestamp(_, _) => Type::Timestamp,
        DataType::List(element) | DataType::LargeList(element) => {
            Type::Array(Box::new(kind(element.data_type())?))
        }
        DataType::Struct(members) => Type::Struct(fields(members).ok()?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => Type::Map(
                Box::new(kind(pair[0].data_type())?),
                Box::new(kind(pair[1].data_type())?),
            ),
            _ => return None,
        },
        _ => return None,
    })
}

/// True if a column of type `found` can be read as the declared one: every value of it is one of that type. Members of
/// structs go by name; text and bytes may stand for one another, as in Spark.
pub fn reads(declared: &Type, found: &Type) -> bool {
    match (declared, found) {
        (Type::Any, _) | (Type::String, Type::Binary) | (Type::Binary, Type::String) => true,
        (Type::Struct(declared), Type::Struct(found)) => declared.iter().all(|field| {
            let there = found.iter().find(|other| other.name == field.name);
            there.is_none_or(|there| reads(&field.kind, &there.kind))
        }),
        (Type::Array(declared), Type::Array(found)) => reads(declared, found),
        (Type::Map(key, declared), Type::Map(other, found)) => {
            reads(key, other) && reads(declared, found)
        }
        _ => holds(declared, found),
    }
}

/// One schema for both: the columns of `a`, then those only `b` has. A column that both have gets the type that holds the
/// other's. An error says which has none.
pub fn merged(a: &Schema, b: &Schema) -> Result<Schema, String> {
    let mut schema = a.clone();
    for field in &b.fields {
        let kind = match a.kind(&field.name) {
            None => field.kind.clone(),
            Some(known) => wider(known, &field.kind).ok_or_else(|| {
                let name = &field.name;
                format!(
                    "column `{name}` is {} here, and {known} before it",
                    field.kind
                )
            })?,
        };
        schema.set(&field.name, kind);
    }
    Ok(schema)
}

fn wider(a: &Type, b: &Type) -> Option<Type> {
    if holds(a, b) {
        return Some(a.clone());
    }
    if holds(b, a) {
        return Some(b.clone());
    }
    match (a, b) {
        (Type::Struct(a), Type::Struct(b)) => {
            let (a, b) = (Schema { fields: a.clone() }, Schema { fields: b.clone() });
            Some(Type::Struct(merged(&a, &b).ok()?.fields))
        }
        (Type::Array(a), Type::Array(b)) => Some(Type::Array(Box::new(wider(a, b)?))),
        (Type::Map(k, a), Type::Map(l, b)) => {
            Some(Type::Map(Box::new(wider(k, l)?), Box::new(wider(a, b)?)))
        }
        _ => None,
    }
}
