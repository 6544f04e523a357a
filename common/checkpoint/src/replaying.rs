//! Sinks that stand ahead of where a run starts: `replaying/SINK`.
//!
//! A run starts at the least commit, and every stage cuts its state back to that epoch, also one
//! below which a faster sink has long committed more. Were that branch killed before it has caught
//! up, while a slow one goes on, the next run would start at an epoch which the state of the fast
//! one does not reach any more. So the source announces each sink that is ahead, durably, before any
//! stage can cut; until the sink has seen its last batch again it counts as standing at the epoch
//! announced: for the floor, and for where the next run begins.
//!
//! Two sources of one query read the commits at moments of their own. The first to read announces every
//! sink, also those that are not ahead, so that the other one finds the same epoch whatever is committed
//! in between by an earlier run that is still ending.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::durable::{cannot, folder_of, remove};
use crate::name::check_name;
use crate::{QueryDir, create_exclusive, sync_dir};

#[derive(Serialize, Deserialize)]
struct Replaying {
    sink: String,
    epoch: i64,
}

impl QueryDir {
    /// Announces every sink whose last commit is ahead of `epoch`, every sink at all if `others` sources
    /// have a part in the query, and takes back what was announced of others. Durable when it returns. A source calls it before it sends `start`.
    ///
    /// # Errors
    /// If an announcement cannot be read, written or removed.
    pub fn replaying_from(&self, epoch: i64, others: bool) -> Result<()> {
        let mut announced = self.replaying()?;
        for sink in &self.sinks()? {
            if sink.last <= epoch && !others {
                continue;
            }
            if announced.remove(&sink.name) == Some(epoch) {
                continue;
            }
            let path = self.place("replaying", &sink.name)?;
            let mut line = serde_json::to_vec(&Replaying {
                sink: sink.name.clone(),
                epoch,
            })?;
            line.push(b'\n');
            // Another source may be announcing the same at this moment.
            while !create_exclusive(&path, self.durability(), &line)? {
                if self.replaying()?.get(&sink.name) == Some(&epoch) {
                    break;
                }
                remove(&path)?;
            }
        }
        announced.keys().try_for_each(|sink| self.caught_up(sink))
    }

    /// Takes the announcement back: all stages above the sink have made their work for its last batch
    /// durable again. No error if there is none.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn caught_up(&self, sink: &str) -> Result<()> {
        check_name(sink)?;
        let path = self.path().join("replaying").join(sink);
        if !path.exists() {
            return Ok(());
        }
        remove(&path)?;
        // Once the floor has passed, the announcement must not come back.
        sync_dir(&folder_of(&path), self.durability())
    }

    /// The sinks announced, each with its epoch.
    pub(crate) fn replaying(&self) -> Result<BTreeMap<String, i64>> {
        let mut sinks = BTreeMap::new();
        for path in self.announcements("replaying")? {
            let text = match fs::read(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.with_context(|| cannot("read", &path))?,
            };
            let replaying: Replaying = serde_json::from_slice(&text).map_err(|e| {
                anyhow!(
                    "{}: damaged ({e}): restore it from a copy, or start afresh with a new --checkpoint",
                    path.display()
                )
            })?;
            sinks.insert(replaying.sink, replaying.epoch);
        }
        Ok(sinks)
    }
}
