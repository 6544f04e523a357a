//! `--clean-source`: what becomes of a file once every sink has committed its rows.
//!
//! Runs again after a crash, so it looks first: only the very file that was read is touched, never one that took its name.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use st_stream::cli::usage;

use crate::open::mtime;
use crate::roots::Root;

/// What to do with a file that is no longer needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clean {
    Delete,
    /// Move it below this folder, with its whole path.
    Archive(PathBuf),
}

impl std::fmt::Display for Clean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Clean::Delete => f.write_str("delete"),
            Clean::Archive(folder) => write!(f, "archive={}", folder.display()),
        }
    }
}

impl Clean {
    /// Reads `delete` or `archive=DIR`. The archive must not lie where it would be read again.
    pub fn parse(text: &str, roots: &[Root]) -> Result<Clean> {
        if text == "delete" {
            return Ok(Clean::Delete);
        }
        let Some(folder) = text
            .strip_prefix("archive=")
            .filter(|folder| !folder.is_empty())
        else {
            return Err(usage(format!(
                "--clean-source: `{text}` is neither `delete` nor `archive=DIR`"
            )));
        };
        let absolute = std::path::absolute(folder).with_context(|| format!("{folder}: no path"))?;
        for root in roots {
            if let Some(deep) = root.deep_folder()
                && absolute.starts_with(
                    std::path::absolute(deep)
                        .with_context(|| format!("{}: no path", deep.display()))?,
                )
            {
                return Err(usage(format!(
                    "--clean-source: {folder} lies below {}, all of which is watched: archive elsewhere",
                    deep.display()
                )));
            }
        }
        Ok(Clean::Archive(folder.into()))
    }

    /// Takes away the file of this size and modification time.
    pub fn apply(&self, path: &str, size: u64, modified: i64) -> Result<()> {
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("{path}: cannot be read"))?,
        };
        if found.len() != size || mtime(&found) != modified {
            return Ok(());
        }
        match self {
            Clean::Delete => remove(path),
            Clean::Archive(folder) => archive(path, folder),
        }
    }
}

fn remove(path: &str) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| {
            format!("{path}: cannot be deleted; --clean-source needs a writable folder")
        }),
    }
}

fn archive(path: &str, folder: &Path) -> Result<()> {
    let mut target = folder.to_path_buf();
    // `..` would lead out of the archive.
    let whole = std::path::absolute(path).with_context(|| format!("{path}: no path"))?;
    let source = if path.contains("..") {
        whole.as_path()
    } else {
        Path::new(path)
    };
    target.extend(
        source
            .components()
            .filter(|part| matches!(part, Component::Normal(_))),
    );
    let above = target.parent().unwrap_or(folder).to_path_buf();
    let failed = || format!("{path}: cannot be moved to {}", above.display());
    fs::create_dir_all(&above).with_context(failed)?;
    let target = free_name(target);
    match fs::rename(path, &target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy(path, &target).with_context(failed)?
        }
        other => other.with_context(failed)?,
    }
    Ok(())
}

/// On another device: the archive gets the whole file under its name before the original goes.
fn copy(path: &str, target: &Path) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".part");
    let part = target.with_file_name(name);
    fs::copy(path, &part)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(&part, target)?;
    fs::remove_file(path)
}

/// The path itself, or with a number behind it if the archive has it already.
fn free_name(target: PathBuf) -> PathBuf {
    let mut free = target.clone();
    let mut number = 1;
    while free.exists() {
        let mut name = target.clone().into_os_string();
        name.push(format!(".{number}"));
        free = name.into();
        number += 1;
    }
    free
}
