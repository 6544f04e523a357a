//! Which queries run on this machine: one folder per run, made by its source.
//!
//! For a query without a checkpoint the folder is also where its reports are, so that it is as visible as any other. It is a
//! service to the reader: what cannot be written is left out, and no query fails for it.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::home::Home;

/// Ended runs without a checkpoint that are kept, for their last error.
const KEPT: usize = 20;

/// The folder's environment variable; empty: nothing is registered.
const VARIABLE: &str = "ST_RUNTIME_DIR";

/// Where runs are registered: `$ST_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/st`, else `st-UID` in the folder for temporary
/// files. None if that is switched off.
pub fn folder() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(VARIABLE) {
        return (!given.is_empty()).then(|| given.into());
    }
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        let runtime = PathBuf::from(runtime);
        if runtime.is_dir() {
            return Some(runtime.join("st"));
        }
    }
    let user = rustix::process::getuid().as_raw();
    Some(std::env::temp_dir().join(format!("st-{user}")))
}

/// What a run's folder says, in `query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub id: String,
    pub run_id: String,
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<PathBuf>,
}

impl Entry {
    pub fn read(folder: &Path) -> Option<Entry> {
        serde_json::from_slice(&fs::read(folder.join("query")).ok()?).ok()
    }

    /// Where the run's reports are.
    pub fn home(&self, folder: &Path) -> Home {
        Home::new(self.checkpoint.as_deref().unwrap_or(folder))
    }
}

/// The registered run of this process.
pub struct RunDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl RunDir {
    /// Registers a run of query `id`. None if there is no place for it.
    pub fn register(
        id: &str,
        run_id: &str,
        source: &str,
        checkpoint: Option<&Path>,
    ) -> Option<RunDir> {
        let registry = folder()?;
        make_private(&registry)?;
        sweep(&registry, checkpoint);
        let entry = Entry {
            id: id.into(),
            run_id: run_id.into(),
            source: source.into(),
            checkpoint: checkpoint.map(Path::to_path_buf),
        };
        // Hidden until it is whole and locked: nobody sweeps it away in between.
        let hidden = registry.join(format!(".{run_id}"));
        fs::create_dir(&hidden).ok()?;
        let made = RunDir::fill(&hidden, &entry).and_then(|lock| {
            let path = registry.join(run_id);
            fs::rename(&hidden, &path).ok()?;
            Some(RunDir { path, _lock: lock })
        });
        if made.is_none() {
            let _ = fs::remove_dir_all(&hidden);
        }
        made
    }

    fn fill(hidden: &Path, entry: &Entry) -> Option<Option<File>> {
        let mut line = serde_json::to_vec(entry).ok()?;
        line.push(b'\n');
        fs::write(hidden.join("query"), line).ok()?;
        if entry.checkpoint.is_some() {
            return Some(None);
        }
        for name in ["locks", "runs", "live", "progress"] {
            fs::create_dir(hidden.join(name)).ok()?;
        }
        lock(hidden, &entry.source).map(Some)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Locks `locks/NAME` of a run's folder for as long as the file is open; none if that cannot be done.
pub fn lock(folder: &Path, name: &str) -> Option<File> {
    st_checkpoint::check_name(name).ok()?;
    let file = File::create(folder.join("locks").join(name)).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

/// Makes the registry for this user alone; one that is another's is not used.
fn make_private(registry: &Path) -> Option<()> {
    if !registry.is_dir() {
        let _ = fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(registry);
    }
    let found = fs::symlink_metadata(registry).ok()?;
    let ours = found.is_dir() && found.uid() == rustix::process::getuid().as_raw();
    ours.then_some(())
}

/// Removes the folders of runs that have ended, but the newest without a checkpoint; those of `checkpoint` in any case, since
/// its lock is held by the run that asks.
fn sweep(registry: &Path, checkpoint: Option<&Path>) {
    let Ok(entries) = fs::read_dir(registry) else {
        return;
    };
    let mut ended: Vec<(SystemTime, PathBuf)> = Vec::new();
    for folder in entries.flatten().map(|entry| entry.path()) {
        let Some(entry) = Entry::read(&folder) else {
            continue;
        };
        let ours = entry.checkpoint.is_some() && entry.checkpoint.as_deref() == checkpoint;
        if !ours && entry.home(&folder).is_running() {
            continue;
        }
        if entry.checkpoint.is_some() {
            let _ = fs::remove_dir_all(&folder);
            continue;
        }
        let changed = fs::metadata(folder.join("query")).and_then(|found| found.modified());
        ended.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), folder));
    }
    if ended.len() > KEPT {
        ended.sort_unstable();
        for (_, folder) in &ended[..ended.len() - KEPT] {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    /// A run's folder as `age` seconds ago it was made.
    fn register(registry: &Path, name: &str, checkpoint: Option<&Path>, age: u64) -> PathBuf {
        let folder = registry.join(name);
        fs::create_dir(&folder).unwrap();
        let entry = Entry {
            id: "id".into(),
            run_id: name.into(),
            source: "st-tail".into(),
            checkpoint: checkpoint.map(Path::to_path_buf),
        };
        RunDir::fill(&folder, &entry).unwrap();
        let query = File::options()
            .write(true)
            .open(folder.join("query"))
            .unwrap();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        query.set_modified(made).unwrap();
        folder
    }

    #[test]
    fn runs_that_have_ended_are_swept_but_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("registry");
        fs::create_dir(&registry).unwrap();
        let running = register(&registry, "running", None, 999);
        let _lock = lock(&running, "st-tail").unwrap();
        let of_checkpoint = register(&registry, "ck", Some(&folder.path().join("ck")), 0);
        let ended: Vec<PathBuf> = (0..KEPT as u64 + 5)
            .map(|age| register(&registry, &format!("ended{age}"), None, age))
            .collect();
        sweep(&registry, None);
        assert!(running.is_dir() && !of_checkpoint.exists());
        let kept: Vec<bool> = ended.iter().map(|folder| folder.is_dir()).collect();
        let wanted: Vec<bool> = (0..KEPT + 5).map(|age| age < KEPT).collect();
        assert_eq!(kept, wanted);
    }

    /// The run that asks holds the checkpoint's lock; what an earlier one left of it goes all the same.
    #[test]
    fn earlier_runs_of_the_same_checkpoint_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("ck");
        fs::create_dir_all(checkpoint.join("locks")).unwrap();
        let _lock = lock(&checkpoint, "st-tail").unwrap();
        let registry = folder.path().join("registry");
        fs::create_dir(&registry).unwrap();
        let earlier = register(&registry, "earlier", Some(&checkpoint), 0);
        sweep(&registry, None);
        assert!(earlier.is_dir());
        sweep(&registry, Some(&checkpoint));
        assert!(!earlier.exists());
    }

    #[test]
    fn a_registry_is_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("a/b");
        make_private(&registry).unwrap();
        let mode = fs::metadata(&registry).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(make_private(&registry).is_some());
        // A link may lead to another's folder.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&registry, &link).unwrap();
        assert!(make_private(&link).is_none());
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(make_private(&file).is_none());
    }
}
