//! What a user of `st-fold` sees.
#![allow(clippy::unwrap_used)]

mod functions;
mod refusals;
mod run;
mod state;
mod timers;
