//! CSV and TSV: each record becomes an object of its columns.
//!
//! The records are found here and not by a library, because a batch must be cut at a record's byte, a row is to be built
//! without copying its fields twice, and Spark's backslash dialect leaves every backslash alone that escapes nothing.

mod names;
mod scan;
mod typed;

use anyhow::Result;
use st_expr::Type;

use crate::decoder::State;
use crate::lines::line_end;
use crate::malformed::Malformed;
use crate::rows::{Room, Rows};
use crate::times::Times;
use crate::{Format, Reading};

use names::Column;
use scan::{Field, Found, Scanner};

/// How a quote is written inside a quoted field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Escape {
    /// Twice, as RFC 4180 has it
    #[default]
    #[value(alias = "\"")]
    Double,
    /// With a backslash before it, as Spark has it
    #[value(alias = "\\")]
    Backslash,
}

/// How the fields of a line are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Between fields; none: a comma for CSV, a tab for TSV.
    pub separator: Option<u8>,
    /// Around fields that hold separators, newlines or quotes; none: the double quote.
    pub quote: Option<u8>,
    /// Quotes mean nothing.
    pub unquoted: bool,
    /// How a quote is written in a quoted field.
    pub escape: Escape,
    /// The first line has no names.
    pub headless: bool,
    /// Lines that begin with it are passed over.
    pub comment: Option<u8>,
    /// Spaces before and behind a field without quotes are none of its text.
    pub trim: (bool, bool),
    /// What a null is written as; none: an empty field is null, quoted or not. Otherwise only an unquoted empty one is.
    pub null: Option<String>,
}

/// Rows are handed on in pieces of this size.
const PIECE: usize = 64 * 1024;

/// The columns of one input, and the records it is made of.
pub(crate) struct Table {
    scanner: Scanner,
    /// From the schema, by name; short rows are padded if there is one.
    declared: Vec<(String, Type)>,
    has_header: bool,
    header: Option<Vec<String>>,
    /// None until the header, or the first record, was seen.
    columns: Option<Vec<Column>>,
    fields: Vec<Field>,
    comment: Option<u8>,
    trim: (bool, bool),
    null: Option<String>,
    times: Times,
    malformed: Malformed,
}

impl Table {
    pub(crate) fn new(reading: &Reading, header: Option<Vec<String>>) -> Table {
        let tab = reading.format == Format::Tsv;
        let declared: Vec<(String, Type)> = reading
            .schema
            .fields
            .iter()
            .filter(|field| Some(&field.name) != reading.malformed.column.as_ref())
            .map(|field| (field.name.clone(), field.kind.clone()))
            .collect();
        let mut table = Table {
            scanner: Scanner::new(&reading.dialect, if tab { b'\t' } else { b',' }),
            has_header: !reading.dialect.headless,
            declared,
            header: None,
            columns: None,
            fields: Vec::new(),
            comment: reading.dialect.comment,
            trim: reading.dialect.trim,
            null: reading.dialect.null.clone(),
            times: reading.times.clone(),
            malformed: reading.malformed.clone(),
        };
        if let Some(names) = header {
            table.set_header(names);
        } else if !table.has_header && !table.declared.is_empty() {
            let names = table
                .declared
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            table.set_columns(names);
        }
        table
    }

    /// The names the first line gave or was given, once it was read; none if they are those of the schema.
    pub(crate) fn header(&self) -> Option<Vec<String>> {
        self.header.clone()
    }

    fn set_header(&mut self, names: Vec<String>) {
        self.header = Some(names.clone());
        self.set_columns(names);
    }

    fn set_columns(&mut self, names: Vec<String>) {
        self.columns = Some(names::columns(names, &self.declared));
    }

    pub(crate) fn decode<R: Rows>(
        &mut self,
        state: &mut State,
        block: &[u8],
        last: bool,
        rows: &mut R,
    ) -> Result<usize> {
        let mut room = rows.room();
        let mut at = state.pass_long(block, last, &mut room, rows)?;
        let mut made = Made {
            text: std::mem::take(&mut state.scratch),
            count: 0,
        };
        made.text.clear();
        while room.is_left() && state.long.is_none() && at < block.len() {
            let rest = &block[at..];
            if self.comment == rest.first().copied() {
                let Some((_, next)) = line_end(rest, 0, last) else {
                    if rest.len() <= state.limit {
                        break;
                    }
                    // Of no use to anybody, and too long to be waited for.
                    state.begin_long(rest);
                    at = block.len();
                    break;
                };
                room.take(0, next);
                state.pass(next, 1);
                at += next;
                continue;
            }
            let used = match self.scanner.record(rest, last, &mut self.fields) {
                Found::Record(end, next) if end <= state.limit => {
                    let seen = self.record(&rest[..end], state.line(), &mut made, rows)?;
                    room.take(seen, next);
                    next
                }
                Found::More if rest.len() <= state.limit => break,
                found => self.broken(state, rest, last, found, &mut room, rows)?,
            };
            if state.long.is_none() {
                state.pass(
                    used,
                    memchr::memchr_iter(b'\n', &rest[..used]).count() as u64,
                );
            }
            at += used;
            if made.text.len() >= PIECE {
                made.send(rows)?;
            }
        }
        made.send(rows)?;
        state.scratch = made.text;
        rows.set_room(room);
        Ok(at)
    }

