#![allow(clippy::unwrap_used, clippy::print_stderr)]
//! How much memory stages take: little, whatever flows through them, and no more after four times as much.
//!
//! Each stage is asked for its peak (`VmHWM`) when the last row has come out of the line and its input is still open. The short
//! form sends some tens of megabytes; `ST_SOAK=BYTES` (`make soak`: ten gigabytes, release tools) sends as many as it says.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use st_tests::bin;

const MIB: u64 = 1 << 20;

/// The folder of the tools: those of this build, or the ones that `make soak` built.
fn tools() -> std::path::PathBuf {
    match std::env::var_os("ST_SOAK_BIN") {
        Some(folder) => folder.into(),
        None => bin().unwrap(),
    }
}

/// How many bytes to send.
fn bytes() -> u64 {
    std::env::var("ST_SOAK").map_or(48 * MIB, |bytes| bytes.parse().unwrap())
}

/// A line of stages, the first of which reads what the test writes, the last of which writes what the test reads.
struct Line {
    stages: Vec<(String, Child)>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Line {
    fn new(folder: &Path, stages: &[&[&str]]) -> Line {
        let tools = tools();
        // Branches of a tee find the tools there.
        let mut path = std::ffi::OsString::from(&tools);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut children: Vec<(String, Child)> = Vec::new();
        let mut input = None;
        let mut upstream: Option<ChildStdout> = None;
        for stage in stages {
            let mut child = Command::new(tools.join(stage[0]))
                .args(&stage[1..])
                .arg("-q")
                .current_dir(folder)
                .env("PATH", &path)
                .env_remove("ST_CHECKPOINT")
                .env_remove("ST_TZ")
                .stdin(upstream.take().map_or_else(Stdio::piped, Stdio::from))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            input = input.or(child.stdin.take());
            upstream = child.stdout.take();
            children.push((stage.join(" "), child));
        }
        Line {
            stages: children,
            input: input.unwrap(),
            output: BufReader::new(upstream.unwrap()),
        }
    }

    /// Writes with `write` while it reads rows until one has `last` in it; then gives each stage's peak in bytes.
    fn until(
        &mut self,
        last: &str,
        write: impl FnOnce(&mut ChildStdin) + Send,
    ) -> Vec<(String, u64)> {
        let (input, output) = (&mut self.input, &mut self.output);
        std::thread::scope(|scope| {
            scope.spawn(move || write(input));
            let mut row = Vec::new();
            loop {
                row.clear();
                assert!(
                    output.read_until(b'\n', &mut row).unwrap() > 0,
                    "{last} never came"
                );
                if contains(&row, last.as_bytes()) {
                    break;
                }
            }
        });
        self.peaks()
    }

    fn peaks(&self) -> Vec<(String, u64)> {
        let stages = self.stages.iter();
        stages
            .map(|(name, child)| {
                let status =
                    std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
                let peak = status
                    .lines()
                    .find_map(|line| line.strip_prefix("VmHWM:"))
                    .unwrap();
                let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
                (name.clone(), kib * 1024)
            })
            .collect()
    }

    /// Ends the input; every stage must end well.
    fn end(self) {
        drop(self.input);
        let rest = std::thread::spawn(move || {
            let mut output = self.output;
            std::io::copy(&mut output, &mut std::io::sink()).unwrap();
        });
        for (name, mut child) in self.stages {
            assert!(child.wait().unwrap().success(), "{name}");
        }
        rest.join().unwrap();
    }
}

fn contains(row: &[u8], part: &[u8]) -> bool {
    row.windows(part.len()).any(|window| window == part)
}

fn below(peaks: &[(String, u64)], most: u64) {
    for (name, peak) in peaks {
        eprintln!("{:6.1} MiB  {name}", *peak as f64 / MIB as f64);
        assert!(*peak < most, "{name}: {peak} bytes at most, {most} allowed");
    }
}

/// Rows of an hour, over and over, and one that says it is the last.
fn rows(input: &mut ChildStdin, bytes: u64) {
    let mut block = String::new();
    for n in 0..1800 {
        let (minute, second) = (n / 60, n % 60);
        block.push_str(&format!(
            "{{\"ts\":\"2025-01-15T10:{minute:02}:{second:02}Z\",\"user\":\"user-{n}\",\"text\":\"some more of the same, so that a row is of the usual size\",\"n\":{n}}}\n"
        ));
    }
    let mut sent = 0;
    while sent < bytes {
        input.write_all(block.as_bytes()).unwrap();
        sent += block.len() as u64;
    }
    input
        .write_all(b"{\"ts\":\"2025-01-15T10:00:00Z\",\"user\":\"the last\",\"n\":2}\n")
        .unwrap();
}

#[test]
fn stages_that_hold_nothing_stay_below_32_mib() {
    let folder = tempfile::tempdir().unwrap();
    let mut line = Line::new(
        folder.path(),
        &[
            &["st-tail", "-", "--trigger", "1h"],
            &["st-watermark", "ts", "1 minute"],
            &["st-map", "--where", "n % 2 = 0"],
            &["st-map", "--set", "m = n * 2, user = upper(user)"],
            &["st-window", "ts", "1 minute"],
            &["st-sink", "json"],
        ],
    );
    let bytes = bytes();
    let peaks = line.until("THE LAST", |input| rows(input, bytes));
    below(&peaks, 32 * MIB);
    line.end();
}

/// A batch that is larger than that waits on disk.
#[test]
fn a_sink_of_files_stays_below_32_mib_with_one_large_batch() {
    let folder = tempfile::tempdir().unwrap();
    let size = bytes().min(1 << 30);
    let write = |input: &mut ChildStdin| rows(input, size);
    for sink in [
        &["json", "out"][..],
        &["csv", "--file", "out.csv"],
        &["exec", "cat > out.exec"],
    ] {
        let mut stage = vec!["st-sink"];
        stage.extend(sink);
        // The batch ends with the input, so the tee's other branch says when all has been read.
        let mut line = Line::new(
            folder.path(),
            &[
                &["st-tail", "-", "--trigger", "1h"],
                &["st-tee", "cat", &format!("st-sink {} -q; :", quoted(sink))],
            ],
        );
        let peaks = line.until("the last", write);
        below(&peaks, 32 * MIB);
        let child = st_sink_below(line.stages[1].1.id());
        below(&[(stage.join(" "), child)], 32 * MIB);
        line.end();
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" ")
}

/// The peak of the st-sink among the descendants of a process.
fn st_sink_below(parent: u32) -> u64 {
    let mut found = None;
    let mut waiting = vec![parent.to_string()];
    while let Some(pid) = waiting.pop() {
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let status =
                std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            if status.starts_with("Name:\tst-sink") {
                let peak = status
                    .lines()
                    .find_map(|line| line.strip_prefix("VmHWM:"))
                    .unwrap();
                found = Some(peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024);
            }
            waiting.push(child.to_string());
        }
    }
    found.expect("st-sink runs")
}

