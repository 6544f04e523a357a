//! Plain rows on stdout: JSON and text at once, CSV when its columns are known. At least once.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use serde_json::Value;
use st_stream::{Manners, Out};

use crate::formats::json::{Declared, Shaper};
use crate::formats::text::OneColumn;
use crate::formats::{Format, Shape, Times};
use crate::rows::Rows;
use crate::target::{Arrived, Opening, Taken, Target};

/// NDJSON: the rows without the markers.
pub struct JsonLines {
    shaper: Option<Shaper>,
    times: Times,
    ignore_null: bool,
}

impl JsonLines {
    /// Rows as they are, or without their null members, or with declared times in these patterns.
    pub fn new(ignore_null: bool, times: Times) -> JsonLines {
        JsonLines {
            shaper: None,
            times,
            ignore_null,
        }
    }
}

impl Target for JsonLines {
    fn format(&self) -> &'static str {
        "json"
    }

    fn manners(&self) -> Manners {
        Manners::Sink
    }

    fn validates(&self) -> bool {
        // Whoever reads the pipe sees each line as it is; the row-by-row path stays one copy.
        false
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        let declared = Declared::of(opening.schema, opening.zone);
        self.shaper = (self.ignore_null || self.times.any())
            .then(|| Shaper::new(&[], self.ignore_null).with_times(&self.times, &declared));
        Ok(())
    }

    #[inline]
    fn take(&mut self, row: &[u8], out: &mut Out) -> Result<Taken> {
        match &mut self.shaper {
            None => out.raw(row)?,
            Some(shaper) => {
                let mut line = Vec::with_capacity(row.len());
                shaper.write(row, &mut line)?;
                out.raw(&line)?;
            }
        }
        out.raw(b"\n")?;
        Ok(Taken::Done)
    }

    fn prepare(
        &mut self,
        _batch: Arrived,
        _rows: &mut Rows,
        out: &mut Out,
    ) -> Result<Option<Value>> {
        out.flush()?;
        Ok(None)
    }
}

/// One column, one line per row.
#[derive(Default)]
pub struct TextLines {
    column: OneColumn,
    line: Vec<u8>,
}

impl Target for TextLines {
    fn format(&self) -> &'static str {
        "text"
    }

    fn manners(&self) -> Manners {
        Manners::Sink
    }

    fn suit(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.column.shape(&Shape {
            schema: opening.schema,
            without: &[],
            zone: opening.zone,
        })
    }

    fn claim(&mut self, _opening: &Opening<'_>) -> Result<()> {
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        self.line.clear();
        self.column.write(row, &mut self.line)?;
        self.line.push(b'\n');
        Ok(())
    }

    fn take(&mut self, _row: &[u8], out: &mut Out) -> Result<Taken> {
        out.raw(&self.line)?;
        Ok(Taken::Done)
    }

    fn prepare(
        &mut self,
        _batch: Arrived,
        _rows: &mut Rows,
        out: &mut Out,
    ) -> Result<Option<Value>> {
        out.flush()?;
        Ok(None)
    }
}

/// CSV: each batch when it is complete, the header once.
pub struct Formatted {
    format: Box<dyn Format>,
    fresh: bool,
}

impl Formatted {
    /// Rows in `format`.
    pub fn new(format: Box<dyn Format>) -> Formatted {
        Formatted {
            format,
            fresh: true,
        }
    }
}

impl Target for Formatted {
    fn format(&self) -> &'static str {
        self.format.name()
    }

    fn suit(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.format.fix_columns();
        self.format.shape(&Shape {
            schema: opening.schema,
            without: &[],
            zone: opening.zone,
        })
    }

    fn claim(&mut self, _opening: &Opening<'_>) -> Result<()> {
        Ok(())
    }

    fn begin(&mut self, _id: i64) -> Result<()> {
        self.format.begin();
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        self.format.look(row)
    }

    fn prepare(
        &mut self,
        _batch: Arrived,
        rows: &mut Rows,
        out: &mut Out,
    ) -> Result<Option<Value>> {
        if !rows.is_empty() {
            let gathered = Gathered::default();
            let mut writer = self.format.open(Box::new(gathered.clone()), self.fresh)?;
            self.fresh = false;
            rows.each(|row| {
                writer.row(row)?;
                gathered.pass(out)
            })?;
            writer.finish()?;
            gathered.pass(out)?;
        }
        out.flush()?;
        Ok(None)
    }
}

/// Bytes on their way from a format to stdout.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    fn pass(&self, out: &mut Out) -> Result<()> {
        let mut bytes = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        out.raw(&bytes)?;
        bytes.clear();
        Ok(())
    }
}

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut gathered = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        gathered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
