//! `--else`: the rows a condition refused, as they came.
//!
//! In a query with a checkpoint the file holds each of them exactly once: its length is part of the stage's state, and a
//! start cuts it back to the length as of its epoch. Without one it is only appended to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use st_checkpoint::{Claim, Durability, QueryDir, StateFile, Target, claim, fail_io};
use st_stream::Context;

/// Bytes collected before they are written out in the middle of a batch.
const WRITE_BLOCK: usize = 1 << 16;

/// The open file.
pub struct Otherwise {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    kept: Option<Kept>,
}

/// The file's length in the checkpoint.
struct Kept {
    state: StateFile,
    length: u64,
    durability: Durability,
}

/// What the state says of an epoch.
#[derive(Serialize, Deserialize)]
struct Closed {
    bytes: u64,
}

impl Otherwise {
    /// Opens the file as of `epoch`.
    ///
    /// # Errors
    /// A file that this stage of this query did not write, or that was cut since.
    pub fn open(path: &Path, context: &Context, epoch: i64) -> Result<Otherwise> {
        let kept = match &context.query {
            None => None,
            Some(query) => Some(
                cut_back(path, context, query, epoch)
                    .with_context(|| format!("--else {}", path.display()))?,
            ),
        };
        let file = open(path).with_context(|| format!("--else {}", path.display()))?;
        Ok(Otherwise {
            path: path.to_path_buf(),
            file,
            buffer: Vec::new(),
            kept,
        })
    }

    /// Keeps a row.
    pub fn put(&mut self, row: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(row);
        self.buffer.push(b'\n');
        if self.buffer.len() >= WRITE_BLOCK {
            self.write_out()
        } else {
            Ok(())
        }
    }

    /// Makes the rows of a batch durable.
    pub fn close(&mut self, epoch: i64) -> Result<()> {
        self.write_out()?;
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        fail_io("else.before_sync")
            .and_then(|()| kept.durability.sync(&self.file))
            .with_context(|| format!("--else {}: cannot sync", self.path.display()))?;
        let closed = serde_json::to_string(&Closed { bytes: kept.length })?;
        kept.state.close_epoch(epoch, 0, &closed)?;
        if kept.state.wants_compaction() {
            kept.state.compact(|_| Ok(()))?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        fail_io("else.write")
            .and_then(|()| self.file.write_all(&self.buffer))
            .with_context(|| format!("--else {}: cannot write", self.path.display()))?;
        if let Some(kept) = &mut self.kept {
            kept.length += self.buffer.len() as u64;
        }
        self.buffer.clear();
        Ok(())
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .context("cannot open")
}

/// Makes the file as long as it was at `epoch`.
fn cut_back(path: &Path, context: &Context, query: &QueryDir, epoch: i64) -> Result<Kept> {
    let claimed = claim(
        Target::File(path),
        query.id(),
        &context.name,
        query.durability(),
    )?;
    let definition = json!({"else": std::path::absolute(path)?});
    // A name of its own: a query may have run without --else before.
    let state = StateFile::open(
        query,
        &format!("{}.else", context.name),
        &definition,
        epoch,
        &|_| false,
    )?;
    let file = open(path)?;
    let there = file.metadata().context("cannot read")?.len();
    let length = match serde_json::from_str::<Option<Closed>>(state.meta())? {
        Some(closed) => closed.bytes,
        None if epoch < 0 || claimed == Claim::Taken || there == 0 => 0,
        None => bail!(
            "how many of its bytes belong to batches up to {epoch} is not known any more: remove the file"
        ),
    };
    if there < length {
        bail!(
            "has {there} bytes, but {length} were written up to batch {epoch}: it was cut: restore it"
        );
    }
    if there > length {
        file.set_len(length).context("cannot cut")?;
        query.durability().sync(&file).context("cannot sync")?;
    }
    Ok(Kept {
        state,
        length,
        durability: query.durability(),
    })
}
