//! The table: what columns it has, made and widened when asked.

use anyhow::{Result, bail};
use postgres::Transaction;
use st_deliver::columns::Column;
use st_expr::Type;

use crate::copy::Style;
use crate::names::{TableName, list, quoted};

/// A column of the table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    kind: String,
    category: String,
}

impl TableColumn {
    /// True if it holds JSON, so that a struct is not taken apart for it.
    pub fn is_json(&self) -> bool {
        matches!(self.kind.as_str(), "json" | "jsonb")
    }
}

/// Where a row's column goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The table's column.
    pub name: String,
    /// Index of the value among the row's cells.
    pub cell: usize,
    /// The names that lead to it in a row.
    pub path: Vec<String>,
    /// How its values are written.
    pub style: Style,
}

/// True if there is a table, view or foreign table of this name, given as SQL.
pub fn exists(transaction: &mut Transaction<'_>, sql: &str) -> Result<bool, postgres::Error> {
    let row = transaction.query_one("SELECT to_regclass($1) IS NOT NULL", &[&sql])?;
    Ok(row.get(0))
}

/// True if there is a row in it.
pub fn holds_rows(transaction: &mut Transaction<'_>, sql: &str) -> Result<bool, postgres::Error> {
    if !exists(transaction, sql)? {
        return Ok(false);
    }
    let row = transaction.query_one(&format!("SELECT EXISTS (SELECT 1 FROM {sql})"), &[])?;
    Ok(row.get(0))
}

/// The table's columns that can be written to; none if there is no table.
pub fn columns(
    transaction: &mut Transaction<'_>,
    name: &TableName,
) -> Result<Vec<TableColumn>, postgres::Error> {
    let find = "SELECT a.attname::text, t.typname::text, t.typcategory::text
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attgenerated = '' AND a.attidentity <> 'a'
        ORDER BY a.attnum";
    let rows = transaction.query(find, &[&name.sql()])?;
    Ok(rows
        .into_iter()
        .map(|row| TableColumn {
            name: row.get(0),
            kind: row.get(1),
            category: row.get(2),
        })
        .collect())
}

/// The table's column of that name: the same letters, else the only one that differs by case alone.
pub fn find<'t>(table: &'t [TableColumn], name: &str) -> Option<&'t TableColumn> {
    if let Some(same) = table.iter().find(|column| column.name == name) {
        return Some(same);
    }
    let name = name.to_lowercase();
    let mut like = table
        .iter()
        .filter(|column| column.name.to_lowercase() == name);
    match (like.next(), like.next()) {
        (Some(column), None) => Some(column),
        _ => None,
    }
}

/// Where the values of these columns go; those the table lacks, which have only nulls, go nowhere.
pub fn places(table: &[TableColumn], columns: &[Column]) -> Vec<Place> {
    columns
        .iter()
        .filter_map(|column| {
            let found = find(table, &column.name)?;
            Some(Place {
                name: found.name.clone(),
                cell: column.cell,
                path: column.path.clone(),
                style: Style::of(&found.kind, &found.category, &column.declared),
            })
        })
        .collect()
}

/// Makes the table or adds what it lacks. A column of which only nulls have been seen has no type yet, and waits.
pub fn grow(
    transaction: &mut Transaction<'_>,
    name: &TableName,
    columns: &[Column],
) -> Result<(), postgres::Error> {
    let known = self::columns(transaction, name)?;
    let missing: Vec<String> = columns
        .iter()
        .filter(|column| is_known(column) && find(&known, &column.name).is_none())
        .map(|column| format!("{} {}", quoted(&column.name), column_type(column)))
        .collect();
    let sql = name.sql();
    if missing.is_empty() {
        return Ok(());
    }
    if !exists(transaction, &sql)? {
        return transaction.batch_execute(&format!("CREATE TABLE {sql} ({})", missing.join(", ")));
    }
    let add: Vec<String> = missing
        .iter()
        .map(|column| format!("ADD COLUMN {column}"))
        .collect();
    transaction.batch_execute(&format!("ALTER TABLE {sql} {}", add.join(", ")))
}

/// True if the column's type is declared or was seen.
fn is_known(column: &Column) -> bool {
    column.declared != Type::Any || column.found != Type::Null
}

/// The column's type in `CREATE TABLE`. A number of no declared type is NUMERIC: after 10 may come 10.5.
fn column_type(column: &Column) -> String {
    match (&column.declared, column.kind()) {
        (_, Type::Boolean) => "BOOLEAN".to_string(),
        (Type::Any, kind) if kind.is_numeric() => "NUMERIC".to_string(),
        (_, Type::TinyInt | Type::SmallInt) => "SMALLINT".to_string(),
        (_, Type::Int) => "INTEGER".to_string(),
        (_, Type::BigInt) => "BIGINT".to_string(),
        (_, Type::Float) => "REAL".to_string(),
        (_, Type::Double) => "DOUBLE PRECISION".to_string(),
        (_, Type::Decimal { precision, scale }) => format!("NUMERIC({precision},{scale})"),
        (_, Type::Date) => "DATE".to_string(),
        (_, Type::Timestamp) => "TIMESTAMPTZ".to_string(),
        (_, Type::Binary) => "BYTEA".to_string(),
        (_, Type::Interval) => "INTERVAL".to_string(),
        (_, Type::Array(_) | Type::Map(..) | Type::Struct(_)) => "JSONB".to_string(),
        _ => "TEXT".to_string(),
    }
}

/// Sees that rows can be replaced by these columns: there is a unique index over just them, or it is made.
pub fn unique(
    transaction: &mut Transaction<'_>,
    name: &TableName,
    keys: &[&str],
    create: bool,
) -> Result<()> {
    let find = "SELECT EXISTS (
        SELECT 1 FROM pg_index i
        WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
          AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
               FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
              = (SELECT array_agg(x ORDER BY x) FROM unnest($2::text[]) x))";
    // Sorted by the same collation on both sides, whatever it is.
    let found = transaction.query_one(find, &[&name.sql(), &keys])?;
    if found.get(0) {
        return Ok(());
    }
    let make = format!(
        "CREATE UNIQUE INDEX ON {} ({})",
        name.sql(),
        list(keys.iter().copied())
    );
    if !create {
        bail!(
            "postgres: table {name}: rows are replaced by key, which needs a unique index: {make}"
        );
    }
    transaction.batch_execute(&make)?;
    Ok(())
}
