//! Requests and answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use st_monitor::Query;
use st_stream::cli::usage;
use st_stream::message::{self, tell};
use st_stream::{Ending, Stop};

use crate::args::Arguments;
use crate::guard::{Guard, Verdict};
use crate::request::Request;
use crate::watch::Watch;
use crate::{api, events, metrics, page, sql, told};

/// Visitors whose events are sent at a time.
const LISTENERS: usize = 64;
/// Bytes of a question.
const QUESTION: u64 = 64 << 10;

/// No page may be built into another one, and nothing is loaded from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is answered.
struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
    /// Why it is none.
    why: Option<String>,
}

impl Answer {
    fn new(kind: &'static str, body: String) -> Answer {
        Answer {
            status: 200,
            kind,
            body,
            why: None,
        }
    }

    fn json(value: &Value) -> Answer {
        Answer::new("application/json", value.to_string())
    }

    fn error(status: u16, text: &str) -> Answer {
        Answer {
            status,
            kind: "application/json",
            body: json!({ "error": text }).to_string(),
            why: Some(text.to_string()),
        }
    }
}

struct Site {
    guard: Guard,
    watch: Watch,
    listeners: AtomicUsize,
}

/// Serves until a signal comes.
pub fn run(arguments: &Arguments) -> Result<Ending> {
    arguments.verbose.apply();
    let token = token(arguments)?;
    for folder in &arguments.folders {
        std::fs::read_dir(folder)
            .with_context(|| format!("{}: cannot be listed", folder.display()))?;
    }
    let address = SocketAddr::new(arguments.bind, arguments.port);
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {}: another program listens there: --port 0 takes a free one",
            arguments.port
        ),
        _ => anyhow!("{address}: {error}: give another --bind or --port"),
    })?;
    let local = listener.local_addr()?;
    let server =
        tiny_http::Server::from_listener(listener, None).map_err(|error| anyhow!("{error}"))?;
    let site = Arc::new(Site {
        guard: Guard::new(arguments.bind, token),
        watch: Watch::new(arguments.folders.clone()),
        listeners: AtomicUsize::new(0),
    });
    if !arguments.quiet {
        message::say("st-ui", &format!("http://{local}/"));
    }
    tell(1, "st-ui", || {
        let who = match site.guard.asks_for_a_token() {
            true => "who has the token",
            false => "who asks by a name of this machine",
        };
        format!("answers {who}; what runs is looked for when somebody asks")
    });
    // What is found at first is told before anybody asks.
    if arguments.verbose.verbose > 0 {
        site.watch.queries();
    }
    let stop = Stop::install()?;
    while !stop.asked() {
        let Some(request) = server.recv_timeout(Duration::from_millis(100))? else {
            continue;
        };
        let site = Arc::clone(&site);
        // A visitor that has gone is nobody's loss.
        thread::spawn(move || site.serve(request));
    }
    Ok(Ending::Done)
}

