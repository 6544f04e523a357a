//! The source: all connections, in turn, by one thread that waits for any of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use st_input::{Advice, Direct, Format, Reading, Room, RowSpool, Rows, Spooled};
use st_stream::{Budget, Opening, Out, Read, Recorded, Source, cli::usage, clock, message};
use st_time::Zone;

use crate::address::Address;
use crate::args::Arguments;
use crate::connection::{Connection, Step};
use crate::connector::Connector;
use crate::server::Server;

/// The longest wait without a look at the signals.
const NAP: Duration = Duration::from_millis(100);

/// `--max-line` and `--max-clients` where they are not given.
pub const LINE: usize = 1024 * 1024;
pub const CLIENTS: usize = 1000;

/// Where connections come from.
enum Origin {
    /// Not opened yet.
    Address,
    Server(Server),
    Client(Connector),
}

/// The source.
pub struct ListenSource {
    address: Address,
    connect: bool,
    reconnects: bool,
    reading: Reading,
    stamped: bool,
    most: usize,
    patience: Option<Duration>,
    origin: Origin,
    connections: Vec<Connection>,
    /// Whose turn it is to be read.
    turn: usize,
    spool: Option<RowSpool>,
    /// What an earlier run took and did not record was sent.
    begun: bool,
    advice: Advice,
}

impl ListenSource {
    /// Refuses what cannot work. Listens only when the source is opened: an earlier run may still hold the port.
    pub fn new(arguments: &Arguments) -> Result<ListenSource> {
        let text = arguments
            .connect
            .as_ref()
            .or(arguments.listen.as_ref())
            .map_or("", String::as_str);
        let address = Address::parse(text)?;
        if matches!(arguments.format, Format::Csv | Format::Tsv) {
            return Err(usage(format!(
                "--format: a socket sends lines of text, json or a log, not {}",
                arguments.format.name()
            )));
        }
        if arguments.include_timestamp && arguments.format != Format::Text {
            return Err(usage(
                "--include-timestamp: only for text: a JSON row has its own columns",
            ));
        }
        if arguments.source.available_now {
            return Err(usage(
                "--available-now: a socket never has all it will send: --stop-after D ends after a time",
            ));
        }
        let limit = usize::try_from(arguments.max_line).unwrap_or(usize::MAX);
        Ok(ListenSource {
            address,
            connect: arguments.connect.is_some(),
            reconnects: !arguments.no_reconnect,
            reading: Reading::plain(arguments.format, limit),
            stamped: arguments.include_timestamp,
            most: usize::try_from(arguments.max_clients).unwrap_or(usize::MAX),
            patience: arguments.idle_timeout,
            origin: Origin::Address,
            connections: Vec::new(),
            turn: 0,
            spool: None,
            begun: false,
            advice: Advice::new("st-listen", arguments.format.name(), false),
        })
    }

    /// Takes on whoever has connected.
    fn welcome(&mut self) -> Result<()> {
        match &mut self.origin {
            Origin::Address => {}
            Origin::Server(server) => {
                while let Some((stream, peer)) = server.accept(self.connections.len()) {
                    self.connections
                        .push(Connection::new(stream, peer.to_string(), &self.reading));
                }
            }
            Origin::Client(connector) => {
                if self.connections.is_empty()
                    && let Some(stream) = connector.connect(Duration::ZERO)?
                {
                    self.connections
                        .push(Connection::new(stream, connector.peer(), &self.reading));
                }
            }
        }
        Ok(())
    }

    /// Reads a block of one connection.
    fn read_one(&mut self, index: usize, budget: &mut Budget, out: &mut Out) -> Result<Step> {
        let connection = &mut self.connections[index];
        if connection.fill(self.patience) == Step::Idle {
            return Ok(Step::Idle);
        }
        let peer = connection.peer.clone();
        let direct = Direct {
            out,
            budget: Some(budget),
            name: &peer,
            advice: &mut self.advice,
            count: 0,
            sum: None,
        };
        let mut rows = Spooled {
            direct,
            spool: self.spool.as_mut(),
        };
        if self.stamped {
            connection.decode(&mut Stamped::new(rows))
        } else {
            connection.decode(&mut rows)
        }
    }

    /// A connection has ended; true if that is the end of all.
    fn ended(&mut self, index: usize, how: &str) -> bool {
        self.connections.remove(index);
        match &mut self.origin {
            Origin::Client(connector) if connector.reconnects => connector.lost(how),
            Origin::Client(_) => return true,
            Origin::Server(_) | Origin::Address => {}
        }
        false
    }
}

