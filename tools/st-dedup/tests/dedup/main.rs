//! What a user of `st-dedup` sees.
#![allow(clippy::unwrap_used)]

mod plain;
mod refusals;
mod run;
mod spark;
mod state;
