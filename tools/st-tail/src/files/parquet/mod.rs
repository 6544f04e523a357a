//! Parquet as a source: a range of a file is a range of its rows, so that a batch can be cut anywhere and read again.

mod cells;
mod types;

use std::fs::File;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as Physical;
use parquet::schema::types::SchemaDescriptor;
use st_expr::Schema;
use st_input::Rows;

pub use types::merged;

use super::damaged::Damaged;
use cells::{Cells, prefix};

/// Rows taken into memory at a time.
const CHUNK: usize = 1024;
/// Rows are handed on in pieces of this size.
const PIECE: usize = 64 * 1024;

/// What the footer of a file says.
pub struct Footer {
    metadata: ArrowReaderMetadata,
    /// The columns with their types.
    pub schema: Schema,
}

impl Footer {
    /// Reads it. `path` is for messages.
    pub fn read(file: &File, path: &str) -> Result<Footer> {
        let broken = |error: &dyn std::fmt::Display| {
            let what = format!("is no whole Parquet file ({}): replace it", short(error));
            Damaged::error(path, &what)
        };
        // What another library noted beside the types of the file itself is of no concern.
        let plain = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let mut metadata = ArrowReaderMetadata::load(file, plain()).map_err(|e| broken(&e))?;
        if let Some(schema) = with_instants(metadata.schema(), metadata.parquet_schema()) {
            let options = plain().with_schema(Arc::new(schema));
            metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
                .map_err(|e| broken(&e))?;
        }
        let schema = types::schema_of(metadata.schema())
            .map_err(|what| Damaged::error(path, &format!("{what}: leave it out of the file")))?;
        if schema.kind("$st").is_some() {
            let what = "the column `$st` is named like a marker: rename it";
            return Err(Damaged::error(path, what));
        }
        Ok(Footer { metadata, schema })
    }
}

/// The schema with columns of the old kind, INT96, as the instants in microseconds they are; none if there are none.
fn with_instants(schema: &ArrowSchema, leaves: &SchemaDescriptor) -> Option<ArrowSchema> {
    let is_old = |leaf: usize| leaves.column(leaf).physical_type() == Physical::INT96;
    if !(0..leaves.num_columns()).any(is_old) {
        return None;
    }
    let mut leaf = 0;
    let fields = schema.fields().iter();
    let fields: Fields = fields
        .map(|field| instants(field, &mut leaf, &is_old))
        .collect();
    Some(ArrowSchema::new(fields))
}

fn instants(field: &FieldRef, leaf: &mut usize, is_old: &dyn Fn(usize) -> bool) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| instants(field, leaf, is_old))
                .collect(),
        ),
        DataType::List(element) => DataType::List(instants(element, leaf, is_old)),
        DataType::Map(entries, sorted) => DataType::Map(instants(entries, leaf, is_old), *sorted),
        other => {
            *leaf += 1;
            if is_old(*leaf - 1) {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            } else {
                other.clone()
            }
        }
    };
    Arc::new(Field::new(field.name(), kind, field.is_nullable()))
}

/// One file, from a row of it on.
pub struct Table {
    path: String,
    reader: ParquetRecordBatchReader,
    chunk: Option<RecordBatch>,
    /// The next row of the chunk.
    at: usize,
    /// The next row of the file.
    next: u64,
    /// The first row that was to be read, and the one behind the last.
    range: (u64, u64),
    declared: Schema,
    prefixes: Vec<Vec<u8>>,
    text: Vec<u8>,
    eof: bool,
}

