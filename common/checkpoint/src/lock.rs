//! Who may write: one process per name, held by `flock` until it dies.
//!
//! A lock file is never renamed or removed by us, so that two processes can never hold locks
//! on two files of one name. The kernel lets go of it at any death; the waiting is for a run
//! that is still dying.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::QueryDir;
use crate::durable::cannot;
use crate::name::check_name;

/// Who holds a lock, as written into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its tool, such as `st-agg`.
    pub tool: String,
    /// When it started, ISO-8601.
    pub started: String,
    /// It is a source: others of the same query may run beside it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source: bool,
    /// The stages above it, sources and all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<String>,
}

impl Holder {
    /// This process.
    pub fn this(tool: &str, started: &str) -> Self {
        Holder {
            pid: std::process::id(),
            tool: tool.into(),
            started: started.into(),
            source: false,
            above: Vec::new(),
        }
    }

    /// The same, as a source.
    #[must_use]
    pub fn as_source(self) -> Self {
        Holder {
            source: true,
            ..self
        }
    }

    /// The same, below these stages.
    #[must_use]
    pub fn below(self, above: Vec<String>) -> Self {
        Holder { above, ..self }
    }
}

/// How long to wait for a dying run. Time is counted in pauses, so no clock is asked.
pub struct Patience<'a> {
    limit: Duration,
    pause: Duration,
    sleep: Box<dyn FnMut(Duration) -> Result<()> + 'a>,
}

impl Default for Patience<'_> {
    /// Ten seconds, looking every 20 ms.
    fn default() -> Self {
        Patience::new(Duration::from_secs(10), |pause| {
            std::thread::sleep(pause);
            Ok(())
        })
    }
}

impl<'a> Patience<'a> {
    /// At most `limit`, in pauses of 20 ms spent in `sleep`; an error from `sleep` (a second
    /// Ctrl-C, say) ends the waiting with it.
    pub fn new(limit: Duration, sleep: impl FnMut(Duration) -> Result<()> + 'a) -> Self {
        Patience {
            limit,
            pause: Duration::from_millis(20),
            sleep: Box::new(sleep),
        }
    }

    /// Asks until `ready` gives a value; `None` when patience ends. `waiting` is called once,
    /// before the first pause.
    fn wait_for<T>(
        &mut self,
        mut ready: impl FnMut() -> Result<Option<T>>,
        mut waiting: impl FnMut(),
    ) -> Result<Option<T>> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(value) = ready()? {
                return Ok(Some(value));
            }
            if waited >= self.limit {
                return Ok(None);
            }
            if waited.is_zero() {
                waiting();
            }
            (self.sleep)(self.pause)?;
            waited += self.pause;
        }
    }
}

/// A held lock; let go of when dropped, or when the process ends in whatever way.
#[derive(Debug)]
#[must_use = "the lock is let go of when this is dropped"]
pub struct Lock {
    _file: File,
    name: String,
}

impl Lock {
    /// The name it locks.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl QueryDir {
    /// Locks `locks/NAME` for this process. If another one holds it, says so once through
    /// `say`, waits for it, then refuses and names it.
    ///
    /// # Errors
    /// If the lock stays held, or its file cannot be written.
    pub fn lock(
        &self,
        name: &str,
        holder: &Holder,
        patience: &mut Patience<'_>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Lock> {
        check_name(name)?;
        let path = self.place("locks", name)?;
        let locked = patience.wait_for(
            || try_lock(&path, FlockOperation::NonBlockingLockExclusive),
            || {
                say(&format!(
                    "{}: waiting for {} to end",
                    path.display(),
                    held_by(&path)
                ))
            },
        )?;
        let Some(mut file) = locked else {
            bail!(
                "{}: held by {}: stop it first, or give this one another --name or --checkpoint",
                path.display(),
                held_by(&path)
            );
        };
        write_holder(&mut file, holder).with_context(|| cannot("write", &path))?;
        Ok(Lock {
            _file: file,
            name: name.into(),
        })
    }

