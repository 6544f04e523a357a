//! Names as SQL takes them.

use std::fmt;

use anyhow::{Result, bail};

/// A table, perhaps of a named schema.
#[derive(Clone, Debug, PartialEq)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

impl TableName {
    /// Reads `T` or `SCHEMA.T`.
    pub fn parse(text: &str) -> Result<TableName> {
        let (schema, table) = match text.split_once('.') {
            Some((schema, table)) => (Some(schema.to_string()), table),
            None => (None, text),
        };
        if table.is_empty() || schema.as_deref() == Some("") || text.contains('\0') {
            bail!("`{text}` is no name of a table");
        }
        if table.starts_with("_st_") {
            bail!("that name is taken: give another");
        }
        Ok(TableName {
            schema,
            table: table.to_string(),
        })
    }

    /// Its name in SQL.
    pub fn sql(&self) -> String {
        self.beside(&self.table)
    }

    /// Another table of the same schema, in SQL.
    pub fn beside(&self, table: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(table),
        }
    }

    /// The name without its schema.
    pub fn bare(&self) -> &str {
        &self.table
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// A name as SQL takes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names in a list.
pub fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    names.join(", ")
}
