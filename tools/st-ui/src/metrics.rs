//! Figures for Prometheus, in its text format (version 0.0.4).

use std::fmt::Write;

use st_monitor::{Progress, Query};
use st_time::{Zone, parse_timestamp};

/// One kind of figure: name, type, what it is.
type Family = (&'static str, &'static str, &'static str);

const UP: Family = ("st_query_up", "gauge", "1 while the query runs");
const FAILED: Family = (
    "st_query_failed",
    "gauge",
    "1 if the last run ended by a failure, or its checkpoint cannot be read",
);
const BATCH: Family = (
    "st_query_batch_id",
    "gauge",
    "The last batch that was delivered",
);
const LAST: Family = (
    "st_query_last_batch_timestamp_seconds",
    "gauge",
    "When the last delivered batch began, seconds since 1970",
);
const ROWS: Family = (
    "st_query_rows_total",
    "counter",
    "Rows of this run: in, out, filtered, late, bad; failed are expressions",
);
const INPUT: Family = (
    "st_query_input_rows_per_second",
    "gauge",
    "Rows read per second",
);
const PROCESSED: Family = (
    "st_query_processed_rows_per_second",
    "gauge",
    "Rows read per second of the batch's own time",
);
const DURATION: Family = (
    "st_query_batch_duration_seconds",
    "gauge",
    "From a batch's begin to its delivery",
);
const LATENCY: Family = (
    "st_query_latency_seconds",
    "gauge",
    "From the reading of a row to its delivery, over the last batch",
);
const WATERMARK: Family = (
    "st_query_watermark_timestamp_seconds",
    "gauge",
    "The watermark, seconds since 1970",
);
const LAG: Family = (
    "st_query_watermark_lag_seconds",
    "gauge",
    "How far the watermark was behind the clock when the last batch began",
);
const STATE_ROWS: Family = ("st_stage_state_rows", "gauge", "Keys a stage holds");
const STATE_BYTES: Family = (
    "st_stage_state_bytes",
    "gauge",
    "Memory they take, an estimate",
);
const BUSY: Family = (
    "st_stage_busy_ratio",
    "gauge",
    "Share of its time a stage was busy; near 1 is the bottleneck",
);

/// The names of all figures.
pub const NAMES: [Family; 14] = [
    UP,
    FAILED,
    BATCH,
    LAST,
    ROWS,
    INPUT,
    PROCESSED,
    DURATION,
    LATENCY,
    WATERMARK,
    LAG,
    STATE_ROWS,
    STATE_BYTES,
    BUSY,
];

/// The page for Prometheus.
pub fn write(queries: &[Query]) -> String {
    let mut values: Vec<(&'static str, String)> = Vec::new();
    for query in queries {
        add_query(query, &mut values);
    }
    let mut text = String::new();
    for (name, kind, help) in NAMES {
        let lines: Vec<&String> = values
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, line)| line)
            .collect();
        if lines.is_empty() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn add_query(query: &Query, values: &mut Vec<(&'static str, String)>) {
    let name = query.name.as_deref().unwrap_or_default();
    let labels = format!("query=\"{}\",id=\"{}\"", escaped(name), escaped(&query.id));
    let mut add = |family: Family, more: &str, value: f64| {
        values.push((family.0, format!("{}{{{labels}{more}}} {value}", family.0)));
    };
    add(UP, "", f64::from(u8::from(query.is_active())));
    add(
        FAILED,
        "",
        f64::from(u8::from(query.status.error().is_some())),
    );
    for sink in &query.sinks {
        if let Some(last) = &sink.last {
            add_report(
                &format!(",sink=\"{}\"", escaped(&sink.name)),
                last,
                &mut add,
            );
        }
    }
}

fn add_report(sink: &str, last: &Progress, add: &mut impl FnMut(Family, &str, f64)) {
    add(BATCH, sink, last.batch_id as f64);
    let began = seconds(&last.timestamp);
    if let Some(began) = began {
        add(LAST, sink, began);
    }
    let totals = &last.st.totals;
    for (kind, rows) in [
        ("in", totals.rows_in),
        ("out", totals.rows_out),
        ("filtered", totals.filtered),
        ("late", totals.late),
        ("bad", totals.bad),
        ("failed", totals.failed),
    ] {
        add(ROWS, &format!("{sink},kind=\"{kind}\""), rows as f64);
    }
    for (family, value) in [
        (INPUT, last.input_rows_per_second),
        (PROCESSED, last.processed_rows_per_second),
    ] {
        if let Some(value) = value {
            add(family, sink, value);
        }
    }
    add(DURATION, sink, last.batch_duration as f64 / 1000.0);
    if let Some(latency) = last.st.latency_ms {
        for (quantile, ms) in [
            ("0.5", latency.p50),
            ("0.95", latency.p95),
            ("0.99", latency.p99),
            ("1", latency.max),
        ] {
            add(
                LATENCY,
                &format!("{sink},quantile=\"{quantile}\""),
                ms / 1000.0,
            );
        }
    }
    if let Some(mark) = last.st.watermark.as_deref().and_then(seconds) {
        add(WATERMARK, sink, mark);
        if let Some(began) = began {
            add(LAG, sink, began - mark);
        }
    }
    for stage in &last.st.stages {
        let labels = format!("{sink},stage=\"{}\"", escaped(&stage.name));
        if let Some(state) = stage.state {
            add(STATE_ROWS, &labels, state.rows as f64);
            add(STATE_BYTES, &labels, state.bytes as f64);
        }
        let whole = stage.busy_ms + stage.wait_in_ms + stage.wait_out_ms;
        if whole > 0.0 {
            add(BUSY, &labels, stage.busy_ms / whole);
        }
    }
}

fn seconds(text: &str) -> Option<f64> {
    parse_timestamp(text.as_bytes(), Zone::UTC).map(|micros| micros as f64 / 1e6)
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All words of a text that are names of ours.
    fn named(text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words
            .filter(|word| word.starts_with("st_query_") || word.starts_with("st_stage_"))
            .collect()
    }

    #[test]
    fn alerts_and_dashboard_ask_for_what_there_is() {
        for (file, text) in [
            (
                "alerts.yml",
                include_str!("../../../docs/monitoring/alerts.yml"),
            ),
            (
                "grafana.json",
                include_str!("../../../docs/monitoring/grafana.json"),
            ),
            ("tests/alerts.yml", include_str!("../tests/alerts.yml")),
        ] {
            let names = named(text);
            assert!(names.len() > 10, "{file}");
            for name in names {
                assert!(
                    NAMES.iter().any(|(known, _, _)| *known == name),
                    "{file}: {name}"
                );
            }
        }
    }

    #[test]
    fn every_figure_is_explained() {
        let page = include_str!("../../../docs/MONITORING.md");
        for (name, _, _) in NAMES {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn labels_are_quoted() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