impl Source for ListenSource {
    fn tool(&self) -> &'static str {
        "st-listen"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        let role = if self.connect { "connect" } else { "listen" };
        options.insert(role.into(), self.address.to_string().into());
        options.insert("format".into(), self.reading.format.name().into());
        if self.stamped {
            options.insert("include-timestamp".into(), true.into());
        }
        if !self.reconnects {
            options.insert("no-reconnect".into(), true.into());
        }
        if self.reading.limit != LINE {
            options.insert("max-line".into(), self.reading.limit.into());
        }
        if self.most != CLIENTS && !self.connect {
            options.insert("max-clients".into(), self.most.into());
        }
        if let Some(patience) = self.patience {
            let text = st_stream::cli::duration_text(patience);
            options.insert("idle-timeout".into(), text.into());
        }
        options
    }

    fn identity(&self) -> Value {
        // What was spooled are rows: only their columns must stay.
        json!({"format": self.reading.format.name(), "include-timestamp": self.stamped})
    }

    fn schema(&self) -> String {
        match (self.reading.format, self.stamped) {
            (Format::Text, false) => "value STRING".to_string(),
            (Format::Text, true) => "value STRING, timestamp TIMESTAMP".to_string(),
            _ => self.reading.declared().to_string(),
        }
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        let name = opening.name;
        self.advice = Advice::new(name, self.reading.format.name(), opening.quiet);
        if let Some(dir) = opening.query {
            let last = opening.recorded.last().map(|(_, range)| range);
            self.spool = Some(RowSpool::open(dir, name, last)?);
        }
        if self.connect {
            self.origin = Origin::Client(Connector::new(
                self.address.clone(),
                name,
                opening.quiet,
                self.reconnects,
            ));
            return Ok(());
        }
        let server = Server::bind(&self.address, name, self.most)?;
        if !opening.quiet || self.address.port == 0 {
            message::say(name, &format!("listening on {}", server.address()?));
        }
        self.origin = Origin::Server(server);
        Ok(())
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        match &mut self.spool {
            Some(spool) => spool.replay(range, out),
            None => Ok(()),
        }
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        if !self.begun {
            self.begun = true;
            if let Some(spool) = &mut self.spool {
                spool.leftover(out)?;
            }
        }
        self.welcome()?;
        let mut idle = true;
        let mut index = self.turn;
        for _ in 0..self.connections.len() {
            index = if index < self.connections.len() {
                index
            } else {
                0
            };
            match self.read_one(index, budget, out)? {
                Step::Idle => index += 1,
                Step::Progress => {
                    idle = false;
                    index += 1;
                }
                Step::Closed(how) => {
                    idle = false;
                    if self.ended(index, how) {
                        self.advice.rest();
                        return Ok(Read::End);
                    }
                }
            }
            self.turn = index;
            if budget.spent() {
                return Ok(Read::Full);
            }
            if budget.due() {
                return Ok(Read::More);
            }
        }
        if idle {
            self.advice.rest();
        }
        Ok(if idle { Read::Idle } else { Read::More })
    }

    fn cut(&mut self) -> Result<Recorded> {
        match &mut self.spool {
            Some(spool) => spool.cut(),
            None => Recorded::new(&json!({})),
        }
    }

    fn offset(&self, range: &Recorded) -> Value {
        // Where the spool ends; without one there is no place to go back to.
        range
            .get("to")
            .map_or(Value::Null, |to| json!({"spool": to}))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let patience = until.map_or(NAP, |until| {
            until.saturating_duration_since(Instant::now()).min(NAP)
        });
        if let Origin::Client(connector) = &mut self.origin
            && self.connections.is_empty()
        {
            if let Some(stream) = connector.connect(patience)? {
                self.connections
                    .push(Connection::new(stream, connector.peer(), &self.reading));
            }
            return Ok(());
        }
        let server = match &self.origin {
            Origin::Server(server) => server.waiting(),
            _ => None,
        };
        let all = server
            .into_iter()
            .chain(self.connections.iter().map(Connection::waiting));
        let mut waiting: Vec<PollFd<'_>> = all
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let timeout = Timespec {
            tv_sec: patience.as_secs() as _,
            tv_nsec: patience.subsec_nanos() as _,
        };
        match rustix::event::poll(&mut waiting, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("cannot wait for the sockets"),
        }
    }

    fn forget(&mut self, _batch: i64, range: &Recorded) -> Result<()> {
        match &mut self.spool {
            Some(spool) => spool.forget(range),
            None => Ok(()),
        }
    }

    fn floods(&self) -> bool {
        true
    }
}

/// Adds the time a line came, before it is spooled: a replay gives the same.
struct Stamped<R> {
    rows: R,
    /// `,"timestamp":"…"}` and the newline.
    end: Vec<u8>,
}

impl<R> Stamped<R> {
    fn new(rows: R) -> Stamped<R> {
        let mut end = b",\"timestamp\":\"".to_vec();
        st_time::write_iso(&mut end, clock::now(), Zone::UTC);
        end.extend_from_slice(b"\"}\n");
        Stamped { rows, end }
    }
}

impl<R: Rows> Rows for Stamped<R> {
    fn room(&self) -> Room {
        self.rows.room()
    }

    fn set_room(&mut self, room: Room) {
        self.rows.set_room(room);
    }

    fn rows(&mut self, lines: &[u8], count: u64) -> Result<()> {
        let mut stamped = Vec::with_capacity(lines.len() + count as usize * self.end.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            stamped.extend_from_slice(line.strip_suffix(b"}\n").unwrap_or(line));
            stamped.extend_from_slice(&self.end);
        }
        self.rows.rows(&stamped, count)
    }

    fn clock(&self) -> i64 {
        self.rows.clock()
    }

    fn bad(&mut self, record: &[u8], reason: &str, line: u64) -> Result<()> {
        self.rows.bad(record, reason, line)
    }
}
