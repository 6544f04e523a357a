//! Whose a sink's target is: a small file beside it that names query and sink.
//!
//! A sink cuts back and replaces what it finds in its target, so it must be sure that it wrote
//! it. What is not marked as its own is refused, never cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::Durability;
use crate::durable::{beside, cannot, create_dir, create_exclusive, folder_of, remove};
use crate::record_log::check_format;

/// Something a sink writes to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// One file; its owner is named in `.NAME.st-owner` next to it.
    File(&'a Path),
    /// A folder of files; its owner is named in `.st-owner` in it.
    Dir(&'a Path),
}

/// How a target came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It was absent or empty and is now marked as ours.
    Taken,
    /// An earlier run of this sink marked it.
    Kept,
}

#[derive(Serialize, Deserialize)]
struct Owner {
    #[serde(rename = "st-owner")]
    format: u32,
    query: String,
    sink: String,
}

impl Target<'_> {
    fn path(&self) -> &Path {
        match self {
            Target::File(path) | Target::Dir(path) => path,
        }
    }

    /// The file that names the owner.
    pub fn owner_file(&self) -> PathBuf {
        match self {
            Target::File(path) => beside(path, "st-owner"),
            Target::Dir(path) => path.join(".st-owner"),
        }
    }

    fn is_empty(&self) -> Result<bool> {
        let looked = match self {
            Target::File(path) => fs::metadata(path).map(|meta| meta.is_file() && meta.len() == 0),
            // A claim that was killed leaves its temporary file, which is nobody's rows.
            Target::Dir(path) => fs::read_dir(path).and_then(|mut entries| {
                entries.try_fold(true, |empty, entry| {
                    let unfinished = |name: &str| name.starts_with("..st-owner.");
                    Ok(empty && entry?.file_name().to_str().is_some_and(unfinished))
                })
            }),
        };
        match looked {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            other => other.with_context(|| cannot("read", self.path())),
        }
    }
}

/// Makes a target ours, or finds that it is. Makes the folder of a [`Target::Dir`].
///
/// # Errors
/// A target that belongs to another query or sink, or that holds something of no known owner.
pub fn claim(target: Target<'_>, query: &str, sink: &str, durability: Durability) -> Result<Claim> {
    let file = target.owner_file();
    create_dir(&folder_of(&file), durability)?;
    if let Some(owner) = read_owner(&file)? {
        let claim = ours(target, &owner, query, sink)?;
        remove_unfinished(&file)?;
        return Ok(claim);
    }
    if !target.is_empty()? {
        bail!(
            "{}: exists and no query is known to have written it: name another target, or remove it",
            target.path().display()
        );
    }
    let mut line = serde_json::to_vec(&Owner {
        format: 1,
        query: query.into(),
        sink: sink.into(),
    })?;
    line.push(b'\n');
    if create_exclusive(&file, durability, &line)? {
        remove_unfinished(&file)?;
        return Ok(Claim::Taken);
    }
    // Somebody was faster.
    match read_owner(&file)? {
        Some(owner) => ours(target, &owner, query, sink),
        None => bail!(
            "{}: was removed while being read: run again",
            file.display()
        ),
    }
}

fn ours(target: Target<'_>, owner: &Owner, query: &str, sink: &str) -> Result<Claim> {
    if (owner.query.as_str(), owner.sink.as_str()) != (query, sink) {
        bail!(
            "{}: belongs to sink {} of query {}: name another target, or remove it together with {}",
            target.path().display(),
            owner.sink,
            owner.query,
            target.owner_file().display()
        );
    }
    Ok(Claim::Kept)
}

/// Removes what a killed claim has left beside the owner file.
fn remove_unfinished(file: &Path) -> Result<()> {
    let begin = format!(
        ".{}.",
        file.file_name().unwrap_or_default().to_string_lossy()
    );
    let folder = folder_of(file);
    for entry in fs::read_dir(&folder).with_context(|| cannot("list", &folder))? {
        let name = entry.with_context(|| cannot("list", &folder))?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&begin) && name.ends_with(".tmp") {
            remove(&folder.join(&*name))?;
        }
    }
    Ok(())
}

fn read_owner(file: &Path) -> Result<Option<Owner>> {
    let text = match fs::read(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| cannot("read", file))?,
    };
    let parsed = serde_json::from_slice::<serde_json::Value>(&text);
    let fields = parsed.with_context(|| format!("{}: does not name an owner", file.display()))?;
    check_format(file, &fields["st-owner"], 1)?;
    let owner = serde_json::from_value(fields);
    owner
        .map(Some)
        .with_context(|| format!("{}: does not name an owner", file.display()))
}
