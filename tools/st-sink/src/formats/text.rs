//! One column, one line per row.

use anyhow::{Result, bail};
use st_expr::{Schema, Type, read_json, write_text};
use st_row::{fields_of, unescape};
use st_time::Zone;

use super::{Compression, FileWriter, Format, Output, Packed, Shape};

/// Plain text.
#[derive(Default)]
pub struct Text {
    compression: Compression,
    column: OneColumn,
}

impl Text {
    /// Plain text, packed.
    pub fn new(compression: Compression) -> Text {
        Text {
            compression,
            column: OneColumn::default(),
        }
    }
}

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn extension(&self) -> String {
        self.compression.extension("txt")
    }

    fn is_packed(&self) -> bool {
        self.compression != Compression::None
    }

    fn shape(&mut self, shape: &Shape<'_>) -> Result<()> {
        self.column.shape(shape)
    }

    fn look(&mut self, row: &[u8]) -> Result<(), String> {
        self.column.write(row, &mut Vec::new())
    }

    fn open(&mut self, file: Output, _fresh: bool) -> Result<Box<dyn FileWriter>> {
        Ok(Box::new(Lines {
            file: self.compression.open(file)?,
            column: self.column.clone(),
            line: Vec::new(),
        }))
    }
}

struct Lines {
    file: Packed,
    column: OneColumn,
    line: Vec<u8>,
}

impl FileWriter for Lines {
    fn row(&mut self, row: &[u8]) -> Result<()> {
        self.line.clear();
        self.column
            .write(row, &mut self.line)
            .map_err(anyhow::Error::msg)?;
        self.line.push(b'\n');
        Ok(self.file.put(&self.line)?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.file.finish()?)
    }
}

/// The single column of a row.
#[derive(Clone, Default)]
pub struct OneColumn {
    schema: Schema,
    without: Vec<String>,
    zone: Zone,
}

impl OneColumn {
    /// Learns of the stream; refuses a schema of more columns than one.
    pub fn shape(&mut self, shape: &Shape<'_>) -> Result<()> {
        let names: Vec<&str> = shape
            .schema
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .filter(|name| !shape.without.iter().any(|other| other == name))
            .collect();
        if names.len() > 1 {
            bail!(
                "text: takes rows of one column, these have {}: {MEND}",
                names.join(", ")
            );
        }
        self.schema = shape.schema.clone();
        self.without = shape.without.to_vec();
        self.zone = shape.zone;
        Ok(())
    }

    /// Appends the column's value as Spark's cast to STRING writes it, nothing for null. `Err`: why there is no single column.
    pub fn write(&self, row: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let mut only = None;
        for member in fields_of(row) {
            let (key, raw) = member.map_err(|bad| bad.to_string())?;
            let key = unescape(key).map_err(|bad| bad.to_string())?;
            if self.without.iter().any(|name| *name == key) {
                continue;
            }
            if only.replace((key, raw)).is_some() {
                return Err(format!("text takes rows of one column: {MEND}"));
            }
        }
        let Some((key, raw)) = only else {
            return Err("text takes rows of one column, this one has none".to_string());
        };
        let declared = self.schema.kind(&key).unwrap_or(&Type::Any);
        match read_json(raw, declared, self.zone) {
            st_expr::Value::Null => {}
            // The number as it stands in the row.
            _ if *declared == Type::Any && matches!(raw[0], b'-' | b'0'..=b'9') => {
                out.extend_from_slice(raw)
            }
            value => write_text(out, &value, self.zone),
        }
        Ok(())
    }
}

const MEND: &str = "choose it with `st-map --select`";
