//! An HTTP server on loopback that answers as it is told and remembers what it was sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// With this status, and these further header lines.
    Status(u16, &'static str),
    /// Not at all, until the client gives up.
    Never,
    /// The connection is closed.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }
}

pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers requests in order; those after the last answer with 204.
    pub fn new(answers: &[Answer]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/hook?token=secret",
            listener.local_addr().unwrap()
        );
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (all, answers) = (Arc::clone(&all), Arc::clone(&answers));
                thread::spawn(move || serve(client, &all, &answers));
            }
        });
        Server { url, seen }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.body)
            .collect()
    }
}

fn serve(client: TcpStream, seen: &Mutex<Vec<Request>>, answers: &Mutex<VecDeque<Answer>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut writer = client;
    while let Some(request) = read(&mut reader) {
        seen.lock().unwrap().push(request);
        let answer = answers.lock().unwrap().pop_front();
        match answer.unwrap_or(Answer::Status(204, "")) {
            Answer::Status(status, headers) => {
                let body = if status >= 400 {
                    "no channel\nmore"
                } else {
                    ""
                };
                let length = if status == 204 {
                    String::new()
                } else {
                    format!("content-length: {}\r\n", body.len())
                };
                let text = format!("HTTP/1.1 {status} x\r\n{length}{headers}\r\n{body}");
                writer.write_all(text.as_bytes()).unwrap();
            }
            // Until the client hangs up.
            Answer::Never => {
                let _ = reader.read(&mut [0]);
                return;
            }
            Answer::Close => return,
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_string())),
            None => break,
        }
    }
    let mut request = Request {
        line: line.trim_end().to_string(),
        headers,
        body: String::new(),
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}
