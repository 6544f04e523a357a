//! One file that grows: what of it was read, and whether it is still the same file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use st_input::{Advice, Blocks, Decoder, Direct, Place, Reading, Room, Rows};
use st_stream::{Budget, Out};

use super::print::{Head, Inode, inode_of};
use super::record::Piece;
use crate::open::{self, is_compressed};

/// A file that no name leads to any more is let go after so long without growth: a writer may still have it open.
const PATIENCE: Duration = Duration::from_secs(5);

/// One that nobody has written to for so long is let go at once.
const STALE: Duration = Duration::from_secs(60);

/// What came of reading a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes were read or handed on.
    Progress,
    /// Nothing new.
    Idle,
    /// The file was cut to nothing and written anew.
    Truncated,
}

/// A file that is followed.
pub struct Followed {
    /// The name under which it was found first; it decides the format.
    pub path: String,
    pub inode: Inode,
    text: Text,
    head: Head,
    blocks: Blocks,
    decoder: Decoder,
    /// Where the open batch begins in it.
    from: Place,
    rows: u64,
    sum: crc32fast::Hasher,
    hungry: bool,
    /// Its place is in a record.
    recorded: bool,
    /// Since when no name has led to it, and when it last grew.
    retired: Option<Instant>,
}

/// The text of an open file.
enum Text {
    /// Read at any place.
    Plain(File, u64),
    /// A compressed copy, read to its end.
    Compressed(Box<dyn Read>),
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::Plain(file, at) => {
                let got = file.read_at(buffer, *at)?;
                *at += got as u64;
                Ok(got)
            }
            Text::Compressed(reader) => reader.read(buffer),
        }
    }
}

impl Followed {
    /// Follows `file`, called `path`, from a place on. `found_as` is the name it has now.
    pub fn new(
        reading: &Reading,
        path: &str,
        found_as: &str,
        file: File,
        place: Place,
        header: Option<Vec<String>>,
    ) -> Result<Followed> {
        let cannot = || format!("{found_as}: cannot be read");
        let inode = inode_of(&file.metadata().with_context(cannot)?);
        let (text, head) = if is_compressed(found_as) {
            (
                Text::Compressed(
                    open::text_from(file, found_as, place.offset).with_context(cannot)?,
                ),
                Head::default(),
            )
        } else {
            let head = Head::of(&file, place.offset).with_context(cannot)?;
            (Text::Plain(file, place.offset), head)
        };
        Ok(Followed {
            path: path.to_string(),
            inode,
            text,
            head,
            blocks: Blocks::default(),
            decoder: Decoder::at(reading, place, header),
            from: place,
            rows: 0,
            sum: crc32fast::Hasher::new(),
            hungry: true,
            recorded: false,
            retired: None,
        })
    }

    /// The place is known from a record.
    pub fn set_recorded(&mut self) {
        self.recorded = true;
    }

    /// No name leads to it any more, or one does again.
    pub fn set_retired(&mut self, retired: bool) {
        if retired != self.retired.is_some() {
            self.retired = retired.then(Instant::now);
        }
    }

    /// True if nothing more is to be expected of it.
    pub fn is_done(&self) -> bool {
        let Some(since) = self.retired else {
            return false;
        };
        match &self.text {
            Text::Compressed(_) => true,
            Text::Plain(file, _) => {
                let written = file.metadata().and_then(|found| found.modified()).ok();
                since.elapsed() >= PATIENCE
                    || written
                        .and_then(|written| written.elapsed().ok())
                        .is_some_and(|age| age >= STALE)
            }
        }
    }

    /// True if `file` is another one with the same beginning.
    pub fn is_copied_to(&self, file: &File) -> bool {
        self.head.is_shared_by(file)
    }

    /// Hands on a block of rows.
    pub fn read(
        &mut self,
        budget: &mut Budget,
        out: &mut Out,
        advice: &mut Advice,
    ) -> Result<Step> {
        if self.hungry {
            let step = self
                .fill()
                .with_context(|| format!("{}: cannot be read", self.path))?;
            if step != Step::Progress {
                return Ok(step);
            }
            if let Some(since) = &mut self.retired {
                *since = Instant::now();
            }
        }
        self.decode(false, budget, out, advice)?;
        self.hungry = !budget.spent();
        Ok(Step::Progress)
    }

