//! A buffer between a reader and a decoder: whole blocks in, records out, the unfinished rest kept.

use std::io::{self, Read};

use st_checkpoint::fail_io;

/// How much is read at once.
const BLOCK: usize = 256 * 1024;

/// Bytes that were read and not yet used.
#[derive(Default)]
pub struct Blocks {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Blocks {
    /// What was read and not yet used.
    pub fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes off what a decoder has used.
    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Reads once behind what is there; returns how many bytes came, 0 at the end.
    pub fn fill(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        loop {
            let read =
                fail_io("input.read").and_then(|()| reader.read(&mut self.buffer[self.end..]));
            match read {
                Ok(got) => {
                    self.end += got;
                    return Ok(got);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// At least half a block behind `end`: an unfinished record moves to the front, a long one gets a buffer twice as long.
    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BLOCK];
        }
        if self.start == self.end {
            self.clear();
            if self.buffer.len() > 4 * BLOCK {
                self.buffer = vec![0; BLOCK];
            }
        }
        if self.buffer.len() - self.end >= BLOCK / 2 {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end > self.buffer.len() / 2 {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_used_stays_in_front_of_what_comes() {
        let input: Vec<u8> = (0..3 * BLOCK + 7).map(|i| (i % 251) as u8).collect();
        let (mut reader, mut blocks, mut seen) = (&input[..], Blocks::default(), Vec::new());
        while blocks.fill(&mut reader).unwrap() > 0 {
            let used = blocks.data().len().saturating_sub(1000);
            seen.extend_from_slice(&blocks.data()[..used]);
            blocks.consume(used);
        }
        seen.extend_from_slice(blocks.data());
        assert_eq!(seen, input);
    }

    #[test]
    fn a_record_longer_than_the_buffer_gets_a_longer_buffer() {
        let input = vec![b'x'; 5 * BLOCK];
        let (mut reader, mut blocks) = (&input[..], Blocks::default());
        while blocks.fill(&mut reader).unwrap() > 0 {}
        assert_eq!(blocks.data(), input);
    }
}
