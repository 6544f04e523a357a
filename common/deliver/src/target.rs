//! What a sink delivers to, as the commit protocol sees it.
//!
//! The protocol itself stands once, in `stage`; a target says only how it takes a batch, makes it durable and shows it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use serde_json::{Map, Value};
use st_checkpoint::Durability;
use st_expr::Schema;
use st_stream::{Context, Manners, Mode, Out, Start};
use st_time::Zone;

use crate::rows::Rows;

/// What is known when a run starts.
pub struct Opening<'a> {
    /// The stream's start marker.
    pub start: &'a Start,
    /// Its declared columns.
    pub schema: &'a Schema,
    /// The driver's findings.
    pub context: &'a Context,
    /// True if the query, or this sink alone, has a checkpoint.
    pub checkpointed: bool,
    /// The last batch this sink delivered in earlier runs; none if it has just joined.
    pub delivered: Option<i64>,
    /// True if the checkpoint does not know this sink yet, or no longer: what it finds was not delivered by what follows.
    pub joins: bool,
    /// What a delivered batch must survive.
    pub durability: Durability,
    /// The session's time zone.
    pub zone: Zone,
}

impl Opening<'_> {
    /// The query a target is marked with. Runs without a checkpoint cannot be told apart later, so they share a name.
    pub fn owner(&self) -> &str {
        if self.checkpointed {
            &self.start.query
        } else {
            "none"
        }
    }
}

/// A batch delivered in an earlier run.
pub struct Delivered {
    /// Its id.
    pub batch: i64,
    /// What the target recorded with the commit.
    pub detail: Option<Value>,
}

/// A batch that is complete.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Its id.
    pub id: i64,
    /// How many rows it has.
    pub rows: u64,
    /// True if its rows came in a marked stream.
    pub marked: bool,
}

/// What becomes of a row when it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It waits for the end of its batch.
    Keep,
    /// The target has it.
    Done,
    /// The target has rejected it, and has said so.
    Rejected,
}

/// Order of calls: `suit`, `claim`, `recover`, then for each batch `begin`, (`check`, `take`)*, `prepare`, the commit, `publish`.
/// Of a batch that was delivered before, only `begin` and `check` are called.
pub trait Target {
    /// The format's name.
    fn format(&self) -> &'static str;

    /// Where it delivers to, if that is a place in the file system.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// What else tells this target from another one in the same place.
    fn identity(&self) -> Map<String, Value> {
        Map::new()
    }

    /// How it takes its input.
    fn manners(&self) -> Manners {
        Manners::WaitingSink
    }

    /// True if rows go to stdout as they come.
    fn prints(&self) -> bool {
        self.manners() == Manners::Sink
    }

    /// True if rows are checked to be JSON when they arrive.
    fn validates(&self) -> bool {
        true
    }

    /// True if `check` and `take` have nothing to say, so that good rows need not be shown to it one by one.
    fn takes_blocks(&self) -> bool {
        false
    }

    /// Where the rows of this batch may be gathered if they are many, because the file that they make there, a row to a line, is what
    /// `prepare` would write: it finds it with [`Rows::file_at`].
    fn gathers_at(&self, _batch: i64) -> Option<PathBuf> {
        None
    }

    /// Refuses the mode and the columns it cannot take. Touches nothing: it is all that an explained pipeline asks.
    fn suit(&mut self, _opening: &Opening<'_>) -> Result<()> {
        Ok(())
    }

    /// Refuses a place that is another's, and makes it the sink's own. Nothing that was delivered is changed.
    fn claim(&mut self, opening: &Opening<'_>) -> Result<()>;

    /// Finishes what the last commit left to be done, and removes what was never committed.
    fn recover(&mut self, _last: Option<Delivered>) -> Result<()> {
        Ok(())
    }

    /// A batch begins.
    fn begin(&mut self, _id: i64) -> Result<()> {
        Ok(())
    }

    /// Looks at a row. `Err` is the reason to reject it.
    fn check(&mut self, _row: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// Takes a row that was found good.
    fn take(&mut self, _row: &[u8], _out: &mut Out) -> Result<Taken> {
        Ok(Taken::Keep)
    }

    /// Called before the sink waits for input. Returns when it is to be called again, if nothing comes until then.
    fn idle(&mut self) -> Option<Instant> {
        None
    }

    /// Makes the batch durable. Returns what is to be recorded with the commit.
    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>>;

    /// Makes the batch visible, after the commit.
    fn publish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Refuses modes a target has no meaning for.
pub fn accept(mode: Mode, accepted: &[Mode], target: &str, mend: &str) -> Result<()> {
    if accepted.contains(&mode) {
        return Ok(());
    }
    anyhow::bail!("{target}: cannot take the rows of {mode} mode: {mend}")
}

/// How a sink starts afresh.
pub fn begin_anew(opening: &Opening<'_>) -> String {
    match &opening.context.query {
        Some(query) => format!(
            "rm {}",
            query
                .path()
                .join("commits")
                .join(&opening.context.name)
                .display()
        ),
        None => "take another target".to_string(),
    }
}

/// `path` as seen from `base`, so that a project can be moved together with its checkpoint.
pub fn relative(path: &Path, base: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let real = |path: &Path| {
        // The target itself may not be there yet.
        path.ancestors()
            .find_map(|above| {
                let found = above.canonicalize().ok()?;
                let rest = path.strip_prefix(above).ok()?;
                // Joining an empty rest would leave a slash at the end.
                Some(if rest.as_os_str().is_empty() {
                    found
                } else {
                    found.join(rest)
                })
            })
            .unwrap_or_else(|| path.to_path_buf())
    };
    let (path, base) = (real(&absolute), real(base));
    let common = path
        .components()
        .zip(base.components())
        .take_while(|(a, b)| a == b)
        .count();
    let mut relative: PathBuf = base.components().skip(common).map(|_| "..").collect();
    relative.extend(path.components().skip(common));
    relative
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_the_checkpoint() {
        let base = Path::new("/nowhere/ck/revenue");
        assert_eq!(
            relative(Path::new("/nowhere/out/a"), base),
            Path::new("../../out/a")
        );
        assert_eq!(
            relative(Path::new("/elsewhere/a"), base),
            Path::new("../../../elsewhere/a")
        );
    }
}
