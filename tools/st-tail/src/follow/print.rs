//! A file's fingerprint: the checksum of its first bytes. A name can be given to another file, and so can an inode; what a
//! growing file begins with stays.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

use crate::open;

/// How much of the beginning counts.
const LENGTH: usize = 1024;

/// So much of a beginning is one file's own; less may be a first line that every file has.
const TELLING: usize = 256;

/// Device and inode.
pub type Inode = (u64, u64);

/// The device and inode of an open file.
pub fn inode_of(metadata: &std::fs::Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// `[bytes, checksum]` of a beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print(u64, u32);

impl Print {
    /// True if no byte was known: it fits every file.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// True if it can be of one file and its copies only.
    pub fn is_telling(&self) -> bool {
        self.0 >= TELLING as u64
    }

    /// True if the text of `file` begins like this.
    pub fn fits(&self, file: &File, path: &str) -> io::Result<bool> {
        let mut beginning = Vec::with_capacity(LENGTH);
        open::text_from(file.try_clone()?, path, 0)?
            .take(self.0.min(LENGTH as u64))
            .read_to_end(&mut beginning)?;
        Ok(beginning.len() as u64 == self.0 && crc32fast::hash(&beginning) == self.1)
    }
}

/// The first bytes of a file, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Head(Vec<u8>);

impl Head {
    /// What the first `length` bytes of a file are.
    pub fn of(file: &File, length: u64) -> io::Result<Head> {
        let mut head = vec![0; usize::try_from(length).unwrap_or(LENGTH).min(LENGTH)];
        file.read_exact_at(&mut head, 0)?;
        Ok(Head(head))
    }

    /// Notes bytes that were read at `offset`.
    pub fn note(&mut self, offset: u64, bytes: &[u8]) {
        if offset == self.0.len() as u64 {
            let room = LENGTH - self.0.len();
            self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// True if the file still begins so. A shorter one, or one with other bytes, was truncated and written anew.
    pub fn is_still_of(&self, file: &File) -> io::Result<bool> {
        let mut now = vec![0; self.0.len()];
        match file.read_exact_at(&mut now, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            other => other.map(|()| now == self.0),
        }
    }

    /// True if another file begins so too, and that is no accident.
    pub fn is_shared_by(&self, file: &File) -> bool {
        self.0.len() >= TELLING && self.is_still_of(file).unwrap_or(false)
    }

    /// The fingerprint of the first `length` bytes.
    pub fn print(&self, length: u64) -> Print {
        let known = self.0.len().min(usize::try_from(length).unwrap_or(LENGTH));
        Print(known as u64, crc32fast::hash(&self.0[..known]))
    }
}
