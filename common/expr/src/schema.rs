//! Declared columns: `timestamp TIMESTAMP, price DECIMAL(10,2)` as Spark's DDL writes them.

use crate::error::SyntaxError;
use crate::parse::Parser;
use crate::types::Quoted;
use crate::{Field, Type};
use std::fmt;

/// The columns whose types are declared, in their order. Others may exist in the rows: they are of type `Any`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The columns.
    pub fields: Vec<Field>,
}

impl Schema {
    /// Reads `name TYPE, name: TYPE, …`; type names are Spark's, in any case, `NOT NULL` and `COMMENT '…'` are passed
    /// over. Empty text is a schema without columns.
    pub fn parse(ddl: &str) -> Result<Schema, SyntaxError> {
        let mut parser = Parser::new(ddl)?;
        if parser.at_end() {
            return Ok(Schema::default());
        }
        let fields = parser.columns()?;
        parser.finish()?;
        for (i, field) in fields.iter().enumerate() {
            if fields[..i].iter().any(|earlier| earlier.name == field.name) {
                return Err(SyntaxError::plain(format!(
                    "column `{}` is declared twice",
                    field.name
                )));
            }
        }
        Ok(Schema { fields })
    }

    /// The type of the column with exactly this name.
    pub fn kind(&self, name: &str) -> Option<&Type> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.kind)
    }

    /// Declares a column, or changes the type of one.
    pub fn set(&mut self, name: &str, kind: Type) {
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.kind = kind,
            None => self.fields.push(Field {
                name: name.to_owned(),
                kind,
            }),
        }
    }

    /// Forgets a column.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|field| field.name != name);
    }
}

/// The DDL in its canonical spelling: parsing it gives the same schema.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.fields.iter().enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            write!(f, "{gap}{} {}", Quoted(&field.name), field.kind)?;
        }
        Ok(())
    }
}

impl Type {
    /// Reads one type: `INT`, `DECIMAL(10,2)`, `ARRAY<STRUCT<a: INT>>`.
    pub fn parse(ddl: &str) -> Result<Type, SyntaxError> {
        let mut parser = Parser::new(ddl)?;
        let kind = parser.data_type()?;
        parser.finish()?;
        Ok(kind)
    }
}
