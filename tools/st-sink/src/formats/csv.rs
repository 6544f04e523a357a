//! CSV by RFC 4180: quoted where needed, quotes doubled. Null is empty, an empty text is `""`, as Spark writes them.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;
use st_expr::{Schema, Type, read_json};
use st_row::unescape;
use st_time::Zone;

use super::{Compression, FileWriter, Format, Output, Packed, Shape, Times};
use crate::columns::{Cells, Column, Columns};

/// Comma-separated values.
pub struct Csv {
    compression: Compression,
    layout: CsvLayout,
    schema: Schema,
    without: Vec<String>,
    zone: Zone,
    columns: Columns,
    cells: Cells,
    /// All files of the stream are one, so its columns stay those of the first batch.
    fixes: bool,
    fixed: Option<Fixed>,
}

/// How CSV is written.
#[derive(Clone, Default)]
pub struct CsvLayout {
    /// Between two fields.
    pub separator: String,
    /// The first line has the names.
    pub header: bool,
    /// What a null is written as.
    pub null: String,
    /// How declared times are written.
    pub times: Times,
}

/// The columns a file began with.
struct Fixed {
    names: Vec<String>,
    /// How many cells were known when `extra` was made.
    cells: usize,
    /// Columns that are not in the file.
    extra: Vec<Column>,
}

impl Csv {
    /// CSV, packed, in this layout.
    pub fn new(compression: Compression, layout: CsvLayout) -> Csv {
        Csv {
            compression,
            layout,
            schema: Schema::default(),
            without: Vec::new(),
            zone: Zone::UTC,
            columns: Columns::new(&Schema::default(), true, &[]),
            cells: Cells::default(),
            fixes: false,
            fixed: None,
        }
    }

    /// The first column of this row that the file has no place for.
    fn misplaced(&mut self, row: &[u8]) -> Option<&str> {
        let fixed = self.fixed.as_mut()?;
        let cells = &self.cells;
        if cells.len() > fixed.cells {
            fixed.cells = cells.len();
            fixed.extra = self.columns.list();
            fixed
                .extra
                .retain(|column| !fixed.names.contains(&column.name));
        }
        let filled = |column: &&Column| {
            cells
                .get(row, column.cell)
                .is_some_and(|raw| raw != b"null")
        };
        fixed
            .extra
            .iter()
            .find(filled)
            .map(|column| column.name.as_str())
    }
}

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extension(&self) -> String {
        self.compression.extension("csv")
    }

    fn is_packed(&self) -> bool {
        self.compression != Compression::None
    }

    fn shape(&mut self, shape: &Shape<'_>) -> Result<()> {
        self.schema = shape.schema.clone();
        self.without = shape.without.to_vec();
        self.zone = shape.zone;
        self.begin();
        Ok(())
    }

    fn fix_columns(&mut self) {
        self.fixes = true;
    }

    fn columns(&self) -> Option<Value> {
        self.fixed.as_ref().map(|fixed| fixed.names.clone().into())
    }

    fn recall(&mut self, columns: &Value) {
        let names = columns
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(String::from));
        self.fixed = Some(Fixed {
            names: names.collect(),
            cells: 0,
            extra: Vec::new(),
        });
    }

    fn adopt(&mut self, first_line: &str) {
        if self.layout.header {
            let names = split(first_line, &self.layout.separator);
            self.fixed = Some(Fixed {
                names,
                cells: 0,
                extra: Vec::new(),
            });
        }
    }

    fn begin(&mut self) {
        // The columns of a file depend on its own batch alone, so that a replay writes the same.
        if self.fixed.is_none() {
            self.columns = Columns::new(&self.schema, true, &self.without);
        }
    }

    fn look(&mut self, row: &[u8]) -> Result<(), String> {
        self.columns
            .walk(row, &mut self.cells)
            .map_err(|bad| bad.to_string())?;
        match self.misplaced(row) {
            Some(name) => Err(format!(
                "the file has no column `{name}`: its first batch had none, and no schema declares it"
            )),
            None => Ok(()),
        }
    }

    fn open(&mut self, file: Output, fresh: bool) -> Result<Box<dyn FileWriter>> {
        let mut columns = self.columns.list();
        if self.fixes {
            match &self.fixed {
                None => {
                    let names = columns.iter().map(|column| column.name.clone()).collect();
                    self.fixed = Some(Fixed {
                        names,
                        cells: 0,
                        extra: Vec::new(),
                    });
                }
                Some(fixed) => columns = in_order(columns, &fixed.names),
            }
        }
        let mut writer = Writer {
            file: self.compression.open(file)?,
            layout: self.layout.clone(),
            zone: self.zone,
            walker: self.columns.clone(),
            columns,
            cells: Cells::default(),
            line: Vec::new(),
            field: Vec::new(),
        };
        if self.layout.header && fresh && !writer.columns.is_empty() {
            writer.header()?;
        }
        Ok(Box::new(writer))
    }
}

