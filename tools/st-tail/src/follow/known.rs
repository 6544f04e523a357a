//! How far each file was read, across runs.
//!
//! The offsets say it for as long as a batch's record stays; before a record goes, what it says of each file is appended to
//! the source's memory in the checkpoint. When the memory has grown to a multiple of what it says, it is written anew,
//! without the files that are done with and gone.

use anyhow::{Context, Result};
use hashbrown::{HashMap, HashSet};
use st_checkpoint::{Memory, QueryDir, Recorded, threshold};

use super::print::Inode;
use super::record::{Piece, Range};

/// Below this size the memory is never written anew.
const SMALL: u64 = 64 * 1024;

/// The last piece of each file.
#[derive(Default)]
pub struct Known {
    pieces: HashMap<Inode, Piece>,
    memory: Option<Memory>,
}

impl Known {
    /// Loads the memory, and adds what is still recorded.
    pub fn load(&mut self, dir: &QueryDir, name: &str, recorded: &[(i64, Recorded)]) -> Result<()> {
        let pieces = &mut self.pieces;
        let memory = Memory::open(dir, name, &mut |_, text| {
            let more: Vec<Piece> = serde_json::from_str(text).context("no list of files")?;
            pieces.extend(more.into_iter().map(|piece| (piece.inode(), piece)));
            Ok(())
        })?;
        self.memory = Some(memory);
        for (_, range) in recorded {
            self.note(&Range::parse(range)?.follow);
        }
        Ok(())
    }

    /// True if nothing is known: this is the first run.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Notes where files stand now.
    pub fn note(&mut self, pieces: &[Piece]) {
        self.pieces
            .extend(pieces.iter().map(|piece| (piece.inode(), piece.clone())));
    }

    /// Every file that was read, in the order of their names.
    pub fn all(&self) -> Vec<Piece> {
        let mut all: Vec<Piece> = self.pieces.values().cloned().collect();
        all.sort_unstable_by(|a, b| (&a.path, a.inode()).cmp(&(&b.path, b.inode())));
        all
    }

    /// Makes durable what these batches say. `there`: the files that can still be found.
    pub fn fold(&mut self, ranges: &[(i64, Recorded)], there: &HashSet<Inode>) -> Result<()> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let through = memory.through();
        let mut entries = Vec::new();
        for (batch, range) in ranges
            .iter()
            .filter(|(batch, _)| through.is_none_or(|through| *batch > through))
        {
            entries.push((*batch, Range::parse(range)?.follow));
        }
        memory.append(entries.iter().map(|(batch, pieces)| (*batch, pieces)))?;
        let Some(through) = memory.through() else {
            return Ok(());
        };
        let live: Vec<Piece> = self
            .pieces
            .values()
            .filter(|piece| !piece.done || there.contains(&piece.inode()))
            .cloned()
            .collect();
        // Some 200 bytes are written of each.
        if memory.length() > threshold(SMALL, 0).max(live.len() as u64 * threshold(800, 100)) {
            memory.replace([(through, &live)])?;
            self.pieces = live
                .into_iter()
                .map(|piece| (piece.inode(), piece))
                .collect();
        }
        Ok(())
    }
}
