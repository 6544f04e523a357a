//! What "durable" means here, in one place: synced bytes, and files that appear whole.
//!
//! Every fsync of the crate goes through [`Durability`], so that `--durability process` can
//! leave them all out, and every new or replaced file is written under a temporary name in its
//! own folder, synced, given its name, and its folder synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{fail_io, fail_point};

/// What a write that has returned survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power: bytes and folders are synced to the device.
    #[default]
    Power,
    /// The death of the process, `kill -9` included: nothing is synced.
    Process,
}

impl Durability {
    /// Syncs a file's bytes and its length.
    ///
    /// # Errors
    /// Whatever the device reports; after an error the bytes may or may not be there.
    pub fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Durability::Power => file.sync_data(),
            Durability::Process => Ok(()),
        }
    }
}

/// Syncs a folder, so that names made, changed or removed in it stay so.
///
/// # Errors
/// If the folder cannot be opened or synced; the message names it.
pub fn sync_dir(folder: &Path, durability: Durability) -> Result<()> {
    if durability == Durability::Power {
        let sync = || File::open(folder)?.sync_all();
        sync().with_context(|| format!("{}: cannot sync the folder", folder.display()))?;
    }
    Ok(())
}

/// Makes `folder` and what is missing above it, each name durable.
pub(crate) fn create_dir(folder: &Path, durability: Durability) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if !above.is_dir() {
        create_dir(&above, durability)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) => Err(e).with_context(|| format!("{}: cannot make the folder", folder.display())),
        Ok(()) => sync_dir(&above, durability),
    }
}

/// Writes `path` anew, all or nothing: a reader, and a restart after a crash at any moment,
/// finds either the old file or the new one. The caller must be the only writer of `path`.
///
/// # Errors
/// If writing, syncing or renaming fails; the old file then stands and the temporary one is
/// removed if that is possible (a later call overwrites it in any case).
pub fn replace_file(
    path: &Path,
    durability: Durability,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let temporary = beside(path, "tmp");
    let written = (|| {
        let file = File::create(&temporary).with_context(|| cannot("write", &temporary))?;
        let file = fill(file, &temporary, durability, write)?;
        drop(file);
        fail_io("replace.before_rename")
            .and_then(|()| fs::rename(&temporary, path))
            .with_context(|| cannot("rename to", path))
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    fail_point("replace.after_rename");
    sync_dir(&folder_of(path), durability)
}

/// Makes `path` with these bytes if nothing has that name yet: `true` if this call made it,
/// `false` if it was there. Never a moment at which the file is there but not whole.
///
/// # Errors
/// If writing, syncing or linking fails.
pub fn create_exclusive(path: &Path, durability: Durability, bytes: &[u8]) -> Result<bool> {
    // Several may race for one name, so each writes a temporary file of its own.
    let temporary = beside(path, &format!("{}.tmp", uuid::Uuid::new_v4().simple()));
    let made = (|| {
        let file = File::create(&temporary).with_context(|| cannot("write", &temporary))?;
        fill(file, &temporary, durability, |w| {
            w.write_all(bytes)
                .with_context(|| cannot("write", &temporary))
        })?;
        match fail_io("create.before_link").and_then(|()| fs::hard_link(&temporary, path)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e).with_context(|| cannot("create", path)),
        }
    })();
    let _ = fs::remove_file(&temporary);
    if matches!(made, Ok(true)) {
        sync_dir(&folder_of(path), durability)?;
    }
    made
}

fn fill(
    file: File,
    path: &Path,
    durability: Durability,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<File> {
    let mut writer = BufWriter::with_capacity(1 << 16, file);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error);
    let file = file.with_context(|| cannot("write", path))?;
    fail_io("new_file.before_sync")
        .and_then(|()| durability.sync(&file))
        .with_context(|| cannot("sync", path))?;
    Ok(file)
}

/// Opens a file for reading and for appending.
pub(crate) fn open_to_append(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    options.open(path).with_context(|| cannot("open", path))
}

/// Removes a file; one that is already gone is no error.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).context(cannot("remove", path)),
        _ => Ok(()),
    }
}

/// The folder a path is in, `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// `.NAME.SUFFIX` in the folder of NAME: hidden, and on the same file system.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    folder_of(path).join(name)
}

pub(crate) fn cannot(what: &str, path: &Path) -> String {
    format!("{}: cannot {what}", path.display())
}
