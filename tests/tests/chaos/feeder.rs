//! Input of the pipelines: what is there from the start, and threads that write while the query runs and dies.
//!
//! Their naps only set the pace; what they write is theirs to know, so that every row can be counted afterwards.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::random::Random;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A dozen files, all there.
    Files,
    /// Files that are moved into a watched folder.
    Folder,
    /// A log that is written, sometimes in halves of lines, and rotated.
    Log,
    /// A client that sends lines and connects again when the server died.
    Socket,
}

/// One event: every thirteenth is late; now and then a line is no JSON.
pub fn event(n: u64, step: u64) -> String {
    let late = if n % 13 == 7 { 400 } else { 0 };
    let at = 1_000_000 + n * step - late;
    let (hour, minute, second) = (at / 3600 % 24, at / 60 % 60, at % 60);
    let kind = ["a", "b", "c"][n as usize % 3];
    format!(r#"{{"ts":"2025-01-15T{hour:02}:{minute:02}:{second:02}Z","kind":"{kind}","n":{n}}}"#)
}

fn dated(path: &Path, text: &str, order: u64) {
    std::fs::write(path, text).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + order);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn page(file: u64) -> String {
    let mut text = String::new();
    for n in 0..20 {
        writeln!(text, "{}", event(file * 20 + n, 7)).unwrap();
    }
    if file % 3 == 1 {
        text.push_str("not json\n");
    }
    text
}

pub struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Feeder {
    /// Makes the input in `folder`, and goes on making it if it is a live one.
    pub fn start(input: Input, folder: &Path, port: u16, random: Random) -> Feeder {
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, asked) = (folder.to_path_buf(), stop.clone());
        let thread = match input {
            Input::Files => {
                let events = folder.join("events");
                std::fs::create_dir(&events).unwrap();
                for file in 0..12 {
                    dated(&events.join(format!("{file:02}.json")), &page(file), file);
                }
                None
            }
            Input::Folder => {
                std::fs::create_dir(folder.join("events")).unwrap();
                Some(std::thread::spawn(move || {
                    drop_files(&folder, random, &asked)
                }))
            }
            Input::Log => {
                std::fs::create_dir(folder.join("logs")).unwrap();
                Some(std::thread::spawn(move || {
                    write_log(&folder.join("logs"), random, &asked)
                }))
            }
            Input::Socket => Some(std::thread::spawn(move || send(port, random, &asked))),
        };
        Feeder { stop, thread }
    }

    /// All input is there after this; returns the number of events made by a live one.
    pub fn finish(mut self) -> Option<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(|thread| thread.join().unwrap())
    }
}

fn nap(random: &mut Random) {
    std::thread::sleep(Duration::from_micros(random.below(6000)));
}

fn drop_files(folder: &Path, mut random: Random, stop: &AtomicBool) -> u64 {
    let mut file = 0;
    while file < 3 || !stop.load(Ordering::SeqCst) {
        let hidden = folder.join("written");
        dated(&hidden, &page(file), file);
        std::fs::rename(&hidden, folder.join(format!("events/{file:05}.json"))).unwrap();
        file += 1;
        std::thread::sleep(Duration::from_millis(random.below(80)));
    }
    file * 20
}

fn write_log(logs: &Path, mut random: Random, stop: &AtomicBool) -> u64 {
    let live = logs.join("app.log");
    let mut log = File::create(&live).unwrap();
    let (mut n, mut rotated) = (0, 0);
    while n < 50 || !stop.load(Ordering::SeqCst) {
        let mut text = String::new();
        for _ in 0..1 + random.below(8) {
            writeln!(text, "{}", event(n, 1)).unwrap();
            n += 1;
        }
        if random.below(20) == 0 {
            text.push_str("not json\n");
        }
        let cut = random.below(text.len() as u64) as usize;
        log.write_all(&text.as_bytes()[..cut]).unwrap();
        nap(&mut random);
        log.write_all(&text.as_bytes()[cut..]).unwrap();
        if random.below(25) == 0 {
            std::fs::rename(&live, logs.join(format!("app.log.{rotated}"))).unwrap();
            rotated += 1;
            log = File::create(&live).unwrap();
        }
    }
    n
}

fn send(port: u16, mut random: Random, stop: &AtomicBool) -> u64 {
    let mut client: Option<TcpStream> = None;
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        let Some(server) = &mut client else {
            client = TcpStream::connect(("127.0.0.1", port)).ok();
            if client.is_none() {
                nap(&mut random);
            }
            continue;
        };
        let mut text = String::new();
        for _ in 0..1 + random.below(8) {
            writeln!(text, "{}", event(n, 1)).unwrap();
            n += 1;
        }
        if random.below(20) == 0 {
            text.push_str("not json\n");
        }
        if server.write_all(text.as_bytes()).is_err() {
            client = None;
        }
        nap(&mut random);
    }
    n
}
