//! One query: who it is, its stages with who waits for whom, its figures with their history.

use ratatui::style::{Color, Style};
use ratatui::text::Line;
use st_monitor::{Progress, StageProgress, Status};

use crate::draw::HEAD;
use crate::figures::{Seen, lag, state};
use crate::load::{Load, StageLoad};
use crate::table::{Column, lay};
use crate::text::{bytes, count, fit, millis, plain, rate, span, spark, wrap};

/// Columns of the bar of one stage's time.
const BAR: usize = 24;

/// Below this share of its time a stage waits for nobody that matters.
const NOTABLE: f64 = 0.1;

/// The lines, for a terminal so wide.
pub fn lines(seen: &Seen, sink: usize, wide: usize) -> Vec<Line<'static>> {
    let mut lines = head(seen, sink, wide);
    let reports: &[Progress] = seen.histories.get(sink).map_or(&[], |reports| reports);
    let Some(last) = reports.last() else {
        lines.push(Line::default());
        lines.push(Line::raw("No batch is delivered yet."));
        return lines;
    };
    lines.extend(totals(last, wide));
    lines.push(Line::default());
    // Before the history: on 24 lines this is what must be seen.
    lines.extend(stages(last, &Load::over(reports), wide));
    lines.push(Line::default());
    lines.extend(history(reports, wide));
    lines
}

fn head(seen: &Seen, sink: usize, wide: usize) -> Vec<Line<'static>> {
    let query = &seen.query;
    let status = query.status.to_string();
    let style = match query.status {
        Status::Failed(_) | Status::Unreadable(_) => HEAD.fg(Color::Red),
        _ => HEAD,
    };
    let mut text = Vec::new();
    let title = format!("{}: {}", plain(&seen.name()), plain(&status));
    let mut lines: Vec<Line> = wrap(&title, wide)
        .into_iter()
        .map(|line| Line::styled(line, style))
        .collect();
    if !matches!(query.status, Status::Unreadable(_)) {
        text.push(format!("id {}, run {}", query.id, query.run_id));
    }
    text.push(match &query.checkpoint {
        Some(path) => format!("checkpoint {}", path.display()),
        None => "no checkpoint".into(),
    });
    if !query.started.is_empty() {
        text.push(format!("started {}", query.started));
    }
    if let Some(view) = query.sinks.get(sink) {
        let of = match query.sinks.len() {
            1 => String::new(),
            all => format!(" ({} of {all})", sink + 1),
        };
        let to = view.last.as_ref().map_or("", |last| &last.sink.description);
        text.push(format!("sink {}{of} {to}", view.name));
    }
    for line in text {
        lines.push(Line::raw(fit(plain(&line).trim_end(), wide, false)));
    }
    lines
}

fn totals(last: &Progress, wide: usize) -> Vec<Line<'static>> {
    let totals = &last.st.totals;
    let mut text = format!(
        "Batch {}; this run {} batches, {} rows in, {} out",
        last.batch_id,
        count(totals.batches),
        count(totals.rows_in),
        count(totals.rows_out)
    );
    for (number, word) in [
        (totals.filtered, "filtered"),
        (totals.late, "late"),
        (totals.bad, "bad"),
        (totals.failed, "expressions failed"),
    ] {
        if number > 0 {
            text += &format!(", {} {word}", count(number));
        }
    }
    let mut more = Vec::new();
    if let Some(mark) = &last.st.watermark {
        more.push(format!("watermark {mark}"));
    }
    if let Some(closes) = &last.st.closes {
        more.push(format!("next window closes {closes}"));
    }
    if let Some(read) = last.st.bytes.filter(|read| read.total > 0) {
        let percent = read.done as f64 * 100.0 / read.total as f64;
        more.push(format!("{percent:.0}% of {} read", bytes(read.total)));
    }
    let mut lines = wrap(&plain(&text), wide);
    if !more.is_empty() {
        lines.extend(wrap(&plain(&more.join("; ")), wide));
    }
    lines.into_iter().map(Line::raw).collect()
}

/// One figure: its name, its value in a report, and how it is written.
type Figure = (
    &'static str,
    fn(&Progress) -> Option<f64>,
    fn(f64) -> String,
);

const FIGURES: [Figure; 10] = [
    ("rows read/s", |report| report.input_rows_per_second, rate),
    (
        "rows done/s",
        |report| report.processed_rows_per_second,
        rate,
    ),
    (
        "batch time",
        |report| Some(report.batch_duration as f64),
        millis,
    ),
    (
        "latency p50",
        |report| Some(report.st.latency_ms?.p50),
        millis,
    ),
    (
        "latency p95",
        |report| Some(report.st.latency_ms?.p95),
        millis,
    ),
    (
        "latency p99",
        |report| Some(report.st.latency_ms?.p99),
        millis,
    ),
    (
        "latency max",
        |report| Some(report.st.latency_ms?.max),
        millis,
    ),
    ("watermark lag", lag, span),
    ("state rows", |report| Some(state(report)?.0 as f64), whole),
    ("state bytes", |report| Some(state(report)?.1 as f64), size),
];

fn whole(number: f64) -> String {
    count(number as u64)
}

fn size(number: f64) -> String {
    bytes(number as u64)
}

