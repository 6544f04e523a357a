//! A folder of files, exactly once: each batch becomes files that appear whole, and only when it is committed.
//!
//! The files of a batch are written and synced under `DIR/.st-sink`, the commit records their names, then they are renamed
//! to them. A restart finishes the renames of the last commit and deletes whatever else is left there.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use st_checkpoint::{Durability, fail_io, fail_point, sync_dir};
use st_stream::{Mode, Out};

use crate::append::Append;
use crate::formats::{FileWriter, Format, Shape};
use crate::owner::{self, Terms, remove};
use crate::partition::Partition;
use crate::rows::Rows;
use crate::target::{Arrived, Delivered, Opening, Target, accept};

/// Where files wait for their commit. No reader's `*.json` finds them there.
const STAGING: &str = ".st-sink";

/// A folder of files.
pub struct Directory {
    folder: PathBuf,
    format: Box<dyn Format>,
    partition_by: Vec<String>,
    overwrite: bool,
    partition: Option<Partition>,
    durability: Durability,
    /// Names the files of the prepared batch will have, in the order of their waiting names.
    pending: Option<(i64, Vec<String>)>,
}

impl Directory {
    /// Files of `format` in `folder`, in subfolders by the values of `partition_by`.
    pub fn new(
        folder: PathBuf,
        format: Box<dyn Format>,
        partition_by: Vec<String>,
        overwrite: bool,
    ) -> Directory {
        Directory {
            folder,
            format,
            partition_by,
            overwrite,
            partition: None,
            durability: Durability::Power,
            pending: None,
        }
    }

    fn staged(&self, batch: i64, index: usize) -> PathBuf {
        self.folder
            .join(STAGING)
            .join(format!("{batch}-{index}.tmp"))
    }

    /// Makes the waiting file durable.
    fn sync(&self, path: &Path) -> Result<()> {
        let sync = fail_io("sink.before_sync")
            .and_then(|()| File::open(path))
            .and_then(|file| self.durability.sync(&file));
        sync.with_context(|| format!("{}: cannot sync", path.display()))
    }

    /// Writes all rows to their files; the names they will have, in the order of their waiting names.
    fn write(&mut self, batch: i64, rows: &mut Rows) -> Result<Vec<String>> {
        let file_name = format!("batch-{batch:08}.{}", self.format.extension());
        let whole = self.staged(batch, 0);
        if rows.file_at(&whole)?.is_some() {
            self.sync(&whole)?;
            sync_dir(&self.folder.join(STAGING), self.durability)?;
            return Ok(vec![file_name]);
        }
        let mut files: HashMap<String, usize> = HashMap::new();
        let mut names = Vec::new();
        let mut writers: Vec<Box<dyn FileWriter>> = Vec::new();
        let mut folder = String::new();
        rows.each(|row| {
            if let Some(partition) = &mut self.partition {
                partition.folder(row, &mut folder)?;
            }
            let index = match files.get(&folder) {
                Some(&index) => index,
                None => {
                    let index = writers.len();
                    let path = self
                        .folder
                        .join(STAGING)
                        .join(format!("{batch}-{index}.tmp"));
                    writers.push(self.format.open(Box::new(Append::create(&path)?), true)?);
                    files.insert(folder.clone(), index);
                    names.push(format!("{folder}{file_name}"));
                    index
                }
            };
            writers[index].row(row)
        })?;
        for (index, writer) in writers.into_iter().enumerate() {
            writer.finish()?;
            self.sync(&self.staged(batch, index))?;
        }
        sync_dir(&self.folder.join(STAGING), self.durability)?;
        Ok(names)
    }

    /// The same; a failure leaves nothing behind if that is possible (a restart clears up in any case).
    fn write_or_clear(&mut self, batch: i64, rows: &mut Rows) -> Result<Vec<String>> {
        let written = self.write(batch, rows);
        if written.is_err() {
            let _ = self.clear_staging();
        }
        written
    }

    /// Gives waiting files their names. A file that is not waiting has its name already.
    fn rename(&self, batch: i64, names: &[String]) -> Result<()> {
        let mut folders = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            let path = self.folder.join(name);
            let parent = path.parent().unwrap_or(&self.folder);
            if folders.insert(parent.to_path_buf()) {
                fs::create_dir_all(parent)
                    .with_context(|| format!("{}: cannot make the folder", parent.display()))?;
                // Each new folder's name stands in the one above it.
                let above = parent
                    .ancestors()
                    .skip(1)
                    .take_while(|above| above.starts_with(&self.folder));
                folders.extend(above.map(Path::to_path_buf));
            }
            let renamed = fail_io("sink.before_rename")
                .and_then(|()| fs::rename(self.staged(batch, index), &path));
            match renamed {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => {
                    other.with_context(|| format!("{}: cannot rename to it", path.display()))?
                }
            }
            fail_point("sink.mid_rename");
        }
        folders
            .iter()
            .try_for_each(|folder| sync_dir(folder, self.durability))
    }

    fn clear_staging(&self) -> Result<()> {
        let staging = self.folder.join(STAGING);
        let entries = match fs::read_dir(&staging) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("{}: cannot list", staging.display()))?,
        };
        for entry in entries {
            remove(
                &entry
                    .with_context(|| format!("{}: cannot list", staging.display()))?
                    .path(),
            )?;
        }
        Ok(())
    }
}

