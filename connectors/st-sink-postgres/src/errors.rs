//! What the server says, as one line with the mend.

use anyhow::{Error, anyhow};
use postgres::error::SqlState;

/// The error, told of `place`.
pub fn explain(error: &postgres::Error, place: &str) -> Error {
    let Some(database) = error.as_db_error() else {
        let cause = std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |cause| cause.to_string());
        return anyhow!(
            "postgres: {place}: {cause}: see that the server runs, then run the same line again"
        );
    };
    let detail = database
        .detail()
        .map(|detail| format!(" ({})", detail.replace('\n', " ")))
        .unwrap_or_default();
    let code = database.code();
    let mend = if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        ": grant it to this user, or give another table"
    } else if *code == SqlState::UNDEFINED_TABLE {
        ": --create makes it"
    } else if *code == SqlState::DISK_FULL {
        ": make room and run the same line again"
    } else if *code == SqlState::INVALID_CATALOG_NAME || code.code().starts_with("28") {
        ": see DATABASE_URL or the PG… variables"
    } else if code.code().starts_with("57") || code.code().starts_with("08") {
        ": run the same line again when the server is back"
    } else {
        ""
    };
    anyhow!("postgres: {place}: {}{detail}{mend}", database.message())
}

/// True if a row, not the server or the table, is the cause: wrong data (class 22) or a broken constraint (class 23).
pub fn is_of_a_row(error: &postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("22") || code.code().starts_with("23"))
}

/// The server's message alone, as the reason a row is rejected for.
pub fn reason(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(database) => database.message().to_string(),
        None => error.to_string(),
    }
}
