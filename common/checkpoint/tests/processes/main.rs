//! What takes a second process: killing it, or letting it run out of room.
//!
//! Apart from the other tests, because a process that is just being made shares for a moment all
//! locks of the one that makes it.

#![allow(clippy::unwrap_used)]

mod crash;
mod faults;
mod killed;
#[path = "../checkpoint/support.rs"]
#[allow(dead_code)]
mod support;
