//! Tables on the terminal, as Spark's console sink prints them.

use std::collections::HashSet;

use anyhow::Result;
use serde_json::Value;
use st_expr::{Schema, Type, read_json};
use st_stream::{Mode, Out};
use st_time::Zone;

use crate::columns::{Cells, Column, Columns};
use crate::rows::Rows;
use crate::target::{Arrived, Opening, Taken, Target};
use crate::terminal;

mod cell;
mod live;
mod table;

pub use table::{Layout, render};

/// Prints each batch. Modes make no difference but in the title of a live table.
pub struct Console {
    layout: Layout,
    schema: Schema,
    zone: Zone,
    live: Option<live::Live>,
    /// The first rows of the batch, one more than are shown.
    shown: Vec<Vec<u8>>,
    /// The columns of the last batch that had any, for batches without rows.
    last: Vec<String>,
}

impl Console {
    /// Tables in this layout; `live`: on a terminal, one table that is drawn again in its place.
    pub fn new(layout: Layout, live: bool) -> Console {
        let live = (live && terminal::is_stdout()).then(live::Live::default);
        Console {
            layout,
            schema: Schema::default(),
            zone: Zone::UTC,
            live,
            shown: Vec::new(),
            last: Vec::new(),
        }
    }

    /// The shown rows as names of columns and texts of cells.
    fn table(&mut self) -> Result<(Vec<String>, Vec<Vec<String>>)> {
        let mut walker = Columns::new(&self.schema, false, &[]);
        let mut cells = Cells::default();
        for row in &self.shown {
            walker.walk(row, &mut cells)?;
        }
        let columns = walker.list();
        let mut rows = Vec::new();
        for row in self.shown.iter().take(self.layout.rows) {
            walker.walk(row, &mut cells)?;
            rows.push(
                columns
                    .iter()
                    .map(|column| text_of(cells.get(row, column.cell), column, self.zone))
                    .collect(),
            );
        }
        let mut names: Vec<String> = columns.into_iter().flat_map(|column| column.path).collect();
        if names.is_empty() {
            names.clone_from(&self.last);
        }
        Ok((names, rows))
    }
}

fn text_of(raw: Option<&[u8]>, column: &Column, zone: Zone) -> String {
    let mut text = Vec::new();
    match raw {
        None => text.extend_from_slice(b"NULL"),
        // A number of an undeclared column as it stands in the row, unless it is a double.
        Some(raw)
            if column.declared == Type::Any
                && st_row::Kind::of(raw) == Some(st_row::Kind::Integer) =>
        {
            text.extend_from_slice(raw);
        }
        Some(raw) => cell::write(&mut text, &read_json(raw, &column.declared, zone), zone),
    }
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Target for Console {
    fn format(&self) -> &'static str {
        "console"
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.schema = ordered(opening.schema, opening.start.columns.as_deref());
        self.zone = opening.zone;
        if let Some(live) = &mut self.live {
            live.title(match opening.start.mode {
                Mode::Append => "rows of the last batch",
                Mode::Update => "rows that changed in the last batch",
                Mode::Complete => "result",
            });
        }
        let mut seen = HashSet::new();
        self.last = self
            .schema
            .fields
            .iter()
            .map(|field| field.name.clone())
            .filter(|name| seen.insert(name.clone()))
            .collect();
        Ok(())
    }

    fn begin(&mut self, _id: i64) -> Result<()> {
        self.shown.clear();
        Ok(())
    }

    fn take(&mut self, row: &[u8], _out: &mut Out) -> Result<Taken> {
        if self.shown.len() <= self.layout.rows {
            self.shown.push(row.to_vec());
        }
        Ok(Taken::Done)
    }

    fn prepare(
        &mut self,
        batch: Arrived,
        _rows: &mut Rows,
        out: &mut Out,
    ) -> Result<Option<Value>> {
        // Plain input ends without a batch of its own; in a marked stream an empty batch is news, as in Spark.
        if self.shown.is_empty() && (!batch.marked || self.live.is_some()) {
            return Ok(None);
        }
        let more = self.shown.len() > self.layout.rows;
        let (names, rows) = self.table()?;
        let mut text = String::new();
        if let Some(live) = &mut self.live {
            live.draw(batch.id, &names, &rows, more, self.layout, &mut text);
        } else {
            text.push_str(&format!("{RULE}\nBatch: {}\n{RULE}\n", batch.id));
            render(&names, &rows, more, self.layout, &mut text);
            text.push('\n');
        }
        self.last = names;
        out.raw(text.as_bytes())?;
        out.flush()?;
        Ok(None)
    }
}

const RULE: &str = "-------------------------------------------";
/// All columns there are, where a stage said so, so that a table without rows has the same ones as the others.
fn ordered(declared: &Schema, columns: Option<&[String]>) -> Schema {
    let mut schema = Schema::default();
    for name in columns.unwrap_or_default() {
        schema.set(name, declared.kind(name).cloned().unwrap_or(Type::Any));
    }
    for field in &declared.fields {
        schema.set(&field.name, field.kind.clone());
    }
    schema
}
