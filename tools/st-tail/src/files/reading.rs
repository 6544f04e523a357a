//! One file while it is read: as much of it as fits into the batch.

use std::fs::File;

use anyhow::Result;
use st_expr::Schema;
use st_input::{Advice, Direct};
use st_stream::{Budget, Out};

use super::listing::Found;
use super::parquet::Table;
use super::partition::{Columns, WithColumns};
use super::range::{FileRange, Mark};
use super::shape::Shape;
use super::text::Text;
use crate::config::Config;
use crate::open;

/// A file that is being read.
pub struct Reading {
    found: Found,
    content: Content,
    /// The columns its folders are.
    columns: Option<Columns>,
    /// The schema its rows depend on.
    schema: Option<String>,
    /// Where the open batch begins in it.
    from: Mark,
    rows: u64,
    sum: crc32fast::Hasher,
    /// Where this run began in it.
    begun: Mark,
    /// Of what is compressed: the bytes of the file up to there.
    skipped: u64,
}

enum Content {
    Text(Box<Text>),
    Parquet(Box<Table>),
}

/// Where to begin in a file, and where to end.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub from: Mark,
    /// None: at its end.
    pub to: Option<Mark>,
    /// The names of its header line, if it begins after it.
    pub header: Option<Vec<String>>,
}

impl Reading {
    /// Reads a part of `file`. `name` is who speaks; none: nobody.
    pub fn new(
        config: &Config,
        shape: &Shape,
        name: Option<&str>,
        found: Found,
        file: File,
        part: Part,
    ) -> Result<Reading> {
        let schema = config.schema_of_rows(&found.path);
        Reading::with_schema(config, shape, name, found, file, part, schema)
    }

    /// Reads a recorded range and nothing after it.
    pub fn again(config: &Config, shape: &Shape, range: &FileRange, file: File) -> Result<Reading> {
        let found = Found {
            mtime: range.mtime,
            path: range.path.clone(),
            size: range.size,
        };
        let part = Part {
            from: range.from,
            to: range.to.or(match config.is_parquet(&range.path) {
                true => None,
                false => Some(Mark::at(range.size, 0)),
            }),
            header: range.header.clone(),
        };
        Reading::with_schema(config, shape, None, found, file, part, range.schema.clone())
    }

    fn with_schema(
        config: &Config,
        shape: &Shape,
        name: Option<&str>,
        found: Found,
        file: File,
        part: Part,
        schema: Option<String>,
    ) -> Result<Reading> {
        let path = &found.path;
        let declared: Schema = shape.declared(config);
        let columns = Columns::of(config, path, &declared)?;
        let from = part.from;
        let content = if config.is_parquet(path) {
            let rows = (from.offset(), part.to.map(|to| to.offset()));
            let wanted = shape.wanted(config);
            let (table, left) = Table::open(file, path, &declared, wanted, rows)?;
            if let Some(name) = name {
                shape.complain(name, config, path, &left);
            }
            Content::Parquet(Box::new(table))
        } else {
            let reading = config.reading_again(path, schema.as_deref())?;
            Content::Text(Box::new(Text::open(&reading, path, file, part)?))
        };
        let skipped = match &content {
            Content::Text(text) if from.offset() > 0 => text.consumed().unwrap_or(0),
            _ => 0,
        };
        Ok(Reading {
            found,
            content,
            columns,
            schema,
            from,
            rows: 0,
            sum: crc32fast::Hasher::new(),
            begun: from,
            skipped,
        })
    }

    /// Hands on a block of rows; true if that was the last of the file.
    pub fn read(
        &mut self,
        budget: Option<&mut Budget>,
        out: &mut Out,
        advice: &mut Advice,
    ) -> Result<bool> {
        let mut direct = Direct {
            out,
            budget,
            name: &self.found.path,
            advice,
            count: 0,
            sum: Some(&mut self.sum),
        };
        let read = match &mut self.columns {
            None => read(&mut self.content, &mut direct),
            Some(columns) => {
                let mut rows = WithColumns {
                    columns,
                    rows: &mut direct,
                };
                read(&mut self.content, &mut rows)
            }
        };
        // What came before an error was handed on.
        self.rows += direct.count;
        read
    }

    /// Bytes this run has read of it, and has to read in all; of what is compressed, those of the file.
    pub fn extent(&self) -> (u64, u64) {
        let size = self.found.size;
        let part = |done: u64, begun: u64| {
            let left = size.saturating_sub(begun);
            (done.saturating_sub(begun).min(left), left)
        };
        match &self.content {
            Content::Text(text) if open::is_compressed(&self.found.path) => {
                part(text.consumed().unwrap_or(0), self.skipped)
            }
            Content::Text(text) => part(text.place().offset(), self.begun.offset()),
            Content::Parquet(table) => (table.share_of(size), size),
        }
    }

    /// What was read since the last cut; `more`: the file goes on.
    pub fn cut(&mut self, more: bool) -> FileRange {
        let (to, header, is_exact) = match &self.content {
            Content::Parquet(table) => (Mark::at(table.place(), table.place()), None, !more),
            Content::Text(text) => {
                let to = text.place();
                let compressed = open::is_compressed(&self.found.path);
                if !more && !compressed {
                    // It may have grown since it was listed.
                    self.found.size = self.found.size.max(to.offset());
                }
                let header = if more || self.from.offset() > 0 {
                    text.header()
                } else {
                    None
                };
                let exact = !more && !compressed && to.offset() == self.found.size;
                (to, header, exact)
            }
        };
        let range = FileRange {
            path: self.found.path.clone(),
            size: self.found.size,
            mtime: self.found.mtime,
            from: self.from,
            to: if is_exact { None } else { Some(to) },
            more,
            header,
            schema: self.schema.clone(),
            rows: self.rows,
            crc: std::mem::take(&mut self.sum).finalize(),
        };
        self.from = to;
        self.rows = 0;
        range
    }
}

fn read<R: st_input::Rows>(content: &mut Content, rows: &mut R) -> Result<bool> {
    match content {
        Content::Text(text) => text.read(rows),
        Content::Parquet(table) => table.read(rows),
    }
}
