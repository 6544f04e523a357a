//! Where the server is, and how it is reached.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use postgres::config::Host;
use postgres::{Client, Config};
use postgres_openssl::MakeTlsConnector;
use st_stream::cli::usage;
use st_time::Zone;

use crate::errors::explain;
use crate::password;
use crate::tls::Tls;

/// How long a server may take to answer a first word.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's address and what it asks for.
pub struct Server {
    config: Config,
    tls: MakeTlsConnector,
}

impl Server {
    /// Reads `@FILE`, `DATABASE_URL`, or libpq's variables.
    pub fn find(given: Option<&str>) -> Result<Server> {
        let text = match given {
            Some(given) => {
                let Some(path) = given.strip_prefix('@') else {
                    return Err(usage(
                        "the server is given as @FILE or by DATABASE_URL: the command line is no place for a password",
                    ));
                };
                let text =
                    fs::read_to_string(path).with_context(|| format!("{path}: cannot be read"))?;
                Some((text.trim().to_string(), path.to_string()))
            }
            None => env::var("DATABASE_URL")
                .ok()
                .map(|text| (text, "DATABASE_URL".to_string())),
        };
        let (mut config, tls) = match text {
            Some((text, place)) => {
                let (rest, tls) = Tls::take_from(&text);
                let config: Config = rest
                    .parse()
                    // Its cause may quote what it does not understand, and that may be a password.
                    .map_err(|_| anyhow!("{place}: is not postgresql://USER@HOST/DATABASE"))?;
                (config, tls)
            }
            None => (Config::new(), Tls::default()),
        };
        complete(&mut config)?;
        let (mode, tls) = tls.or_environment().connector()?;
        config.ssl_mode(mode);
        Ok(Server { config, tls })
    }

    /// A connection, with the session's time zone.
    pub fn connect(&self, zone: Zone) -> Result<Client> {
        let mut client = self
            .config
            .connect(self.tls.clone())
            .map_err(|error| explain(&error, &self.name()))?;
        client
            .execute(
                "SELECT set_config('TimeZone', $1, false)",
                &[&zone.to_string()],
            )
            .map_err(|error| explain(&error, &self.name()))?;
        Ok(client)
    }

    /// Host, port and database, for messages and for the commits.
    pub fn name(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().unwrap_or_default();
        format!("{host}:{port}/{database}")
    }
}

/// What was not said comes from the environment, else from libpq's defaults.
fn complete(config: &mut Config) -> Result<()> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    if config.get_hosts().is_empty() {
        let socket = "/var/run/postgresql";
        match variable("PGHOST") {
            Some(host) => config.host(&host),
            None if Path::new(socket).exists() => config.host_path(socket),
            None => config.host("localhost"),
        };
    }
    if config.get_ports().is_empty()
        && let Some(port) = variable("PGPORT")
    {
        let number = port.parse();
        config.port(number.map_err(|_| usage(format!("PGPORT={port}: is no port")))?);
    }
    if config.get_user().is_none() {
        let user = variable("PGUSER").or_else(|| variable("USER"));
        config.user(&user.ok_or_else(|| usage("which user? PGUSER, or DATABASE_URL"))?);
    }
    let user = config.get_user().unwrap_or_default().to_string();
    if config.get_dbname().is_none() {
        config.dbname(&variable("PGDATABASE").unwrap_or_else(|| user.clone()));
    }
    if config.get_application_name().is_none() {
        config.application_name("st-sink");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_password().is_none() {
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            _ => "localhost".to_string(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let database = config.get_dbname().unwrap_or_default().to_string();
        let found =
            variable("PGPASSWORD").or_else(|| password::find(&host, port, &database, &user));
        if let Some(password) = found {
            config.password(&password);
        }
    }
    Ok(())
}
