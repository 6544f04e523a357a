#![allow(clippy::unwrap_used)]
//! A corpus of broken lines goes through every tool: nothing panics, and rows delivered + late + rejected + filtered = rows in.
//!
//! What each line is was decided by hand (`broken/lines.rs`), so the answers do not come from the code under test.

#[path = "broken/chains.rs"]
mod chains;
#[path = "broken/killed.rs"]
mod killed;
#[path = "broken/lines.rs"]
mod lines;
#[path = "broken/long.rs"]
mod long;
#[path = "broken/plain.rs"]
mod plain;
#[path = "broken/ran.rs"]
mod ran;
#[path = "broken/sinks.rs"]
mod sinks;
#[path = "broken/sources.rs"]
mod sources;
#[path = "broken/wire.rs"]
mod wire;
