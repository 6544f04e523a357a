//! One connection: its unfinished line, and when it was heard of last.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::Result;
use st_input::{Blocks, Decoder, Reading, Rows};

/// What came of reading a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Progress,
    Idle,
    /// Everything was read; why it ended.
    Closed(&'static str),
}

/// A connection.
pub struct Connection {
    stream: TcpStream,
    /// The other side, for the rejects.
    pub peer: String,
    blocks: Blocks,
    decoder: Decoder,
    heard: Instant,
    hungry: bool,
    closed: Option<&'static str>,
}

const ENDED: &str = "closed the connection";

impl Connection {
    pub fn new(stream: TcpStream, peer: String, reading: &Reading) -> Connection {
        Connection {
            stream,
            peer,
            blocks: Blocks::default(),
            decoder: Decoder::new(reading),
            heard: Instant::now(),
            hungry: true,
            closed: None,
        }
    }

    /// To wait for.
    pub fn waiting(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Reads what has come, if the last block is used up. `patience`: how long the other side may be silent.
    pub fn fill(&mut self, patience: Option<Duration>) -> Step {
        if !self.hungry || self.closed.is_some() {
            return Step::Progress;
        }
        match self.blocks.fill(&mut self.stream) {
            Ok(0) => self.closed = Some(ENDED),
            Ok(_) => self.heard = Instant::now(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if patience.is_none_or(|patience| self.heard.elapsed() < patience) {
                    return Step::Idle;
                }
                self.closed = Some("was silent for too long");
            }
            Err(_) => self.closed = Some("broke the connection"),
        }
        Step::Progress
    }

    /// Hands on the lines that are there.
    pub fn decode<R: Rows>(&mut self, rows: &mut R) -> Result<Step> {
        // A line without a newline is whole only if the other side has ended it by closing.
        let used = self
            .decoder
            .decode(self.blocks.data(), self.closed == Some(ENDED), rows)?;
        self.blocks.consume(used);
        self.hungry = rows.room().is_left();
        match self.closed {
            Some(why) if self.hungry || self.blocks.data().is_empty() => {
                if !self.blocks.data().is_empty() {
                    let line = self.decoder.place().lines + 1;
                    rows.bad(
                        self.blocks.data(),
                        &format!("the other side {why} inside the line"),
                        line,
                    )?;
                    self.blocks.clear();
                }
                Ok(Step::Closed(why))
            }
            _ => Ok(Step::Progress),
        }
    }
}
