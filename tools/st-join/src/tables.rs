//! A table from a file: CSV, JSON, Parquet or SQLite become rows of JSON, whatever the file was, so that a version can be
//! kept in the checkpoint as rows and told from another by its bytes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use flate2::read::MultiGzDecoder;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use st_expr::{Schema, Type};
use st_input::{Blocks, Decoder, Format, LINE_LIMIT, Reading, Room, Rows};
use st_row::write_string;
use st_stream::cli::usage;
use st_time::Zone;

/// Bytes of a compressed file that are read at once.
const ROOM: usize = 128 * 1024;

/// How the file is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text(Format),
    Parquet,
    Sqlite,
}

/// A table's rows, and what is known of their columns.
pub struct Loaded {
    /// Lines of JSON.
    pub rows: Vec<u8>,
    /// The types that the user or the file declares.
    pub schema: Schema,
    /// The columns that the file names, whether it has rows or not.
    pub columns: Vec<String>,
    /// Records that are no rows, and why the first is none.
    pub bad: u64,
    pub first_bad: Option<String>,
}

/// Where a table is and how it is read.
pub struct Table {
    pub path: PathBuf,
    pub kind: Kind,
    schema: Option<Schema>,
    name: Option<String>,
}

/// What tells that a file has changed without reading it: length, inode, time of change in seconds and nanoseconds; of SQLite
/// also that of what was written ahead.
pub type Stamp = Vec<(u64, u64, i64, i64)>;

impl Table {
    /// The table at `path`; `format` if its name does not tell.
    ///
    /// # Errors
    /// A format nobody knows.
    pub fn new(
        path: PathBuf,
        format: Option<&str>,
        schema: Option<Schema>,
        name: Option<String>,
    ) -> Result<Table> {
        let kind = match format {
            Some("csv") => Kind::Text(Format::Csv),
            Some("tsv") => Kind::Text(Format::Tsv),
            Some("json") => Kind::Text(Format::Json),
            Some("parquet") => Kind::Parquet,
            Some("sqlite") => Kind::Sqlite,
            Some(other) => {
                return Err(usage(format!(
                    "--right-format {other}: give csv, tsv, json, parquet or sqlite"
                )));
            }
            None => match path.extension().and_then(|extension| extension.to_str()) {
                Some("parquet") => Kind::Parquet,
                Some("db" | "sqlite" | "sqlite3") => Kind::Sqlite,
                _ => match Format::of_name(&path.to_string_lossy()) {
                    Some(format @ (Format::Csv | Format::Tsv | Format::Json)) => Kind::Text(format),
                    _ => {
                        return Err(usage(format!(
                            "{}: its name tells no format: give --right-format csv, tsv, json, parquet or sqlite",
                            path.display()
                        )));
                    }
                },
            },
        };
        if name.is_some() && kind != Kind::Sqlite {
            return Err(usage(format!(
                "--right-table: {} is no SQLite file: leave it out",
                path.display()
            )));
        }
        Ok(Table {
            path,
            kind,
            schema,
            name,
        })
    }

    /// The file as it stands.
    ///
    /// # Errors
    /// If it is gone.
    pub fn stamp(&self) -> Result<Stamp> {
        use std::os::unix::fs::MetadataExt;
        let of = |path: &Path| {
            std::fs::metadata(path)
                .map(|meta| (meta.len(), meta.ino(), meta.mtime(), meta.mtime_nsec()))
        };
        let mut stamp = vec![
            of(&self.path)
                .with_context(|| format!("{}: the table is gone", self.path.display()))?,
        ];
        if self.kind == Kind::Sqlite {
            let mut ahead = self.path.clone().into_os_string();
            ahead.push("-wal");
            stamp.extend(of(Path::new(&ahead)));
        }
        Ok(stamp)
    }

    /// Reads the whole table.
    ///
    /// # Errors
    /// A file that is not in its format.
    pub fn load(&self) -> Result<Loaded> {
        let loaded = match self.kind {
            Kind::Text(format) => self.text(format),
            Kind::Parquet => self.parquet(),
            Kind::Sqlite => self.sqlite(),
        };
        let mut loaded = loaded.with_context(|| self.path.display().to_string())?;
        if let Some(schema) = &self.schema {
            loaded.schema = schema.clone();
        }
        Ok(loaded)
    }

