#![allow(clippy::unwrap_used)]
//! `st-top` over queries that ran: its lines, and how it leaves a terminal. How its screens look is tested beside it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};

use st_tests::{Outcome, bash, bin, run};

/// Runs a line with a registry of its own.
fn at(folder: &Path, line: &str) -> Outcome {
    let line = format!("export ST_RUNTIME_DIR=$PWD/registry\n{line}");
    run(bash(&bin().unwrap(), folder, &line)).unwrap()
}

/// Two batches: minute 0 with three rows, minute 1 with two of which one is filtered.
fn finished() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.json"),
        r#"{"ts":"2025-01-15T10:00:00Z","n":1}
{"ts":"2025-01-15T10:00:10Z","n":2}
{"ts":"2025-01-15T10:00:50Z","n":3}
"#,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("b.json"),
        r#"{"ts":"2025-01-15T10:01:20Z","n":4}
{"ts":"2025-01-15T10:01:40Z","n":-1}
"#,
    )
    .unwrap();
    let query = "st-tail a.json b.json --max-files-per-trigger 1 --checkpoint ck/minutes -q |
      st-map --where 'n > 0' -q | st-watermark ts '10 seconds' -q |
      st-agg --by 'window(ts, \"1 minute\") as window' --agg 'count(*) as n' --mode append -q |
      st-sink json out -q";
    let ran = at(folder.path(), query);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""));
    folder
}

/// The line's cells by its heading; no cell here has two spaces.
fn cells(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines().map(|line| {
        let words = line.split("  ").map(str::trim);
        words.filter(|word| !word.is_empty()).map(String::from)
    });
    let (head, line) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(lines.next().is_none(), "{text}");
    head.zip(line).collect()
}

#[test]
fn a_finished_query_is_one_line_where_there_is_no_terminal() {
    let folder = finished();
    for line in ["st-top ck --once", "st-top --once --sort lag ck/minutes ck"] {
        let ran = at(folder.path(), line);
        assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{line}");
        let cells = cells(&ran.out());
        let heads: Vec<&str> = cells.iter().map(|(head, _)| head.as_str()).collect();
        assert_eq!(
            heads,
            [
                "TIME", "NAME", "BATCH", "IN/S", "ROWS/S", "P50", "P99", "LAG", "STATE", "BYTES",
                "BUSIEST", "STATUS"
            ]
        );
        let cell = |name: &str| &cells.iter().find(|(head, _)| head == name).unwrap().1;
        assert_eq!(cell("NAME"), "minutes");
        // The second batch closes minute 0, minute 1 is held.
        assert_eq!((cell("BATCH").as_str(), cell("STATE").as_str()), ("1", "1"));
        assert_eq!(cell("STATUS"), "stopped");
        assert!(cell("BUSIEST").starts_with("st-") && cell("BUSIEST").ends_with('%'));
        // The watermark is in January 2025, the clock is not.
        assert!(cell("LAG").contains('d'), "{}", cell("LAG"));
    }
    let ran = at(folder.path(), "st-top --once -v ck");
    let said = "st-top: minutes: stopped: no lock is held; ";
    assert!(ran.err().starts_with(said), "{}", ran.err());
    // Nothing runs; the heading says what there would be.
    let ran = at(folder.path(), "st-top --once");
    assert_eq!((ran.status, ran.out().lines().count()), (0, 1));
}

/// Without --once it goes on until nobody reads, and says nothing twice.
#[test]
fn lines_end_with_their_reader() {
    let folder = finished();
    let ran = at(
        folder.path(),
        "st-top ck --interval 100ms | head -n 2 | wc -l",
    );
    assert_eq!(
        (ran.status, ran.out().trim(), ran.err().as_str()),
        (0, "2", "")
    );
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (line, status, said) in [
        ("st-top none", 1, "st-top: none: cannot be listed: "),
        (
            "st-top --interval 1ms",
            2,
            "st-top: invalid value '1ms' for '--interval",
        ),
        (
            "st-top --all .",
            2,
            "st-top: the argument '--all' cannot be used with '[DIR]...'",
        ),
    ] {
        let ran = at(folder.path(), line);
        assert_eq!((ran.status, ran.out().as_str()), (status, ""), "{line}");
        assert!(ran.err().starts_with(said), "{line}: {}", ran.err());
        assert_eq!(ran.err().lines().count(), 1, "{line}");
    }
}

