//! Which queries run on this machine: one folder per run, made by its source.
//!
//! For a query without a checkpoint the folder is also where its reports are, so that it is as visible as any other. It is a
//! service to the reader: what cannot be written is left out, and no query fails for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use st_checkpoint::{Durability, replace_file};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// Of a query with several sources and no checkpoint: where the run of one source belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The run it is part of.
    pub of: String,
    /// The stages that have another name there: old and new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
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
            part: None,
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

/// Notes that the run with the folder `part` belongs to the one with the folder `whole`, where stages have these new names.
/// What cannot be noted leaves them two.
pub fn join(part: &Path, whole: &Path, renamed: &[(String, String)]) {
    let note = || {
        let mut entry = Entry::read(part)?;
        entry.part = Some(Part {
            of: whole.file_name()?.to_str()?.to_string(),
            names: renamed.iter().cloned().collect(),
        });
        let mut line = serde_json::to_vec(&entry).ok()?;
        line.push(b'\n');
        let path = part.join("query");
        replace_file(&path, Durability::Process, |file| {
            file.write_all(&line)
                .with_context(|| format!("{}: cannot write", path.display()))
        })
        .ok()
    };
    let _ = note();
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

/// A run with a folder for each of its sources, the first one's first.
pub(crate) struct Group {
    pub folder: PathBuf,
    pub entry: Entry,
    /// The other folders, and the names that stages have in the whole.
    pub parts: Vec<(PathBuf, BTreeMap<String, String>)>,
}

impl Group {
    fn is_running(&self) -> bool {
        let parts = self.parts.iter().map(|(folder, _)| Home::new(folder));
        let mut homes = std::iter::once(self.entry.home(&self.folder)).chain(parts);
        homes.any(|home| home.is_running())
    }

    fn remove(&self) {
        for folder in self.parts.iter().map(|(folder, _)| folder) {
            let _ = fs::remove_dir_all(folder);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// All runs that are registered.
pub(crate) fn groups(registry: &Path) -> Vec<Group> {
    let folders = fs::read_dir(registry).into_iter().flatten().flatten();
    let mut entries: BTreeMap<String, (PathBuf, Entry)> = BTreeMap::new();
    for folder in folders {
        // Hidden ones are just being made.
        let Ok(name) = folder.file_name().into_string() else {
            continue;
        };
        if !name.starts_with('.')
            && let Some(entry) = Entry::read(&folder.path())
        {
            entries.insert(name, (folder.path(), entry));
        }
    }
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut parts = Vec::new();
    for (name, (folder, entry)) in &entries {
        let (whole, names) = whole(&entries, name);
        if whole != name {
            parts.push((whole, (folder.clone(), names)));
            continue;
        }
        let group = Group {
            folder: folder.clone(),
            entry: entry.clone(),
            parts: Vec::new(),
        };
        groups.insert(name.clone(), group);
    }
    for (whole, part) in parts {
        if let Some(group) = groups.get_mut(whole) {
            group.parts.push(part);
        }
    }
    groups.into_values().collect()
}

/// The run that `name` is part of at last, through stages that join runs that were joined, and the names its stages have there.
fn whole<'a>(
    entries: &'a BTreeMap<String, (PathBuf, Entry)>,
    name: &'a str,
) -> (&'a str, BTreeMap<String, String>) {
    let (mut at, mut names) = (name, BTreeMap::<String, String>::new());
    // No more steps than there are runs: a circle, which nobody writes, ends too.
    for _ in 0..entries.len() {
        let part = entries.get(at).and_then(|(_, entry)| entry.part.as_ref());
        let Some(part) = part.filter(|part| entries.contains_key(&part.of)) else {
            return (at, names);
        };
        for name in names.values_mut() {
            if let Some(new) = part.names.get(name) {
                name.clone_from(new);
            }
        }
        for (old, new) in &part.names {
            names.entry(old.clone()).or_insert_with(|| new.clone());
        }
        at = &part.of;
    }
    (name, BTreeMap::new())
}

/// Removes the folders of runs that have ended, but the newest without a checkpoint; those of `checkpoint` in any case, since
/// its lock is held by the run that asks.
fn sweep(registry: &Path, checkpoint: Option<&Path>) {
    let mut ended: Vec<(SystemTime, Group)> = Vec::new();
    for group in groups(registry) {
        let entry = &group.entry;
        let ours = entry.checkpoint.is_some() && entry.checkpoint.as_deref() == checkpoint;
        if !ours && group.is_running() {
            continue;
        }
        if entry.checkpoint.is_some() {
            group.remove();
            continue;
        }
        let changed = fs::metadata(group.folder.join("query")).and_then(|found| found.modified());
        ended.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), group));
    }
    if ended.len() > KEPT {
        ended.sort_by(|(a, x), (b, y)| (a, &x.folder).cmp(&(b, &y.folder)));
        let more = ended.len() - KEPT;
        ended[..more].iter().for_each(|(_, group)| group.remove());
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
            part: None,
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

    /// Two sources of one query: their folders are one run, and go together.
    #[test]
    fn runs_that_were_joined_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path();
        let [a, b, c] = ["a", "b", "c"].map(|name| register(registry, name, None, 0));
        let pair = |old: &str, new: &str| (old.to_string(), new.to_string());
        join(&c, &b, &[pair("st-tail", "st-tail-2")]);
        join(
            &b,
            &a,
            &[pair("st-tail-2", "st-tail-3"), pair("st-map", "st-map-2")],
        );
        let groups = groups(registry);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].folder, a);
        let names = |pairs: &[(String, String)]| pairs.iter().cloned().collect();
        let of_b = names(&[pair("st-tail-2", "st-tail-3"), pair("st-map", "st-map-2")]);
        let of_c = names(&[
            pair("st-tail", "st-tail-3"),
            pair("st-tail-2", "st-tail-3"),
            pair("st-map", "st-map-2"),
        ]);
        assert_eq!(groups[0].parts, [(b.clone(), of_b), (c.clone(), of_c)]);

        // One source has ended, another goes on.
        for age in 0..KEPT as u64 {
            register(registry, &format!("ended{age}"), None, 0);
        }
        let lock = lock(&b, "st-tail").unwrap();
        sweep(registry, None);
        assert!(a.is_dir() && b.is_dir() && c.is_dir());
        drop(lock);
        register(registry, "newer", None, 0);
        sweep(registry, None);
        assert!(!a.exists() && !b.exists() && !c.exists());
        // Without the whole a part stands for itself.
        let left = register(registry, "left", None, 0);
        join(&left, &a, &[]);
        assert!(
            super::groups(registry)
                .iter()
                .any(|group| group.folder == left)
        );
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
