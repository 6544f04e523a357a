//! Holds rows against the schema at the source, where an option asks for it: another spelling of times, a mode other than
//! permissive, a column for malformed records. Otherwise rows pass as they came, and each reader of a column reads its type.

use anyhow::Result;
use st_expr::{Field, Schema, Type, read_json};
use st_row::{Edit, Fields, Kind, Spans, Splice, elements_of, fields_of, unescape};

use crate::malformed::{Malformed, misfit};
use crate::rows::{Room, Rows};
use crate::times::Times;
use crate::{Format, Reading};

/// The schema, ready to be held against rows.
pub(crate) struct Conform {
    /// Rows of JSON are checked; those of CSV were as they were made.
    checks: bool,
    columns: Vec<Field>,
    malformed: Malformed,
    times: Times,
    /// The columns, then the one for malformed records.
    fields: Fields,
    spans: Spans,
    splice: Splice,
    edits: Vec<Edit>,
    values: Vec<u8>,
    made: Vec<u8>,
}

impl Conform {
    /// None if rows may pass as they are.
    pub(crate) fn new(reading: &Reading) -> Option<Conform> {
        let malformed = reading.malformed.clone();
        let wanted = malformed.rejects_misfits() || reading.times.any();
        if !wanted && malformed.column.is_none() {
            return None;
        }
        let mut schema: Schema = reading.declared();
        if let Some(column) = &malformed.column {
            schema.remove(column);
        }
        let columns = schema.fields;
        let names = columns.iter().map(|field| field.name.as_str());
        Some(Conform {
            checks: matches!(reading.format, Format::Json | Format::Logfmt),
            fields: Fields::new(names.chain(malformed.column.as_deref())),
            columns,
            malformed,
            times: reading.times.clone(),
            spans: Spans::default(),
            splice: Splice::new(),
            edits: Vec::new(),
            values: Vec::new(),
            made: Vec::new(),
        })
    }

    /// Looks at one row: what is to be changed in it is in `edits`. Gives the first column that does not fit.
    fn look(&mut self, row: &[u8]) -> Result<Option<usize>> {
        self.edits.clear();
        self.values.clear();
        self.fields.locate(row, &mut self.spans)?;
        let mut misfit = None;
        for (field, column) in self.columns.iter().enumerate() {
            let Some(raw) = self.spans.get(row, field) else {
                continue;
            };
            let start = self.values.len();
            if !conform(raw, &column.kind, &self.times, &mut self.values) {
                misfit.get_or_insert(field);
            }
            if self.values[start..] == *raw {
                self.values.truncate(start);
            } else {
                let value = start..self.values.len();
                self.edits.push(Edit::Set { field, value });
            }
        }
        Ok(misfit)
    }

    /// Sets the column for malformed records to the text of one, or to null where a good row has something there.
    fn mark(&mut self, row: &[u8], malformed: bool) {
        let field = self.columns.len();
        if self.malformed.column.is_none() || !malformed && self.spans.span(field).is_none() {
            return;
        }
        let start = self.values.len();
        if malformed {
            st_row::write_string(&mut self.values, &String::from_utf8_lossy(row));
        } else {
            self.values.extend_from_slice(b"null");
        }
        let value = start..self.values.len();
        self.edits.push(Edit::Set { field, value });
    }
}

/// Appends a raw value with its times in the standard spelling; false if it, or something in it, does not fit its type. What
/// does not fit stands as it came, a time that the pattern does not read as null.
fn conform(raw: &[u8], kind: &Type, times: &Times, out: &mut Vec<u8>) -> bool {
    let found = Kind::of(raw);
    match (kind, found) {
        (_, Some(Kind::Null)) | (Type::Any, _) => {
            out.extend_from_slice(raw);
            true
        }
        (Type::Timestamp, Some(Kind::String)) if times.timestamp.is_some() => {
            time(raw, out, |text, out| match &times.timestamp {
                Some(by) => times.write_timestamp(out, text, by),
                None => false,
            })
        }
        (Type::Date, Some(Kind::String)) if times.date.is_some() => {
            time(raw, out, |text, out| match &times.date {
                Some(by) => times.write_date(out, text, by),
                None => false,
            })
        }
        (Type::Struct(fields), Some(Kind::Object)) => members(raw, out, |name, value, out| {
            let kind = fields.iter().find(|field| field.name == name);
            conform(
                value,
                kind.map_or(&Type::Any, |field| &field.kind),
                times,
                out,
            )
        }),
        (Type::Map(_, kind), Some(Kind::Object)) => {
            members(raw, out, |_, value, out| conform(value, kind, times, out))
        }
        (Type::Array(kind), Some(Kind::Array)) => {
            let mut fits = true;
            out.push(b'[');
            for (index, element) in elements_of(raw).flatten().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                fits &= conform(element, kind, times, out);
            }
            out.push(b']');
            fits
        }
        _ => {
            out.extend_from_slice(raw);
            !read_json(raw, kind, times.zone).is_null()
        }
    }
}