/// The figures: now, the greatest, and one bar a batch as far as there is room.
fn history(reports: &[Progress], wide: usize) -> Vec<Line<'static>> {
    let room = wide.saturating_sub(35).min(reports.len());
    let head = match room {
        0 => format!("{:<13}  {:>8}  {:>8}", "", "NOW", "MOST"),
        1 => format!("{:<13}  {:>8}  {:>8}  LAST BATCH", "", "NOW", "MOST"),
        _ => format!(
            "{:<13}  {:>8}  {:>8}  LAST {room} BATCHES",
            "", "NOW", "MOST"
        ),
    };
    let mut lines = vec![Line::styled(head, HEAD)];
    for (name, value, text) in FIGURES {
        let values: Vec<Option<f64>> = reports.iter().map(value).collect();
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        if known.is_empty() {
            continue;
        }
        let shown = &values[values.len() - room..];
        let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let now = values.last().copied().flatten();
        let bars: Vec<f64> = shown.iter().map(|value| value.unwrap_or(0.0)).collect();
        let line = format!(
            "{name:<13}  {:>8}  {:>8}  {}",
            now.map_or_else(|| "-".into(), text),
            text(most),
            spark(&bars, room)
        );
        lines.push(Line::raw(line.trim_end().to_string()));
    }
    lines
}

const COLUMNS: [Column; 11] = [
    Column::words("STAGE", 5, 20, 0),
    Column::number("IN", 3),
    Column::number("OUT", 2),
    Column::number("FILTERED", 9),
    Column::number("LATE", 7),
    Column::number("BAD", 8),
    Column::number("STATE", 5),
    Column::number("BYTES", 6),
    Column::words("", BAR, BAR, 4),
    Column::number("BUSY", 1),
    Column::words("WAITS", 24, 60, 0),
];

fn stages(last: &Progress, load: &Load, wide: usize) -> Vec<Line<'static>> {
    let title = match load.batches {
        1 => "Stages: rows of the last batch; its time".to_string(),
        n => format!("Stages: rows of the last batch; time over the last {n}"),
    };
    let mut lines = vec![Line::styled(title, HEAD)];
    let names: Vec<&str> = load
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let rows: Vec<Vec<String>> = last
        .st
        .stages
        .iter()
        .zip(&load.stages)
        .enumerate()
        .map(|(place, (stage, load))| row(stage, load, place, &names))
        .collect();
    let mut laid = lay(&COLUMNS, &rows, wide).into_iter();
    lines.extend(laid.next().map(|head| Line::styled(head, HEAD)));
    let busiest = load.busiest().map(|(stage, _)| stage.name.clone());
    for (line, stage) in laid.zip(&load.stages) {
        let style = if Some(&stage.name) == busiest.as_ref() {
            Style::new().bold()
        } else {
            Style::new()
        };
        lines.push(Line::styled(line, style));
    }
    lines.push(Line::raw("█ busy  ▒ waits for output  ░ waits for input"));
    let verdict = wrap(&plain(&load.verdict()), wide);
    lines.extend(verdict.into_iter().map(Line::raw));
    lines
}

fn row(stage: &StageProgress, load: &StageLoad, place: usize, names: &[&str]) -> Vec<String> {
    let dash = || "-".to_string();
    let shares = load.shares();
    vec![
        plain(&stage.name),
        count(stage.rows_in),
        count(stage.rows_out),
        count(stage.filtered),
        count(stage.late),
        count(stage.bad),
        stage.state.map_or_else(dash, |state| count(state.rows)),
        stage.state.map_or_else(dash, |state| bytes(state.bytes)),
        shares.map_or_else(String::new, bar),
        shares.map_or_else(dash, |[busy, _, _]| format!("{:.0}%", busy * 100.0)),
        shares.map_or_else(dash, |shares| plain(&waits(load, shares, place, names))),
    ]
}

/// `████▒▒░░`: busy, waiting for output, waiting for input.
fn bar([busy, _, output]: [f64; 3]) -> String {
    let columns = |share: f64| (share * BAR as f64).round() as usize;
    let busy_end = columns(busy).min(BAR);
    let output_end = columns(busy + output).clamp(busy_end, BAR);
    let mut bar = "█".repeat(busy_end);
    bar += &"▒".repeat(output_end - busy_end);
    bar + &"░".repeat(BAR - output_end)
}

/// Whom a stage waits for, and how much of its time: its neighbours in the pipeline.
fn waits(load: &StageLoad, shares: [f64; 3], place: usize, names: &[&str]) -> String {
    let [_, input, output] = shares;
    let before = match place {
        _ if is_source(&load.tool) => Some("data"),
        0 => Some("data"),
        _ => names.get(place - 1).copied(),
    };
    let behind = names.get(place + 1).copied().or(Some("the output"));
    let mut parts: Vec<(f64, &str)> = [(input, before), (output, behind)]
        .into_iter()
        .filter(|(share, _)| *share >= NOTABLE)
        .filter_map(|(share, whom)| Some((share, whom?)))
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let parts: Vec<String> = parts
        .iter()
        .map(|(share, whom)| format!("{:.0}% for {whom}", share * 100.0))
        .collect();
    if parts.is_empty() {
        "-".into()
    } else {
        parts.join(", ")
    }
}

/// The source of a second stream stands among the stages, and waits for nobody before it.
fn is_source(tool: &str) -> bool {
    matches!(tool, "st-tail" | "st-rate" | "st-listen" | "st-kafka")
}
