//! Connects to a server, again and again until it answers, in a thread of its own: a name may take long to be found.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Result, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use st_stream::message;

use crate::address::Address;

/// The first wait between two attempts; each is twice as long as the one before, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// A client that is not connected.
pub struct Connector {
    address: Address,
    name: String,
    quiet: bool,
    /// Connect again when the connection is lost, and wait for a server that is not there yet.
    pub reconnects: bool,
    attempt: Option<Receiver<io::Result<TcpStream>>>,
    wait: Duration,
    /// That nobody answers was said.
    complained: bool,
}

impl Connector {
    pub fn new(address: Address, name: &str, quiet: bool, reconnects: bool) -> Connector {
        Connector {
            address,
            name: name.to_string(),
            quiet,
            reconnects,
            attempt: None,
            wait: Duration::ZERO,
            complained: false,
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            message::say(&self.name, &format!("{}: {text}", self.address));
        }
    }

    /// The address, for the rejects.
    pub fn peer(&self) -> String {
        self.address.to_string()
    }

    /// The connection was lost.
    pub fn lost(&mut self, how: &str) {
        self.say(&format!("{how}: connecting again until it answers"));
        self.complained = true;
        self.wait = FIRST_WAIT;
    }

    /// Waits for the connection, at most so long.
    pub fn connect(&mut self, patience: Duration) -> Result<Option<TcpStream>> {
        let attempt = self
            .attempt
            .get_or_insert_with(|| start(self.address.clone(), self.wait));
        let result = match attempt.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the attempt failed")),
            Ok(result) => result,
        };
        self.attempt = None;
        match result {
            Ok(stream) => {
                if self.complained {
                    self.say("connected");
                }
                self.complained = false;
                self.wait = Duration::ZERO;
                Ok(Some(stream))
            }
            Err(error) if !self.reconnects => {
                bail!(
                    "{}: cannot connect: {error}: start the server first, or leave out --no-reconnect",
                    self.address
                )
            }
            Err(error) => {
                if !self.complained {
                    self.complained = true;
                    self.say(&format!(
                        "cannot connect: {error}: trying again until it answers"
                    ));
                }
                self.wait = (2 * self.wait).clamp(FIRST_WAIT, LAST_WAIT);
                Ok(None)
            }
        }
    }
}

/// Attempts to connect, after a wait.
fn start(address: Address, wait: Duration) -> Receiver<io::Result<TcpStream>> {
    let (send, receive) = bounded(1);
    std::thread::spawn(move || {
        std::thread::sleep(wait);
        // The source may have ended meanwhile.
        let _ = send.send(attempt(&address));
    });
    receive
}

fn attempt(address: &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, ATTEMPT) {
            Ok(stream) => {
                stream.set_nonblocking(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
