//! `st-agg` as a user runs it: lines in, lines, messages and an exit status out.

#![allow(clippy::unwrap_used)]

mod chained;
mod late;
mod modes;
mod plain;
mod refusals;
mod run;
mod sessions;
mod spark;
mod state;
