//! Addresses as the user gives them.

use anyhow::Result;
use st_stream::cli::usage;

/// Where to listen or to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    /// Reads `PORT`, `:PORT`, `HOST:PORT`, `[::1]:PORT`. Without a host it is this machine alone.
    pub fn parse(text: &str) -> Result<Address> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let port = port.parse().map_err(|_| {
            usage(format!(
                "{text}: no address: give PORT or HOST:PORT, such as 9999"
            ))
        })?;
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        Ok(Address {
            host: host.to_string(),
            port,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_may_be_left_out() {
        let show = |text| Address::parse(text).unwrap().to_string();
        assert_eq!(show("9999"), "127.0.0.1:9999");
        assert_eq!(show(":9999"), "127.0.0.1:9999");
        assert_eq!(show("0.0.0.0:1"), "0.0.0.0:1");
        assert_eq!(show("[::1]:80"), "[::1]:80");
        assert!(Address::parse("localhost").is_err() && Address::parse("a:99999").is_err());
    }
}
