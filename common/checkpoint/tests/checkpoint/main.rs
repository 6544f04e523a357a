//! The rules of `docs/CHECKPOINTS.md`, one test or more per rule, over the public interface.
//! A test's module comment names the section it answers to.

#![allow(clippy::unwrap_used)]

mod commits;
mod damage;
mod fixtures;
mod inspect;
mod joining;
mod locks;
mod memory;
mod offsets;
mod owner;
mod peers;
mod progress;
mod query_dir;
mod replace;
mod replaying;
mod side_file;
mod spool;
mod state;
#[allow(dead_code)]
mod support;
mod tables;