/// The token, which an address that others can reach needs.
fn token(arguments: &Arguments) -> Result<Option<String>> {
    let Some(path) = &arguments.token_file else {
        if !arguments.bind.is_loopback() {
            return Err(usage(format!(
                "--bind {}: others could reach the page: --token-file FILE says what they must know",
                arguments.bind
            )));
        }
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    let token = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    if token.len() < 8 || !token.chars().all(plain) {
        bail!(
            "{}: a token is at least 8 letters and digits: head -c 24 /dev/urandom | basenc --base64url >FILE",
            path.display()
        );
    }
    Ok(Some(token.to_string()))
}

impl Site {
    fn serve(&self, mut raw: tiny_http::Request) {
        let headers = raw.headers().iter();
        let request = Request::new(
            raw.method().as_str(),
            raw.url(),
            headers.map(|header| (header.field.to_string(), header.value.to_string())),
        );
        let answer = match self.guard.look(&request) {
            Verdict::Refused(status, text) => Answer::error(status, text),
            Verdict::Remember(cookie) => {
                told::answered(&request, 303, None);
                let response = tiny_http::Response::empty(303);
                let response = with(response, "Set-Cookie", &cookie);
                let _ = raw.respond(with(response, "Location", "/"));
                return;
            }
            Verdict::Welcome if request.path == ["api", "events"] => {
                return self.listen(&request, raw);
            }
            Verdict::Welcome => {
                let mut body = String::new();
                let read = raw.as_reader().take(QUESTION).read_to_string(&mut body);
                match read {
                    Ok(_) => self.answer(&request, &body),
                    Err(_) => Answer::error(400, "the body is not UTF-8"),
                }
            }
        };
        told::answered(&request, answer.status, answer.why.as_deref());
        let response =
            tiny_http::Response::from_string(answer.body).with_status_code(answer.status);
        let response = with(response, "Content-Type", answer.kind);
        let response = with(response, "Content-Security-Policy", POLICY);
        let response = with(response, "X-Content-Type-Options", "nosniff");
        let response = with(response, "Referrer-Policy", "no-referrer");
        let _ = raw.respond(with(response, "Cache-Control", "no-store"));
    }

    /// Sends events until the visitor goes.
    fn listen(&self, request: &Request, raw: tiny_http::Request) {
        if self.listeners.fetch_add(1, Ordering::Relaxed) < LISTENERS {
            told::answered(request, 200, None);
            let mut out = raw.into_writer();
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
            let _ = out
                .write_all(head)
                .and_then(|()| events::send(&self.watch, &mut *out));
        } else {
            let why = format!("{LISTENERS} visitors are sent events already");
            told::answered(request, 503, Some(&why));
            let _ = raw.respond(tiny_http::Response::empty(503));
        }
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }

    fn answer(&self, request: &Request, body: &str) -> Answer {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let asks = request.method == "POST";
        match (path.as_slice(), asks) {
            ([], false) => file(""),
            ([name], false) if *name != "metrics" => file(name),
            (["metrics"], false) => Answer::new(
                "text/plain; version=0.0.4; charset=utf-8",
                metrics::write(&self.watch.queries()),
            ),
            (["api", "queries"], false) => {
                Answer::json(&self.watch.queries().iter().map(api::summary).collect())
            }
            (["api", "queries", id, rest @ ..], _) => {
                let queries = self.watch.queries();
                match (queries.iter().find(|query| query.id == *id), rest, asks) {
                    (None, _, _) => Answer::error(404, "no query has that id"),
                    (Some(query), [], false) => Answer::json(&api::details(query)),
                    (Some(query), ["progress"], false) => {
                        let after = request
                            .parameter("after")
                            .and_then(|text| text.parse().ok());
                        let sink = request.parameter("sink");
                        match api::progress(query, sink.as_deref(), after.unwrap_or(i64::MIN)) {
                            Some(reports) => Answer::json(&reports),
                            None => Answer::error(404, "the query has no such sink"),
                        }
                    }
                    (Some(query), ["sql"], true) => question(query, request, body),
                    _ => Answer::error(404, "there is nothing here"),
                }
            }
            _ => Answer::error(404, "there is nothing here"),
        }
    }
}

fn file(name: &str) -> Answer {
    match page::file(name) {
        Some(file) => Answer::new(file.kind, file.text.to_string()),
        None => Answer::error(404, "there is nothing here"),
    }
}

/// Answers `{"sink": …, "sql": …}` from the database of that sink.
fn question(query: &Query, request: &Request, body: &str) -> Answer {
    // A form of another page cannot send this type unasked.
    if !request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
    {
        return Answer::error(415, "the question is JSON: {\"sink\": …, \"sql\": …}");
    }
    let Ok(question) = serde_json::from_str::<Value>(body) else {
        return Answer::error(400, "the question is JSON: {\"sink\": …, \"sql\": …}");
    };
    let name = question["sink"].as_str();
    let mut tables = query
        .sinks
        .iter()
        .filter(|sink| name.is_none_or(|name| name == sink.name));
    let Some((database, _)) = tables.find_map(st_monitor::SinkView::table) else {
        return Answer::error(404, "the query has no such table: st-sink sqlite makes one");
    };
    match sql::ask(&database, question["sql"].as_str().unwrap_or_default()) {
        Ok(answer) => Answer::json(&answer),
        Err(error) => Answer::error(400, &format!("{error:#}")),
    }
}

fn with<R: Read>(
    response: tiny_http::Response<R>,
    name: &str,
    value: &str,
) -> tiny_http::Response<R> {
    match tiny_http::Header::from_bytes(name, value) {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
}
