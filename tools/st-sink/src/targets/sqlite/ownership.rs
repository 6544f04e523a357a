//! Whose a table is, and the last batch in it: one row of `_st_commits` per table this tool writes.

use anyhow::{Result, bail};
use rusqlite::{OptionalExtension, Transaction, params};

use super::table;
use crate::owner::begin_anew;
use crate::target::Opening;
use crate::targets::file::Existing;

const COMMITS: &str = "CREATE TABLE IF NOT EXISTS _st_commits
  (\"table\" TEXT PRIMARY KEY, query TEXT NOT NULL, sink TEXT NOT NULL, batch INTEGER NOT NULL,
   rows INTEGER NOT NULL)";

/// How a table is to be taken.
pub struct Terms<'a> {
    /// Database and table, for messages.
    pub name: String,
    /// The table.
    pub table: &'a str,
    /// What to do with rows that are there.
    pub existing: Existing,
    /// Each batch replaces the whole table.
    pub replaces: bool,
}

/// Who wrote a table.
struct Owner {
    query: String,
    sink: String,
    batch: i64,
    rows: u64,
}

/// The last batch in a table.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Its id.
    pub batch: i64,
    /// How many rows it had.
    pub rows: u64,
}

/// Makes the table this sink's, or refuses; the last batch in it.
pub fn take(
    transaction: &Transaction<'_>,
    opening: &Opening<'_>,
    terms: &Terms<'_>,
) -> Result<Stored> {
    transaction.execute(COMMITS, [])?;
    let owner = owner_of(transaction, terms.table)?;
    // So that a run without a checkpoint replaces only what another one would have replaced too.
    let sink = match terms.replaces && !opening.checkpointed {
        true => format!("{} (complete mode)", opening.context.name),
        false => opening.context.name.clone(),
    };
    if let Some(batch) = opening.delivered {
        match &owner {
            None => bail!(
                "{}: is gone, though this sink has delivered there up to batch {batch}: put the database back, or begin anew: {}",
                terms.name,
                begin_anew(opening)
            ),
            Some(owner) if owner.batch < batch => bail!(
                "{}: stands at batch {}, but the checkpoint has delivered batch {batch}: put the database back, or begin anew: remove the table and {}",
                terms.name,
                owner.batch,
                begin_anew(opening)
            ),
            // A batch is in the table before the checkpoint knows of it, but only one.
            Some(owner) if owner.batch > batch + 1 => bail!(
                "{}: stands at batch {}, but the checkpoint only at batch {batch}, an older copy: put the two back together, or begin anew: remove the table and {}",
                terms.name,
                owner.batch,
                begin_anew(opening)
            ),
            Some(_) => {}
        }
    }
    let holds_rows = table::holds_rows(transaction, terms.table)?;
    let fresh = match &owner {
        Some(owner) if owner.query == opening.owner() && owner.sink == sink => {
            let known = opening.checkpointed && !opening.joins;
            if known {
                return Ok(Stored {
                    batch: owner.batch,
                    rows: owner.rows,
                });
            }
            terms.replaces || !holds_rows
        }
        Some(_) => false,
        None => !table::exists(transaction, terms.table)?,
    };
    match terms.existing {
        _ if fresh => {}
        Existing::Overwrite => table::drop(transaction, terms.table)?,
        Existing::Append
            if !opening.checkpointed
                && owner
                    .as_ref()
                    .is_none_or(|owner| owner.query == opening.owner()) => {}
        _ => return refuse(opening, terms, owner.as_ref()),
    }
    transaction.execute(
        "INSERT OR REPLACE INTO _st_commits VALUES (?1, ?2, ?3, ?4, 0)",
        params![terms.table, opening.owner(), sink, opening.start.epoch],
    )?;
    Ok(Stored {
        batch: opening.start.epoch,
        rows: 0,
    })
}

fn refuse(opening: &Opening<'_>, terms: &Terms<'_>, owner: Option<&Owner>) -> Result<Stored> {
    let what = match owner {
        None => "exists, and no query is known to have written it".to_string(),
        Some(owner) if owner.query == opening.owner() => {
            "holds the rows of an earlier run".to_string()
        }
        Some(owner) if owner.query == "none" => {
            "holds the rows of a run without a checkpoint".to_string()
        }
        Some(owner) => format!("belongs to sink {} of query {}", owner.sink, owner.query),
    };
    let add = match owner {
        Some(owner) if owner.query != opening.owner() => "",
        _ if opening.checkpointed => "",
        _ => ", --append adds to it",
    };
    bail!(
        "{}: {what}: --overwrite replaces it{add}, or give another --table",
        terms.name
    )
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