fn time(raw: &[u8], out: &mut Vec<u8>, write: impl Fn(&str, &mut Vec<u8>) -> bool) -> bool {
    let fits = unescape(raw).is_ok_and(|text| write(&text, out));
    if !fits {
        out.extend_from_slice(b"null");
    }
    fits
}

fn members(
    raw: &[u8],
    out: &mut Vec<u8>,
    mut each: impl FnMut(&str, &[u8], &mut Vec<u8>) -> bool,
) -> bool {
    let mut fits = true;
    out.push(b'{');
    for (index, (key, value)) in fields_of(raw).flatten().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b':');
        let name = unescape(key).unwrap_or_default();
        fits &= each(&name, value, out);
    }
    out.push(b'}');
    fits
}

/// Rows on their way through a [`Conform`].
pub(crate) struct Conforming<'a, R> {
    conform: &'a mut Conform,
    rows: &'a mut R,
    /// The line at which the next rows begin.
    line: u64,
}

impl<'a, R: Rows> Conforming<'a, R> {
    /// `line`: where the block begins.
    pub(crate) fn new(conform: &'a mut Conform, rows: &'a mut R, line: u64) -> Self {
        Conforming {
            conform,
            rows,
            line,
        }
    }

    fn send(&mut self, count: &mut u64) -> Result<()> {
        if *count > 0 {
            self.rows.rows(&self.conform.made, *count)?;
        }
        self.conform.made.clear();
        *count = 0;
        Ok(())
    }
}

impl<R: Rows> Rows for Conforming<'_, R> {
    fn room(&self) -> Room {
        self.rows.room()
    }

    fn set_room(&mut self, room: Room) {
        self.rows.set_room(room);
    }

    fn clock(&self) -> i64 {
        self.rows.clock()
    }

    fn at(&mut self, line: u64) {
        self.line = line;
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        if !self.conform.checks {
            return self.rows.rows(lines, count);
        }
        let mut made = 0;
        self.conform.made.clear();
        for (index, row) in lines.split_inclusive(|b| *b == b'\n').enumerate() {
            let row = &row[..row.len() - 1];
            let misfit_at = self.conform.look(row)?;
            if let Some(field) = misfit_at
                && self.conform.malformed.rejects_misfits()
            {
                self.send(&mut made)?;
                let column = &self.conform.columns[field];
                let raw = self.conform.spans.get(row, field).unwrap_or_default();
                let reason = misfit(&column.name, raw, &column.kind);
                self.rows.bad(row, &reason, self.line + index as u64)?;
                continue;
            }
            let conform = &mut *self.conform;
            conform.mark(row, misfit_at.is_some());
            if conform.edits.is_empty() {
                conform.made.extend_from_slice(row);
            } else {
                conform.splice.apply(
                    &conform.fields,
                    row,
                    &conform.spans,
                    &conform.edits,
                    &conform.values,
                    &mut conform.made,
                )?;
            }
            conform.made.push(b'\n');
            made += 1;
        }
        self.send(&mut made)
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        let Some(column) = &self.conform.malformed.column else {
            return self.rows.bad(record, reason, line);
        };
        let made = &mut self.conform.made;
        made.clear();
        made.push(b'{');
        st_row::write_string(made, column);
        made.push(b':');
        st_row::write_string(made, &String::from_utf8_lossy(record));
        made.extend_from_slice(b"}\n");
        self.rows.rows(made, 1)
    }

    fn refuse(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.rows.bad(record, reason, line)
    }
}
