//! Looking at a checkpoint without being part of it: nothing is locked, made, cut or removed, so a running query does not
//! notice. What is read may be appended to, compacted or removed at the same moment.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::durable::{cannot, remove, sync_dir};
use crate::lock::Holder;
use crate::offsets;
use crate::query_dir::{Metadata, read_metadata};
use crate::record_log::RESTORE;
use crate::state::{Header, generations, line, verify};
use crate::{Durability, Kind, Patience, QueryDir, fail_point};

/// How often files that vanish while they are read are looked for anew.
const TRIES: u32 = 20;

/// The state of a stage as of an epoch, apart from its keys.
#[derive(Clone, Debug)]
pub struct StateView {
    /// The stage.
    pub stage: String,
    /// The epoch.
    pub epoch: i64,
    /// How many keys were live, as the stage said.
    pub keys: u64,
    /// The stage's own figures, as JSON.
    pub meta: String,
    /// What the state was gathered for.
    pub definition: Value,
    /// The file it was read from.
    pub file: PathBuf,
}

/// What a source keeps: under which definition, and which batches it can replay.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// The source.
    pub name: String,
    /// What must stay the same.
    pub definition: Value,
    /// The first and the last recorded batch, if there is any.
    pub batches: Option<(i64, i64)>,
}

impl QueryDir {
    /// Opens a directory of either kind to look at it. Makes nothing.
    ///
    /// # Errors
    /// If there is no checkpoint, or one of a newer format.
    pub fn open_to_look(path: &Path) -> Result<QueryDir> {
        let file = path.join("metadata");
        if !file.is_file() {
            bail!(
                "{}: no checkpoint there: name the folder given to --checkpoint",
                path.display()
            );
        }
        let metadata: Metadata = read_metadata(&file)?;
        QueryDir::new(path, metadata, Durability::Power)
    }

    /// What the folder is and its id, as its metadata says.
    ///
    /// # Errors
    /// If there is no metadata, or it is damaged or of a newer format.
    pub fn identity(path: &Path) -> Result<(Kind, String)> {
        let metadata = read_metadata(&path.join("metadata"))?;
        Ok((metadata.kind, metadata.id))
    }

