//! The line of a table in `_st_commits`.

use anyhow::Result;
use rusqlite::{OptionalExtension, Transaction, params};
use st_deliver::table::{Found, Owner, Stored, Taking, Terms, decide, sink_name};

use super::table;
use crate::target::Opening;

const COMMITS: &str = "CREATE TABLE IF NOT EXISTS _st_commits
  (\"table\" TEXT PRIMARY KEY, query TEXT NOT NULL, sink TEXT NOT NULL, batch INTEGER NOT NULL,
   rows INTEGER NOT NULL)";

/// Makes the table this sink's, or refuses; the last batch in it.
pub fn take(
    transaction: &Transaction<'_>,
    opening: &Opening<'_>,
    terms: &Terms,
    name: &str,
) -> Result<Stored> {
    transaction.execute(COMMITS, [])?;
    let found = Found {
        owner: owner_of(transaction, name)?,
        exists: table::exists(transaction, name)?,
        holds_rows: table::holds_rows(transaction, name)?,
    };
    match decide(opening, terms, &found)? {
        Taking::Known(stored) => return Ok(stored),
        Taking::Claim => {}
        Taking::Replace => table::drop(transaction, name)?,
    }
    transaction.execute(
        "INSERT OR REPLACE INTO _st_commits VALUES (?1, ?2, ?3, ?4, 0)",
        params![
            name,
            opening.owner(),
            sink_name(opening, terms),
            opening.start.epoch
        ],
    )?;
    Ok(Stored {
        batch: opening.start.epoch,
        rows: 0,
    })
}

fn owner_of(transaction: &Transaction<'_>, table: &str) -> Result<Option<Owner>> {
    let find = "SELECT query, sink, batch, rows FROM _st_commits WHERE \"table\" = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Owner {
            query: row.get(0)?,
            sink: row.get(1)?,
            batch: row.get(2)?,
            rows: row.get::<_, i64>(3)?.unsigned_abs(),
        })
    };
    Ok(transaction.query_row(find, [table], read).optional()?)
}
