//! Columns from the names of folders: `date=2025-01-15/hour=10`, as Hive and Spark lay out a table.
//!
//! As Spark's partition discovery has it: only what lies below the folder that was given counts (or below `--base-path`); a
//! value is unescaped, `__HIVE_DEFAULT_PARTITION__` is null; a type that no schema declares is the least that holds the
//! values of all files at the start of the first run (`PartitioningUtils.inferPartitionColumnValue`).

use anyhow::{Result, anyhow};
use st_expr::cast::cast;
use st_expr::function::Env;
use st_expr::{Decimal, Schema, Type, Value, write_json};
use st_row::{Edit, Fields, Spans, Splice};
use st_time::{ReadPattern, Zone};

use super::damaged::Damaged;
use crate::config::Config;
use crate::roots::Root;
use st_input::{Room, Rows};

/// What a null is called.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns of a file: name and text, outermost folder first. None of a text is null.
pub fn columns(config: &Config, path: &str) -> Vec<(String, Option<String>)> {
    let Some(below) = below(config, path) else {
        return Vec::new();
    };
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let Some((folders, _)) = below.rsplit_once('/') else {
        return found;
    };
    for folder in folders.split('/') {
        let Some((name, value)) = folder.split_once('=').filter(|_| is_partition(folder)) else {
            continue;
        };
        let (name, value) = (unescape(name), unescape(value));
        let value = (value != NULL && !value.is_empty()).then_some(value);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => found.push((name, value)),
        }
    }
    found
}

/// True for the name of a folder that is a column.
pub fn is_partition(name: &str) -> bool {
    name.find('=').is_some_and(|at| at > 0)
}

/// The part of a path that lies below what was given.
fn below<'p>(config: &Config, path: &'p str) -> Option<&'p str> {
    let strip = |base: &str| path.strip_prefix(base)?.strip_prefix('/');
    if let Some(base) = &config.base_path {
        return strip(base);
    }
    config.roots.iter().find_map(|root| match root {
        Root::Directory { text, .. } if text == "/" => path.strip_prefix('/'),
        Root::Directory { text, .. } => strip(text),
        _ => None,
    })
}

/// `%3A` is a colon; what is no such escape stays (Spark's `ExternalCatalogUtils.unescapePathName`).
fn unescape(text: &str) -> String {
    if !text.contains('%') {
        return text.to_string();
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text
            .get(at + 1..at + 3)
            .filter(|hex| bytes[at] == b'%' && hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The type of a text by itself.
fn type_of(text: &str) -> Type {
    let sign = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !sign.is_empty() && sign.bytes().all(|b| b.is_ascii_digit()) {
        return match (text.parse::<i32>(), text.parse::<i64>()) {
            (Ok(_), _) => Type::Int,
            (_, Ok(_)) => Type::BigInt,
            _ if sign.len() <= 38 => Type::Decimal {
                precision: u8::try_from(sign.len()).unwrap_or(38),
                scale: 0,
            },
            _ => Type::String,
        };
    }
    let is_double = !text.ends_with(['d', 'D', 'f', 'F'])
        && (matches!(text, "NaN" | "Infinity" | "-Infinity" | "+Infinity")
            || sign.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && text.parse::<f64>().is_ok());
    if is_double {
        return Type::Double;
    }
    let reads = |pattern: &str| {
        pattern
            .parse::<ReadPattern>()
            .is_ok_and(|pattern| pattern.read(text, Zone::UTC).is_some())
    };
    if reads("yyyy-MM-dd") {
        Type::Date
    } else if reads("yyyy-MM-dd HH:mm:ss[.S]") || reads("yyyy-MM-dd HH:mm:ss.SSSSSS") {
        Type::Timestamp
    } else {
        Type::String
    }
}

/// The least type that holds the values of both.
fn common(a: Type, b: Type) -> Type {
    let rank = |kind: &Type| match kind {
        Type::Int => Some(0),
        Type::BigInt => Some(1),
        Type::Decimal { .. } => Some(2),
        Type::Double => Some(3),
        _ => None,
    };
    match (a, b) {
        (Type::Null, kind) | (kind, Type::Null) => kind,
        (a, b) if a == b => a,
        (Type::Decimal { precision: p, .. }, Type::Decimal { precision: q, .. }) => Type::Decimal {
            precision: p.max(q),
            scale: 0,
        },
        (Type::Decimal { precision, .. }, Type::Int | Type::BigInt)
        | (Type::Int | Type::BigInt, Type::Decimal { precision, .. }) => Type::Decimal {
            precision: precision.max(20),
            scale: 0,
        },
        (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date) => Type::Timestamp,
        (a, b) => match (rank(&a), rank(&b)) {
            (Some(x), Some(y)) => {
                if x > y {
                    a
                } else {
                    b
                }
            }
            _ => Type::String,
        },
    }
}

/// The columns that these files have in their folders' names, with the types that hold all of them.
pub fn infer<'p>(config: &Config, paths: impl Iterator<Item = &'p str>) -> Schema {
    let mut schema = Schema::default();
    let mut last = None;
    for path in paths {
        // Files come in thousands to a folder.
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        if last == Some(folder) {
            continue;
        }
        last = Some(folder);
        for (name, text) in columns(config, path) {
            let kind = text.as_deref().map_or(Type::Null, type_of);
            let known = schema.kind(&name).cloned().unwrap_or(Type::Null);
            schema.set(&name, common(known, kind));
        }
    }
    for field in &mut schema.fields {
        if field.kind == Type::Null {
            field.kind = Type::String;
        }
    }
    schema
}

/// Puts the columns of one file into its rows.
pub struct Columns {
    fields: Fields,
    spans: Spans,
    splice: Splice,
    edits: Vec<Edit>,
    values: Vec<u8>,
    made: Vec<u8>,
}

impl Columns {
    /// None if the file has none. A text that is not of its column's type is an error, as in Spark.
    pub fn of(config: &Config, path: &str, schema: &Schema) -> Result<Option<Columns>> {
        let columns = columns(config, path);
        if columns.is_empty() {
            return Ok(None);
        }
        let zone = config.reading.times.zone;
        let (mut edits, mut values) = (Vec::new(), Vec::new());
        for (field, (name, text)) in columns.iter().enumerate() {
            if name == "$st" {
                return Err(Damaged::error(
                    path,
                    "the folder $st= is named like a marker: rename it",
                ));
            }
            let start = values.len();
            match text {
                None => values.extend_from_slice(b"null"),
                Some(text) => {
                    let kind = schema
                        .kind(name)
                        .cloned()
                        .unwrap_or_else(|| match type_of(text) {
                            integer @ (Type::Int | Type::BigInt | Type::Decimal { .. }) => integer,
                            _ => Type::String,
                        });
                    let value = value(text, &kind, zone).ok_or_else(|| {
                        let what = format!(
                            "the folder {name}={text}: `{text}` is no {kind}: move the folder away, or declare {name} another type in --schema"
                        );
                        Damaged::error(path, &what)
                    })?;
                    write_json(&mut values, &value, Zone::UTC);
                }
            }
            edits.push(Edit::Set {
                field,
                value: start..values.len(),
            });
        }
        Ok(Some(Columns {
            fields: Fields::new(columns.iter().map(|(name, _)| name)),
            spans: Spans::default(),
            splice: Splice::new(),
            edits,
            values,
            made: Vec::new(),
        }))
    }
}

/// The text as a value of the type; none if it is none.
fn value(text: &str, kind: &Type, zone: Zone) -> Option<Value<'static>> {
    if let Type::Decimal { precision, scale } = kind {
        return Decimal::parse_as(text, *precision, *scale).map(Value::Decimal);
    }
    if kind.is_integer() {
        // A cast would cut off a fraction.
        let (least, greatest) = kind.integer_range();
        let number = text.parse::<i64>().ok()?;
        return (least..=greatest)
            .contains(&number)
            .then_some(Value::Integer(number));
    }
    let env = Env::new(zone);
    let value = cast(&env, Value::text(text), &Type::String, kind).ok()?;
    (!value.is_null()).then(|| value.into_owned())
}

/// Rows on their way through [`Columns`].
pub struct WithColumns<'a, R> {
    pub columns: &'a mut Columns,
    pub rows: &'a mut R,
}

