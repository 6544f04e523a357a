//! The files that are to be read next, listed once and used up before anything is listed again.

use std::collections::VecDeque;
use std::fs;

use anyhow::{Context, Result};
use st_stream::message;

use super::listing::{Found, Listing};
use super::seen::Seen;
use crate::config::Config;
use crate::open::mtime;
use crate::roots::Root;

/// What is planned, in order.
pub struct Backlog {
    planned: VecDeque<Found>,
    listing: Listing,
    roots: Vec<Root>,
    watched: bool,
    latest_first: bool,
    /// Nothing is listed any more.
    closed: bool,
    /// Bytes of all that was ever planned.
    size: u64,
    name: String,
}

impl Backlog {
    pub fn new(config: &Config, name: &str) -> Backlog {
        Backlog {
            planned: VecDeque::new(),
            listing: Listing::new(name),
            watched: config.roots.iter().any(Root::is_watched),
            roots: config.roots.clone(),
            latest_first: config.latest_first,
            closed: false,
            size: 0,
            name: name.to_string(),
        }
    }

    /// Plans the files that were named one by one, and what is in the directories now. `only_now`: nothing after that.
    pub fn begin(&mut self, seen: &mut Seen, only_now: bool) -> Result<()> {
        let mut found = self.listing.list(&self.roots, seen)?;
        for root in &self.roots {
            if let Root::File(path) = root
                && !seen.has(path)
            {
                let metadata =
                    fs::metadata(path).with_context(|| format!("{path}: cannot be read"))?;
                found.push(Found {
                    mtime: mtime(&metadata),
                    path: path.clone(),
                    size: metadata.len(),
                });
            }
        }
        self.plan(found, seen);
        self.closed = only_now || !self.watched;
        Ok(())
    }

    /// What is planned, in order.
    pub fn planned(&self) -> impl Iterator<Item = &str> + Clone {
        self.planned.iter().map(|found| found.path.as_str())
    }

    /// The next file. Lists again only if nothing is planned (or the newest is wanted) and something may have come.
    pub fn next(&mut self, seen: &mut Seen) -> Result<Option<Found>> {
        if !self.closed && (self.planned.is_empty() || self.latest_first) && self.listing.is_due() {
            let found = self.listing.list(&self.roots, seen)?;
            self.plan(found, seen);
        }
        Ok(self.planned.pop_front())
    }

    fn plan(&mut self, mut found: Vec<Found>, seen: &mut Seen) {
        found.sort_unstable();
        found.dedup();
        for file in &found {
            seen.add(&file.path);
            self.size += file.size;
        }
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            message::tell(1, &self.name, || {
                let which = match found.len() {
                    1 => first.path.clone(),
                    _ => format!("{} to {}", first.path, last.path),
                };
                format!("{} new files listed: {which}", found.len())
            });
        }
        if self.latest_first {
            found.extend(self.planned.drain(..));
            found.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.planned.extend(found);
    }

    /// Bytes of all files that will ever be read, if nothing can come.
    pub fn size(&self) -> Option<u64> {
        self.closed.then_some(self.size)
    }

    /// True if nothing is planned and nothing can come.
    pub fn is_over(&self) -> bool {
        self.closed && self.planned.is_empty()
    }

    /// How long to wait before looking again.
    pub fn patience(&self) -> std::time::Duration {
        self.listing.patience()
    }
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;
