//! Looks at the queries, and remembers what need not be read again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Error, Result};
use st_monitor::{Progress, Query, SinkView};

use crate::figures::Seen;

/// What a sink's reports are known by: run, batch and begin of the last one.
type Mark = (String, i64, String);

/// Which sink: its query's home, its name.
type Place = (PathBuf, String);

/// Finds queries and their reports.
pub struct Gather {
    folders: Vec<PathBuf>,
    all: bool,
    /// Without folders: the queries that were seen to run; they stay when they have ended.
    known: Vec<(PathBuf, Option<PathBuf>)>,
    reports: HashMap<Place, (Mark, Rc<[Progress]>)>,
    /// Folders that could not be listed at the last look.
    pub closed: Vec<Error>,
}

impl Gather {
    pub fn new(folders: &[PathBuf], all: bool) -> Gather {
        Gather {
            folders: folders.to_vec(),
            all,
            known: Vec::new(),
            reports: HashMap::new(),
            closed: Vec::new(),
        }
    }

    /// Where it looks, for a message.
    pub fn place(&self) -> String {
        let names: Vec<String> = self
            .folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        names.join(", ")
    }

    /// The queries now, the one started first comes first.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn look(&mut self) -> Result<Vec<Seen>> {
        let found = st_monitor::chosen(&self.folders, self.all)?;
        self.closed = found.closed;
        let mut queries = found.queries;
        if self.folders.is_empty() && !self.all {
            self.keep_ended(&mut queries);
        }
        let mut kept = HashMap::new();
        let mut seen = Vec::new();
        for query in queries {
            let histories = query.sinks.iter().map(|sink| {
                let key = (query.home.path().to_path_buf(), sink.name.clone());
                let entry = self.reports.remove(&key);
                let entry = fresh(&query, sink, entry);
                let reports = Rc::clone(&entry.1);
                kept.insert(key, entry);
                reports
            });
            let histories = histories.collect();
            seen.push(Seen { query, histories });
        }
        self.reports = kept;
        seen.sort_by(|a, b| (&a.query.started, &a.query.id).cmp(&(&b.query.started, &b.query.id)));
        Ok(seen)
    }

    /// Adds the queries that ran at an earlier look.
    fn keep_ended(&mut self, queries: &mut Vec<Query>) {
        for query in queries.iter() {
            let home = query.home.path();
            if self.known.iter().all(|(known, _)| known != home) {
                self.known.push((home.into(), query.checkpoint.clone()));
            }
        }
        let running: Vec<PathBuf> = queries.iter().map(|q| q.home.path().into()).collect();
        let gone = |home: &PathBuf| !running.contains(home);
        if !self.known.iter().any(|(home, _)| gone(home)) {
            return;
        }
        let mut ended = st_monitor::ended();
        self.known.retain(|(home, checkpoint)| {
            if !gone(home) {
                return true;
            }
            let place = ended.iter().position(|query| query.home.path() == home);
            // The run's folder may be swept away already; a checkpoint stays.
            let query = match (place, checkpoint) {
                (Some(place), _) => Some(ended.swap_remove(place)),
                (None, Some(checkpoint)) => Query::of_checkpoint(checkpoint),
                (None, None) => None,
            };
            let there = query.is_some();
            queries.extend(query);
            there
        });
    }
}

/// The reports of a sink, read again if its last one is another.
fn fresh(
    query: &Query,
    sink: &SinkView,
    known: Option<(Mark, Rc<[Progress]>)>,
) -> (Mark, Rc<[Progress]>) {
    let mark = sink.last.as_ref().map_or_else(Mark::default, |last| {
        (last.run_id.clone(), last.batch_id, last.timestamp.clone())
    });
    match known {
        Some(known) if known.0 == mark => known,
        _ => {
            let reports = match query.progress(&sink.name) {
                Ok(reports) if !reports.is_empty() => reports,
                _ => sink.last.iter().cloned().collect(),
            };
            (mark, reports.into())
        }
    }
}