/// A line on a terminal of 100 columns, keys going in and what is drawn coming out.
struct Terminal {
    child: Child,
    seen: String,
}

impl Terminal {
    fn open(folder: &Path, line: &str) -> Terminal {
        std::fs::write(
            folder.join("line"),
            format!("stty cols 100 rows 24; {line}"),
        )
        .unwrap();
        // The time is only for a test that fails.
        let line = "export TERM=xterm-256color ST_RUNTIME_DIR=$PWD/registry
            timeout 60 script -qefc 'bash ./line' /dev/null";
        let mut command = bash(&bin().unwrap(), folder, line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Terminal {
            child: command.spawn().unwrap(),
            seen: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads on until it shows `text`.
    fn until(&mut self, text: &str) {
        let from = self.seen.len();
        let mut block = [0; 4096];
        while !self.seen[from..].contains(text) {
            let n = self
                .child
                .stdout
                .as_mut()
                .unwrap()
                .read(&mut block)
                .unwrap();
            assert!(n > 0, "no {text:?}: {:?}", self.seen);
            self.seen += &String::from_utf8_lossy(&block[..n]);
        }
    }

    /// Reads the rest; the exit status.
    fn end(&mut self) -> i32 {
        let mut rest = Vec::new();
        self.child
            .stdout
            .as_mut()
            .unwrap()
            .read_to_end(&mut rest)
            .unwrap();
        self.seen += &String::from_utf8_lossy(&rest);
        self.child.wait().unwrap().code().unwrap()
    }
}

const ENTERED: &str = "\u{1b}[?1049h";
const LEFT: &str = "\u{1b}[?1049l\u{1b}[?25h";

#[test]
fn a_terminal_is_given_back_by_every_way_out() {
    let folder = finished();
    // The line after it shows that lines are edited and echoed as before.
    let line = r#"st-top ck; echo "exit $?," $(stty -a | grep -oE -- '-?(icanon|echo)\b')"#;
    for (keys, status) in [("q", 0), ("\u{3}", 130)] {
        let mut terminal = Terminal::open(folder.path(), line);
        terminal.until("minutes");
        assert!(terminal.seen.contains(ENTERED));
        terminal.press("\r");
        terminal.until("WAITS");
        terminal.press(keys);
        assert_eq!(terminal.end(), 0);
        let after = terminal.seen.split(LEFT).last().unwrap();
        assert!(terminal.seen.contains(LEFT), "{:?}", terminal.seen);
        assert!(
            after.contains(&format!("exit {status}, icanon echo")),
            "{after:?}"
        );
    }
    // A signal from elsewhere.
    let line = "echo $$ >pid; exec st-top ck";
    let mut terminal = Terminal::open(folder.path(), line);
    terminal.until("minutes");
    assert_eq!(at(folder.path(), "kill -TERM $(cat pid)").status, 0);
    assert_eq!(terminal.end(), 130);
    assert!(terminal.seen.contains(LEFT), "{:?}", terminal.seen);
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let folder = finished();
    let mut terminal = Terminal::open(folder.path(), "TERM=dumb st-top ck");
    terminal.until("stopped");
    assert!(!terminal.seen.contains('\u{1b}'), "{:?}", terminal.seen);
    terminal.press("\u{3}");
    // bash, interrupted with it.
    assert_eq!(terminal.end(), 130);
}

/// Whoever ignores the hangup learns of it by an error, and not by a panic.
#[test]
fn a_terminal_that_goes_away_is_an_error() {
    let folder = finished();
    let line = "trap '' HUP; st-top ck 2>said; echo $? >status.new; mv status.new status";
    let mut terminal = Terminal::open(folder.path(), line);
    terminal.until("minutes");
    // script itself dies, and the terminal with it.
    let script = terminal.child.id();
    let found = at(
        folder.path(),
        &format!("pgrep -P $(pgrep -P {script} timeout || echo {script}) script"),
    );
    let script = found.out();
    assert_eq!(at(folder.path(), &format!("kill -KILL {script}")).status, 0);
    terminal.child.wait().unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !folder.path().join("status").exists() {
        assert!(std::time::Instant::now() < end);
        std::thread::yield_now();
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("status").trim(), "1");
    assert!(
        read("said").starts_with("st-top: the terminal "),
        "{}",
        read("said")
    );
    assert_eq!(read("said").lines().count(), 1, "{}", read("said"));
}
