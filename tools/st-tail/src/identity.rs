//! What must be the same on a restart, so that recorded ranges mean the same rows; and which changes of it are safe.

use serde_json::{Map, Value};
use st_checkpoint::Change;
use st_expr::{Schema, Type};
use st_input::{Escape, Format, Mode};

use crate::config::{Config, Input};
use crate::format::FileFormat;

impl Config {
    /// What the bytes of a recorded range mean.
    pub fn decoding(&self) -> Map<String, Value> {
        let mut decoding = Map::new();
        let mut put = |name: &str, value: Value| decoding.insert(name.to_string(), value);
        let format = match self.format {
            Some(format) => format.name(),
            None if self.input == Input::Stdin => self.reading.format.name(),
            None => "by name",
        };
        put("format", format.into());
        let schema = self.reading.schema.to_string();
        if !schema.is_empty() {
            put("schema", schema.into());
        }
        let dialect = &self.reading.dialect;
        if dialect.headless {
            put("header", false.into());
        }
        if let Some(separator) = dialect.separator {
            put("sep", char::from(separator).to_string().into());
        }
        if dialect.unquoted || dialect.quote.is_some() {
            let quote = dialect.quote.map(char::from).map(String::from);
            put("quote", quote.unwrap_or_default().into());
        }
        if dialect.escape == Escape::Backslash {
            put("escape", "backslash".into());
        }
        if let Some(comment) = dialect.comment {
            put("comment", char::from(comment).to_string().into());
        }
        if let Some(null) = &dialect.null {
            put("null-value", null.as_str().into());
        }
        let (leading, trailing) = dialect.trim;
        if leading {
            put("ignore-leading-white-space", true.into());
        }
        if trailing {
            put("ignore-trailing-white-space", true.into());
        }
        if self.reading.multi_line {
            put("multi-line", true.into());
        }
        if let Some(pattern) = &self.timestamp_format {
            put("timestamp-format", pattern.as_str().into());
        }
        if let Some(pattern) = &self.date_format {
            put("date-format", pattern.as_str().into());
        }
        let is_syslog = self.format == Some(FileFormat::Lines(Format::Syslog));
        if self.timestamp_format.is_some() || is_syslog {
            put("tz", self.reading.times.zone.to_string().into());
        }
        let malformed = &self.reading.malformed;
        if malformed.mode != Mode::Permissive {
            put("mode", malformed.mode.name().into());
        }
        if let Some(column) = &malformed.column {
            put("column-name-of-corrupt-record", column.as_str().into());
        }
        if self.merge_schema {
            put("merge-schema", true.into());
        }
        if let Some(path) = &self.base_path {
            put("base-path", path.as_str().into());
        }
        if self.reading.limit != st_input::LINE_LIMIT {
            put("max-line", self.reading.limit.into());
        }
        decoding
    }

    /// What must be the same on a restart. Files that are named one by one may change: a shell expands a glob anew each time.
    pub fn identity(&self) -> Value {
        let mut identity = self.decoding();
        let fields = &self.reading.schema.fields;
        if !fields.is_empty() {
            // Column by column, so that a change names the column.
            let columns = fields
                .iter()
                .map(|field| (field.name.clone(), field.kind.to_string().into()));
            identity.insert("schema".into(), Value::Object(columns.collect()));
            if self.reading.dialect.headless {
                let names: Vec<Value> = fields.iter().map(|f| f.name.as_str().into()).collect();
                identity.insert("columns".into(), names.into());
            }
        }
        let watched = self
            .roots
            .iter()
            .filter(|root| root.is_watched())
            .map(|root| root.text().into());
        let watched: Vec<Value> = watched.collect();
        if !watched.is_empty() {
            identity.insert("watched".into(), watched.into());
        }
        if self.input == Input::Follow {
            identity.insert("follow".into(), true.into());
        }
        Value::Object(identity)
    }
}

/// True if recorded batches can be replayed, and what was made of them stands, although this has changed: a column more in
/// the schema, a type that holds all values of the old one, and another mode than failfast, under which all was well.
pub fn may_follow(change: &Change) -> bool {
    match (change.path.as_str(), &change.old, &change.new) {
        // The first row that is not well ends the run, so what is recorded fits every mode.
        ("mode", Some(old), _) => old == Mode::Failfast.name(),
        ("schema", None, Some(_)) => true,
        ("schema", Some(Value::String(old)), Some(Value::Object(new))) => Schema::parse(old)
            .is_ok_and(|old| {
                old.fields.iter().all(|field| {
                    let new = new.get(&field.name).and_then(Value::as_str);
                    new.and_then(|new| Type::parse(new).ok())
                        .is_some_and(|new| holds(&new, &field.kind))
                })
            }),
        (path, old, new) if path.starts_with("schema.") => match (old, new) {
            (None, _) => true,
            (Some(Value::String(old)), Some(Value::String(new))) => {
                match (Type::parse(old), Type::parse(new)) {
                    (Ok(old), Ok(new)) => holds(&new, &old),
                    _ => false,
                }
            }
            _ => false,
        },
        // Of lines without a header: more columns behind those there were.
        (path, None, Some(_)) => path.starts_with("columns["),
        _ => false,
    }
}

/// True if every value of `narrow` is one of `wide` and means the same there.
pub fn holds(wide: &Type, narrow: &Type) -> bool {
    if wide == narrow {
        return true;
    }
    match (wide, narrow) {
        (wide, narrow) if wide.is_integer() && narrow.is_integer() => {
            wide.integer_range().1 >= narrow.integer_range().1
        }
        (Type::Double, Type::Float | Type::TinyInt | Type::SmallInt | Type::Int) => true,
        (Type::Decimal { precision, scale }, narrow) => {
            narrow.as_decimal().is_some_and(|(digits, fraction)| {
                *scale >= fraction && precision - scale >= digits.saturating_sub(fraction)
            })
        }
        (Type::Array(wide), Type::Array(narrow)) => holds(wide, narrow),
        (Type::Map(a, wide), Type::Map(b, narrow)) => a == b && holds(wide, narrow),
        (Type::Struct(wide), Type::Struct(narrow)) => narrow.iter().all(|field| {
            let same = wide.iter().find(|other| other.name == field.name);
            same.is_some_and(|wide| holds(&wide.kind, &field.kind))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wider_type_holds_a_narrower_one() {
        let holds = |wide: &str, narrow: &str| {
            holds(&Type::parse(wide).unwrap(), &Type::parse(narrow).unwrap())
        };
        for (wide, narrow) in [
            ("BIGINT", "INT"),
            ("DOUBLE", "FLOAT"),
            ("DOUBLE", "INT"),
            ("DECIMAL(12,2)", "DECIMAL(10,2)"),
            ("DECIMAL(10,0)", "INT"),
            ("ARRAY<BIGINT>", "ARRAY<INT>"),
            ("STRUCT<a: BIGINT, b: INT>", "STRUCT<a: INT>"),
        ] {
            assert!(holds(wide, narrow), "{wide} {narrow}");
            assert!(!holds(narrow, wide), "{narrow} {wide}");
        }
        for (wide, narrow) in [
            ("STRING", "INT"),
            ("DOUBLE", "BIGINT"),
            ("DECIMAL(12,3)", "DECIMAL(12,2)"),
            ("TIMESTAMP", "DATE"),
        ] {
            assert!(!holds(wide, narrow), "{wide} {narrow}");
        }
    }
}
