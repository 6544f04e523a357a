//! The listening socket: takes on clients up to a limit.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use st_stream::message;

use crate::address::Address;

/// After a failure to accept (no descriptors left) the clients wait so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A server.
pub struct Server {
    listener: TcpListener,
    name: String,
    most: usize,
    /// Accept nobody before this.
    paused: Option<Instant>,
    /// Somebody was turned away, and that was said.
    complained: bool,
}

impl Server {
    /// Listens on an address.
    pub fn bind(address: &Address, name: &str, most: usize) -> Result<Server> {
        let listener = TcpListener::bind((address.host.as_str(), address.port)).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                anyhow!("{address}: another program listens there: stop it, or give another port")
            }
            io::ErrorKind::PermissionDenied => {
                anyhow!("{address}: ports below 1024 need special rights: give a higher one")
            }
            io::ErrorKind::AddrNotAvailable => {
                anyhow!("{address}: this machine has no such address: give one it has, or leave out the host")
            }
            _ => anyhow!("{address}: cannot listen there: {error}"),
        })?;
        listener
            .set_nonblocking(true)
            .with_context(|| format!("{address}: cannot listen there"))?;
        Ok(Server {
            listener,
            name: name.to_string(),
            most,
            paused: None,
            complained: false,
        })
    }

    /// The address, with the port that was chosen.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener
            .local_addr()
            .context("cannot tell the address")
    }

    /// To wait for; none while no client is accepted.
    pub fn waiting(&self) -> Option<BorrowedFd<'_>> {
        let is_paused = self.paused.is_some_and(|until| until > Instant::now());
        (!is_paused).then(|| self.listener.as_fd())
    }

    /// The next client, if one waits and there is room beside `clients`.
    pub fn accept(&mut self, clients: usize) -> Option<(TcpStream, SocketAddr)> {
        loop {
            self.waiting()?;
            let (stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // The client went away while it waited.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => {
                    message::say(
                        &self.name,
                        &format!("cannot take on a client: {error}: trying again"),
                    );
                    self.paused = Some(Instant::now() + PAUSE);
                    return None;
                }
            };
            if clients < self.most && stream.set_nonblocking(true).is_ok() {
                return Some((stream, peer));
            }
            if !self.complained {
                self.complained = true;
                let most = self.most;
                message::say(
                    &self.name,
                    &format!(
                        "{peer}: turned away: {most} clients are the most; --max-clients allows more"
                    ),
                );
            }
        }
    }
}
