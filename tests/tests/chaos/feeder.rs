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
    /// A dozen files of events, all there, and half a dozen of others.
    Files,
    /// Files that are moved into a watched folder.
    Folder,
    /// A log that is written, sometimes in halves of lines, and rotated.
    Log,
    /// A log under one name that is renamed or copied and cut, each time after the source has taken note of it.
    Rotated,
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
                let others = folder.join("others");
                std::fs::create_dir(&others).unwrap();
                for file in 0..6 {
                    dated(
                        &others.join(format!("{file:02}.json")),
                        &page(2 * file),
                        file,
                    );
                }
                None
            }
            Input::Folder => {
                std::fs::create_dir(folder.join("events")).unwrap();
                Some(std::thread::spawn(move || {
                    drop_files(&folder, random, &asked)
                }))
            }
            Input::Log | Input::Rotated => {
                std::fs::create_dir(folder.join("logs")).unwrap();
                File::create(folder.join("logs/app.log")).unwrap();
                let one_name = input == Input::Rotated;
                Some(std::thread::spawn(move || {
                    write_log(&folder, one_name, random, &asked)
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

fn write_log(folder: &Path, one_name: bool, mut random: Random, stop: &AtomicBool) -> u64 {
    let live = folder.join("logs/app.log");
    let append = || File::options().append(true).open(&live).unwrap();
    let mut log = append();
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
        if random.below(25) != 0 || (one_name && !is_recorded(folder, &live)) {
            continue;
        }
        let aside = folder.join(format!("logs/app.log.{rotated}"));
        rotated += 1;
        if one_name && random.below(2) == 0 {
            std::fs::copy(&live, &aside).unwrap();
            log.set_len(0).unwrap();
        } else {
            std::fs::rename(&live, aside).unwrap();
            File::create(&live).unwrap();
            log = append();
        }
    }
    n
}

/// True if the source has recorded a piece of what the file holds now: a name that was given to a file and taken from it
/// while nobody looked leads to nothing.
fn is_recorded(folder: &Path, live: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let bytes = std::fs::read(live).unwrap();
    let inode = std::fs::metadata(live).unwrap().ino();
    let offsets = std::fs::read_to_string(folder.join("ck/offsets/st-tail")).unwrap_or_default();
    let records = offsets
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut pieces = records.flat_map(|record| {
        record["range"]["follow"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    });
    pieces.any(|piece| {
        let length = piece["print"][0].as_u64().unwrap_or(0) as usize;
        piece["ino"] == inode
            && length > 0
            && bytes
                .get(..length)
                .is_some_and(|beginning| piece["print"][1] == crc32fast::hash(beginning))
    })
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
