//! What a query shows of itself: its runs, its progress, whether it runs and why it failed.
//!
//! The drivers and the sink write these files, st-ps, st-top and st-ui read them; both sides are here, so that the format
//! stands in one place (`docs/MONITORING.md`). Reading never disturbs a query: it takes no lock that a run could miss, and
//! writes nothing.

mod find;
mod home;
mod live;
mod progress;
mod query;
mod registry;
mod run;

pub use find::{Found, chosen, ended, running, under};
pub use home::{Home, is_held};
pub use live::{Activity, Live, LiveFile};
pub use progress::{
    Bytes, Details, Latency, Progress, SinkProgress, SourceProgress, StageProgress, StageState,
    StateOperator, Totals,
};
pub use query::{Failure, Query, SinkView, Status};
pub use registry::{RunDir, folder as registry_folder, join as join_runs, lock as lock_run};
pub use run::{End, Role, Run};

#[cfg(test)]
mod tests;
