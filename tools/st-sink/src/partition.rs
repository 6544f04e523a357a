//! The folders of a partitioned directory: `date=2025-01-15/hour=10`, as Hive and Spark name them.

use anyhow::Result;
use st_expr::{Schema, Type, read_json, write_text};
use st_row::{Fields, Spans, unescape};
use st_time::Zone;

/// What a null or an empty text is called.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Finds a row's folder.
pub struct Partition {
    fields: Fields,
    kinds: Vec<Type>,
    spans: Spans,
    zone: Zone,
    value: Vec<u8>,
}

impl Partition {
    /// Folders by the values of these columns.
    pub fn new(columns: &[String], schema: &Schema, zone: Zone) -> Partition {
        Partition {
            fields: Fields::new(columns),
            kinds: columns
                .iter()
                .map(|name| schema.kind(name).cloned().unwrap_or(Type::Any))
                .collect(),
            spans: Spans::default(),
            zone,
            value: Vec::new(),
        }
    }

    /// Writes the row's folder, with a slash at the end; nothing without partition columns.
    pub fn folder(&mut self, row: &[u8], folder: &mut String) -> Result<()> {
        folder.clear();
        if self.fields.is_empty() {
            return Ok(());
        }
        self.fields.locate(row, &mut self.spans)?;
        for (index, (name, kind)) in self.fields.names().iter().zip(&self.kinds).enumerate() {
            self.value.clear();
            if let Some(raw) = self.spans.present(row, index) {
                match (kind, raw[0]) {
                    (Type::Any, b'"') => self.value.extend_from_slice(unescape(raw)?.as_bytes()),
                    // The number as it stands in the row.
                    (Type::Any, _) => self.value.extend_from_slice(raw),
                    _ => match read_json(raw, kind, self.zone) {
                        st_expr::Value::Null => {}
                        value => write_text(&mut self.value, &value, self.zone),
                    },
                }
            }
            escape(folder, name);
            folder.push('=');
            match std::str::from_utf8(&self.value) {
                Ok("") => folder.push_str(NULL),
                Ok(value) => escape(folder, value),
                Err(_) => escape(folder, &String::from_utf8_lossy(&self.value)),
            }
            folder.push('/');
        }
        Ok(())
    }
}

/// Appends a name or a value with `%XX` for what a path cannot hold (Spark's `ExternalCatalogUtils.escapePathName`).
fn escape(path: &mut String, text: &str) {
    for c in text.chars() {
        let special = c.is_ascii_control()
            || matches!(
                c,
                '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^'
            );
        if special {
            path.push_str(&format!("%{:02X}", c as u32));
        } else {
            path.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(ddl: &str, columns: &[&str], row: &str) -> String {
        let columns: Vec<String> = columns.iter().map(|name| name.to_string()).collect();
        let mut folder = String::new();
        let schema = Schema::parse(ddl).unwrap();
        Partition::new(&columns, &schema, Zone::UTC)
            .folder(row.as_bytes(), &mut folder)
            .unwrap();
        folder
    }

    // Spark 4.3.0: spark.createDataFrame(...).write.partitionBy(...) over the same values.
    #[test]
    fn folders_are_named_as_hive_names_them() {
        assert_eq!(
            folder("", &["date", "hour"], r#"{"hour":10,"date":"2025-01-15"}"#),
            "date=2025-01-15/hour=10/"
        );
        assert_eq!(
            folder("", &["a"], r#"{"b":1}"#),
            "a=__HIVE_DEFAULT_PARTITION__/"
        );
        assert_eq!(
            folder("", &["a"], r#"{"a":""}"#),
            "a=__HIVE_DEFAULT_PARTITION__/"
        );
        assert_eq!(
            folder("", &["a"], r#"{"a":"x/y z:%é"}"#),
            "a=x%2Fy z%3A%25é/"
        );
        assert_eq!(
            folder("t TIMESTAMP", &["t"], r#"{"t":"2025-01-15T10:00:00Z"}"#),
            "t=2025-01-15 10%3A00%3A00/"
        );
        assert_eq!(
            folder("n INT", &["n"], r#"{"n":"no"}"#),
            "n=__HIVE_DEFAULT_PARTITION__/"
        );
    }
}