/// The columns called `names`; one that this run has not met yet is empty.
fn in_order(columns: Vec<Column>, names: &[String]) -> Vec<Column> {
    let mut known: HashMap<String, Column> = columns
        .into_iter()
        .map(|column| (column.name.clone(), column))
        .collect();
    let absent = |name: &String| Column {
        name: name.clone(),
        path: Vec::new(),
        declared: Type::Any,
        found: Type::Null,
        cell: usize::MAX,
    };
    names
        .iter()
        .map(|name| known.remove(name).unwrap_or_else(|| absent(name)))
        .collect()
}

struct Writer {
    file: Packed,
    layout: CsvLayout,
    zone: Zone,
    walker: Columns,
    columns: Vec<Column>,
    cells: Cells,
    line: Vec<u8>,
    field: Vec<u8>,
}

impl Writer {
    fn header(&mut self) -> Result<()> {
        self.line.clear();
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                self.line
                    .extend_from_slice(self.layout.separator.as_bytes());
            }
            quote(
                &mut self.line,
                column.name.as_bytes(),
                &self.layout.separator,
            );
        }
        self.line.push(b'\n');
        Ok(self.file.put(&self.line)?)
    }
}

impl FileWriter for Writer {
    fn row(&mut self, row: &[u8]) -> Result<()> {
        self.walker.walk(row, &mut self.cells)?;
        self.line.clear();
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                self.line
                    .extend_from_slice(self.layout.separator.as_bytes());
            }
            self.field.clear();
            let raw = self.cells.get(row, column.cell);
            let layout = &self.layout;
            let is_text = raw.is_some_and(|raw| {
                plain_text(
                    &mut self.field,
                    raw,
                    &column.declared,
                    &layout.times,
                    self.zone,
                )
            });
            if is_text {
                quote(&mut self.line, &self.field, &layout.separator);
            } else {
                self.line.extend_from_slice(layout.null.as_bytes());
            }
        }
        self.line.push(b'\n');
        Ok(self.file.put(&self.line)?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.file.finish()?)
    }
}

/// Appends a value as text without any quoting; false if it is null. Timestamps are ISO-8601, nested values JSON.
fn plain_text(out: &mut Vec<u8>, raw: &[u8], declared: &Type, times: &Times, zone: Zone) -> bool {
    match (declared, raw.first()) {
        (_, Some(b'n') | None) => return false,
        (Type::Any | Type::String, Some(b'"')) => match unescape(raw) {
            Ok(text) => out.extend_from_slice(text.as_bytes()),
            Err(_) => return false,
        },
        (Type::Any | Type::String, _) => out.extend_from_slice(raw),
        _ => match read_json(raw, declared, zone) {
            st_expr::Value::Null => return false,
            value if times.any() && times.write(out, &value, zone) => {}
            st_expr::Value::Decimal(number) => out.extend_from_slice(number.to_string().as_bytes()),
            st_expr::Value::Timestamp(micros) => st_time::write_iso(out, micros, zone),
            st_expr::Value::Binary(_) => return plain_text(out, raw, &Type::String, times, zone),
            value if declared.is_nested() => st_expr::write_json(out, &value, zone),
            value => st_expr::write_text(out, &value, zone),
        },
    }
    true
}

/// Appends a field, in quotes if it needs them.
fn quote(line: &mut Vec<u8>, field: &[u8], separator: &str) {
    let separator = separator.as_bytes();
    let special = |b: &u8| matches!(b, b'"' | b'\n' | b'\r');
    let bare = !field.is_empty()
        && !field.iter().any(special)
        && !field.windows(separator.len()).any(|part| part == separator)
        && !matches!(
            (field.first(), field.last()),
            (Some(b' ' | b'\t'), _) | (_, Some(b' ' | b'\t'))
        );
    if bare {
        return line.extend_from_slice(field);
    }
    line.push(b'"');
    for &b in field {
        if b == b'"' {
            line.push(b'"');
        }
        line.push(b);
    }
    line.push(b'"');
}

/// The fields of a line.
fn split(line: &str, separator: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let mut field = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            while let Some((part, after)) = rest.split_once('"') {
                field.push_str(part);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break,
                }
                field.push('"');
            }
        }
        let (part, after) = match rest.split_once(separator) {
            Some((part, after)) => (part, Some(after)),
            None => (rest, None),
        };
        field.push_str(part);
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_is_written() {
        assert_eq!(
            split("a,\"b,\"\"c\"\"\",,d", ","),
            ["a", "b,\"c\"", "", "d"]
        );
    }

    #[test]
    fn fields_are_quoted_where_a_reader_needs_it() {
        let quoted = |field: &str, separator: &str| {
            let mut line = Vec::new();
            quote(&mut line, field.as_bytes(), separator);
            String::from_utf8_lossy(&line).into_owned()
        };
        assert_eq!(quoted("a b", ","), "a b");
        assert_eq!(quoted("", ","), "\"\"");
        assert_eq!(quoted("a,b", ","), "\"a,b\"");
        assert_eq!(quoted("a,b", ";"), "a,b");
        assert_eq!(quoted("say \"x\"\n", ","), "\"say \"\"x\"\"\n\"");
        assert_eq!(quoted(" a", ","), "\" a\"");
    }
}
