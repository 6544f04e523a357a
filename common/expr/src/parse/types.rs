//! Type names as Spark's DDL writes them.

use super::Parser;
use super::lexer::Kind;
use crate::error::SyntaxError;
use crate::suggest::suggest;
use crate::{Field, Type};

const NAMES: [&str; 30] = [
    "boolean",
    "byte",
    "tinyint",
    "short",
    "smallint",
    "int",
    "integer",
    "long",
    "bigint",
    "float",
    "real",
    "double",
    "decimal",
    "dec",
    "numeric",
    "string",
    "varchar",
    "char",
    "character",
    "text",
    "binary",
    "date",
    "timestamp",
    "timestamp_ltz",
    "timestamp_ntz",
    "interval",
    "array",
    "map",
    "struct",
    "void",
];

/// Reads one type.
pub fn data_type(parser: &mut Parser<'_>) -> Result<Type, SyntaxError> {
    let span = parser.span();
    let name = parser.name("a type, such as INT or STRING")?;
    Ok(match name.to_ascii_lowercase().as_str() {
        "boolean" => Type::Boolean,
        "byte" | "tinyint" => Type::TinyInt,
        "short" | "smallint" => Type::SmallInt,
        "int" | "integer" => Type::Int,
        "long" | "bigint" => Type::BigInt,
        "float" | "real" => Type::Float,
        "double" => Type::Double,
        "string" | "text" => Type::String,
        "varchar" | "char" | "character" => {
            sizes(parser, 1)?;
            Type::String
        }
        "binary" => Type::Binary,
        "date" => Type::Date,
        "timestamp" | "timestamp_ltz" | "timestamp_ntz" => Type::Timestamp,
        "interval" => Type::Interval,
        "void" => Type::Null,
        "any" => Type::Any,
        "decimal" | "dec" | "numeric" => {
            let sizes = sizes(parser, 2)?;
            let (precision, scale) = (
                sizes.first().copied().unwrap_or(10),
                sizes.get(1).copied().unwrap_or(0),
            );
            if precision == 0 || precision > 38 || scale > precision {
                let message = format!(
                    "DECIMAL({precision},{scale}) does not exist: at most 38 digits, the scale within them"
                );
                return Err(parser.error(span.to(parser.behind()), message));
            }
            Type::Decimal { precision, scale }
        }
        "array" => {
            parser.need("<")?;
            let element = data_type(parser)?;
            parser.need(">")?;
            Type::Array(Box::new(element))
        }
        "map" => {
            parser.need("<")?;
            let key = data_type(parser)?;
            parser.need(",")?;
            let value = data_type(parser)?;
            parser.need(">")?;
            Type::Map(Box::new(key), Box::new(value))
        }
        "struct" => {
            if parser.take("<>") {
                return Ok(Type::Struct(Vec::new()));
            }
            parser.need("<")?;
            let fields = if parser.is(">") {
                Vec::new()
            } else {
                parser.columns()?
            };
            parser.need(">")?;
            Type::Struct(fields)
        }
        unknown => {
            let mend = match suggest(unknown, NAMES) {
                Some(near) => format!("did you mean {}?", near.to_uppercase()),
                None => "there are BOOLEAN, INT, BIGINT, DOUBLE, DECIMAL(p,s), STRING, DATE, TIMESTAMP, ARRAY<…>, MAP<…>, STRUCT<…>".into(),
            };
            return Err(parser.error(span, format!("`{name}` is no type: {mend}")));
        }
    })
}

/// Reads `(n)` or `(n, m)` if it is there.
fn sizes(parser: &mut Parser<'_>, most: usize) -> Result<Vec<u8>, SyntaxError> {
    let mut sizes = Vec::new();
    if parser.take("(") {
        loop {
            let Kind::Number(number) = parser.peek().clone() else {
                return Err(parser.expected("a whole number"));
            };
            let Ok(size) = number.parse::<u32>() else {
                return Err(parser.expected("a whole number"));
            };
            parser.step();
            sizes.push(u8::try_from(size).unwrap_or(u8::MAX));
            if sizes.len() == most || !parser.take(",") {
                break;
            }
        }
        parser.need(")")?;
    }
    Ok(sizes)
}

impl Parser<'_> {
    /// Reads `name TYPE, name: TYPE, …`.
    pub(crate) fn columns(&mut self) -> Result<Vec<Field>, SyntaxError> {
        self.separated(|parser| {
            let name = parser.name("a column's name")?;
            parser.take(":");
            let kind = data_type(parser)?;
            parser.take_words(&["not", "null"]);
            if parser.take_word("comment") {
                parser.step();
            }
            Ok(Field { name, kind })
        })
    }
}
