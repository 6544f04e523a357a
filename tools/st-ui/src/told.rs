//! With `-v`: which queries are found and how they stand, which folders are closed, which requests are refused.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Error;
use st_monitor::Query;
use st_stream::message::{chain, tell};

use crate::request::Request;

/// What was told of the last look: nothing is told twice.
#[derive(Default)]
pub struct Told {
    statuses: HashMap<PathBuf, &'static str>,
    closed: Vec<String>,
}

impl Told {
    /// Tells what is not as it was.
    pub fn look(&mut self, queries: &[Query], closed: &[Error]) {
        let mut statuses = HashMap::new();
        for query in queries {
            let home = query.home.path();
            let (word, before) = (query.status.word(), self.statuses.get(home));
            // Between batches a running query goes to and fro: that is for -vv.
            let level = match before {
                Some(before) if *before == word => 3,
                Some(&("waiting" | "processing")) if query.status.is_active() => 2,
                _ => 1,
            };
            let name = query.title();
            let what = if before.is_none() { "found" } else { "now" };
            tell(level, "st-ui", || {
                let (home, evidence) = (home.display(), query.evidence());
                format!("{what} {name}: {word}: {evidence} ({home})")
            });
            statuses.insert(home.to_path_buf(), word);
        }
        for gone in self.statuses.keys() {
            if !statuses.contains_key(gone) {
                tell(1, "st-ui", || format!("{}: is gone", gone.display()));
            }
        }
        let closed: Vec<String> = closed.iter().map(chain).collect();
        for text in closed.iter().filter(|text| !self.closed.contains(text)) {
            tell(1, "st-ui", || text.clone());
        }
        (self.statuses, self.closed) = (statuses, closed);
    }
}

/// A request and what became of it; `why` if it was refused or cannot be answered.
pub fn answered(request: &Request, status: u16, why: Option<&str>) {
    // The token, if it came that way, is not in the path. Anybody can send any name.
    let path = || format!("{:?}", format!("/{}", request.path.join("/")));
    match why {
        None => tell(2, "st-ui", || {
            format!("{} {}: {status}", request.method, path())
        }),
        Some(why) => tell(1, "st-ui", || {
            let host = request.header("host").unwrap_or_default();
            format!(
                "{} {}, host {host:?}: {status}, {why}",
                request.method,
                path()
            )
        }),
    }
}
