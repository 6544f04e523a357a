//! The rows of one batch until it is complete: in memory up to a bound, beyond it in a temporary file.
//!
//! A target sees the rows of a batch only when the batch has ended, so nothing of a batch that breaks off is ever visible,
//! and formats that need to know all columns beforehand can look at the rows twice. A target whose file is its rows as they stand
//! names the place of the temporary file, and takes the file itself: a large batch is then written once.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use st_checkpoint::{DirectWrite, Durability, fail_io, threshold};

/// Bytes kept in memory.
const BOUND: usize = 8 << 20;

/// Bytes kept in memory once there is a file: few enough to be in the processor's cache still when they are written.
const STEP: usize = 1 << 20;

/// Blocks of this size go to the file as they come, and are read back so.
const BLOCK: usize = 64 << 10;

/// The rows of a batch, in order.
pub struct Rows {
    /// The last rows, each with its newline.
    memory: Vec<u8>,
    /// The rows before them.
    file: Option<Spill>,
    /// Where that file is to be, if the target has a place for it.
    place: Option<PathBuf>,
    /// What is gathered there will be synced.
    durability: Durability,
    count: u64,
    bound: usize,
}

/// A temporary file; one with a name is removed again, unless it was taken.
struct Spill {
    file: File,
    path: Option<PathBuf>,
    direct: Option<DirectWrite>,
}

impl Drop for Spill {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Best effort: what stays is removed by the target at its next start.
            let _ = fs::remove_file(path);
        }
    }
}

impl Spill {
    fn create(place: Option<&Path>, durability: Durability) -> Result<Spill> {
        let file = match place {
            Some(path) => File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path),
            None => tempfile::tempfile(),
        };
        let path = place.map(Path::to_path_buf);
        let file = file.with_context(|| unwritable(place))?;
        let stays = place.is_some() && durability == Durability::Power;
        let direct = stays.then(|| DirectWrite::new(&file, 0, || fail_io("sink.direct")));
        let direct = direct.transpose().with_context(|| unwritable(place))?;
        Ok(Spill { file, path, direct })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        fail_io("sink.spill")
            .and_then(|()| match &mut self.direct {
                Some(direct) => direct.write(bytes),
                None => self.file.write_all(bytes),
            })
            .with_context(|| unwritable(self.path.as_deref()))
    }

    /// All that was written is in the file.
    fn settle(&mut self) -> Result<()> {
        let finished = self.direct.take().map_or(Ok(()), DirectWrite::finish);
        finished.with_context(|| unwritable(self.path.as_deref()))
    }
}

fn unwritable(place: Option<&Path>) -> String {
    match place {
        Some(path) => format!("{}: cannot write", path.display()),
        None => format!(
            "{}: cannot keep a large batch there: set TMPDIR to a folder with room",
            std::env::temp_dir().display()
        ),
    }
}

impl Default for Rows {
    fn default() -> Rows {
        Rows {
            memory: Vec::new(),
            file: None,
            place: None,
            durability: Durability::Power,
            count: 0,
            bound: threshold(BOUND, 256),
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
            self.spill()?;
        }
        Ok(())
    }

    /// Adds so many rows, each with its newline.
    pub fn push_lines(&mut self, lines: &[u8], rows: u64) -> Result<()> {
        self.count += rows;
        if self.file.is_some() && lines.len() >= BLOCK {
            return self.spill()?.write(lines);
        }
        self.memory.extend_from_slice(lines);
        if self.memory.len() >= self.bound || self.file.is_some() && self.memory.len() >= STEP {
            self.spill()?;
        }
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
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
        self.place = None;
        self.count = 0;
    }

    /// If the rows of this batch are many, they are gathered at this place; at none of anyone's choice if that is `None`. If
    /// they are to survive the loss of power, they go straight to the device.
    pub fn gather_at(&mut self, place: Option<PathBuf>, durability: Durability) {
        self.place = place;
        self.durability = durability;
    }

