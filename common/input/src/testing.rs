//! Runs a decoder over text in one piece and byte by byte: both must give the same.
#![allow(clippy::unwrap_used)]

use crate::rows::{Room, Rows};
use crate::{Blocks, Decoder, Format, LINE_LIMIT, Place, Reading};
use anyhow::Result;

pub(crate) fn reading(format: Format) -> Reading {
    Reading::plain(format, LINE_LIMIT)
}

/// 2026-01-02T00:00:00Z, the clock of every batch here.
const CLOCK: i64 = 1_767_312_000_000_000;

pub(crate) struct Case {
    pub(crate) reading: Reading,
    pub(crate) room: Room,
}

/// What came out.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) rows: String,
    pub(crate) bad: Vec<String>,
    pub(crate) place: Place,
    count: u64,
    room: Room,
}

impl Rows for Outcome {
    fn room(&self) -> Room {
        self.room
    }
    fn set_room(&mut self, room: Room) {
        self.room = room;
    }
    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        self.rows.push_str(std::str::from_utf8(lines)?);
        self.count += count;
        assert_eq!(lines.iter().filter(|b| **b == b'\n').count() as u64, count);
        Ok(())
    }
    fn clock(&self) -> i64 {
        CLOCK
    }
    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.bad.push(format!(
            "{line}: {reason}: {}",
            String::from_utf8_lossy(record)
        ));
        Ok(())
    }
}

impl Case {
    pub(crate) fn new(reading: Reading) -> Case {
        Case {
            reading,
            room: Room::ENDLESS,
        }
    }

    /// The rows of text without bad ones.
    pub(crate) fn rows(&self, text: &str) -> String {
        let outcome = self.run(text);
        assert!(outcome.bad.is_empty(), "{:?}", outcome.bad);
        outcome.rows
    }

    pub(crate) fn run(&self, text: &str) -> Outcome {
        self.run_bytes(text.as_bytes())
    }

    pub(crate) fn run_bytes(&self, text: &[u8]) -> Outcome {
        let whole = self.run_pieces(text, text.len().max(1));
        let bytewise = self.run_pieces(text, 1);
        assert_eq!(whole, bytewise, "the cut of the blocks must not show");
        whole
    }

    fn run_pieces(&self, text: &[u8], piece: usize) -> Outcome {
        let mut decoder = Decoder::new(&self.reading);
        let mut outcome = Outcome {
            rows: String::new(),
            bad: Vec::new(),
            place: Place::default(),
            count: 0,
            room: self.room,
        };
        let mut blocks = Blocks::default();
        let mut pieces = text.chunks(piece);
        loop {
            let mut next = pieces.next().unwrap_or_default();
            let last = blocks.fill(&mut next).unwrap() == 0;
            let used = decoder.decode(blocks.data(), last, &mut outcome).unwrap();
            blocks.consume(used);
            if last || !outcome.room.is_left() {
                break;
            }
        }
        outcome.place = decoder.place();
        outcome
    }
}