    /// Waits until no lock but those in `own` is held. A source calls it after locking itself
    /// and before reading commits: a stage of an earlier run may still be committing. What that
    /// run had announced ([`QueryDir::joining`]) is then forgotten.
    ///
    /// Of several sources the others, and what is above the stage where they meet, may be of this very run: what began
    /// at `since` or later is not waited for if another source began then too. What is below this one is waited for in any case:
    /// it locks when it has read `start`, which this source has not sent yet. Sinks that are not below it may commit
    /// once more; where the run starts is held by [`QueryDir::replaying_from`] then.
    ///
    /// # Errors
    /// If one stays held; the message names its holder.
    pub fn await_other_locks(
        &self,
        own: &[&str],
        since: &str,
        patience: &mut Patience<'_>,
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        for path in self.other_locks(own)? {
            // Shared, and let go of at once: the looking must not keep a stage from its lock.
            let free = patience.wait_for(
                || {
                    let may_be_new = |holder: Holder| {
                        let below = holder.above.iter().any(|name| own.contains(&name.as_str()));
                        holder.started.as_str() >= since && !below
                    };
                    let of_this_run = holder_of(&path).is_some_and(may_be_new)
                        && self.source_runs_beside(own, since)?;
                    Ok((of_this_run || is_free(&path)?).then_some(()))
                },
                || {
                    let holder = held_by(&path);
                    say(&format!(
                        "{}: waiting for {holder} of an earlier run",
                        path.display()
                    ));
                },
            )?;
            if free.is_none() {
                bail!(
                    "{}: still held by {} of an earlier run: stop it first",
                    path.display(),
                    held_by(&path)
                );
            }
        }
        Ok(())
    }
}

impl QueryDir {
    /// The lock files of all but those in `own`, by name.
    fn other_locks(&self, own: &[&str]) -> Result<Vec<PathBuf>> {
        let folder = self.path().join("locks");
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| cannot("list", &folder))? {
            let entry = entry.with_context(|| cannot("list", &folder))?;
            if !own.iter().any(|own| entry.file_name() == *own) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Who locked `locks/NAME` last, if that is known.
    pub fn holder(&self, name: &str) -> Option<Holder> {
        holder_of(&self.path().join("locks").join(name))
    }

    /// Whether a source that is none of `own` and began at `since` (ISO-8601, as [`Holder`] has it) or later holds its
    /// lock just now.
    ///
    /// # Errors
    /// If the locks cannot be looked at.
    pub fn source_runs_beside(&self, own: &[&str], since: &str) -> Result<bool> {
        for path in self.other_locks(own)? {
            let beside = |holder: Holder| holder.source && holder.started.as_str() >= since;
            if holder_of(&path).is_some_and(beside) && !is_free(&path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether nobody holds a lock.
fn is_free(path: &Path) -> Result<bool> {
    Ok(try_lock(path, FlockOperation::NonBlockingLockShared)?.is_some())
}

fn try_lock(path: &Path, how: FlockOperation) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).with_context(|| cannot("open", path))?;
    loop {
        match flock(&file, how) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(e).with_context(|| cannot("lock", path)),
        }
    }
    // Somebody may have removed the file by hand between opening and locking: a lock on a file
    // without a name excludes nobody.
    let same = match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    };
    Ok(same.then_some(file))
}

fn write_holder(file: &mut File, holder: &Holder) -> Result<()> {
    let mut line = serde_json::to_vec(holder)?;
    line.push(b'\n');
    // Written over rather than emptied first: ext4 makes the closing of an emptied file wait.
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&line)?;
    file.set_len(line.len() as u64)?;
    Ok(())
}

/// Who wrote itself down last.
fn holder_of(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(1 << 16).read_to_string(&mut text))
        .ok()?;
    serde_json::from_str(text.lines().next()?).ok()
}

/// The holder in words; it may be just writing itself down.
fn held_by(path: &Path) -> String {
    match holder_of(path) {
        Some(Holder {
            pid, tool, started, ..
        }) => format!("{tool} (process {pid}, since {started})"),
        None => "another process".into(),
    }
}
