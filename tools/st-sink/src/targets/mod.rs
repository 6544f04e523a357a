//! What rows are delivered to: one target per module.

pub mod directory;
pub mod exec;
pub mod file;
pub mod null;
pub mod sqlite;
pub mod stream;
