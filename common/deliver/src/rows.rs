//! The rows of one batch until it is complete: in memory up to a bound, beyond it in a temporary file without a name.
//!
//! A target sees the rows of a batch only when the batch has ended, so nothing of a batch that breaks off is ever visible,
//! and formats that need to know all columns beforehand can look at the rows twice.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};

use anyhow::{Context, Result};
use st_checkpoint::fail_io;

/// Bytes kept in memory.
const BOUND: usize = 8 << 20;

/// The rows of a batch, in order.
pub struct Rows {
    /// The last rows, each with its newline.
    memory: Vec<u8>,
    /// The rows before them.
    file: Option<File>,
    count: u64,
    bound: usize,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows {
            memory: Vec::new(),
            file: None,
            count: 0,
            bound: BOUND,
        }
    }
}

impl Rows {
    /// Adds a row, given without its newline.
    #[inline]
    pub fn push(&mut self, row: &[u8]) -> Result<()> {
        self.memory.extend_from_slice(row);
        self.memory.push(b'\n');
        self.count += 1;
        if self.memory.len() >= self.bound {
            self.spill()
        } else {
            Ok(())
        }
    }

    #[cfg(test)]
    fn count(&self) -> u64 {
        self.count
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.memory.clear();
        self.memory.shrink_to(1 << 20);
        self.file = None;
        self.count = 0;
    }

    /// Hands over every row, without its newline.
    pub fn each(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0)).context(UNREADABLE)?;
            let mut reader = BufReader::with_capacity(1 << 20, &*file);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).context(UNREADABLE)? > 0 {
                take(line.strip_suffix(b"\n").unwrap_or(&line))?;
                line.clear();
            }
            file.seek(SeekFrom::End(0)).context(UNREADABLE)?;
        }
        for line in self.memory.split_inclusive(|&b| b == b'\n') {
            take(line.strip_suffix(b"\n").unwrap_or(line))?;
        }
        Ok(())
    }

    /// All rows as a file, read from its beginning.
    pub fn as_file(&mut self) -> Result<File> {
        self.spill()?;
        let mut file = match &self.file {
            Some(file) => file.try_clone(),
            None => tempfile::tempfile(),
        }
        .context(UNREADABLE)?;
        file.seek(SeekFrom::Start(0)).context(UNREADABLE)?;
        Ok(file)
    }

    #[cold]
    fn spill(&mut self) -> Result<()> {
        let folder = || {
            format!(
                "{}: cannot keep a large batch there: set TMPDIR to a folder with room",
                std::env::temp_dir().display()
            )
        };
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile().with_context(folder)?,
        };
        fail_io("sink.spill")
            .and_then(|()| file.write_all(&self.memory))
            .with_context(folder)?;
        self.memory.clear();
        self.file = Some(file);
        Ok(())
    }
}

const UNREADABLE: &str = "the temporary file of a large batch cannot be read again";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    fn all(rows: &mut Rows) -> Vec<String> {
        let mut seen = Vec::new();
        rows.each(|row| {
            seen.push(String::from_utf8(row.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn rows_beyond_the_bound_come_back_in_order_and_twice() {
        let mut rows = Rows {
            bound: 40,
            ..Rows::default()
        };
        let given: Vec<String> = (0..30).map(|n| format!("{{\"n\":{n}}}")).collect();
        for row in &given {
            rows.push(row.as_bytes()).unwrap();
        }
        assert!(rows.file.is_some());
        assert_eq!(all(&mut rows), given);
        rows.push(b"{}").unwrap();
        assert_eq!(all(&mut rows).len(), 31);
        let mut text = String::new();
        rows.as_file().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 31);
        rows.clear();
        assert_eq!((rows.count(), all(&mut rows)), (0, vec![]));
    }
}
