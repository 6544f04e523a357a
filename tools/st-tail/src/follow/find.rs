//! Finds a file again that was read under some name: by device, inode and fingerprint under any name of its folder, then by
//! fingerprint alone (a copy, a compressed copy, a restored file).

use std::fs::{self, File};

use anyhow::{Context, Result};

use super::print::{Inode, Print, inode_of};
use super::record::Piece;
use crate::open::{self, is_compressed, mtime};

/// A file that is looked for.
pub struct Wanted<'a> {
    pub path: &'a str,
    /// None: only a copy will do.
    pub inode: Option<Inode>,
    pub print: Print,
    /// It has at least this much text.
    pub length: u64,
}

/// A candidate that was found, and its name.
pub struct Candidate {
    pub path: String,
    pub file: File,
    pub inode: Inode,
}

impl Candidate {
    /// True if a file that only begins like a piece's is its copy: the beginning is long enough to tell, or the name is the
    /// old one, perhaps with something behind it (`app.log.1`).
    pub fn may_continue(&self, piece: &Piece) -> bool {
        piece.print.is_telling() || self.path.starts_with(&piece.path)
    }
}

/// The file under its old name, if it is the very one.
fn unmoved(wanted: &Wanted<'_>) -> Option<Candidate> {
    let file = open::open(wanted.path).ok()??;
    let metadata = file.metadata().ok()?;
    let inode = inode_of(&metadata);
    let is_it = wanted.inode == Some(inode)
        && metadata.len() >= wanted.length
        && wanted.print.fits(&file, wanted.path).unwrap_or(false);
    is_it.then(|| Candidate {
        path: wanted.path.to_string(),
        file,
        inode,
    })
}

/// The files that may be the one that is wanted, the likeliest first.
pub fn find(wanted: &Wanted<'_>) -> Result<Vec<Candidate>> {
    if let Some(candidate) = unmoved(wanted) {
        return Ok(vec![candidate]);
    }
    let mut exact = Vec::new();
    let mut alike = Vec::new();
    let folder = open::folder_of(wanted.path);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("{}: cannot be listed", folder.display()));
        }
    };
    let whole = || format!("{}: cannot be listed", folder.display());
    for entry in entries {
        let name = entry.with_context(whole)?.file_name();
        let path = match wanted.path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{}", name.to_string_lossy()),
            None => name.to_string_lossy().into_owned(),
        };
        // What cannot be opened is not the file: it was read before.
        let Ok(Some(file)) = open::open(&path) else {
            continue;
        };
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        if !metadata.is_file() || !is_compressed(&path) && metadata.len() < wanted.length {
            continue;
        }
        let is_inode = wanted.inode == Some(inode_of(&metadata));
        if wanted.print.is_empty() && !is_inode || !wanted.print.fits(&file, &path).unwrap_or(false)
        {
            continue;
        }
        let candidate = Candidate {
            path,
            file,
            inode: inode_of(&metadata),
        };
        if is_inode {
            exact.push(candidate);
        } else {
            alike.push((mtime(&metadata), candidate));
        }
    }
    alike.sort_by(|(a, _), (b, _)| b.cmp(a));
    exact.extend(alike.into_iter().map(|(_, candidate)| candidate));
    Ok(exact)
}
