//! locks: the kernel lets go of what a killed process held.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use st_checkpoint::{Durability, Holder, Lock, Patience, QueryDir};

use crate::support::{Reaped, given_folder, message, process, query};

fn holder(tool: &str) -> Holder {
    Holder::this(tool, "2026-01-01T00:00:00.000Z")
}

fn lock(dir: &QueryDir, patience: &mut Patience<'_>) -> anyhow::Result<Lock> {
    dir.lock("st-agg", &holder("st-second"), patience, &mut |_| {})
}

/// The other process: holds the lock until it is killed.
#[test]
fn holding_process() {
    let Some(folder) = given_folder() else { return };
    let id = std::env::var("ST_TEST_QUERY").unwrap();
    let dir = QueryDir::open_existing(&folder, &id, Durability::Process).unwrap();
    let _held = dir
        .lock(
            "st-agg",
            &holder("st-agg"),
            &mut Patience::default(),
            &mut |_| {},
        )
        .unwrap();
    writeln!(std::io::stdout(), "\nheld").unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn the_kernel_lets_go_of_a_killed_process_lock() {
    let (folder, dir) = query();
    let mut command = process("killed::holding_process", dir.path(), "");
    let mut child = Reaped(command.env("ST_TEST_QUERY", dir.id()).spawn().unwrap());
    let out = BufReader::new(child.0.stdout.take().unwrap());
    assert!(out.lines().any(|line| line.unwrap() == "held"));
    let text = message(
        lock(&dir, &mut Patience::new(Duration::ZERO, |_| Ok(()))),
        &folder,
    );
    let named = format!(
        "ck/locks/st-agg: held by st-agg (process {}, ",
        child.0.id()
    );
    assert!(text.starts_with(&named), "{text}");
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert!(lock(&dir, &mut Patience::default()).is_ok());
}
