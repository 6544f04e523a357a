//! The line of a table in `_st_commits`, a table of the same schema.

use anyhow::Result;
use postgres::{Client, Transaction};
use st_deliver::table::{Found, Owner, Stored, Taking, Terms, decide, sink_name};
use st_deliver::target::Opening;

use crate::names::TableName;
use crate::table;

/// Taken while a sink looks at a table and makes it its own, so that of two sinks one comes first. Any number does.
const LOCK: i64 = 0x5f73745f;

/// Makes the table this sink's, or refuses; the last batch in it.
pub fn take(
    transaction: &mut Transaction<'_>,
    opening: &Opening<'_>,
    terms: &Terms,
    name: &TableName,
) -> Result<Stored> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
    let commits = name.beside("_st_commits");
    // Asked first: a user who may not make tables may use one that is there.
    if !table::exists(transaction, &commits)? {
        transaction.batch_execute(&format!(
            "CREATE TABLE {commits} (\"table\" TEXT PRIMARY KEY, query TEXT NOT NULL, sink TEXT NOT NULL, batch BIGINT NOT NULL, rows BIGINT NOT NULL)"
        ))?;
    }
    let found = Found {
        owner: owner_of(transaction, &commits, name)?,
        exists: table::exists(transaction, &name.sql())?,
        holds_rows: table::holds_rows(transaction, &name.sql())?,
    };
    match decide(opening, terms, &found)? {
        Taking::Known(stored) => return Ok(stored),
        Taking::Claim => {}
        // Its rows go, the table and the rights and views on it stay.
        Taking::Replace if found.exists => {
            transaction.execute(&format!("DELETE FROM {}", name.sql()), &[])?;
        }
        Taking::Replace => {}
    }
    let set = format!(
        "INSERT INTO {commits} VALUES ($1, $2, $3, $4, 0) ON CONFLICT (\"table\") DO UPDATE SET query = $2, sink = $3, batch = $4, rows = 0"
    );
    transaction.execute(
        &set,
        &[
            &name.bare(),
            &opening.owner(),
            &sink_name(opening, terms),
            &opening.start.epoch,
        ],
    )?;
    Ok(Stored {
        batch: opening.start.epoch,
        rows: 0,
    })
}

/// Writes the batch's id, in the transaction of its rows. False if the line is gone or another sink's.
pub fn advance(
    transaction: &mut Transaction<'_>,
    name: &TableName,
    query: &str,
    stored: Stored,
) -> Result<bool, postgres::Error> {
    let set = format!(
        "UPDATE {} SET batch = $2, rows = $3 WHERE \"table\" = $1 AND query = $4",
        name.beside("_st_commits")
    );
    let rows = i64::try_from(stored.rows).unwrap_or(i64::MAX);
    let changed = transaction.execute(&set, &[&name.bare(), &stored.batch, &rows, &query])?;
    Ok(changed == 1)
}

/// The last batch in the table, asked again after the connection was lost.
pub fn stored(client: &mut Client, name: &TableName) -> Result<Option<i64>, postgres::Error> {
    let find = format!(
        "SELECT batch FROM {} WHERE \"table\" = $1",
        name.beside("_st_commits")
    );
    Ok(client
        .query_opt(&find, &[&name.bare()])?
        .map(|row| row.get(0)))
}

fn owner_of(
    transaction: &mut Transaction<'_>,
    commits: &str,
    name: &TableName,
) -> Result<Option<Owner>> {
    let find = format!("SELECT query, sink, batch, rows FROM {commits} WHERE \"table\" = $1");
    let row = transaction.query_opt(&find, &[&name.bare()])?;
    Ok(row.map(|row| Owner {
        query: row.get(0),
        sink: row.get(1),
        batch: row.get(2),
        rows: row.get::<_, i64>(3).unsigned_abs(),
    }))
}
