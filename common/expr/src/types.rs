//! The types an expression can be declared with or found to have.

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
