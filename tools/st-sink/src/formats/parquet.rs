//! Parquet, through the arrow crates: typed columns, snappy, row groups of bounded size.
//!
//! A column has its declared type, else the one that holds all values of the batch. Structs are taken apart; arrays of simple
//! values are lists; what is nested deeper is JSON text. The same rows give the same bytes: no time and no version of ours
//! is written into a file.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow_array::RecordBatch;
use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder, make_builder,
};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use st_expr::{Schema, Type, Value, read_json};
use st_stream::cli::usage;
use st_time::Zone;

use super::{FileWriter, Format, Output, Shape};
use crate::columns::{Cells, Column, Columns};

/// Rows turned into columns at a time.
const CHUNK: usize = 8192;
/// A row group ends at this many rows or bytes, whichever comes first; so much is held in memory.
const GROUP_ROWS: usize = 1 << 17;
const GROUP_BYTES: usize = 64 << 20;

/// How the pages of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec(Compression);

impl Codec {
    /// Spark's names; snappy by default, as in Spark.
    pub fn parse(name: Option<&str>) -> Result<Codec> {
        Ok(Codec(match name {
            None | Some("snappy") => Compression::SNAPPY,
            Some("none" | "uncompressed") => Compression::UNCOMPRESSED,
            Some("gzip" | "gz") => Compression::GZIP(GzipLevel::default()),
            Some("zstd" | "zst") => Compression::ZSTD(ZstdLevel::default()),
            Some("lz4" | "lz4_raw") => Compression::LZ4_RAW,
            Some("brotli") => Compression::BROTLI(BrotliLevel::default()),
            Some(how) => {
                return Err(usage(format!(
                    "--compression {how}: Parquet takes snappy, gzip, zstd, lz4, brotli or none"
                )));
            }
        }))
    }
}

/// Parquet files.
pub struct Parquet {
    codec: Codec,
    schema: Schema,
    without: Vec<String>,
    zone: Zone,
    columns: Columns,
    cells: Cells,
}

impl Parquet {
    /// Parquet, so compressed.
    pub fn new(codec: Codec) -> Parquet {
        let schema = Schema::default();
        let columns = Columns::new(&schema, true, &[]);
        Parquet {
            codec,
            schema,
            without: Vec::new(),
            zone: Zone::UTC,
            columns,
            cells: Cells::default(),
        }
    }
}

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn extension(&self) -> String {
        "parquet".to_string()
    }

    fn appends(&self) -> bool {
        false
    }

    fn shape(&mut self, shape: &Shape<'_>) -> Result<()> {
        self.schema = shape.schema.clone();
        self.without = shape.without.to_vec();
        self.zone = shape.zone;
        self.begin();
        Ok(())
    }

    fn begin(&mut self) {
        self.columns = Columns::new(&self.schema, true, &self.without);
    }

    fn look(&mut self, row: &[u8]) -> Result<(), String> {
        let cells = &mut self.cells;
        self.columns
            .walk(row, cells)
            .map_err(|bad| bad.to_string())?;
        if cells.is_empty() {
            return Err("a row without columns has no place in a Parquet file".to_string());
        }
        self.columns.learn(row, cells);
        Ok(())
    }

    fn open(&mut self, file: Output, _fresh: bool) -> Result<Box<dyn FileWriter>> {
        let columns: Vec<(Column, Type)> = self
            .columns
            .list()
            .into_iter()
            .map(|column| (column.clone(), stored(&column.kind())))
            .collect();
        if columns.is_empty() {
            bail!("parquet: no column is known: declare a schema at the source");
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|(column, kind)| Field::new(&column.name, data_type(kind), true))
            .collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(self.codec.0)
            .set_created_by("st-sink".to_string())
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        Ok(Box::new(Writer {
            file: ArrowWriter::try_new_with_options(file, schema.clone(), options)?,
            builders: columns
                .iter()
                .map(|(_, kind)| make_builder(&data_type(kind), CHUNK))
                .collect(),
            walker: self.columns.clone(),
            cells: Cells::default(),
            columns,
            schema,
            zone: self.zone,
            rows: 0,
        }))
    }
}

struct Writer {
    file: ArrowWriter<Output>,
    schema: SchemaRef,
    columns: Vec<(Column, Type)>,
    builders: Vec<Box<dyn ArrayBuilder>>,
    walker: Columns,
    cells: Cells,
    zone: Zone,
    rows: usize,
}