impl Target for Directory {
    fn format(&self) -> &'static str {
        self.format.name()
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.folder)
    }

    fn takes_blocks(&self) -> bool {
        self.format.is_lines()
    }

    fn gathers_at(&self, batch: i64) -> Option<PathBuf> {
        let whole = self.partition.is_none() && self.format.is_lines();
        whole.then(|| self.staged(batch, 0))
    }

    fn suit(&mut self, opening: &Opening<'_>) -> Result<()> {
        let name = self.folder.display().to_string();
        accept(
            opening.start.mode,
            &[Mode::Append],
            &name,
            "give --file F (complete mode), `st-sink sqlite` (update and complete mode), or let st-agg append (--mode append)",
        )?;
        self.format.shape(&Shape {
            schema: opening.schema,
            without: &self.partition_by,
            zone: opening.zone,
        })
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        let terms = Terms {
            target: st_checkpoint::Target::Dir(&self.folder),
            path: &self.folder,
            sink: &opening.context.name,
            overwrite: self.overwrite,
            keeps_old: false,
            mend: "",
        };
        owner::claim(
            &terms,
            opening,
            || holds_rows(&self.folder),
            || clear(&self.folder),
        )?;
        let staging = self.folder.join(STAGING);
        fs::create_dir_all(&staging)
            .with_context(|| format!("{}: cannot make the folder", staging.display()))?;
        self.durability = opening.durability;
        self.partition = (!self.partition_by.is_empty())
            .then(|| Partition::new(&self.partition_by, opening.schema, opening.zone));
        Ok(())
    }

    fn recover(&mut self, last: Option<Delivered>) -> Result<()> {
        if let Some(Delivered {
            batch,
            detail: Some(detail),
        }) = last
        {
            let names: Option<Vec<String>> = detail["files"].as_array().map(|files| {
                files
                    .iter()
                    .filter_map(|name| name.as_str().map(String::from))
                    .collect()
            });
            self.rename(batch, &names.unwrap_or_default())?;
        }
        self.clear_staging()
    }

    fn begin(&mut self, _id: i64) -> Result<()> {
        self.format.begin();
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        self.format.look(row)
    }

    fn prepare(
        &mut self,
        batch: Arrived,
        rows: &mut Rows,
        _out: &mut Out,
    ) -> Result<Option<Value>> {
        let names = if rows.is_empty() {
            Vec::new()
        } else {
            self.write_or_clear(batch.id, rows)?
        };
        let detail = json!({ "files": names });
        self.pending = Some((batch.id, names));
        Ok(Some(detail))
    }

    fn publish(&mut self) -> Result<()> {
        match self.pending.take() {
            Some((batch, names)) => self.rename(batch, &names),
            None => Ok(()),
        }
    }
}

/// True if there is anything in the folder but what st-sink keeps for itself.
fn holds_rows(folder: &Path) -> Result<bool> {
    Ok(entries(folder)?
        .iter()
        .any(|(name, _)| !matches!(name.as_str(), STAGING | ".st-owner")))
}

/// Removes what an earlier st-sink wrote; if there is anything else, nothing at all.
fn clear(folder: &Path) -> Result<()> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    collect(folder, &mut files, &mut folders)?;
    files.iter().try_for_each(|path| remove(path))?;
    for folder in folders {
        fs::remove_dir(&folder).with_context(|| format!("{}: cannot remove", folder.display()))?;
    }
    Ok(())
}

/// The files st-sink wrote, and its folders, the inner ones first. An error if there is something else.
fn collect(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> Result<()> {
    for (name, is_folder) in entries(folder)? {
        let path = folder.join(&name);
        if is_folder && (name == STAGING || name.contains('=')) {
            collect(&path, files, folders)?;
            folders.push(path);
        } else if !is_folder && (is_ours(&name) || folder.ends_with(STAGING)) {
            files.push(path);
        } else if name != ".st-owner" {
            bail!(
                "{}: no st-sink wrote this, so it is not removed: take another folder, or remove it yourself",
                path.display()
            );
        }
    }
    Ok(())
}

/// `batch-00000007.json`
fn is_ours(name: &str) -> bool {
    let digits = name
        .strip_prefix("batch-")
        .and_then(|rest| rest.split_once('.'));
    digits
        .is_some_and(|(digits, _)| digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Names in a folder, and whether each is a folder; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let list = || {
        fs::read_dir(folder)?
            .map(|entry| {
                let entry = entry?;
                Ok((
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.file_type()?.is_dir(),
                ))
            })
            .collect::<std::io::Result<Vec<_>>>()
    };
    match list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.with_context(|| format!("{}: cannot list", folder.display())),
    }
}
