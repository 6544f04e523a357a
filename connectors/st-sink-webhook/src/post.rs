//! One request until it is answered: retries, pauses, and what no retry can mend.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use st_stream::cli::usage;
use ureq::http::{HeaderValue, Request, header};
use ureq::{Agent, Body};

use crate::args::{self, Args};
use crate::pace::Pace;

/// No pause between tries is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Sends requests to one place.
pub struct Poster {
    agent: Agent,
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    retries: u32,
    backoff: Duration,
    pace: Option<Pace>,
}

/// How one try ended.
enum Tried {
    Delivered,
    /// Another try may do better, at the earliest after the pause the server asks for.
    Failed(String, Option<Duration>),
    Refused(String),
}

impl Poster {
    /// Reads URL and headers, and checks them.
    pub fn new(args: &Args) -> Result<Poster> {
        let url = args::text_or_file(&args.url, "URL")?.trim().to_string();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            // Not quoted: it may hold a token.
            return Err(usage("URL: begins with neither http:// nor https://"));
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(args.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("st-sink/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let poster = Poster {
            agent,
            url,
            method: args.method.clone(),
            headers: args::headers(args)?,
            retries: args.retries,
            backoff: args.backoff,
            pace: args.rate,
        };
        poster
            .request("", &[])
            .map_err(|error| usage(format!("URL or --header: {error:#}")))?;
        Ok(poster)
    }

    /// The host, which may be said aloud: path and query often hold a token.
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// Delivers a body. The inner `Err` says why it is not to be delivered.
    pub fn deliver(&mut self, key: &str, body: &[u8]) -> Result<Result<(), String>> {
        let mut pause = self.backoff;
        for tries in 1..=u64::from(self.retries) + 1 {
            if let Some(pace) = &mut self.pace {
                sleep(pace.turn(Instant::now()));
            }
            let (reason, asked) = match self.attempt(key, body)? {
                Tried::Delivered => return Ok(Ok(())),
                Tried::Refused(reason) => return Ok(Err(reason)),
                Tried::Failed(reason, asked) => (reason, asked),
            };
            if tries > u64::from(self.retries) {
                let times = if tries == 1 { "try" } else { "tries" };
                return Ok(Err(format!("{reason}, after {tries} {times}")));
            }
            sleep(asked.unwrap_or(pause).min(LONGEST));
            pause = (pause * 2).min(LONGEST);
        }
        Ok(Err("no try was allowed".to_string()))
    }

    fn attempt(&self, key: &str, body: &[u8]) -> Result<Tried> {
        let answer = match self.agent.run(self.request(key, body)?) {
            Ok(answer) => answer,
            Err(error) => return Ok(Tried::Failed(format!("no answer ({error})"), None)),
        };
        let status = answer.status();
        let asked = retry_after(answer.headers().get(header::RETRY_AFTER));
        let code = status.as_u16();
        Ok(match code {
            200..=299 => Tried::Delivered,
            408 | 425 | 429 | 500..=599 => Tried::Failed(format!("answered {code}"), asked),
            300..=399 => Tried::Refused(format!("answered {code}: give the URL it leads to")),
            _ => Tried::Refused(match said(answer.into_body()) {
                Some(text) => format!("answered {code}: {text}"),
                None => format!("answered {code}"),
            }),
        })
    }

    fn request(&self, key: &str, body: &[u8]) -> Result<Request<Vec<u8>>> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        if let Some(all) = request.headers_mut() {
            for (name, value) in &self.headers {
                let name: header::HeaderName = name
                    .parse()
                    .with_context(|| format!("`{name}` is no name of a header"))?;
                let mut value = HeaderValue::from_str(value)
                    .with_context(|| format!("{name}: its value cannot stand in a header"))?;
                value.set_sensitive(true);
                // The user's own takes the place of ours.
                all.insert(name, value);
            }
        }
        Ok(request.body(body.to_vec())?)
    }
}

/// Seconds; a date there is taken for none, and the usual pause is made.
fn retry_after(value: Option<&HeaderValue>) -> Option<Duration> {
    let seconds: u64 = value?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The first line of what a server says to a refusal.
fn said(body: Body) -> Option<String> {
    let text = body
        .into_with_config()
        .limit(512)
        .lossy_utf8(true)
        .read_to_string()
        .ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.chars().take(120).collect())
}