/// Windows come and go: what is held after four times as many batches is what was held before.
#[test]
fn an_aggregation_with_a_watermark_holds_steady() {
    let folder = tempfile::tempdir().unwrap();
    let mut line = Line::new(
        folder.path(),
        &[
            &[
                "st-tail",
                "-",
                "--max-rows-per-trigger",
                "500",
                "--checkpoint",
                "ck",
                "--durability",
                "process",
            ],
            &["st-watermark", "ts", "10 seconds"],
            &[
                "st-agg",
                "--by",
                "window(ts, '10 seconds') as w, k",
                "--agg",
                "count(*) as n, avg(v) as v",
                "--mode",
                "append",
            ],
            &["st-sink", "json"],
        ],
    );
    let batches = 60 * (bytes() / (48 * MIB)).max(1);
    // A batch is of ten seconds: 500 rows of 100 keys.
    let send = |from: u64, to: u64| {
        move |input: &mut ChildStdin| {
            let mut block = String::new();
            for batch in from..to {
                block.clear();
                for n in 0..500 {
                    let at = 1_700_000_000 + batch * 10 + n / 50;
                    block.push_str(&format!(
                        "{{\"ts\":\"{}\",\"k\":\"key-{}-{}\",\"v\":{n}}}\n",
                        instant(at),
                        batch,
                        n % 100
                    ));
                }
                input.write_all(block.as_bytes()).unwrap();
            }
        }
    };
    let mark = |batch: u64| instant(1_700_000_000 + (batch - 4) * 10);
    let first = line.until(&mark(batches), send(0, batches));
    let fourth = line.until(&mark(4 * batches), send(batches, 4 * batches));
    for ((name, before), (_, after)) in first.iter().zip(&fourth) {
        eprintln!(
            "{:6.1} then {:6.1} MiB  {name}",
            *before as f64 / MIB as f64,
            *after as f64 / MIB as f64
        );
        assert!(
            *after < before + MIB + before / 10,
            "{name}: {before} bytes, then {after}"
        );
    }
    below(&fourth, 32 * MIB);
    line.end();
    // Neither does the checkpoint grow with the length of the stream: rows of closed windows are gone.
    let state: u64 = std::fs::read_dir(folder.path().join("ck/state"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(state < 8 * MIB, "{state} bytes of state");
}

/// Seconds since 1970 as a timestamp of November 2023 and later.
fn instant(at: u64) -> String {
    let (days, second) = (at / 86400, at % 86400);
    // Days since 2023-11-14, which is day 19675; months follow by their lengths.
    let mut day = days - 19675 + 14;
    let (mut year, mut month) = (2023, 11);
    loop {
        let length = match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 => 29,
            2 => 28,
            _ => 31,
        };
        if day <= length {
            break;
        }
        day -= length;
        month += 1;
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    format!(
        "{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// A line without end is passed over: what is kept of it is bounded by the limit, not by its length.
#[test]
fn a_line_without_end_is_not_taken_into_memory() {
    for (stage, most) in [
        (&["st-tail", "-", "--max-line", "1000000"][..], 16),
        (
            &[
                "st-tail",
                "-",
                "--max-line",
                "1000000",
                "--format",
                "csv",
                "--header",
                "false",
            ],
            16,
        ),
        (
            &["st-tail", "-", "--max-line", "1000000", "--format", "text"],
            16,
        ),
        (&["st-tail", "-"], 56),
        // The limit of the wire is 64 MiB.
        (&["st-map", "--where", "true"], 96),
        (&["st-watermark", "ts", "1s"], 96),
        (&["st-window", "ts", "1s", "--rejects", "bad"], 96),
        (&["st-sink", "json"], 96),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::new(folder.path(), &[stage]);
        let peaks = line.until("the last", |input| {
            let block = vec![b'x'; MIB as usize];
            for _ in 0..200 {
                input.write_all(&block).unwrap();
            }
            input
                .write_all(b"\n{\"ts\":\"2025-01-15T10:00:00Z\",\"k\":\"the last\"}\n")
                .unwrap();
        });
        below(&peaks, most * MIB);
        line.end();
    }
}
