//! The queries that are shown: those below the folders, and those that run now or did a short while ago.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use st_monitor::Query;

use crate::told::Told;

/// What was read is as good as new for so long: many visitors cost no more than one.
const FRESH: Duration = Duration::from_millis(200);

/// Finds queries.
pub struct Watch {
    folders: Vec<PathBuf>,
    last: Mutex<Option<(Instant, Arc<Vec<Query>>)>>,
    told: Mutex<Told>,
}

impl Watch {
    pub fn new(folders: Vec<PathBuf>) -> Watch {
        Watch {
            folders,
            last: Mutex::new(None),
            told: Mutex::default(),
        }
    }

    /// All queries, each once. A folder that cannot be listed just now has none, and is named with `-v`.
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
        let mut closed = Vec::new();
        let mut all = Vec::new();
        for folder in &self.folders {
            match st_monitor::under(folder) {
                Ok(found) => {
                    all.extend(found.queries);
                    closed.extend(found.closed);
                }
                Err(error) => closed.push(error),
            }
        }
        all.extend(st_monitor::running());
        all.extend(st_monitor::ended());
        let mut queries: Vec<Query> = Vec::new();
        for query in all {
            if queries.iter().all(|known| known.home != query.home) {
                queries.push(query);
            }
        }
        self.told
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .look(&queries, &closed);
        let queries = Arc::new(queries);
        *last = Some((Instant::now(), Arc::clone(&queries)));
        queries
    }
}
