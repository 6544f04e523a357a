//! The types an expression can be declared with or found to have.

use std::fmt;

/// A Spark SQL type. `Any` is the type of an undeclared column: its value's own JSON type decides, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Any,
    Null,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Binary,
    Date,
    Timestamp,
    Interval,
    Array(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Struct(Vec<Field>),
}

/// A named member of a struct or of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name, as it stands in the row.
    pub name: String,
    /// Its declared type.
    pub kind: Type,
}

impl Type {
    /// True for TINYINT, SMALLINT, INT and BIGINT.
    pub fn is_integer(&self) -> bool {
        matches!(
            self,
            Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt
        )
    }

    /// True for FLOAT and DOUBLE.
    pub fn is_fractional(&self) -> bool {
        matches!(self, Type::Float | Type::Double)
    }

    /// True for integers, floats and decimals.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_fractional() || matches!(self, Type::Decimal { .. })
    }

    /// True for arrays, maps and structs.
    pub fn is_nested(&self) -> bool {
        matches!(self, Type::Array(_) | Type::Map(..) | Type::Struct(_))
    }

    /// True if the static type says nothing about the value: `Any`, or the null literal's.
    pub fn is_open(&self) -> bool {
        matches!(self, Type::Any | Type::Null)
    }

    /// The least and the greatest value of an integer type; of BIGINT for all others.
    pub fn integer_range(&self) -> (i64, i64) {
        match self {
            Type::TinyInt => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Type::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Type::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// Precision and scale of a decimal that holds every value of this integer or decimal type (Spark's
    /// `DecimalType.forType`).
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            Type::TinyInt => Some((3, 0)),
            Type::SmallInt => Some((5, 0)),
            Type::Int => Some((10, 0)),
            Type::BigInt => Some((20, 0)),
            Type::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }

    /// The type of an array's elements, `Any` for what is not an array.
    pub fn element(&self) -> &Type {
        match self {
            Type::Array(element) => element,
            _ => &Type::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("ANY"),
            Type::Null => f.write_str("VOID"),
            Type::Boolean => f.write_str("BOOLEAN"),
            Type::TinyInt => f.write_str("TINYINT"),
            Type::SmallInt => f.write_str("SMALLINT"),
            Type::Int => f.write_str("INT"),
            Type::BigInt => f.write_str("BIGINT"),
            Type::Float => f.write_str("FLOAT"),
            Type::Double => f.write_str("DOUBLE"),
            Type::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            Type::String => f.write_str("STRING"),
            Type::Binary => f.write_str("BINARY"),
            Type::Date => f.write_str("DATE"),
            Type::Timestamp => f.write_str("TIMESTAMP"),
            Type::Interval => f.write_str("INTERVAL"),
            Type::Array(element) => write!(f, "ARRAY<{element}>"),
            Type::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Type::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    let gap = if i == 0 { "" } else { ", " };
                    write!(f, "{gap}{}: {}", Quoted(&field.name), field.kind)?;
                }
                f.write_str(">")
            }
        }
    }
}

/// A name as SQL writes it: bare if it can be, otherwise in backticks.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.bytes();
        let bare = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if bare {
            f.write_str(self.0)
        } else {
            write!(f, "`{}`", self.0.replace('`', "``"))
        }
    }
}
