//! A table of a SQLite database: inserted into, updated by key, or replaced as a whole; any number of readers query it.
//!
//! A batch is one transaction, opened when the batch is complete; its id is written in the same transaction, in
//! `_st_commits`. So a batch that reached the table and not the checkpoint is known, and not taken again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::{Connection, Transaction, params};
use serde_json::{Map, Value, json};
use st_checkpoint::{Durability, fail_point};
use st_expr::Schema;
use st_stream::{Mode, Out};
use st_time::Zone;

use crate::columns::{Cells, Column, Columns};
use crate::rows::Rows;
use crate::target::{Arrived, Delivered, Opening, Target, begin_anew};
use st_deliver::table::{Existing, Stored, Terms};

mod cell;
mod ownership;
mod table;

/// How long to wait for another writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A table.
pub struct Sqlite {
    path: PathBuf,
    table: String,
    existing: Existing,
    /// The file is announced: the user did not name it, or asked for a table to query.
    announce: bool,
    /// The file is of this run alone.
    temporary: bool,
    connection: Option<Connection>,
    columns: Columns,
    /// The columns of the rows that were taken: what a rejected row brings is forgotten.
    sound: Columns,
    cells: Cells,
    mode: Mode,
    keys: Vec<String>,
    zone: Zone,
    /// The last batch in the table.
    stored: Stored,
    /// The table has been made.
    made: bool,
    /// How to begin anew.
    mend: String,
}

impl Sqlite {
    /// The table `table` of the database `path`.
    pub fn new(path: PathBuf, table: String, existing: Existing, announce: bool) -> Sqlite {
        Sqlite {
            path,
            table,
            existing,
            announce,
            temporary: false,
            connection: None,
            columns: Columns::new(&Schema::default(), true, &[]),
            sound: Columns::new(&Schema::default(), true, &[]),
            cells: Cells::default(),
            mode: Mode::Append,
            keys: Vec::new(),
            zone: Zone::UTC,
            stored: Stored { batch: -1, rows: 0 },
            made: false,
            mend: String::new(),
        }
    }

    /// A table of a database of its own, which nobody else has.
    pub fn temporary(path: PathBuf, table: String) -> Sqlite {
        Sqlite {
            temporary: true,
            ..Sqlite::new(path, table, Existing::Overwrite, true)
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            name: self.name(),
            existing: self.existing,
            replaces: self.mode == Mode::Complete,
            users: false,
        }
    }

    fn name(&self) -> String {
        format!("{}: table {}", self.path.display(), self.table)
    }

    fn open(&self, durability: Durability) -> Result<Connection> {
        if let Some(parent) = self.path.parent()
            && !parent.as_os_str().is_empty()
        {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("{}: cannot make the folder", parent.display()))?;
        }
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(PATIENCE)?;
        // Readers then see the last batch while the next one is written. Where the file system cannot, it stays as it is.
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        let synchronous = match durability {
            Durability::Power => "FULL",
            Durability::Process => "OFF",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        Ok(connection)
    }

    /// One batch, its id included, as one transaction.
    fn write(&mut self, batch: i64, count: u64, rows: &mut Rows) -> Result<()> {
        let Some(mut connection) = self.connection.take() else {
            bail!("the database is not open")
        };
        let columns = self.columns.list();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        self.made = table::grow(&transaction, &self.table, &columns)?;
        if self.made {
            self.write_rows(&transaction, &columns, rows)?;
        }
        let set = "UPDATE _st_commits SET batch = ?2, rows = ?3 WHERE \"table\" = ?1";
        if transaction.execute(set, params![self.table, batch, count as i64])? == 0 {
            bail!(
                "its line in _st_commits was removed while the query runs: run the same line again"
            );
        }
        fail_point("sink.mid_output");
        transaction.commit()?;
        self.connection = Some(connection);
        self.stored = Stored { batch, rows: count };
        Ok(())
    }

