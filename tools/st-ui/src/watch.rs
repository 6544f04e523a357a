//! The queries that are shown: those below the folders, and those that run now or did a short while ago.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use st_monitor::Query;

/// What was read is as good as new for so long: many visitors cost no more than one.
const FRESH: Duration = Duration::from_millis(200);

/// Finds queries.
pub struct Watch {
    folders: Vec<PathBuf>,
    last: Mutex<Option<(Instant, Arc<Vec<Query>>)>>,
}

impl Watch {
    pub fn new(folders: Vec<PathBuf>) -> Watch {
        Watch {
            folders,
            last: Mutex::new(None),
        }
    }

    /// All queries, each once. A folder that cannot be listed just now has none.
    pub fn queries(&self) -> Arc<Vec<Query>> {
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        if let Some((read, queries)) = &*last
            && read.elapsed() < FRESH
        {
            return Arc::clone(queries);
        }
        let below = self
            .folders
            .iter()
            .filter_map(|folder| st_monitor::under(folder).ok());
        let all = below
            .flatten()
            .chain(st_monitor::running())
            .chain(st_monitor::ended());
        let mut queries: Vec<Query> = Vec::new();
        for query in all {
            if queries.iter().all(|known| known.home != query.home) {
                queries.push(query);
            }
        }
        let queries = Arc::new(queries);
        *last = Some((Instant::now(), Arc::clone(&queries)));
        queries
    }
}
