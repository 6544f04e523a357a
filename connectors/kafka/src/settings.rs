//! Where the cluster is, and the client's settings.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use st_stream::cli::{self, usage};

/// How a cluster is reached.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct Cluster {
    /// Brokers to begin with
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: String,
    /// Settings of librdkafka, NAME=VALUE a line: TLS, SASL, sizes
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long the cluster may be out of reach
    #[arg(long, value_name = "D", default_value = "1m", value_parser = cli::duration)]
    pub timeout: Duration,
}

impl Cluster {
    /// The settings: `defaults`, then the user's file, then `fixed`, on which the tool depends.
    ///
    /// # Errors
    /// A file that cannot be read, a line of it that is no setting, or one that is fixed.
    pub fn client(
        &self,
        defaults: &[(&str, &str)],
        fixed: &[(&str, &str)],
    ) -> Result<ClientConfig> {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Emerg);
        config.set("client.id", "st");
        // Half of it passes between the first connection and the next, to whichever broker has the partitions.
        config.set("reconnect.backoff.ms", "10");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in self.file()? {
            if fixed.iter().any(|(fixed, _)| *fixed == name) || name == "bootstrap.servers" {
                let path = self.config.clone().unwrap_or_default();
                return Err(usage(format!(
                    "{}: {name}: is set by this tool: leave it out",
                    path.display()
                )));
            }
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in fixed {
            config.set(*name, *value);
        }
        Ok(config)
    }

    fn file(&self) -> Result<Vec<(String, String)>> {
        let Some(path) = &self.config else {
            return Ok(Vec::new());
        };
        let text = fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut settings = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // The line is not quoted: it may hold a password.
            let (name, value) = line.split_once('=').ok_or_else(|| {
                usage(format!(
                    "{}: line {number}: is not of the form name=value",
                    path.display()
                ))
            })?;
            settings.push((name.trim().to_string(), value.trim().to_string()));
        }
        Ok(settings)
    }
}