impl Table {
    /// Reads from row `from` on, up to `to` if it is given. `declared` are the types to be read; `wanted` the columns, none
    /// for all of them. Gives also the names of the columns that are not wanted.
    pub fn open(
        file: File,
        path: &str,
        declared: &Schema,
        wanted: Option<&Schema>,
        (from, to): (u64, Option<u64>),
    ) -> Result<(Table, Vec<String>)> {
        let footer = Footer::read(&file, path)?;
        let (mut columns, mut left) = (Vec::new(), Vec::new());
        for (index, field) in footer.schema.fields.iter().enumerate() {
            if wanted.is_some_and(|wanted| wanted.kind(&field.name).is_none()) {
                left.push(field.name.clone());
                continue;
            }
            if let Some(kind) = declared.kind(&field.name)
                && !types::reads(kind, &field.kind)
            {
                let what = format!(
                    "column `{}` is {} there, and {kind} is declared: declare a type that holds both with --schema",
                    field.name, field.kind
                );
                return Err(Damaged::error(path, &what));
            }
            columns.push(index);
        }
        let names = columns
            .iter()
            .map(|index| &footer.schema.fields[*index].name);
        let prefixes = names
            .enumerate()
            .map(|(index, name)| prefix(index, name))
            .collect();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.metadata);
        let rows = builder.metadata().file_metadata().num_rows();
        let rows = u64::try_from(rows).unwrap_or(0);
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let as_size = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        let mut builder = builder.with_projection(mask).with_batch_size(CHUNK);
        if from > 0 {
            builder = builder.with_offset(as_size(from));
        }
        if let Some(to) = to {
            builder = builder.with_limit(as_size(to.saturating_sub(from)));
        }
        let reader = builder
            .build()
            .map_err(|error| unreadable(path, from, &error))?;
        let table = Table {
            path: path.to_string(),
            reader,
            chunk: None,
            at: 0,
            next: from,
            range: (from, to.unwrap_or(rows).min(rows)),
            declared: declared.clone(),
            prefixes,
            text: Vec::new(),
            eof: false,
        };
        Ok((table, left))
    }

    /// The next row that was not handed on.
    pub fn place(&self) -> u64 {
        self.next
    }

    /// The part of `size` bytes that the rows handed on are, as if all were of one length.
    pub fn share_of(&self, size: u64) -> u64 {
        let (from, to) = self.range;
        let done = u128::from(self.next.saturating_sub(from));
        let all = u128::from(to.saturating_sub(from)).max(1);
        u64::try_from(u128::from(size) * done / all).map_or(size, |done| done.min(size))
    }

    /// Hands on the rows of one chunk as far as there is room; true if those were the last of the file.
    pub fn read<R: Rows>(&mut self, rows: &mut R) -> Result<bool> {
        self.fill()?;
        let Some(chunk) = &self.chunk else {
            return Ok(true);
        };
        let fields = chunk.schema();
        let columns = fields.fields().iter().zip(chunk.columns());
        let cells: Vec<Cells<'_>> = columns
            .map(|(field, column)| Cells::of(column.as_ref(), self.declared.kind(field.name())))
            .collect();
        let mut room = rows.room();
        let mut count = 0;
        self.text.clear();
        while room.is_left() && self.at < chunk.num_rows() {
            let start = self.text.len();
            for (prefix, cells) in self.prefixes.iter().zip(&cells) {
                self.text.extend_from_slice(prefix);
                cells.write(self.at, &mut self.text);
            }
            let end: &[u8] = if cells.is_empty() { b"{}\n" } else { b"}\n" };
            self.text.extend_from_slice(end);
            room.take(1, self.text.len() - start);
            self.at += 1;
            self.next += 1;
            count += 1;
            if self.text.len() >= PIECE {
                rows.rows(&self.text, count)?;
                self.text.clear();
                count = 0;
            }
        }
        if count > 0 {
            rows.rows(&self.text, count)?;
        }
        rows.set_room(room);
        // A batch that is full with the last row of a file ends with the file.
        self.fill()?;
        Ok(self.chunk.is_none())
    }

    /// Takes the next chunk if the last one is used up; none at the end.
    fn fill(&mut self) -> Result<()> {
        while !self.eof {
            if let Some(chunk) = &self.chunk
                && self.at < chunk.num_rows()
            {
                break;
            }
            self.at = 0;
            self.chunk = match self.reader.next() {
                None => None,
                Some(Ok(chunk)) => Some(chunk),
                Some(Err(error)) => return Err(unreadable(&self.path, self.next, &error)),
            };
            self.eof = self.chunk.is_none();
        }
        Ok(())
    }
}

fn unreadable(path: &str, row: u64, error: &dyn std::fmt::Display) -> anyhow::Error {
    let (row, error) = (row + 1, short(error));
    let what = format!("cannot be read from row {row} on ({error}): replace it");
    Damaged::error(path, &what)
}

/// The first line of an error of the library, without the name of its kind.
fn short(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let mut first = text.lines().next().unwrap_or_default();
    for kind in ["Parquet argument error: ", "Parquet error: "] {
        first = first.strip_prefix(kind).unwrap_or(first);
    }
    first.to_string()
}
