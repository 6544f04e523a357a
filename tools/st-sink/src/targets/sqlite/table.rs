//! The table's SQL: made, widened, indexed, written to.

use std::collections::HashSet;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction};
use st_expr::Type;

use super::cell::column_type;
use crate::columns::Column;

/// A name as SQL takes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// True if there is a table of this name.
pub fn exists(transaction: &Transaction<'_>, table: &str) -> Result<bool> {
    let find =
        "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?1)";
    Ok(transaction
        .query_row(find, [table], |_| Ok(()))
        .optional()?
        .is_some())
}

/// True if there is a row in it.
pub fn holds_rows(transaction: &Transaction<'_>, table: &str) -> Result<bool> {
    let any = format!("SELECT 1 FROM {} LIMIT 1", quoted(table));
    Ok(exists(transaction, table)?
        && transaction
            .query_row(&any, [], |_| Ok(()))
            .optional()?
            .is_some())
}

/// Removes the table and what is noted of it.
pub fn drop(transaction: &Transaction<'_>, table: &str) -> Result<()> {
    transaction.execute(&format!("DROP TABLE IF EXISTS {}", quoted(table)), [])?;
    transaction.execute("DELETE FROM _st_commits WHERE \"table\" = ?1", [table])?;
    Ok(())
}

/// Makes the table, or adds the columns it lacks. False if there is still no column, and so no table. A table that was made
/// of the declared columns alone and has had no row yet is made anew, so that all columns stand in the order of the rows.
pub fn grow(transaction: &Transaction<'_>, table: &str, columns: &[Column]) -> Result<bool> {
    if is_blank(transaction, table, columns)? {
        transaction.execute(&format!("DROP TABLE {}", quoted(table)), [])?;
    }
    if !exists(transaction, table)? {
        if columns.is_empty() {
            return Ok(false);
        }
        transaction.execute(&create(table, columns.iter()), [])?;
        return Ok(true);
    }
    let known = column_names(transaction, table)?;
    for column in columns
        .iter()
        .filter(|column| !known.contains(&column.name.to_lowercase()))
    {
        transaction.execute(
            &format!(
                "ALTER TABLE {} ADD COLUMN {}",
                quoted(table),
                define(column)
            ),
            [],
        )?;
    }
    Ok(true)
}

/// Columns a table may have at most (SQLITE_MAX_COLUMN as it is bundled).
const MOST: usize = 2000;

/// Says why a row that brings these columns cannot be taken. A table's columns are for ever, so one such row must not be left to
/// fail the query at the end of its batch.
pub fn fits(
    connection: Option<&Connection>,
    table: &str,
    columns: &[Column],
) -> Result<(), String> {
    if let Some(column) = columns.iter().find(|column| column.name.contains('\0')) {
        return Err(format!(
            "the column {:?} has a name that SQLite does not take",
            column.name
        ));
    }
    let known = match connection {
        Some(connection) => {
            column_names(connection, table).map_err(|error| format!("{error:#}"))?
        }
        None => HashSet::new(),
    };
    let new = columns
        .iter()
        .filter(|column| !known.contains(&column.name.to_lowercase()))
        .count();
    if known.len() + new > MOST {
        return Err(format!(
            "its columns would make it more than the {MOST} of a table"
        ));
    }
    Ok(())
}

/// The names of a table's columns, in lower case: to SQL they do not differ by case.
fn column_names(connection: &Connection, table: &str) -> Result<HashSet<String>> {
    let mut names = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = names.query_map([table], |row| row.get::<_, String>(0))?;
    Ok(names
        .map(|name| name.map(|name| name.to_lowercase()))
        .collect::<Result<_, _>>()?)
}

fn define(column: &Column) -> String {
    format!("{}{}", quoted(&column.name), column_type(&column.declared))
}

fn create<'c>(table: &str, columns: impl Iterator<Item = &'c Column>) -> String {
    let columns: Vec<String> = columns.map(define).collect();
    format!("CREATE TABLE {} ({})", quoted(table), columns.join(", "))
}

/// True if the table is as this sink makes it before the first row, and nobody has built on it.
fn is_blank(transaction: &Transaction<'_>, table: &str, columns: &[Column]) -> Result<bool> {
    let find = "SELECT sql, (SELECT count(*) FROM sqlite_master WHERE tbl_name = ?1) FROM sqlite_master WHERE name = ?1";
    let found = transaction
        .query_row(find, [table], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let declared = columns.iter().filter(|column| column.declared != Type::Any);
    Ok(found == Some((create(table, declared), 1)) && !holds_rows(transaction, table)?)
}

/// Makes the index by which rows are replaced; anew if a key has got more columns.
pub fn index(transaction: &Transaction<'_>, table: &str, keys: &[&Column]) -> Result<()> {
    let name = format!("{table}_keys");
    let mut known = transaction.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    let known: Vec<String> = known
        .query_map([&name], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if keys.is_empty() || known.iter().eq(keys.iter().map(|key| &key.name)) {
        return Ok(());
    }
    transaction.execute(&format!("DROP INDEX IF EXISTS {}", quoted(&name)), [])?;
    let columns = names(keys.iter().copied());
    let make = format!(
        "CREATE UNIQUE INDEX {} ON {} ({columns})",
        quoted(&name),
        quoted(table)
    );
    transaction.execute(&make, [])?;
    Ok(())
}

/// Removes the row of a key, given in the order of `keys`. Without a key column all rows are one.
pub fn delete_by(table: &str, keys: &[&Column]) -> String {
    let mut sql = format!("DELETE FROM {}", quoted(table));
    for (i, key) in keys.iter().enumerate() {
        let word = if i == 0 { "WHERE" } else { "AND" };
        sql.push_str(&format!(" {word} {} IS ?{}", quoted(&key.name), i + 1));
    }
    sql
}

/// Adds a row, given in the order of `columns`.
pub fn insert_into(table: &str, columns: &[Column]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!(
        "INSERT INTO {} ({}) VALUES ({places})",
        quoted(table),
        names(columns.iter())
    )
}

fn names<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
    let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
    names.join(", ")
}
