//! A run as others see it: `runs/NAME`, and the lock that says that this process lives.
//!
//! It is for people and monitors, so what cannot be written is left out and no query fails for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;
use st_monitor::{End, Role, Run};

use crate::marker::{Node, Start};
use crate::{clock, instant, message};

/// This process's part in a run.
pub(crate) struct Shown {
    home: PathBuf,
    run: Run,
    /// Held where there is no checkpoint, whose locks tell the same.
    _lock: Option<File>,
}

impl Shown {
    /// The part of a process that reads `start`; none where nothing is shown.
    pub(crate) fn of(start: &Start, role: Role, stage: &str) -> Option<Shown> {
        let home = start.home()?.to_path_buf();
        let run = Run {
            id: start.query.clone(),
            run_id: start.run.clone()?,
            role,
            stage: stage.to_string(),
            pid: std::process::id(),
            started: instant::text(clock::now()),
            plan: nodes(&start.plan),
            cwd: std::env::current_dir().unwrap_or_default(),
            target: None,
            end: None,
        };
        Some(Shown {
            home,
            run,
            _lock: None,
        })
    }

    /// Its name in the query has become known.
    pub(crate) fn is_called(&mut self, stage: &str) {
        self.run.stage = stage.to_string();
    }

    /// It runs: `plan` ends with it.
    pub(crate) fn begin(&mut self, plan: &[Node], target: Option<PathBuf>, locks: bool) {
        self.run.plan = nodes(plan);
        self.run.target = target;
        if locks {
            self._lock = st_monitor::lock_run(&self.home, &self.run.stage);
        }
        self.write();
    }

    /// It ends: well, or because `stage` failed for this reason.
    pub(crate) fn end(&mut self, failure: Option<(&str, &str)>) {
        self.run.end = Some(End {
            time: instant::text(clock::now()),
            stage: failure.map(|(stage, _)| stage.to_string()),
            error: failure.map(|(_, error)| error.to_string()),
        });
        self.write();
    }

    fn write(&self) {
        if let Err(error) = self.run.write(&self.home) {
            message::tell(1, &self.run.stage, || {
                format!("this run is not shown: {}", message::chain(&error))
            });
        }
    }
}

/// Forgets what the stages of an earlier run said. The caller holds the source's lock, and no other is held.
pub(crate) fn forget(home: &Path) {
    for entry in fs::read_dir(home.join("runs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let _ = fs::remove_file(entry.path());
    }
}

fn nodes(plan: &[Node]) -> Vec<Value> {
    let nodes = plan.iter().map(serde_json::to_value);
    nodes.filter_map(Result::ok).collect()
}
