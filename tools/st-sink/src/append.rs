//! A file that grows by whole blocks and is open only while a block is written.
//!
//! A batch may go to thousands of partitions at once; a file that is closed between its blocks costs no descriptor.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use st_checkpoint::fail_io;

/// Bytes gathered before they are written.
const BLOCK: usize = 256 << 10;

/// Writes to the end of one file. Errors name the file.
pub struct Append {
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Append {
    /// A new file; one of that name is emptied.
    pub fn create(path: &Path) -> io::Result<Append> {
        File::create(path).map_err(|error| named(path, error))?;
        Ok(Append {
            path: path.to_path_buf(),
            buffer: Vec::new(),
        })
    }

    /// More of a file that is there.
    pub fn to(path: &Path) -> Append {
        Append {
            path: path.to_path_buf(),
            buffer: Vec::new(),
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.put(&self.buffer);
        self.buffer.clear();
        written
    }

    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path);
        let written = file.and_then(|mut file| {
            fail_io("sink.write")?;
            file.write_all(bytes)
        });
        written.map_err(|error| named(&self.path, error))
    }
}

/// An error with the name of its file, and the error itself behind it.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    error: io::Error,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: cannot write: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Named {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    let path = path.to_path_buf();
    io::Error::new(error.kind(), Named { path, error })
}

impl Write for Append {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() >= BLOCK {
            self.write_out()?;
            self.put(bytes)?;
            return Ok(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BLOCK {
            self.write_out()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }
}