    /// A record that is too long or whose quote is never closed: its first line is bad, and the next line is tried.
    #[cold]
    fn broken<R: Rows>(
        &self,
        state: &mut State,
        rest: &[u8],
        last: bool,
        found: Found,
        room: &mut Room,
        rows: &mut R,
    ) -> Result<usize> {
        let Some((end, next)) = line_end(rest, 0, last) else {
            state.begin_long(rest);
            return Ok(rest.len());
        };
        let line = &rest[..end];
        if line.len() > state.limit {
            state.reject_long(line, rows)?;
        } else if matches!(found, Found::Unclosed) {
            rows.bad(line, "a quote is not closed", state.line())?;
        } else {
            let reason = format!(
                "a record longer than {} bytes; is a quote not closed?",
                state.limit
            );
            rows.bad(line, &reason, state.line())?;
        }
        room.take(1, next);
        Ok(next)
    }

    /// Takes one whole record; returns how many rows it was: none for a header or a blank line.
    fn record<R: Rows>(
        &mut self,
        record: &[u8],
        line: u64,
        made: &mut Made,
        rows: &mut R,
    ) -> Result<u64> {
        if self.fields.len() == 1 && record.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')) {
            return Ok(0);
        }
        let Ok(text) = simdutf8::basic::from_utf8(record) else {
            return rows.bad(record, "not UTF-8", line).map(|()| 1);
        };
        let Some(columns) = &self.columns else {
            let values = self
                .fields
                .iter()
                .map(|field| self.scanner.value(text, field).into_owned());
            if self.has_header {
                let names = names::safe(values.collect());
                self.set_header(names);
                return Ok(0);
            }
            self.set_header(names::numbered(self.fields.len()));
            return self.record(record, line, made, rows);
        };
        let (got, wanted) = (self.fields.len(), columns.len());
        let keeps = self.malformed.column.as_deref();
        let rejects = self.malformed.rejects_misfits();
        if got > wanted || got < wanted && self.declared.is_empty() {
            if keeps.is_none() {
                made.send(rows)?;
                let reason = format!("{got} fields, but {wanted} columns");
                return rows.bad(record, &reason, line).map(|()| 1);
            }
        } else if got < wanted && rejects {
            made.send(rows)?;
            let reason = format!("{got} fields, but {wanted} columns");
            return rows.bad(record, &reason, line).map(|()| 1);
        }
        if columns.iter().any(Column::is_reserved) {
            return rows
                .refuse(record, &st_row::BadRow::Reserved.to_string(), line)
                .map(|()| 1);
        }
        let start = made.text.len();
        let mut fits = got == wanted;
        let (leading, trailing) = self.trim;
        for (index, column) in columns.iter().enumerate() {
            made.text.extend_from_slice(column.prefix());
            let field = self.fields.get_mut(index);
            let value = field.and_then(|field| {
                if leading || trailing {
                    field.trim(record, leading, trailing);
                }
                match &self.null {
                    None if field.is_empty() => None,
                    Some(_) if field.is_empty() && !field.is_quoted() => None,
                    None => Some(self.scanner.value(text, field)),
                    Some(null) => {
                        let value = self.scanner.value(text, field);
                        (value != null.as_str()).then_some(value)
                    }
                }
            });
            let Some(value) = value else {
                made.text.extend_from_slice(b"null");
                continue;
            };
            if !column.write(&mut made.text, &value, &self.times) {
                fits = false;
                if rejects {
                    made.text.truncate(start);
                    made.send(rows)?;
                    return rows.bad(record, &column.misfit(&value), line).map(|()| 1);
                }
            }
        }
        if let Some(column) = keeps
            && !fits
        {
            made.text.push(b',');
            st_row::write_string(&mut made.text, column);
            made.text.push(b':');
            st_row::write_string(&mut made.text, text);
        }
        made.text.extend_from_slice(b"}\n");
        made.count += 1;
        Ok(1)
    }
}

/// Rows that were built and not yet handed on.
struct Made {
    text: Vec<u8>,
    count: u64,
}

impl Made {
    fn send<R: Rows>(&mut self, rows: &mut R) -> Result<()> {
        if self.count > 0 {
            rows.rows(&self.text, self.count)?;
        }
        self.text.clear();
        self.count = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
