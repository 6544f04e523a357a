//! Questions to the tables that sinks fill. They can read, for a while, and nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rusqlite::hooks::{AuthAction, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

/// Rows of an answer.
const ROWS: usize = 1000;
/// Characters of a cell.
const CELL: usize = 10_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

fn open(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(500))?;
    Ok(connection)
}

/// The table's columns, if it is there.
pub fn columns(file: &Path, table: &str) -> Option<Vec<String>> {
    let connection = open(file).ok()?;
    let mut names = connection
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .ok()?;
    let names = names.query_map([table], |row| row.get(0)).ok()?;
    let names: Vec<String> = names.flatten().collect();
    (!names.is_empty()).then_some(names)
}

/// What reading needs; no other file, no setting, no extension.
fn allows(action: AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// The answer to a question: `columns`, `rows`, and whether there were more.
///
/// # Errors
/// What SQLite says, on one line; a question that takes too long.
pub fn ask(file: &Path, question: &str) -> Result<Value> {
    let connection = open(file)?;
    connection.authorizer(Some(|context: rusqlite::hooks::AuthContext<'_>| {
        allows(context.action)
    }))?;
    let until = Instant::now() + PATIENCE;
    connection.progress_handler(STEPS, Some(move || Instant::now() > until))?;
    let started = Instant::now();
    let mut statement = match connection.prepare(question) {
        Ok(statement) => statement,
        Err(error) => bail!("{}", told(&error)),
    };
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_string)
        .collect();
    let mut rows = Vec::new();
    let mut found = match statement.query([]) {
        Ok(found) => found,
        Err(error) => bail!("{}", told(&error)),
    };
    let more = loop {
        match found.next() {
            Ok(None) => break false,
            Ok(Some(_)) if rows.len() == ROWS => break true,
            Ok(Some(row)) => {
                let cells: Result<Vec<Value>, _> = (0..columns.len())
                    .map(|i| row.get_ref(i).map(cell))
                    .collect();
                rows.push(cells?);
            }
            Err(error) => bail!("{}", told(&error)),
        }
    };
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(json!({ "columns": columns, "rows": rows, "more": more, "ms": ms }))
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        // Beyond 2^53 a page would round it.
        ValueRef::Integer(x) if x.unsigned_abs() > 1 << 53 => json!(x.to_string()),
        ValueRef::Integer(x) => json!(x),
        ValueRef::Real(x) => json!(x),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            json!(text.chars().take(CELL).collect::<String>())
        }
        ValueRef::Blob(bytes) => {
            let digits = bytes
                .iter()
                .take(CELL / 2)
                .map(|byte| format!("{byte:02x}"));
            json!(digits.collect::<String>())
        }
    }
}

fn told(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            format!("took longer than {} seconds", PATIENCE.as_secs())
        }
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            "only SELECT is answered, on the tables of this database".to_string()
        }
        _ => error.to_string().replace('\n', " "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reading_is_answered_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let connection = Connection::open(&file).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (k TEXT, n INTEGER); INSERT INTO t VALUES ('a', 1), ('b', NULL)",
            )
            .unwrap();
        let answer = ask(&file, "SELECT k, n + 1 AS m FROM t ORDER BY k").unwrap();
        assert_eq!(answer["columns"], json!(["k", "m"]));
        assert_eq!(answer["rows"], json!([["a", 2], ["b", null]]));
        assert_eq!(columns(&file, "t").unwrap(), ["k", "n"]);
        for question in [
            "DELETE FROM t",
            "ATTACH '/etc/passwd' AS x",
            "PRAGMA writable_schema = 1",
            "SELECT load_extension('x')",
            "CREATE TABLE u (n)",
            "VACUUM INTO '/tmp/x'",
        ] {
            let error = ask(&file, question).unwrap_err().to_string();
            assert!(!error.contains('\n') && !error.is_empty(), "{question}");
        }
        let endless =
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r";
        let answer = ask(&file, endless).unwrap();
        assert_eq!(
            (answer["rows"].as_array().unwrap().len(), &answer["more"]),
            (ROWS, &json!(true))
        );
    }
}