    /// All rows as the file at this place, each with its newline, if they were gathered there: it is the caller's from now on, and
    /// these rows are gone. The last of it is not synced.
    pub fn file_at(&mut self, place: &Path) -> Result<Option<File>> {
        if self.file.as_ref().and_then(|file| file.path.as_deref()) != Some(place) {
            return Ok(None);
        }
        let spill = self.spill()?;
        spill.settle()?;
        let file = spill.file.try_clone().context(UNREADABLE)?;
        spill.path = None;
        self.file = None;
        Ok(Some(file))
    }

    /// Hands over every row, without its newline.
    pub fn each(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.each_block(|lines| {
            let mut rest = lines;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                take(&rest[..end])?;
                rest = &rest[end + 1..];
            }
            Ok(())
        })
    }

    /// Hands over all rows, each with its newline, many at a time.
    pub fn each_block(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(spill) = &mut self.file {
            spill.settle()?;
            let file = &mut spill.file;
            file.seek(SeekFrom::Start(0)).context(UNREADABLE)?;
            let mut block = vec![0; 4 * BLOCK];
            let mut filled = 0;
            loop {
                if filled == block.len() {
                    block.resize(2 * filled, 0);
                }
                match file.read(&mut block[filled..]).context(UNREADABLE)? {
                    0 => break,
                    more => filled += more,
                }
                if let Some(last) = memchr::memrchr(b'\n', &block[..filled]) {
                    take(&block[..=last])?;
                    block.copy_within(last + 1..filled, 0);
                    filled -= last + 1;
                }
            }
            file.seek(SeekFrom::End(0)).context(UNREADABLE)?;
        }
        if self.memory.is_empty() {
            return Ok(());
        }
        take(&self.memory)
    }

    /// All rows as a file, read from its beginning.
    pub fn as_file(&mut self) -> Result<File> {
        let spill = self.spill()?;
        spill.settle()?;
        let mut file = spill.file.try_clone().context(UNREADABLE)?;
        file.seek(SeekFrom::Start(0)).context(UNREADABLE)?;
        Ok(file)
    }

    /// The file, with all rows in it.
    fn spill(&mut self) -> Result<&mut Spill> {
        let spill = match self.file.take() {
            Some(spill) => spill,
            None => Spill::create(self.place.as_deref(), self.durability)?,
        };
        let spill = self.file.insert(spill);
        if !self.memory.is_empty() {
            spill.write(&self.memory)?;
            self.memory.clear();
        }
        Ok(spill)
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

    #[test]
    fn many_rows_are_gathered_where_the_target_wants_them() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("waiting");
        let block: String = (0..9000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        assert!(block.len() >= BLOCK);
        let mut rows = Rows {
            bound: 40,
            ..Rows::default()
        };
        rows.gather_at(Some(place.clone()), Durability::Power);
        rows.push(b"{\"few\":1}").unwrap();
        assert!(!place.exists());
        assert!(rows.file_at(&place).unwrap().is_none());
        rows.push_lines(b"{\"more\":1}\n{\"more\":2}\n{\"more\":3}\n", 3)
            .unwrap();
        assert!(place.exists());
        rows.push(b"{\"between\":1}").unwrap();
        rows.push_lines(block.as_bytes(), 9000).unwrap();
        rows.push(b"{\"last\":1}").unwrap();
        assert_eq!(rows.count(), 9006);
        let lines = all(&mut rows);
        assert_eq!(lines.len(), 9006);
        assert_eq!(lines[4..6], ["{\"between\":1}", "{\"n\":0}"]);
        assert!(rows.file_at(folder.path()).unwrap().is_none());
        rows.file_at(&place).unwrap().unwrap();
        let written = fs::read_to_string(&place).unwrap();
        assert!(written.lines().eq(lines));
        rows.clear();
        assert!(place.exists());

        rows.gather_at(Some(place.clone()), Durability::Power);
        rows.push_lines(block.as_bytes(), 9000).unwrap();
        rows.clear();
        assert!(!place.exists());
    }
}
