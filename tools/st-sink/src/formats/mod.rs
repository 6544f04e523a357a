//! How rows stand in a file: one format per module, all behind [`Format`].

use std::io::{self, Write};

use anyhow::Result;
use serde_json::Value;
use st_expr::Schema;
use st_time::Zone;

pub mod csv;
pub mod json;
pub mod parquet;
pub mod text;
pub mod times;

pub use csv::{Csv, CsvLayout};
pub use json::Json;
pub use parquet::{Codec, Parquet};
pub use text::Text;
pub use times::Times;

/// Where a file's bytes go.
pub type Output = Box<dyn Write + Send>;

/// What a format must know of the stream.
pub struct Shape<'a> {
    /// The declared columns.
    pub schema: &'a Schema,
    /// Top-level columns that are not written: they are in the names of the folders.
    pub without: &'a [String],
    /// The session's time zone.
    pub zone: Zone,
}

/// A file format. Order of calls: `shape`, then per batch `begin`, `look` at each row, `open`, and the same rows again.
pub trait Format {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What its files' names end with, without the first dot.
    fn extension(&self) -> String;

    /// True if a file can be continued.
    fn appends(&self) -> bool {
        true
    }

    /// True if its bytes are compressed as a whole.
    fn is_packed(&self) -> bool {
        false
    }

    /// Learns of the stream; refuses what cannot be written.
    fn shape(&mut self, shape: &Shape<'_>) -> Result<()>;

    /// Columns are fixed by the first batch, since one file takes all: see [`Format::columns`].
    fn fix_columns(&mut self) {}

    /// The fixed columns, to be recorded; none if the format needs none.
    fn columns(&self) -> Option<Value> {
        None
    }

    /// The columns an earlier run recorded.
    fn recall(&mut self, _columns: &Value) {}

    /// The first line of a file of others that is to be continued.
    fn adopt(&mut self, _first_line: &str) {}

    /// A batch begins.
    fn begin(&mut self) {}

    /// True if a file is its rows as they stand, a row to a line, and `look` has nothing to say. Asked after `shape`.
    fn is_lines(&self) -> bool {
        false
    }

    /// Looks at a row of the batch. `Err` is the reason to reject it.
    fn look(&mut self, row: &[u8]) -> Result<(), String>;

    /// Writes a file, or more of one that is not `fresh`.
    fn open(&mut self, file: Output, fresh: bool) -> Result<Box<dyn FileWriter>>;
}

/// A file being written.
pub trait FileWriter {
    /// Writes a row.
    fn row(&mut self, row: &[u8]) -> Result<()>;

    /// Writes many rows, each given with its newline.
    fn rows(&mut self, lines: &[u8]) -> Result<()> {
        each_line(lines, |row| self.row(row))
    }

    /// Writes what is left, and flushes.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Calls `take` for each line, without its newline.
pub fn each_line(lines: &[u8], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut rest = lines;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        take(&rest[..end])?;
        rest = &rest[end + 1..];
    }
    Ok(())
}

/// How a text format is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// `ending`, and what the packing adds to it.
    pub fn extension(self, ending: &str) -> String {
        match self {
            Compression::None => ending.to_string(),
            Compression::Gzip => format!("{ending}.gz"),
            Compression::Zstd => format!("{ending}.zst"),
        }
    }

    /// Packs what is written to `file`.
    pub fn open(self, file: Output) -> Result<Packed> {
        Ok(match self {
            Compression::None => Packed::None(file),
            // Without a name and a time in the header the same rows give the same bytes.
            Compression::Gzip => Packed::Gzip(flate2::write::GzEncoder::new(
                file,
                flate2::Compression::default(),
            )),
            Compression::Zstd => Packed::Zstd(zstd::Encoder::new(file, 0)?),
        })
    }
}

/// A packed file being written.
pub enum Packed {
    #[allow(missing_docs)]
    None(Output),
    #[allow(missing_docs)]
    Gzip(flate2::write::GzEncoder<Output>),
    #[allow(missing_docs)]
    Zstd(zstd::Encoder<'static, Output>),
}

impl Packed {
    /// Writes these bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Packed::None(file) => file.write_all(bytes),
            Packed::Gzip(file) => file.write_all(bytes),
            Packed::Zstd(file) => file.write_all(bytes),
        }
    }

    /// Writes the end of the packing, and flushes.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Packed::None(file) => file,
            Packed::Gzip(file) => file.finish()?,
            Packed::Zstd(file) => file.finish()?,
        }
        .flush()
    }
}
