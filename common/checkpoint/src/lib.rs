//! The query directory: everything a query remembers between runs.
//!
//! Responsible for offsets, commits, state files, side files, spools, locks and the atomic
//! replacement of files, so that no tool writes a byte of a checkpoint by itself. It exists as
//! one crate because exactly-once is one argument over all these files; `docs/CHECKPOINTS.md`
//! states it and is normative.
//!
//! Everything here is synchronous. Errors name the file and the mend; they carry no tool name.

mod commits;
mod definition;
mod direct;
mod durable;
pub mod exact;
mod fail_point;
mod inspect;
mod joining;
mod lock;
mod memory;
mod name;
mod offsets;
mod owner;
mod peers;
mod progress;
mod query_dir;
mod record;
mod record_log;
mod recorded;
mod replaying;
mod side_file;
mod sinks;
mod spool;
mod state;
mod uses;

pub use commits::Commits;
pub use definition::{Change, changes};
pub use direct::DirectWrite;
pub use durable::{Durability, create_exclusive, replace_file, sync_dir};
pub use fail_point::{fail_io, fail_point, threshold};
pub use inspect::{SourceView, StateView, Verdict};
pub use lock::{Holder, Lock, Patience};
pub use memory::Memory;
pub use name::check_name;
pub use offsets::{OffsetRecord, Offsets};
pub use owner::{Claim, Target, claim};
pub use peers::Peers;
pub use progress::Progress;
pub use query_dir::{Kind, QueryDir};
pub use recorded::Recorded;
pub use side_file::{SideFile, SideKind};
pub use sinks::SinkState;
pub use spool::Spool;
pub use state::StateFile;
pub use uses::Uses;