    /// The stages that keep state, by name.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn stages(&self) -> Result<Vec<String>> {
        let stage = |name: &str| Some(name.rsplit_once('@')?.0.to_string());
        let mut stages: Vec<String> = names(&self.path().join("state"))?
            .iter()
            .filter_map(|name| stage(name))
            .collect();
        stages.dedup();
        Ok(stages)
    }

    /// The first and the last epoch whose state of `stage` is still there.
    ///
    /// # Errors
    /// If there is no state, or it is damaged.
    pub fn epochs(&self, stage: &str) -> Result<(i64, i64)> {
        self.view(stage, |generations| {
            let (Some(first), Some(last)) = (generations.first(), generations.last()) else {
                return Err(self.no_state(stage));
            };
            let file = File::open(&last.path).with_context(|| cannot("open", &last.path))?;
            let verified =
                verify::verify(&last.path, file, (self.id(), stage, last.base), i64::MAX)?;
            Ok((first.base, verified.closing.epoch))
        })
    }

    /// Hands every recorded change that leads to the state of `stage` as of `epoch` (the last one closed, if none is given)
    /// to `each`, as [`crate::StateFile::restore`] does. `begin` is called before the first, and again if the reading has to
    /// begin anew because the file was replaced meanwhile.
    ///
    /// # Errors
    /// An epoch that is not there any more or not yet; a damaged file.
    pub fn read_state(
        &self,
        stage: &str,
        epoch: Option<i64>,
        mut begin: impl FnMut(),
        mut each: impl FnMut(&[u8], Option<&[u8]>),
    ) -> Result<StateView> {
        self.view(stage, |generations| {
            let fits = |base: i64| epoch.is_none_or(|epoch| base <= epoch);
            let Some(current) = generations
                .iter()
                .rev()
                .find(|generation| fits(generation.base))
            else {
                return Err(match generations.first() {
                    Some(first) => self.not_there(stage, epoch, Some(first.base)),
                    None => self.no_state(stage),
                });
            };
            let path = &current.path;
            let whose = (self.id(), stage, current.base);
            let open = || File::open(path).with_context(|| cannot("open", path));
            let last = match epoch {
                Some(epoch) => epoch,
                None => {
                    verify::verify(path, open()?, whose, i64::MAX)?
                        .closing
                        .epoch
                }
            };
            begin();
            let verified = verify::verify_each(path, open()?, whose, last, |bytes| {
                if let Some((key, value)) = line::key_and_value(bytes) {
                    each(key, value);
                }
            })?;
            if verified.closing.epoch < last {
                // The last epoch may have been cut by a run that has just begun.
                return Err(self.not_there(stage, Some(last), None));
            }
            let Header { definition, .. } = verified.header;
            Ok(StateView {
                stage: stage.to_string(),
                epoch: verified.closing.epoch,
                keys: verified.closing.keys,
                meta: verified.closing.meta.get().to_string(),
                definition,
                file: path.clone(),
            })
        })
    }

    /// Does `look` with the generations of `stage`, and again if one of them vanishes.
    fn view<T>(
        &self,
        stage: &str,
        mut look: impl FnMut(&[generations::Generation]) -> Result<T>,
    ) -> Result<T> {
        let mut tries = 0;
        loop {
            let found = look(&generations::list(self, stage)?);
            tries += 1;
            match found {
                Err(error) if tries < TRIES && vanished(&error) => {}
                other => return other,
            }
        }
    }

    fn no_state(&self, stage: &str) -> anyhow::Error {
        let there = match self.stages() {
            Ok(stages) if !stages.is_empty() => format!("there are {}", stages.join(", ")),
            _ => "no stage of this query has kept any yet".to_string(),
        };
        anyhow::anyhow!(
            "{}: no state of a stage `{stage}`: {there}",
            self.path().display()
        )
    }

    fn not_there(&self, stage: &str, epoch: Option<i64>, first: Option<i64>) -> anyhow::Error {
        let epoch = epoch.unwrap_or(-1);
        let place = self.path().display();
        let kept = match (first, self.epochs(stage)) {
            (Some(first), _) => format!("the first one kept is {first}"),
            (None, Ok((first, last))) => format!("those kept are {first} to {last}"),
            (None, Err(_)) => "it is not kept".to_string(),
        };
        anyhow::anyhow!("{place}: no epoch {epoch} of {stage}: {kept}")
    }

    /// The sources, by name.
    ///
    /// # Errors
    /// If one's offsets are damaged.
    pub fn sources(&self) -> Result<Vec<SourceView>> {
        let folder = self.path().join("offsets");
        let names = names(&folder)?;
        names
            .into_iter()
            .map(|name| offsets::look(&folder.join(&name), &name, self.id()))
            .collect()
    }

    /// Lets a sink go that does not come back: its commits, its reports, and what holds the floor for it. From then on it
    /// holds nothing back. No run may be under way: its locks are asked for, with `patience`.
    ///
    /// # Errors
    /// If there is no such sink, or the query runs.
    pub fn forget_sink(
        &self,
        sink: &str,
        holder: &Holder,
        patience: &mut Patience<'_>,
    ) -> Result<()> {
        crate::check_name(sink)?;
        let own = "st-state";
        let mut say = |_: &str| {};
        let _lock = self.lock(own, holder, patience, &mut say)?;
        // Behind every instant: nothing is of this run.
        self.await_other_locks(&[own], "~", patience, &mut say)?;
        let commits = self.path().join("commits");
        if !commits.join(sink).is_file() {
            let there = names(&commits)?;
            let there = if there.is_empty() {
                "there is none".to_string()
            } else {
                format!("there are {}", there.join(", "))
            };
            bail!(
                "{}: no sink is called `{sink}`: {there}",
                self.path().display()
            );
        }
        // The registration last: until it is gone the sink can be forgotten again.
        for folder in ["progress", "replaying", "commits"] {
            let folder = self.path().join(folder);
            let file = folder.join(sink);
            if file.is_file() {
                fail_point("forget.before_remove");
                remove(&file)?;
                sync_dir(&folder, self.durability())?;
            }
        }
        Ok(())
    }
}

/// The files of a folder, by name; none if there is no folder. Hidden ones are not for reading.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| cannot("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .with_context(|| cannot("list", folder))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether the reason is a file that was there a moment ago.
fn vanished(error: &anyhow::Error) -> bool {
    let missing = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::NotFound)
    };
    error.chain().any(missing)
}

/// What a run with another definition would be told: the changes, each with whether it is safe.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What differs.
    pub changes: Vec<(crate::Change, bool)>,
    /// A sink that stands elsewhere than the others, which a safe change has to wait for.
    pub lagging: Option<String>,
}

impl Verdict {
    /// True if the state can be gone on with.
    pub fn is_good(&self) -> bool {
        self.changes.is_empty()
            || (self.lagging.is_none() && self.changes.iter().all(|(_, safe)| *safe))
    }
}

impl QueryDir {
    /// Compares what a state or a source's records were written for with what is asked for now, by the rules of
    /// [`crate::StateFile::open`].
    ///
    /// # Errors
    /// If the commits are damaged.
    pub fn verdict(
        &self,
        stage: &str,
        old: &Value,
        new: &Value,
        safe: &[String],
    ) -> Result<Verdict> {
        let is_safe = |change: &crate::Change| {
            safe.iter().any(|path| {
                change
                    .path
                    .strip_prefix(path.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        let changes: Vec<_> = crate::changes(old, new)
            .into_iter()
            .map(|change| {
                let safe = is_safe(&change);
                (change, safe)
            })
            .collect();
        let mut lagging = None;
        if !changes.is_empty() {
            let epoch = self.committed()?;
            lagging = self
                .sinks()?
                .into_iter()
                .find(|sink| sink.is_below(stage) && sink.last != epoch)
                .map(|sink| sink.name);
        }
        Ok(Verdict { changes, lagging })
    }
}

/// For people: a message that names the copy to restore.
pub(crate) fn damaged_header(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{}: without its header: {RESTORE}", path.display())
}