    fn text(&self, format: Format) -> Result<Loaded> {
        let reading = Reading {
            schema: Arc::new(self.schema.clone().unwrap_or_default()),
            ..Reading::plain(format, LINE_LIMIT)
        };
        let mut file = open(&self.path).context("cannot open")?;
        let (mut decoder, mut blocks, mut taken) =
            (Decoder::new(&reading), Blocks::default(), Taken::default());
        loop {
            let last = blocks.fill(&mut file).context("cannot read")? == 0;
            let used = decoder.decode(blocks.data(), last, &mut taken)?;
            blocks.consume(used);
            if last {
                break;
            }
        }
        Ok(Loaded {
            rows: taken.rows,
            schema: Schema::default(),
            columns: decoder.header().unwrap_or_default(),
            bad: taken.bad,
            first_bad: taken.first,
        })
    }

    fn parquet(&self) -> Result<Loaded> {
        let reader = SerializedFileReader::new(File::open(&self.path).context("cannot open")?)
            .map_err(|error| anyhow!("not a Parquet file: {error}"))?;
        let (mut schema, mut columns) = (Schema::default(), Vec::new());
        for column in reader.metadata().file_metadata().schema().get_fields() {
            columns.push(column.name().to_string());
            if column.is_primitive()
                && let Some(kind) = type_of(
                    column.get_physical_type(),
                    column.get_basic_info().logical_type_ref(),
                    column,
                )
            {
                schema.set(column.name(), kind);
            }
        }
        let mut rows = Vec::new();
        for row in reader
            .get_row_iter(None)
            .map_err(|error| anyhow!("cannot read: {error}"))?
        {
            object(
                &mut rows,
                &row.map_err(|error| anyhow!("cannot read: {error}"))?,
            );
            rows.push(b'\n');
        }
        Ok(Loaded {
            rows,
            schema,
            columns,
            bad: 0,
            first_bad: None,
        })
    }

    fn sqlite(&self) -> Result<Loaded> {
        let database = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .context("cannot open as SQLite")?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => only_table(&database)?,
        };
        let quoted = name.replace('"', "\"\"");
        let mut statement = database
            .prepare(&format!("select * from \"{quoted}\" order by rowid"))
            .or_else(|_| database.prepare(&format!("select * from \"{quoted}\"")))
            .with_context(|| format!("table {name}"))?;
        let names: Vec<String> = statement
            .column_names()
            .into_iter()
            .map(str::to_string)
            .collect();
        let mut found = statement
            .query([])
            .with_context(|| format!("table {name}"))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().with_context(|| format!("table {name}"))? {
            rows.push(b'{');
            for (at, column) in names.iter().enumerate() {
                if at > 0 {
                    rows.push(b',');
                }
                write_string(&mut rows, column);
                rows.push(b':');
                match row.get_ref(at).with_context(|| format!("table {name}"))? {
                    ValueRef::Null => rows.extend_from_slice(b"null"),
                    ValueRef::Integer(number) => st_row::write_i64(&mut rows, number),
                    ValueRef::Real(number) => real(&mut rows, number),
                    ValueRef::Text(text) => write_string(&mut rows, &String::from_utf8_lossy(text)),
                    ValueRef::Blob(bytes) => binary(&mut rows, bytes),
                }
            }
            rows.extend_from_slice(b"}\n");
        }
        Ok(Loaded {
            rows,
            schema: Schema::default(),
            columns: names,
            bad: 0,
            first_bad: None,
        })
    }
}

/// The one table of a SQLite file.
fn only_table(database: &Connection) -> Result<String> {
    let mut statement = database.prepare(
        "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' and name not like '\\_st\\_%' escape '\\' order by name",
    ).context("not a SQLite file")?;
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .context("not a SQLite file")?;
    let names = names
        .collect::<Result<Vec<_>, _>>()
        .context("not a SQLite file")?;
    match names.as_slice() {
        [name] => Ok(name.clone()),
        [] => bail!("has no table"),
        several => Err(usage(format!(
            "has the tables {}: choose one with --right-table",
            several.join(", ")
        ))),
    }
}

/// Rows as a decoder finds them.
#[derive(Default)]
struct Taken {
    rows: Vec<u8>,
    bad: u64,
    first: Option<String>,
}

impl Rows for Taken {
    fn room(&self) -> Room {
        Room::ENDLESS
    }

