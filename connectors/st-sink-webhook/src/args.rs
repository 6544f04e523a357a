//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Map, Value, json};
use st_stream::Trigger;
use st_stream::cli::{self, StageArgs, ZoneArgs, usage};

use crate::pace::Pace;

const EXAMPLE: &str = "\
Example:
  st-tail -f app.ndjson --checkpoint ck/alerts |
    st-map --where 'level = \"FATAL\"' |
    st-sink webhook @slack-url --template '{\"text\": \"{{host}}: {{message}}\"}'

One request for each row, in order, with the row as its JSON body. A batch is committed when each of its rows was
answered with 2xx or is a dead letter. At least once: a row that is sent again has the same Idempotency-Key.

In a template, {{name}} or {{a.b[0]}} is a value as text within a JSON string, {{name | json}} the value as JSON,
{{row | json}} the whole row; with --batch, {{rows | json}} all rows and {{count}} their number.";

/// The end of a query: HTTP requests, for alerts
#[derive(Debug, Parser)]
#[command(name = "st-sink-webhook", version, about, before_help = EXAMPLE, max_term_width = 100, override_usage = "st-sink webhook URL [OPTIONS]")]
pub struct Args {
    /// Where to; @FILE reads it from a file, since such a URL is often a secret
    #[arg(value_name = "URL|@FILE")]
    pub url: String,
    /// One request for each batch that has rows: an array of them
    #[arg(long)]
    pub batch: bool,
    /// The body, with values put in (default: the row); @FILE reads it from a file
    #[arg(long, value_name = "TEXT|@FILE")]
    pub template: Option<String>,
    /// POST, PUT or PATCH
    #[arg(long, value_name = "METHOD", default_value = "POST", value_parser = ["POST", "PUT", "PATCH"], hide_possible_values = true)]
    pub method: String,
    /// A header; @FILE reads headers from a file, one a line (for tokens)
    #[arg(long = "header", value_name = "'NAME: VALUE'|@FILE")]
    pub headers: Vec<String>,
    /// Tries after the first one, on no answer, 408, 425, 429 and 5xx
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
    /// Pause before the first retry; it doubles up to a minute. Retry-After is obeyed
    #[arg(long, value_name = "D", default_value = "1s", value_parser = cli::duration)]
    pub backoff: Duration,
    /// How long to wait for an answer
    #[arg(long, value_name = "D", default_value = "10s", value_parser = cli::duration)]
    pub timeout: Duration,
    /// At most N requests per second, minute or hour: 1/s, 30/m, 500/h
    #[arg(long, value_name = "N/UNIT", value_parser = Pace::parse)]
    pub rate: Option<Pace>,
    /// Keep rows that could not be delivered in FILE (default: in the query's checkpoint)
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<PathBuf>,
    /// On plain input: end a batch every D, such as 1s
    #[arg(long, value_name = "D", value_parser = cli::trigger)]
    pub trigger: Option<Trigger>,
    /// Append each batch's report to FILE, or - for stdout
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Args {
    /// What the plan says of this sink. The URL is a secret more often than not.
    pub fn plan_options(&self) -> Map<String, Value> {
        Map::from_iter([
            ("format".to_string(), json!("webhook")),
            ("batch".to_string(), json!(self.batch)),
        ])
    }
}

/// The text itself, or with a leading `@` what is in the file.
pub fn text_or_file(text: &str, what: &str) -> Result<String> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.to_string());
    };
    std::fs::read_to_string(path).with_context(|| format!("{what}: {path}: cannot be read"))
}

/// Name and value of each header.
pub fn headers(args: &Args) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for given in &args.headers {
        let text = text_or_file(given, "--header")?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let pair = line.split_once(':').map(|(name, value)| {
                let name = name.trim().to_string();
                (name, value.trim().to_string())
            });
            match pair {
                Some((name, value)) if !name.is_empty() => headers.push((name, value)),
                // A line of a file may be a token that was put there alone: it is not quoted.
                _ => return Err(usage("--header: is not of the form 'Name: value'")),
            }
        }
    }
    Ok(headers)
}
