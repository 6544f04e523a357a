#![allow(clippy::unwrap_used)]
//! What `st-join` says on its stdout and stderr, over streams written by hand and against Spark's answers.

mod harness;
mod refusals;
mod spark;
mod streams;
mod tables;
