#![allow(clippy::unwrap_used)]
//! The use cases of `examples/use-cases`: their queries are killed in the middle and started again by the same line, and what
//! files, tables and topics then hold is compared with SQL over the generated data, run by SQLite.
//!
//! Those that need Kafka or PostgreSQL are ignored by `make test`; `make test-use-cases` starts the servers and runs them all.
//! There a foreign program, kcat, puts the data into the topics and reads what came out.

mod answers;
mod clickstream;
#[allow(dead_code)]
#[path = "../lessons/console.rs"]
mod console;
mod fraud;
mod interrupted;
mod killed;
mod log_monitoring;
mod pages;
mod sensors;
mod topics;
mod trends;

use std::path::Path;
use std::process::Command;

use st_tests::{Outcome, bash, bin, root, run};
use tempfile::TempDir;

/// A scratch folder with the sample data of a use case, as its script would make it.
pub fn work(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").join(name);
    let line = format!("examples/use-cases/{name}/generate '{}'", data.display());
    succeed(script(folder.path(), &line));
    folder
}

/// A line of bash in the repository's folder that takes `work` for its `work/`.
pub fn script(work: &Path, line: &str) -> Command {
    let mut command = bash(&bin().unwrap(), &root(), line);
    command.env("ST_BIN", bin().unwrap()).env("ST_WORK", work);
    for name in ["PACE", "KEEP", "KAFKA", "DATABASE_URL", "ALERTS_URL"] {
        command.env_remove(name);
    }
    command
}

/// The query of a use case; `arguments` are its branches, if it takes any.
pub fn query(work: &Path, name: &str, arguments: &str, pace: &str) -> Command {
    let mut command = script(
        work,
        &format!("exec examples/use-cases/{name}/query {arguments}"),
    );
    command.env("PACE", pace);
    command
}

/// Runs a command that must succeed.
pub fn succeed(command: Command) -> Outcome {
    let ran = run(command).unwrap();
    assert_eq!(
        ran.status,
        0,
        "--- stdout\n{}--- stderr\n{}",
        ran.out(),
        ran.err()
    );
    ran
}
