//! A folder in which a query's runs are shown: its checkpoint, or the folder of one run without a checkpoint.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock, major, minor};
use st_checkpoint::{Kind, QueryDir};

use crate::live::Live;
use crate::progress::Progress;
use crate::run::Run;

/// How much of the end of a progress file is read for its last report.
const TAIL: u64 = 256 * 1024;

/// The folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// The home at `path`, which need not be there.
    pub fn new(path: &Path) -> Home {
        Home { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The query's id if this is a query's checkpoint; none if it is a stage's own, or none at all.
    ///
    /// # Errors
    /// If it looks like a checkpoint, and what it is cannot be read: its metadata is damaged or closed.
    pub fn query_id(&self) -> Result<Option<String>> {
        let metadata = self.path.join("metadata");
        // One that is no file, or in a folder that cannot be entered, is one on which a run would stumble.
        let gone =
            matches!(fs::symlink_metadata(&metadata), Err(e) if e.kind() == ErrorKind::NotFound);
        if gone && !(self.has("offsets") && self.has("locks")) {
            return Ok(None);
        }
        match QueryDir::identity(&self.path) {
            Ok((Kind::Query, id)) => Ok(Some(id)),
            Ok((Kind::Stage, _)) => Ok(None),
            Err(error) if self.is_like_a_checkpoint() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// True if a run was here: other programs have files called `metadata` too.
    fn is_like_a_checkpoint(&self) -> bool {
        let folders = ["commits", "locks", "offsets", "progress", "runs"];
        folders.iter().any(|name| self.has(name))
    }

    fn has(&self, folder: &str) -> bool {
        self.path.join(folder).is_dir()
    }

    /// True if a process of the query lives.
    pub fn is_running(&self) -> bool {
        !self.held().is_empty()
    }

    /// The sources, sinks and stages with state whose process lives.
    pub fn held(&self) -> Vec<String> {
        let mut names = self.names("locks");
        names.retain(|name| is_held(&self.path.join("locks").join(name)));
        names
    }

    /// What the sources, the sinks and the failed stages of the last run say, by name.
    pub fn runs(&self) -> BTreeMap<String, Run> {
        self.read_all("runs", Run::read)
    }

    /// What the sources do just now, by name.
    pub fn live(&self) -> BTreeMap<String, Live> {
        self.read_all("live", Live::read)
    }

    /// The sinks that have reports.
    pub fn reporting(&self) -> Vec<String> {
        self.names("progress")
    }

    /// The reports of a sink, oldest first: the last hundred to two hundred.
    ///
    /// # Errors
    /// If there is a file and it cannot be read.
    pub fn progress(&self, sink: &str) -> Result<Vec<Progress>> {
        let path = self.path.join("progress").join(sink);
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.with_context(|| format!("{}: cannot read", path.display()))?,
        };
        Ok(reports(&bytes).collect())
    }

    /// The last report of a sink. Reads only the end of the file.
    pub fn last_progress(&self, sink: &str) -> Option<Progress> {
        let mut file = File::open(self.path.join("progress").join(sink)).ok()?;
        let length = file.metadata().ok()?.len();
        let mut block = TAIL;
        loop {
            let from = length.saturating_sub(block);
            file.seek(SeekFrom::Start(from)).ok()?;
            let mut bytes = Vec::new();
            file.by_ref().take(block).read_to_end(&mut bytes).ok()?;
            let last = reports(&bytes).last();
            if last.is_some() || from == 0 {
                return last;
            }
            block = block.saturating_mul(4);
        }
    }

    fn read_all<T>(&self, folder: &str, read: impl Fn(&Path) -> Option<T>) -> BTreeMap<String, T> {
        let names = self.names(folder).into_iter();
        names
            .filter_map(|name| Some((name.clone(), read(&self.path.join(folder).join(&name))?)))
            .collect()
    }

    /// The files of a folder, but hidden ones.
    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join(folder)) else {
            return Vec::new();
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

/// The whole reports among lines.
fn reports(bytes: &[u8]) -> impl Iterator<Item = Progress> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter_map(|line| Progress::parse(line.strip_suffix(b"\n")?))
}

/// True if somebody holds the lock. A free one is taken for a moment, shared; of one that may not be opened the system's list is
/// asked, which the kernel takes some ten milliseconds to make.
pub fn is_held(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
        Err(_) => fs::metadata(path).is_ok_and(|found| listed(found.dev(), found.ino())),
    }
}

/// True if `/proc/locks` has a `flock` on the file.
fn listed(device: u64, inode: u64) -> bool {
    let Ok(locks) = fs::read_to_string("/proc/locks") else {
        return false;
    };
    let file = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locks.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some("FLOCK") && words.any(|word| word == file)
    })
}