    fn write_rows(
        &mut self,
        transaction: &Transaction<'_>,
        columns: &[Column],
        rows: &mut Rows,
    ) -> Result<()> {
        let keys: Vec<&Column> = match self.mode {
            Mode::Update => columns
                .iter()
                .filter(|column| {
                    column
                        .path
                        .first()
                        .is_some_and(|top| self.keys.contains(top))
                })
                .collect(),
            _ => Vec::new(),
        };
        let absent = |key: &&String| !keys.iter().any(|column| column.path.first() == Some(key));
        if let Some(key) = self.keys.iter().find(absent)
            && self.mode == Mode::Update
            && !rows.is_empty()
        {
            bail!(
                "{}: the rows have no column `{key}`, by which they update: keep it in st-map",
                self.name()
            );
        }
        let mut delete = None;
        match self.mode {
            Mode::Append => {}
            Mode::Complete => {
                transaction.execute(&format!("DELETE FROM {}", table::quoted(&self.table)), [])?;
            }
            Mode::Update => {
                table::index(transaction, &self.table, &keys)?;
                delete = Some(transaction.prepare(&table::delete_by(&self.table, &keys))?);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = transaction.prepare(&table::insert_into(&self.table, columns))?;
        rows.each(|row| {
            self.columns.walk(row, &mut self.cells)?;
            let value = |column: &Column| {
                cell::read(
                    self.cells.get(row, column.cell),
                    &column.declared,
                    self.zone,
                )
            };
            if let Some(delete) = &mut delete {
                // Not an upsert: to SQLite null keys differ from each other, to Spark they are one group.
                delete.execute(rusqlite::params_from_iter(
                    keys.iter().map(|column| value(column)),
                ))?;
            }
            insert.execute(rusqlite::params_from_iter(columns.iter().map(value)))?;
            Ok(())
        })
    }

    /// An error of the database, with what helps.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        use rusqlite::ErrorCode;
        let Some(cause) = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<rusqlite::Error>())
        else {
            return error;
        };
        let mend = match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                ": another program has been writing to it for ten seconds: end its transaction and run the same line again"
            }
            Some(ErrorCode::NotADatabase) => ": give another file",
            Some(ErrorCode::CannotOpen) => ": see that its folder is there and can be written",
            Some(ErrorCode::DiskFull) => ": make room and run the same line again",
            Some(ErrorCode::SystemIoFailure) => {
                ": the disk is full, or the device fails (dmesg tells): make room and run the same line again"
            }
            _ => "",
        };
        anyhow!("{}: {cause}{mend}", self.path.display())
    }
}

impl Target for Sqlite {
    fn format(&self) -> &'static str {
        "sqlite"
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn identity(&self) -> Map<String, Value> {
        Map::from_iter([("table".to_string(), json!(self.table))])
    }

    fn suit(&mut self, opening: &Opening<'_>) -> Result<()> {
        if self.temporary && opening.checkpointed {
            bail!(
                "memory: a query with a checkpoint needs a database that stays: st-sink sqlite FILE --table {}",
                self.table
            );
        }
        Ok(())
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.mode = opening.start.mode;
        self.mend = begin_anew(opening);
        self.keys = opening.start.keys.clone();
        self.zone = opening.zone;
        self.columns = Columns::new(opening.schema, true, &[]);
        self.sound = self.columns.clone();
        let claim = || {
            let mut connection = self.open(opening.durability)?;
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let stored = ownership::take(&transaction, opening, &self.terms(), &self.table)?;
            // So that a reader finds the table before the first batch.
            table::grow(&transaction, &self.table, &self.columns.list())?;
            transaction.commit()?;
            Ok((connection, stored))
        };
        let (connection, stored) = claim().map_err(|error| self.explain(error))?;
        self.connection = Some(connection);
        self.stored = stored;
        if self.announce {
            let path = self.path.display();
            opening
                .context
                .say(&format!("sqlite3 {path} 'select * from {}'", self.table));
        }
        Ok(())
    }

    fn recover(&mut self, last: Option<Delivered>) -> Result<()> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let made = last
            .and_then(|last| last.detail)
            .is_some_and(|detail| detail["table"] == true);
        let there = table::exists(&connection.transaction()?, &self.table)?;
        if made && !there && self.mode != Mode::Complete {
            bail!(
                "{}: is gone, though this sink has delivered rows there: put the database back, or begin anew: {}",
                self.name(),
                self.mend
            );
        }
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        let walked = self.columns.walk(row, &mut self.cells);
        if self.columns.size() == self.sound.size() {
            return walked.map_err(|bad| bad.to_string());
        }
        let fits = walked.map_err(|bad| bad.to_string()).and_then(|()| {
            table::fits(self.connection.as_ref(), &self.table, &self.columns.list())
        });
        match fits {
            Ok(()) => self.sound = self.columns.clone(),
            Err(_) => self.columns = self.sound.clone(),
        }
        fits
    }

    fn prepare(
        &mut self,
        batch: Arrived,
        rows: &mut Rows,
        _out: &mut Out,
    ) -> Result<Option<Value>> {
        // In the table since an earlier run, which died before it could say so.
        let known = batch.id <= self.stored.batch;
        if !known {
            self.write(batch.id, batch.rows, rows)
                .map_err(|error| self.explain(error))?;
        } else if batch.id == self.stored.batch && batch.rows != self.stored.rows {
            bail!(
                "{}: has batch {} with {} rows, which now has {}: the checkpoint is an older copy than the database: put the two back together",
                self.name(),
                batch.id,
                self.stored.rows,
                batch.rows
            );
        }
        Ok(Some(json!({ "table": self.made || known })))
    }
}
