//! Which files were read, or are planned to be: for ever, as nothing is aged out.
//!
//! A file's path is in the offsets as long as its batch's record is; before that record goes, the path is appended to the
//! source's memory in the checkpoint. So no batch rewrites what was known before.

use anyhow::{Context, Result};
use hashbrown::HashSet;
use st_checkpoint::{Memory, QueryDir, Recorded};

use super::range::Range;

/// The paths that are not to be read again.
#[derive(Default)]
pub struct Seen {
    paths: HashSet<Box<str>, foldhash::fast::RandomState>,
    memory: Option<Memory>,
}

impl Seen {
    /// Loads the memory, and adds what is still recorded.
    pub fn load(&mut self, dir: &QueryDir, name: &str, recorded: &[(i64, Recorded)]) -> Result<()> {
        let paths = &mut self.paths;
        let memory = Memory::open(dir, name, &mut |_, text| {
            let more: Vec<Box<str>> = serde_json::from_str(text).context("no list of paths")?;
            paths.extend(more);
            Ok(())
        })?;
        self.memory = Some(memory);
        for (_, range) in recorded {
            for path in Range::paths(range)? {
                self.add(&path);
            }
        }
        Ok(())
    }

    /// True if the path is known.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Notes a path.
    pub fn add(&mut self, path: &str) {
        if !self.has(path) {
            self.paths.insert(path.into());
        }
    }

    /// Makes the files of these batches durable in the memory.
    pub fn fold(&mut self, ranges: &[(i64, Recorded)]) -> Result<()> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let through = memory.through();
        let mut entries = Vec::new();
        for (batch, range) in ranges
            .iter()
            .filter(|(batch, _)| through.is_none_or(|through| *batch > through))
        {
            // A file that goes on in the next batch is noted with its end.
            let whole = Range::parse(range)?
                .files
                .into_iter()
                .filter(|file| !file.more);
            entries.push((*batch, whole.map(|file| file.path).collect::<Vec<_>>()));
        }
        memory.append(entries.iter().map(|(batch, paths)| (*batch, paths)))
    }
}
