//! Rows as the bytes they came in, one per line.

use anyhow::Result;
use st_expr::{Schema, Type};
use st_row::{Edit, Fields, Spans, Splice, fields_of};
use st_time::Zone;

use super::{Compression, FileWriter, Format, Output, Packed, Shape, Times, each_line};

/// NDJSON.
#[derive(Default)]
pub struct Json {
    /// How the files are packed.
    pub compression: Compression,
    /// Members that are null are left out, as Spark's writer does.
    pub ignore_null: bool,
    times: Times,
    without: Vec<String>,
    declared: Declared,
}

/// The declared columns, as a struct, and the zone of their times.
#[derive(Clone)]
pub struct Declared {
    kind: Type,
    zone: Zone,
}

impl Default for Declared {
    fn default() -> Declared {
        Declared {
            kind: Type::Any,
            zone: Zone::UTC,
        }
    }
}

impl Declared {
    /// As a stream has it.
    pub fn of(schema: &Schema, zone: Zone) -> Declared {
        Declared {
            kind: Type::Struct(schema.fields.clone()),
            zone,
        }
    }
}

impl Json {
    /// NDJSON, packed, with or without null members, times in these patterns.
    pub fn new(compression: Compression, ignore_null: bool, times: Times) -> Json {
        Json {
            compression,
            ignore_null,
            times,
            without: Vec::new(),
            declared: Declared::default(),
        }
    }
}

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extension(&self) -> String {
        self.compression.extension("json")
    }

    fn is_packed(&self) -> bool {
        self.compression != Compression::None
    }

    fn shape(&mut self, shape: &Shape<'_>) -> Result<()> {
        self.without = shape.without.to_vec();
        self.declared = Declared::of(shape.schema, shape.zone);
        Ok(())
    }

    fn is_lines(&self) -> bool {
        let shapes = self.ignore_null || self.times.any() || !self.without.is_empty();
        !shapes && !self.is_packed()
    }

    fn look(&mut self, _row: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn open(&mut self, file: Output, _fresh: bool) -> Result<Box<dyn FileWriter>> {
        let file = self.compression.open(file)?;
        Ok(Box::new(Lines {
            file,
            shaper: Shaper::new(&self.without, self.ignore_null)
                .with_times(&self.times, &self.declared),
            line: Vec::new(),
        }))
    }
}

struct Lines {
    file: Packed,
    shaper: Shaper,
    line: Vec<u8>,
}

impl FileWriter for Lines {
    fn row(&mut self, row: &[u8]) -> Result<()> {
        self.line.clear();
        self.shaper.write(row, &mut self.line)?;
        self.line.push(b'\n');
        Ok(self.file.put(&self.line)?)
    }

    fn rows(&mut self, lines: &[u8]) -> Result<()> {
        if self.shaper.is_idle() {
            return Ok(self.file.put(lines)?);
        }
        each_line(lines, |row| self.row(row))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.file.finish()?)
    }
}

/// Takes members out of rows; all else keeps its bytes.
pub struct Shaper {
    fields: Fields,
    edits: Vec<Edit>,
    spans: Spans,
    splice: Splice,
    ignore_null: bool,
    spare: Vec<u8>,
    /// Set if times are rewritten.
    times: Option<(Times, Declared)>,
    rewritten: Vec<u8>,
}

impl Shaper {
    /// Without the top-level members `without`, and without null members if `ignore_null`.
    pub fn new(without: &[String], ignore_null: bool) -> Shaper {
        Shaper {
            fields: Fields::new(without),
            edits: (0..without.len())
                .map(|field| Edit::Drop { field })
                .collect(),
            spans: Spans::default(),
            splice: Splice::new(),
            ignore_null,
            spare: Vec::new(),
            times: None,
            rewritten: Vec::new(),
        }
    }

    /// The same, with declared times in these patterns.
    pub fn with_times(mut self, times: &Times, declared: &Declared) -> Shaper {
        self.times = times.any().then(|| (times.clone(), declared.clone()));
        self
    }

    /// True if rows are written as they stand.
    pub fn is_idle(&self) -> bool {
        self.fields.is_empty() && self.times.is_none() && !self.ignore_null
    }

    /// Appends the row as it is to be written.
    pub fn write(&mut self, row: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut row = row;
        if !self.fields.is_empty() {
            self.spare.clear();
            self.fields.locate(row, &mut self.spans)?;
            self.splice.apply(
                &self.fields,
                row,
                &self.spans,
                &self.edits,
                &[],
                &mut self.spare,
            )?;
            row = &self.spare;
        }
        if let Some((times, declared)) = &self.times {
            self.rewritten.clear();
            times.rewrite(row, &declared.kind, declared.zone, &mut self.rewritten);
            row = &self.rewritten;
        }
        if self.ignore_null {
            return without_nulls(row, out);
        }
        out.extend_from_slice(row);
        Ok(())
    }
}

/// Appends an object without its null members, those of the objects in it included.
fn without_nulls(object: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    let start = out.len();
    for member in fields_of(object) {
        let (key, raw) = member?;
        if raw == b"null" {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b':');
        if raw.first() == Some(&b'{') {
            without_nulls(raw, out)?;
        } else {
            out.extend_from_slice(raw);
        }
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shaped(without: &[&str], ignore_null: bool, row: &str) -> String {
        let without: Vec<String> = without.iter().map(|name| name.to_string()).collect();
        let mut out = Vec::new();
        Shaper::new(&without, ignore_null)
            .write(row.as_bytes(), &mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_stays_keeps_its_bytes() {
        let row = r#"{ "a": 1.50, "date":"x", "b":{"c": null, "d":[null]} }"#;
        assert_eq!(shaped(&[], false, row), row);
        assert_eq!(
            shaped(&[], true, row),
            r#"{"a":1.50,"date":"x","b":{"d":[null]}}"#
        );
        assert_eq!(
            shaped(&["date"], true, row),
            r#"{"a":1.50,"b":{"d":[null]}}"#
        );
        assert_eq!(
            shaped(&["a", "date", "b"], false, r#"{"a":1,"date":2}"#),
            "{}"
        );
    }
}
