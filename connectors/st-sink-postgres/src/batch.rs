//! A batch's rows into the table: all at once, or, when the server finds fault with one, piece by piece until that one is
//! found, so that a bad row is rejected and not the batch.

use std::io::Write;

use anyhow::Result;
use postgres::Transaction;
use st_deliver::columns::{Cells, Columns};
use st_deliver::rows::Rows;

use crate::copy;
use crate::errors::{is_of_a_row, reason};
use crate::names::{TableName, list, quoted};
use crate::table::Place;

/// Rows tried at once when the batch as a whole was refused.
const PIECE: usize = 1024;

/// Bytes sent at once.
const BLOCK: usize = 256 << 10;

/// How rows get into a table.
pub struct Loader<'l> {
    /// The table.
    pub name: &'l TableName,
    /// Where each value goes.
    pub places: &'l [Place],
    /// The table's columns by which rows replace each other; none if they are added.
    pub keys: &'l [&'l str],
    /// The columns of the rows.
    pub columns: &'l mut Columns,
}

/// A row that the server refused, and why.
pub type Rejected = (Vec<u8>, String);

impl Loader<'_> {
    /// Loads the rows of a batch; gives those that were rejected.
    pub fn load(
        &mut self,
        transaction: &mut Transaction<'_>,
        rows: &mut Rows,
    ) -> Result<Vec<Rejected>> {
        let mut rejected = Vec::new();
        if rows.is_empty() || self.places.is_empty() {
            return Ok(rejected);
        }
        if !self.keys.is_empty() {
            self.stage(transaction)?;
        }
        let mut whole = transaction.savepoint("whole")?;
        match self.load_all(&mut whole, rows) {
            Ok(()) => {
                whole.commit()?;
                return Ok(rejected);
            }
            Err(error) if of_a_row(&error).is_some() => whole.rollback()?,
            Err(error) => return Err(error),
        }
        let mut piece: Vec<Vec<u8>> = Vec::new();
        rows.each(|row| {
            piece.push(row.to_vec());
            if piece.len() == PIECE {
                self.load_piece(transaction, &piece, &mut rejected)?;
                piece.clear();
            }
            Ok(())
        })?;
        self.load_piece(transaction, &piece, &mut rejected)?;
        Ok(rejected)
    }

    /// The table that holds rows until they replace others: like the target, without its constraints.
    fn stage(&self, transaction: &mut Transaction<'_>) -> Result<(), postgres::Error> {
        let names = list(self.places.iter().map(|place| place.name.as_str()));
        transaction.batch_execute(&format!(
            "DROP TABLE IF EXISTS pg_temp._st_stage;
             CREATE TEMP TABLE _st_stage ON COMMIT DROP AS SELECT {names} FROM {} WITH NO DATA;
             ALTER TABLE pg_temp._st_stage ADD COLUMN _st_order BIGSERIAL",
            self.name.sql()
        ))
    }

    fn load_all(&mut self, transaction: &mut Transaction<'_>, rows: &mut Rows) -> Result<()> {
        let copy = self.copy();
        let mut writer = transaction.copy_in(&copy)?;
        let (mut cells, mut block) = (Cells::default(), Vec::new());
        rows.each(|row| {
            self.line(row, &mut cells, &mut block)?;
            if block.len() >= BLOCK {
                writer.write_all(&block)?;
                block.clear();
            }
            Ok(())
        })?;
        writer.write_all(&block)?;
        writer.finish()?;
        self.merge(transaction)?;
        Ok(())
    }

    fn load_piece(
        &mut self,
        transaction: &mut Transaction<'_>,
        piece: &[Vec<u8>],
        rejected: &mut Vec<Rejected>,
    ) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let mut attempt = transaction.savepoint("piece")?;
        let error = match self.try_piece(&mut attempt, piece) {
            Ok(()) => return Ok(attempt.commit()?),
            Err(error) => error,
        };
        let Some(reason) = of_a_row(&error) else {
            return Err(error);
        };
        attempt.rollback()?;
        if let [row] = piece {
            rejected.push((row.clone(), reason));
            return Ok(());
        }
        let (first, second) = piece.split_at(piece.len() / 2);
        self.load_piece(transaction, first, rejected)?;
        self.load_piece(transaction, second, rejected)
    }

    fn try_piece(&mut self, transaction: &mut Transaction<'_>, piece: &[Vec<u8>]) -> Result<()> {
        let (mut cells, mut block) = (Cells::default(), Vec::new());
        for row in piece {
            self.line(row, &mut cells, &mut block)?;
        }
        let mut writer = transaction.copy_in(&self.copy())?;
        writer.write_all(&block)?;
        writer.finish()?;
        self.merge(transaction)?;
        Ok(())
    }

    /// The statement that takes lines.
    fn copy(&self) -> String {
        let names = list(self.places.iter().map(|place| place.name.as_str()));
        let into = match self.keys.is_empty() {
            true => self.name.sql(),
            false => "pg_temp._st_stage".to_string(),
        };
        format!("COPY {into} ({names}) FROM STDIN")
    }

    fn line(&mut self, row: &[u8], cells: &mut Cells, out: &mut Vec<u8>) -> Result<()> {
        self.columns.walk(row, cells)?;
        for (i, place) in self.places.iter().enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            copy::write(out, cells.get(row, place.cell), place.style);
        }
        out.push(b'\n');
        Ok(())
    }

    /// Moves the staged rows into the table, where the last one of a key takes the place of the one that is there.
    fn merge(&self, transaction: &mut Transaction<'_>) -> Result<(), postgres::Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let table = self.name.sql();
        let names = list(self.places.iter().map(|place| place.name.as_str()));
        let keys = list(self.keys.iter().copied());
        let all = |word: &str, each: fn(&str) -> String| {
            let parts: Vec<String> = self.keys.iter().map(|key| each(key)).collect();
            parts.join(word)
        };
        let no_null = all(" AND ", |key| format!("{} IS NOT NULL", quoted(key)));
        let same = all(" AND ", |key| {
            format!("t.{0} IS NOT DISTINCT FROM s.{0}", quoted(key))
        });
        let set: Vec<String> = self
            .places
            .iter()
            .filter(|place| !self.keys.contains(&place.name.as_str()))
            .map(|place| format!("{0} = excluded.{0}", quoted(&place.name)))
            .collect();
        let action = match set.is_empty() {
            true => "NOTHING".to_string(),
            false => format!("UPDATE SET {}", set.join(", ")),
        };
        let last = format!("SELECT DISTINCT ON ({keys}) {names} FROM pg_temp._st_stage");
        transaction.batch_execute(&format!(
            "INSERT INTO {table} ({names}) {last} WHERE {no_null} ORDER BY {keys}, _st_order DESC
             ON CONFLICT ({keys}) DO {action}"
        ))?;
        // To a unique index nulls differ from each other, to Spark they are one group.
        let nulls =
            format!("SELECT EXISTS (SELECT 1 FROM pg_temp._st_stage WHERE NOT ({no_null}))");
        if transaction.query_one(&nulls, &[])?.get(0) {
            transaction.batch_execute(&format!(
                "DELETE FROM {table} t USING pg_temp._st_stage s WHERE NOT ({}) AND {same};
                 INSERT INTO {table} ({names}) {last} WHERE NOT ({no_null}) ORDER BY {keys}, _st_order DESC",
                all(" AND ", |key| format!("s.{} IS NOT NULL", quoted(key)))
            ))?;
        }
        transaction.batch_execute("DELETE FROM pg_temp._st_stage")
    }
}

/// Why a row is to blame, if one is.
fn of_a_row(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        // A write to a COPY that has failed carries the server's error inside an I/O error.
        let cause = match cause.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref()?.downcast_ref::<postgres::Error>(),
            None => cause.downcast_ref::<postgres::Error>(),
        }?;
        is_of_a_row(cause).then(|| reason(cause))
    })
}