    fn set_room(&mut self, _room: Room) {}

    /// A table is of no batch.
    fn clock(&self) -> i64 {
        0
    }

    fn rows(&mut self, lines: &[u8], _count: u64) -> Result<()> {
        self.rows.extend_from_slice(lines);
        Ok(())
    }

    fn bad(&mut self, _record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.bad += 1;
        self.first
            .get_or_insert_with(|| format!("line {line}: {reason}"));
        Ok(())
    }
}

/// A file's text, compressed or not.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    Ok(
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Box::new(MultiGzDecoder::new(BufReader::with_capacity(ROOM, file))),
            Some("zst") => Box::new(zstd::stream::read::Decoder::new(file)?),
            _ => Box::new(file),
        },
    )
}

/// The type of a Parquet column whose values are text in JSON, or lose something there.
fn type_of(
    physical: Physical,
    logical: Option<&LogicalType>,
    column: &parquet::schema::types::Type,
) -> Option<Type> {
    match (logical, physical) {
        (Some(LogicalType::Date), _) => Some(Type::Date),
        (Some(LogicalType::Timestamp { .. }), _) | (None, Physical::INT96) => Some(Type::Timestamp),
        (Some(LogicalType::Decimal { .. }), _) => Some(Type::Decimal {
            precision: u8::try_from(column.get_precision()).ok()?,
            scale: u8::try_from(column.get_scale()).ok()?,
        }),
        (None, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY)
            if column.get_basic_info().converted_type() == ConvertedType::NONE =>
        {
            Some(Type::Binary)
        }
        _ => None,
    }
}

fn object(out: &mut Vec<u8>, row: &Row) {
    out.push(b'{');
    for (at, (name, field)) in row.get_column_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        value(out, field);
    }
    out.push(b'}');
}

fn value(out: &mut Vec<u8>, field: &Field) {
    match field {
        Field::Null => out.extend_from_slice(b"null"),
        Field::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Field::Byte(n) => st_row::write_i64(out, i64::from(*n)),
        Field::Short(n) => st_row::write_i64(out, i64::from(*n)),
        Field::Int(n) => st_row::write_i64(out, i64::from(*n)),
        Field::Long(n) => st_row::write_i64(out, *n),
        Field::UByte(n) => st_row::write_i64(out, i64::from(*n)),
        Field::UShort(n) => st_row::write_i64(out, i64::from(*n)),
        Field::UInt(n) => st_row::write_i64(out, i64::from(*n)),
        Field::ULong(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Field::Float(n) => real(out, n.to_string().parse().unwrap_or(f64::from(*n))),
        Field::Double(n) => real(out, *n),
        Field::Str(text) => write_string(out, text),
        Field::Bytes(bytes) => binary(out, bytes.data()),
        Field::TimestampMillis(millis) => instant(out, millis.saturating_mul(1000)),
        Field::TimestampMicros(micros) => instant(out, *micros),
        Field::Date(days) => {
            st_expr::write_json(out, &st_expr::Value::Date(*days), Zone::UTC);
        }
        Field::Group(row) => object(out, row),
        Field::ListInternal(list) => {
            out.push(b'[');
            for (at, element) in list.elements().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                value(out, element);
            }
            out.push(b']');
        }
        Field::MapInternal(map) => {
            out.push(b'{');
            for (at, (key, entry)) in map.entries().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                match key {
                    Field::Str(key) => write_string(out, key),
                    key => write_string(out, &key.to_string()),
                }
                out.push(b':');
                value(out, entry);
            }
            out.push(b'}');
        }
        // Decimals, half floats, times: as they are printed, numbers as numbers.
        other => {
            let text = other.to_string();
            match text.parse::<f64>() {
                Ok(number) if number.is_finite() => out.extend_from_slice(text.as_bytes()),
                _ => write_string(out, text.trim_matches('"')),
            }
        }
    }
}

fn real(out: &mut Vec<u8>, number: f64) {
    st_expr::write_json(out, &st_expr::Value::Double(number), Zone::UTC);
}

fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    write_string(
        out,
        &base64::engine::general_purpose::STANDARD.encode(bytes),
    );
}

fn instant(out: &mut Vec<u8>, micros: i64) {
    st_expr::write_json(out, &st_expr::Value::Timestamp(micros), Zone::UTC);
}
