//! One input's decoder: where it stands, and the format it reads.

use anyhow::Result;
use st_row::Gate;

use crate::conform::{Conform, Conforming};
use crate::csv::Table;
use crate::documents::{self, Document};
use crate::logs::{self, Syslog};
use crate::rows::Rows;
use crate::{Format, Reading, json, text};

/// Where the next record of an input begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it (in a compressed file: of its text).
    pub offset: u64,
    /// Newlines before it.
    pub lines: u64,
}

/// A record beyond the limit, of which only the beginning is kept.
pub(crate) struct Long {
    pub(crate) head: Vec<u8>,
    pub(crate) length: u64,
}

/// What a decoder knows between blocks.
pub(crate) struct State {
    /// The next record that was not handed on.
    pub(crate) place: Place,
    pub(crate) limit: usize,
    /// The record at `place` is too long: this much of it was passed over.
    pub(crate) long: Option<Long>,
    /// Rows are built here.
    pub(crate) scratch: Vec<u8>,
    /// How rows of JSON have looked so far.
    pub(crate) gate: Gate,
}

enum Kind {
    Json,
    Documents(Document),
    Text,
    Csv(Box<Table>),
    Access { combined: bool },
    Logfmt(logs::Names),
    Syslog(Syslog),
}

/// Turns blocks of one input into rows.
pub struct Decoder {
    state: State,
    kind: Kind,
    /// Rows are held against the schema; none where they may pass as they are.
    conform: Option<Box<Conform>>,
}

/// Some programs put it in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Decoder {
    /// A decoder at the beginning of an input.
    pub fn new(reading: &Reading) -> Decoder {
        Decoder::at(reading, Place::default(), None)
    }

    /// A decoder at a place in the middle, with the header that [`Decoder::header`] gave there.
    pub fn at(reading: &Reading, place: Place, header: Option<Vec<String>>) -> Decoder {
        let kind = match reading.format {
            Format::Json if reading.multi_line => Kind::Documents(Document::default()),
            Format::Json => Kind::Json,
            Format::Text => Kind::Text,
            Format::Csv | Format::Tsv => Kind::Csv(Box::new(Table::new(reading, header))),
            Format::Combined => Kind::Access { combined: true },
            Format::Common => Kind::Access { combined: false },
            Format::Logfmt => Kind::Logfmt(logs::Names::default()),
            Format::Syslog => Kind::Syslog(Syslog::new(reading.times.zone)),
        };
        let state = State {
            place,
            limit: reading.limit,
            long: None,
            scratch: Vec::new(),
            gate: Gate::default(),
        };
        Decoder {
            state,
            kind,
            conform: Conform::new(reading).map(Box::new),
        }
    }

    /// Where the next record begins: all before it was handed on.
    pub fn place(&self) -> Place {
        self.state.place
    }

    /// The names of CSV's columns, if its first line decided them and was read: what [`Decoder::at`] must know later.
    pub fn header(&self) -> Option<Vec<String>> {
        match &self.kind {
            Kind::Csv(table) => table.header(),
            _ => None,
        }
    }

    /// Hands on the records at the front of `block` until there is no whole one left or no room for it, and returns how many
    /// bytes were used. `last` says that nothing follows the block: its last record needs no newline.
    pub fn decode<R: Rows>(&mut self, block: &[u8], last: bool, rows: &mut R) -> Result<usize> {
        let mut from = 0;
        if self.state.place.offset == 0 && self.state.long.is_none() {
            if block.len() < BYTE_ORDER_MARK.len() && !last && BYTE_ORDER_MARK.starts_with(block) {
                return Ok(0);
            }
            if block.starts_with(BYTE_ORDER_MARK) {
                from = BYTE_ORDER_MARK.len();
                self.state.place.offset = from as u64;
            }
        }
        let block = &block[from..];
        let used = match &mut self.conform {
            None => records(&mut self.state, &mut self.kind, block, last, rows)?,
            Some(conform) => {
                let line = self.state.place.lines + 1;
                let mut rows = Conforming::new(conform, rows, line);
                records(&mut self.state, &mut self.kind, block, last, &mut rows)?
            }
        };
        Ok(from + used)
    }
}

fn records<R: Rows>(
    state: &mut State,
    kind: &mut Kind,
    block: &[u8],
    last: bool,
    rows: &mut R,
) -> Result<usize> {
    match kind {
        Kind::Json => json::decode(state, block, last, rows),
        Kind::Documents(document) => documents::decode(state, document, block, last, rows),
        Kind::Text => text::decode(state, block, last, rows, text::value),
        Kind::Csv(table) => table.decode(state, block, last, rows),
        Kind::Access { combined } => {
            let combined = *combined;
            let make = |line: &str, out: &mut Vec<u8>| logs::access(line, out, combined);
            text::decode(state, block, last, rows, make)
        }
        Kind::Logfmt(names) => {
            let make = |line: &str, out: &mut Vec<u8>| logs::logfmt(line, out, names);
            text::decode(state, block, last, rows, make)
        }
        Kind::Syslog(syslog) => {
            syslog.set_clock(rows.clock());
            let make = |line: &str, out: &mut Vec<u8>| syslog.row(line, out);
            text::decode(state, block, last, rows, make)
        }
    }
}
