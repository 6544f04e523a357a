//! What a user of `st-map` sees: rows, bytes, counts, refusals.
#![allow(clippy::unwrap_used)]

mod common;
mod otherwise;
mod pipe_manners;
mod rows;
mod start;
mod through;
