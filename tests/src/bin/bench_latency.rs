//! `bench_latency`: how long a row takes through five stages at 10,000 rows a second, and how long a pipeline takes to its first
//! row on the console. The tools are those in `PATH`; `BENCH_SECONDS` is how long rows are sent (10).
//!
//! A row's time begins when it was due, not when it could be sent, so a sender that was held up hides nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;

const RATE: u64 = 10_000;
const FIVE: &str = "st-tail -q - | st-watermark -q timestamp '10 seconds' | \
     st-map -q --where 'price > 5' --set 'total = price * quantity' | \
     st-window -q timestamp '1 minute' | st-sink -q json";
const COLD: &str = "printf '{\"kind\":\"a\",\"price\":1}\\n' | st-tail -q - | \
     st-map -q --set 'total = price * 2' | st-sink -q console";

/// A line of bash between two pipes.
fn start(line: &str) -> Result<(Child, ChildStdin, ChildStdout)> {
    let mut child = Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("bash")?;
    let input = child.stdin.take().context("stdin")?;
    let output = child.stdout.take().context("stdout")?;
    Ok((child, input, output))
}

/// Sends rows, each when it is due.
fn send(mut input: ChildStdin, began: Instant, rows: u64) -> Result<()> {
    let mut due = String::new();
    let mut sent = 0;
    while sent < rows {
        let now = began.elapsed();
        let owed = (now.as_nanos() as u64 * RATE / 1_000_000_000).min(rows);
        if owed <= sent {
            let next = Duration::from_nanos((sent + 1) * 1_000_000_000 / RATE);
            std::thread::sleep(next.saturating_sub(now));
            continue;
        }
        use std::fmt::Write as _;
        due.clear();
        for row in sent..owed {
            let nanos = (row + 1) * 1_000_000_000 / RATE;
            let (second, milli) = (nanos / 1_000_000_000 % 60, nanos / 1_000_000 % 1000);
            writeln!(
                due,
                r#"{{"due":{nanos},"timestamp":"2025-01-15T10:00:{second:02}.{milli:03}Z","user_id":"u{:05}","price":{}.25,"quantity":2}}"#,
                row % 50_000,
                10 + row % 90
            )?;
        }
        input.write_all(due.as_bytes())?;
        sent = owed;
    }
    Ok(())
}

fn latency(seconds: u64) -> Result<()> {
    let rows = RATE * seconds;
    let (mut child, mut input, output) = start(FIVE)?;
    let mut output = BufReader::with_capacity(1 << 20, output);
    let mut line = String::new();
    // The pipeline stands before the clock starts.
    input.write_all(b"{\"timestamp\":\"2025-01-15T10:00:00Z\",\"price\":9,\"quantity\":1}\n")?;
    output.read_line(&mut line)?;
    let began = Instant::now();
    let sender = std::thread::spawn(move || send(input, began, rows));
    let mut times = Histogram::<u64>::new(3)?;
    for _ in 0..rows {
        line.clear();
        ensure!(output.read_line(&mut line)? > 0, "the pipeline ended early");
        let now = began.elapsed().as_nanos() as u64;
        let due = line
            .strip_prefix("{\"due\":")
            .and_then(|rest| rest.split(',').next());
        let due: u64 = due.context("a row without its time")?.parse()?;
        times.record(now.saturating_sub(due) / 1000)?;
    }
    sender
        .join()
        .map_err(|_| anyhow::anyhow!("the sender panicked"))??;
    ensure!(child.wait()?.success(), "the pipeline failed");
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    report(&format!(
        "latency of {rows} rows at {RATE} a second through five stages, ms: p50 {:.2}, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        times.max() as f64 / 1000.0
    ))
}

fn cold_start() -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        let (mut child, input, mut output) = start(COLD)?;
        drop(input);
        let mut seen = Vec::new();
        let mut block = [0; 4096];
        while !seen.windows(3).any(|bytes| bytes == b"|a ")
            && !seen.windows(3).any(|bytes| bytes == b"| a")
        {
            let read = output.read(&mut block)?;
            ensure!(read > 0, "no row: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&block[..read]);
        }
        times.push(began.elapsed());
        output.read_to_end(&mut seen)?;
        ensure!(child.wait()?.success(), "the pipeline failed");
    }
    times.sort();
    report(&format!(
        "cold start to the first console row, ms, bash among it: median {:.1}, worst of {} {:.1}",
        times[times.len() / 2].as_secs_f64() * 1000.0,
        times.len(),
        times[times.len() - 1].as_secs_f64() * 1000.0
    ))
}

fn report(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn main() -> Result<()> {
    let seconds = std::env::var("BENCH_SECONDS").unwrap_or_else(|_| "10".to_string());
    latency(seconds.parse().context("BENCH_SECONDS")?)?;
    cold_start()
}
