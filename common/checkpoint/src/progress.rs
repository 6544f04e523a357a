//! The last progress reports of a sink, `progress/SINK`: for people and monitors, not recovery.
//!
//! So it is neither synced nor checksummed, and it is bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::durable::cannot;
use crate::name::check_name;
use crate::{Durability, QueryDir, fail_io, replace_file, threshold};

/// Reports kept when the file is rewritten, which twice as many make due.
const KEPT: usize = 100;

/// The open reports of one sink.
pub struct Progress {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Progress {
    /// Opens `progress/SINK`, or makes it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(dir: &QueryDir, sink: &str) -> Result<Self> {
        check_name(sink)?;
        Progress::at(dir.place("progress", sink)?)
    }

    /// The same below a folder that is no checkpoint, and has a folder `progress`.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn beside(folder: &Path, sink: &str) -> Result<Self> {
        check_name(sink)?;
        Progress::at(folder.join("progress").join(sink))
    }

    fn at(path: PathBuf) -> Result<Self> {
        let old = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.with_context(|| cannot("read", &path))?,
        };
        let file = append_to(&path)?;
        if old.last().is_some_and(|last| *last != b'\n') {
            // An unfinished report: ended here, so that the next one stands on its own line.
            (&file)
                .write_all(b"\n")
                .with_context(|| cannot("write", &path))?;
        }
        let lines = memchr::memchr_iter(b'\n', &old).count();
        Ok(Progress { path, file, lines })
    }

    /// Appends one report, a JSON object on one line; keeps the last hundred or two.
    ///
    /// # Errors
    /// A report with a newline; a failed write.
    pub fn append(&mut self, report: &[u8]) -> Result<()> {
        if memchr::memchr(b'\n', report).is_some() {
            bail!("{}: a report of more than one line", self.path.display());
        }
        let line = [report, b"\n"].concat();
        fail_io("progress.write")
            .and_then(|()| self.file.write_all(&line))
            .with_context(|| cannot("write", &self.path))?;
        self.lines += 1;
        let kept = threshold(KEPT, 2);
        if self.lines >= 2 * kept {
            let all = fs::read(&self.path).with_context(|| cannot("read", &self.path))?;
            let from = memchr::memrchr_iter(b'\n', &all)
                .nth(kept)
                .map_or(0, |at| at + 1);
            replace_file(&self.path, Durability::Process, |w| {
                w.write_all(&all[from..])
                    .with_context(|| cannot("write", &self.path))
            })?;
            self.file = append_to(&self.path)?;
            self.lines = kept;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    options.open(path).with_context(|| cannot("open", path))
}