impl Writer {
    fn write_chunk(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let arrays = self
            .builders
            .iter_mut()
            .map(|builder| builder.finish())
            .collect();
        self.file
            .write(&RecordBatch::try_new(self.schema.clone(), arrays)?)?;
        self.rows = 0;
        Ok(())
    }
}

impl FileWriter for Writer {
    fn row(&mut self, row: &[u8]) -> Result<()> {
        self.walker.walk(row, &mut self.cells)?;
        for ((column, kind), builder) in self.columns.iter().zip(&mut self.builders) {
            let raw = self.cells.get(row, column.cell);
            let value = raw.map_or(Value::Null, |raw| read_json(raw, kind, self.zone));
            push(builder.as_mut(), kind, &value)?;
        }
        self.rows += 1;
        if self.rows == CHUNK {
            self.write_chunk()
        } else {
            Ok(())
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.write_chunk()?;
        let mut file = self.file.into_inner()?;
        Ok(std::io::Write::flush(&mut file)?)
    }
}

/// The type in the file: lists of simple values at most.
fn stored(kind: &Type) -> Type {
    match kind {
        Type::Array(element) => match **element {
            Type::Array(_) => Type::Array(Box::new(stored(element))),
            _ => Type::Array(Box::new(simple(element))),
        },
        other => simple(other),
    }
}

fn simple(kind: &Type) -> Type {
    match kind {
        Type::Any
        | Type::Null
        | Type::Interval
        | Type::Array(_)
        | Type::Map(..)
        | Type::Struct(_) => Type::String,
        other => other.clone(),
    }
}

fn data_type(kind: &Type) -> DataType {
    match kind {
        Type::Boolean => DataType::Boolean,
        Type::TinyInt => DataType::Int8,
        Type::SmallInt => DataType::Int16,
        Type::Int => DataType::Int32,
        Type::BigInt => DataType::Int64,
        Type::Float => DataType::Float32,
        Type::Double => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
        Type::Binary => DataType::Binary,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Array(element) => {
            DataType::List(Arc::new(Field::new("element", data_type(element), true)))
        }
        _ => DataType::Utf8,
    }
}

/// Appends a value read as `kind` to the builder of that type.
fn push(builder: &mut dyn ArrayBuilder, kind: &Type, value: &Value<'_>) -> Result<()> {
    let builder = builder.as_any_mut();
    macro_rules! put {
        ($builder:ty, $pattern:pat => $value:expr) => {{
            let Some(builder) = builder.downcast_mut::<$builder>() else {
                bail!("parquet: no builder for {kind}");
            };
            match value {
                $pattern => builder.append_value($value),
                _ => builder.append_null(),
            }
        }};
    }
    match kind {
        Type::Boolean => put!(BooleanBuilder, Value::Boolean(x) => *x),
        Type::TinyInt => put!(Int8Builder, Value::Integer(x) => *x as i8),
        Type::SmallInt => put!(Int16Builder, Value::Integer(x) => *x as i16),
        Type::Int => put!(Int32Builder, Value::Integer(x) => *x as i32),
        Type::BigInt => put!(Int64Builder, Value::Integer(x) => *x),
        Type::Float => put!(Float32Builder, Value::Double(x) => *x as f32),
        Type::Double => put!(Float64Builder, Value::Double(x) => *x),
        Type::Decimal { .. } => put!(Decimal128Builder, Value::Decimal(x) => x.unscaled),
        Type::Binary => put!(BinaryBuilder, Value::Binary(x) => x),
        Type::Date => put!(Date32Builder, Value::Date(x) => *x),
        Type::Timestamp => put!(TimestampMicrosecondBuilder, Value::Timestamp(x) => *x),
        Type::Array(element) => {
            let Some(builder) = builder.downcast_mut::<ListBuilder<Box<dyn ArrayBuilder>>>() else {
                bail!("parquet: no builder for {kind}");
            };
            if let Value::Array(values) = value {
                for value in values {
                    push(builder.values().as_mut(), element, value)?;
                }
            }
            builder.append(matches!(value, Value::Array(_)));
        }
        _ => put!(StringBuilder, Value::String(x) => x.as_ref()),
    }
    Ok(())
}
