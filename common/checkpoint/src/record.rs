//! One record line with its checksum, and the splitting of a file into lines.
//!
//! A sealed line is a JSON object whose last field is `"crc"`: CRC-32 (IEEE), as eight
//! lower-case hexadecimal digits, of the line's bytes before `,"crc"`. Fixed in layout, so that
//! it is verified without parsing and a flipped bit anywhere in it is seen.

use std::io::{self, Read};

use anyhow::{Result, anyhow};
use serde::Serialize;

/// Bytes of `,"crc":"xxxxxxxx"}`.
pub(crate) const SEAL: usize = 18;

/// `record` as one JSON line with its checksum, the newline included.
pub(crate) fn sealed(record: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    if line.pop() != Some(b'}') || line.len() < 2 {
        return Err(anyhow!("a record that is not a JSON object with fields"));
    }
    let crc = crc32fast::hash(&line);
    push_seal(&mut line, crc);
    line.push(b'\n');
    Ok(line)
}

/// Appends `,"crc":"…"}`.
pub(crate) fn push_seal(line: &mut Vec<u8>, crc: u32) {
    line.extend_from_slice(b",\"crc\":\"");
    for shift in (0..8).rev() {
        let digit = (crc >> (shift * 4)) & 15;
        line.push(b"0123456789abcdef"[digit as usize]);
    }
    line.extend_from_slice(b"\"}");
}

/// Whether a line (without its newline) carries the checksum of its own bytes.
pub(crate) fn verifies(line: &[u8]) -> bool {
    line.len() > SEAL && {
        let (body, seal) = line.split_at(line.len() - SEAL);
        seal_is(seal, crc32fast::hash(body))
    }
}

/// Whether these last bytes of a line are exactly the seal of `crc`.
pub(crate) fn seal_is(seal: &[u8], crc: u32) -> bool {
    let mut expected = Vec::with_capacity(SEAL);
    push_seal(&mut expected, crc);
    seal == expected
}

/// Whether a tail without newline holds a whole record and more: then its newline was damaged,
/// and the tail is not the beginning of an unfinished write.
pub(crate) fn holds_whole_record(tail: &[u8]) -> bool {
    memchr::memmem::find_iter(tail, b",\"crc\":\"").any(|at| {
        let end = at + SEAL;
        end < tail.len() && verifies(&tail[..end])
    })
}

/// The lines of a reader, one after the other, in one reused buffer.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer begins, and how far it was searched for a newline.
    begin: usize,
    searched: usize,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    ended: bool,
}

/// A line without its newline, where it begins in the file, and whether it had a newline.
pub(crate) struct Line<'a> {
    pub bytes: &'a [u8],
    pub offset: u64,
    pub complete: bool,
}

impl<R: Read> Lines<R> {
    pub fn new(reader: R) -> Self {
        Lines {
            reader,
            buffer: Vec::new(),
            begin: 0,
            searched: 0,
            base: 0,
            ended: false,
        }
    }

    /// The next line, `None` at the end; the last one may be incomplete.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let (begin, end) = (self.begin, self.searched + at);
                self.begin = end + 1;
                self.searched = end + 1;
                let offset = self.base + begin as u64;
                return Ok(Some(Line {
                    bytes: &self.buffer[begin..end],
                    offset,
                    complete: true,
                }));
            }
            if self.ended {
                let begin = self.begin;
                self.begin = self.buffer.len();
                self.searched = self.begin;
                let bytes = &self.buffer[begin..];
                let offset = self.base + begin as u64;
                let line = Line {
                    bytes,
                    offset,
                    complete: false,
                };
                return Ok((!line.bytes.is_empty()).then_some(line));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        const BLOCK: usize = 1 << 17;
        self.buffer.drain(..self.begin);
        self.base += self.begin as u64;
        self.begin = 0;
        self.searched = self.buffer.len();
        // A long line makes the blocks grow with it, so that it is copied a bounded number of times.
        let block = BLOCK.max(self.buffer.len()) as u64;
        let got = (&mut self.reader)
            .take(block)
            .read_to_end(&mut self.buffer)?;
        self.ended = got == 0;
        Ok(())
    }
}
