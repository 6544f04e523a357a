//! What `st-kafka` and `st-sink kafka` share: how a cluster is reached, and what its errors are told as.

mod context;
mod error;
mod settings;

pub use context::Watch;
pub use error::explain;
pub use settings::Cluster;
