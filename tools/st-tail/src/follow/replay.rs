//! Sends a recorded piece of a file again, wherever the file is now.

use std::io::Read;

use anyhow::{Context, Result};
use st_input::{Advice, Blocks, Decoder, Direct, Place, Reading, Room, Rows};
use st_stream::Out;

use super::find::{Candidate, Wanted, find};
use super::record::Piece;
use crate::open;

/// Sends the rows of a piece; false if they are not to be found.
pub fn replay(
    reading: &Reading,
    piece: &Piece,
    out: &mut Out,
    advice: &mut Advice,
) -> Result<bool> {
    let end = Place::from(piece.to).offset;
    let wanted = Wanted {
        path: &piece.path,
        inode: Some(piece.inode()),
        print: piece.print,
        length: end,
    };
    for candidate in find(&wanted)? {
        // Read twice: what is sent cannot be taken back.
        let mut sum = Sum {
            rows: 0,
            crc: crc32fast::Hasher::new(),
            clock: out.clock(),
        };
        if decode(reading, piece, &candidate, &mut sum).is_err()
            || sum.get() != (piece.rows, piece.crc)
        {
            continue;
        }
        let mut rows = Direct {
            out,
            budget: None,
            name: &piece.path,
            advice,
            count: 0,
            sum: None,
        };
        decode(reading, piece, &candidate, &mut rows)?;
        return Ok(true);
    }
    Ok(false)
}

fn decode<R: Rows>(
    reading: &Reading,
    piece: &Piece,
    candidate: &Candidate,
    rows: &mut R,
) -> Result<()> {
    let (from, to) = (Place::from(piece.from), Place::from(piece.to));
    let cannot = || format!("{}: cannot be read", candidate.path);
    let file = candidate.file.try_clone().with_context(cannot)?;
    let mut text = open::text_from(file, &candidate.path, from.offset)
        .with_context(cannot)?
        .take(to.offset - from.offset);
    let header = if from.offset > 0 {
        piece.header.clone()
    } else {
        None
    };
    let mut decoder = Decoder::at(reading, from, header);
    let mut blocks = Blocks::default();
    loop {
        let last = blocks.fill(&mut text).with_context(cannot)? == 0;
        let used = decoder.decode(blocks.data(), last, rows)?;
        blocks.consume(used);
        if last {
            return Ok(());
        }
    }
}

/// Counts rows and sums them up.
struct Sum {
    rows: u64,
    crc: crc32fast::Hasher,
    clock: i64,
}

impl Sum {
    fn get(self) -> (u64, u32) {
        (self.rows, self.crc.finalize())
    }
}

impl Rows for Sum {
    fn room(&self) -> Room {
        Room::ENDLESS
    }
    fn set_room(&mut self, _room: Room) {}
    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        self.crc.update(lines);
        self.rows += count;
        Ok(())
    }
    fn clock(&self) -> i64 {
        self.clock
    }
    fn bad(&mut self, record: &[u8], _reason: &str, _line: u64) -> Result<()> {
        self.crc.update(record);
        self.rows += 1;
        Ok(())
    }
}
