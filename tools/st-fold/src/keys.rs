//! The key of a row: as bytes to find its state by, and as the object that programs see.

use anyhow::{Result, bail};
use jaq_json::{Map, Val};
use st_expr::{KeyColumn, Schema};
use st_row::{Fields, Spans};
use st_time::Zone;

use crate::json;

/// The columns of a key.
pub struct Keys {
    columns: Vec<(KeyColumn, usize)>,
}

impl Keys {
    /// The columns `by`, to be found by `fields`.
    pub fn new(by: &[String], schema: &Schema, zone: Zone, fields: &mut Fields) -> Keys {
        let place = |name: &String| (KeyColumn::new(name, schema, zone), fields.add(name));
        Keys {
            columns: by.iter().map(place).collect(),
        }
    }

    /// What the columns are, for the state's definition.
    pub fn definition(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|(column, _)| column.definition())
            .collect()
    }

    /// Writes a row's key: a JSON array of its columns' values, in their canonical form.
    #[inline]
    pub fn write(&self, row: &[u8], spans: &Spans, out: &mut Vec<u8>) {
        out.clear();
        for (i, (column, place)) in self.columns.iter().enumerate() {
            out.push(if i == 0 { b'[' } else { b',' });
            column.write(spans.get(row, *place), out);
        }
        out.push(b']');
    }

    /// The key as an object of its columns.
    ///
    /// # Errors
    /// Bytes that are no key of these columns.
    pub fn object(&self, key: &[u8]) -> Result<Val> {
        match json::parse(key)? {
            Val::Arr(values) if values.len() == self.columns.len() => {
                let name = |(column, _): &(KeyColumn, usize)| Val::from(column.name().to_string());
                let members = self.columns.iter().map(name).zip(values.iter().cloned());
                Ok(Val::obj(members.collect::<Map>()))
            }
            _ => bail!("not a key of this stage: {}", String::from_utf8_lossy(key)),
        }
    }
}
