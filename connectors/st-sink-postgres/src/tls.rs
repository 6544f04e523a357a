//! `sslmode` as libpq has it: `prefer` and `require` encrypt, `verify-ca` checks the certificate, `verify-full` the host's
//! name as well.

use std::env;

use anyhow::{Context, Result};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use postgres::config::SslMode;
use postgres_openssl::MakeTlsConnector;
use st_stream::cli::usage;

/// What a connection string or the environment says of TLS.
#[derive(Default)]
pub struct Tls {
    mode: Option<String>,
    roots: Option<String>,
}

impl Tls {
    /// Takes `sslmode` and `sslrootcert` out of a connection string, since the client library knows fewer modes.
    pub fn take_from(text: &str) -> (String, Tls) {
        let mut tls = Tls::default();
        let mut keep = |setting: &str| {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let value = Some(value.trim_matches('\'').to_string());
            match name {
                "sslmode" => tls.mode = value,
                "sslrootcert" => tls.roots = value,
                _ => return true,
            }
            false
        };
        let rest = match text.split_once("://") {
            Some(_) => match text.split_once('?') {
                Some((before, settings)) => {
                    let kept: Vec<&str> = settings.split('&').filter(|s| keep(s)).collect();
                    match kept.is_empty() {
                        true => before.to_string(),
                        false => format!("{before}?{}", kept.join("&")),
                    }
                }
                None => text.to_string(),
            },
            None => {
                let kept: Vec<&str> = text.split_whitespace().filter(|s| keep(s)).collect();
                kept.join(" ")
            }
        };
        (rest, tls)
    }

    /// Fills what was not said from `PGSSLMODE` and `PGSSLROOTCERT`.
    pub fn or_environment(mut self) -> Tls {
        self.mode = self.mode.or_else(|| env::var("PGSSLMODE").ok());
        self.roots = self.roots.or_else(|| env::var("PGSSLROOTCERT").ok());
        self
    }

    /// The mode as the library knows it, and the connector that checks the rest.
    pub fn connector(&self) -> Result<(SslMode, MakeTlsConnector)> {
        let (mode, verify, host) = match self.mode.as_deref() {
            Some("disable") => (SslMode::Disable, false, false),
            None | Some("allow" | "prefer") => (SslMode::Prefer, false, false),
            // With roots given, libpq checks them here too.
            Some("require") => (SslMode::Require, self.roots.is_some(), false),
            Some("verify-ca") => (SslMode::Require, true, false),
            Some("verify-full") => (SslMode::Require, true, true),
            Some(other) => {
                return Err(usage(format!(
                    "sslmode={other}: is none of disable, prefer, require, verify-ca, verify-full"
                )));
            }
        };
        let mut builder = SslConnector::builder(SslMethod::tls())?;
        if !verify {
            builder.set_verify(SslVerifyMode::NONE);
        } else if let Some(roots) = self.roots.as_deref().filter(|roots| *roots != "system") {
            builder
                .set_ca_file(roots)
                .with_context(|| format!("sslrootcert={roots}: cannot be read"))?;
        }
        let mut connector = MakeTlsConnector::new(builder.build());
        connector.set_callback(move |connection, _| {
            connection.set_verify_hostname(host);
            Ok(())
        });
        Ok((mode, connector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_tls_are_taken_out() {
        for (text, rest, mode) in [
            ("postgresql://u@h/d", "postgresql://u@h/d", None),
            (
                "postgresql://u@h/d?sslmode=verify-full",
                "postgresql://u@h/d",
                Some("verify-full"),
            ),
            (
                "postgres://h/d?a=1&sslmode=require&b=2",
                "postgres://h/d?a=1&b=2",
                Some("require"),
            ),
            (
                "host=h sslmode=disable dbname=d",
                "host=h dbname=d",
                Some("disable"),
            ),
        ] {
            let (left, tls) = Tls::take_from(text);
            assert_eq!((left.as_str(), tls.mode.as_deref()), (rest, mode));
        }
    }
}
