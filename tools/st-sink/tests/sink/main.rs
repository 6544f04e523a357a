//! The binary as a user sees it: hand-written streams in, what is at the target afterwards.

#![allow(clippy::unwrap_used)]

mod command;
mod console;
mod directory;
mod file;
mod gathered;
mod harness;
mod manners;
mod parquet;
mod plain;
mod sqlite;