    /// Hands on the unfinished last line of a file that will not grow any more.
    pub fn finish(
        &mut self,
        budget: &mut Budget,
        out: &mut Out,
        advice: &mut Advice,
    ) -> Result<()> {
        self.decode(true, budget, out, advice)
    }

    fn decode(
        &mut self,
        last: bool,
        budget: &mut Budget,
        out: &mut Out,
        advice: &mut Advice,
    ) -> Result<()> {
        let mut rows = Direct {
            out,
            budget: Some(budget),
            name: &self.path,
            advice,
            count: 0,
            sum: Some(&mut self.sum),
        };
        let used = self.decoder.decode(self.blocks.data(), last, &mut rows)?;
        self.rows += rows.count;
        self.blocks.consume(used);
        Ok(())
    }

    /// Reads what has come; proves afterwards that it belongs to the file that was read so far.
    fn fill(&mut self) -> io::Result<Step> {
        let before = self.blocks.data().len();
        let got = self.blocks.fill(&mut self.text)?;
        let Text::Plain(file, at) = &self.text else {
            return Ok(if got > 0 { Step::Progress } else { Step::Idle });
        };
        if got == 0 {
            return Ok(if file.metadata()?.len() < *at {
                Step::Truncated
            } else {
                Step::Idle
            });
        }
        self.head
            .note(*at - got as u64, &self.blocks.data()[before..]);
        Ok(if self.head.is_still_of(file)? {
            Step::Progress
        } else {
            Step::Truncated
        })
    }

    /// True if rows were handed on since the last cut.
    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// What was read since the last cut, if it is to be recorded.
    pub fn cut(&mut self, done: bool) -> Option<Piece> {
        let to = self.decoder.place();
        if self.rows == 0 && self.recorded && !done && to == self.from {
            return None;
        }
        let piece = Piece {
            from: self.from.into(),
            crc: std::mem::take(&mut self.sum).finalize(),
            ..self.here(done)
        };
        self.from = to;
        self.rows = 0;
        self.recorded = true;
        Some(piece)
    }

    /// Where it stands.
    pub fn here(&self, done: bool) -> Piece {
        let to = self.decoder.place();
        Piece {
            path: self.path.clone(),
            dev: self.inode.0,
            ino: self.inode.1,
            print: self.head.print(to.offset),
            from: to.into(),
            to: to.into(),
            header: self.decoder.header(),
            schema: None,
            rows: self.rows,
            crc: 0,
            done,
        }
    }

    /// Begins anew with the same file, which was truncated.
    pub fn begin_again(&mut self, reading: &Reading) {
        if let Text::Plain(_, at) = &mut self.text {
            *at = 0;
        }
        self.head = Head::default();
        self.blocks.clear();
        self.decoder = Decoder::new(reading);
        self.from = Place::default();
        self.hungry = true;
        self.recorded = false;
    }
}

/// Where to begin in a file of which only what comes is wanted: behind its last newline, and its header.
pub fn latest(reading: &Reading, file: &File) -> io::Result<(Place, Option<Vec<String>>)> {
    let size = file.metadata()?.len();
    let mut block = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(64 * 1024)];
    let begin = size - block.len() as u64;
    file.read_exact_at(&mut block, begin)?;
    let offset = match block.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => begin + at as u64 + 1,
        None if begin == 0 => 0,
        None => size,
    };
    if offset == 0 {
        return Ok((Place::default(), None));
    }
    let mut decoder = Decoder::new(reading);
    let mut blocks = Blocks::default();
    let mut text = Text::Plain(file.try_clone()?, 0);
    blocks.fill(&mut text)?;
    // One record is more than the header.
    decoder
        .decode(blocks.data(), false, &mut OneRecord(true))
        .map_err(io::Error::other)?;
    // Lines are counted from here: counting those before would read the whole file.
    Ok((Place { offset, lines: 0 }, decoder.header()))
}

/// Takes one record and forgets it.
struct OneRecord(bool);

impl Rows for OneRecord {
    fn room(&self) -> Room {
        Room {
            rows: u64::from(self.0),
            bytes: u64::MAX,
        }
    }
    fn set_room(&mut self, room: Room) {
        self.0 = room.is_left();
    }
    fn rows(&mut self, _lines: &[u8], _count: u64) -> Result<()> {
        Ok(())
    }
    fn bad(&mut self, _record: &[u8], _reason: &str, _line: u64) -> Result<()> {
        Ok(())
    }
    fn clock(&self) -> i64 {
        0
    }
}