impl<R: Rows> Rows for WithColumns<'_, R> {
    fn room(&self) -> Room {
        self.rows.room()
    }

    fn set_room(&mut self, room: Room) {
        self.rows.set_room(room);
    }

    fn clock(&self) -> i64 {
        self.rows.clock()
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        let columns = &mut *self.columns;
        columns.made.clear();
        for row in lines.split_inclusive(|b| *b == b'\n') {
            let row = &row[..row.len() - 1];
            columns.fields.locate(row, &mut columns.spans)?;
            columns
                .splice
                .apply(
                    &columns.fields,
                    row,
                    &columns.spans,
                    &columns.edits,
                    &columns.values,
                    &mut columns.made,
                )
                .map_err(|bad| anyhow!("{bad}"))?;
            columns.made.push(b'\n');
        }
        self.rows.rows(&columns.made, count)
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.rows.bad(record, reason, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Spark 4.3.0: spark.read.json over folders x=… of these names.
    #[test]
    fn types_are_those_spark_finds() {
        let kind = |texts: &[&str]| {
            let kinds = texts.iter().map(|text| type_of(text));
            kinds.fold(Type::Null, common).to_string()
        };
        for (texts, spark) in [
            (&["01", "10"][..], "INT"),
            (&["01", "+2", "-3"], "INT"),
            (&["1", "abc"], "STRING"),
            (&["1", "2.5"], "DOUBLE"),
            (&["1.50"], "DOUBLE"),
            (&["1", "99999999999"], "BIGINT"),
            (&["1", "99999999999999999999"], "DECIMAL(20,0)"),
            (&["2025-01-15", "2025-01-16"], "DATE"),
            (&["2025-01-15 10:30:00"], "TIMESTAMP"),
            (&["2025-01-15", "2025-01-16 10:00:00"], "TIMESTAMP"),
            (&["1e3", "NaN", "1d"], "STRING"),
            (&["true"], "STRING"),
            (&["2025-1-5"], "STRING"),
            (&["2025"], "INT"),
            (&["2025-01-15T10"], "STRING"),
            (&["a/b c"], "STRING"),
        ] {
            assert_eq!(kind(texts), spark, "{texts:?}");
        }
    }

    #[test]
    fn names_are_unescaped() {
        assert_eq!(unescape("a%2Fb%20c"), "a/b c");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%C3%A9%zz"), "é%zz");
    }
}
