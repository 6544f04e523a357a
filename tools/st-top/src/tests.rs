//! The view over made-up reports, compared with screens kept in `tests/screens`; `ST_BLESS=1` writes them anew, to be looked at.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use st_monitor::{Failure, Home, Progress, Query, SinkView, Status};

use crate::app::{App, Then};
use crate::draw::draw;
use crate::figures::Seen;
use crate::gather::Gather;
use crate::load::Load;
use crate::order::Order;
use crate::plain::Lines;

/// Where a stage's time went: name, busy, waiting for input, waiting for output, keys held.
type Stage = (&'static str, f64, f64, f64, Option<u64>);

/// st-agg is busy: the ones before it cannot write, the sink waits.
const HELD_UP: [Stage; 4] = [
    ("st-tail", 50.0, 0.0, 950.0, None),
    ("st-map", 100.0, 100.0, 800.0, None),
    ("st-agg", 990.0, 5.0, 5.0, Some(12_345)),
    ("st-sink", 40.0, 960.0, 0.0, None),
];

/// Nothing to do.
const IDLE: [Stage; 2] = [
    ("st-rate", 1.0, 999.0, 0.0, None),
    ("st-sink", 2.0, 998.0, 0.0, None),
];

fn report(batch: i64, stages: &[Stage], watermark: bool) -> Progress {
    let stages: Vec<Value> = stages
        .iter()
        .map(|(name, busy, input, output, keys)| {
            let mut stage = json!({"name": name, "tool": name, "in": 2000, "out": 1900, "filtered": 100,
                "late": 3, "busyMs": busy, "waitInMs": input, "waitOutMs": output, "barrierMs": 4.0});
            if let Some(keys) = keys {
                stage["state"] = json!({"rows": keys, "updated": 12, "removed": 3, "bytes": keys * 150});
            }
            stage
        })
        .collect();
    let operators = stages.iter().filter(|stage| stage.get("state").is_some());
    let operators: Vec<Value> = operators
        .map(|stage| {
            let state = &stage["state"];
            json!({"operatorName": "stateStoreSave", "numRowsTotal": state["rows"], "memoryUsedBytes": state["bytes"]})
        })
        .collect();
    let mut report = json!({
        "stateOperators": operators,
        "id": "49f84347-f350-4ba6-9f91-db9cf6aa1701", "runId": "8bf8f982-5872-469c-808d-a19d9e6992b2",
        "timestamp": format!("2025-01-15T10:30:{:02}.000Z", batch), "batchId": batch,
        "batchDuration": 100 + 10 * batch, "numInputRows": 2000,
        "inputRowsPerSecond": 2000.0, "processedRowsPerSecond": 1000.0 * (batch % 8) as f64,
        "sink": {"description": "sqlite[shop.db:revenue]", "numOutputRows": 12},
        "st": {"sink": "st-sink", "stages": stages,
            "latencyMs": {"p50": 31.0, "p95": 46.0, "p99": 47.0 + batch as f64, "max": 1480.0},
            "bytes": {"done": 3_145_728, "total": 8_388_608},
            "totals": {"batches": batch + 1, "in": 2000 * (batch + 1), "out": 31, "filtered": 5200, "late": 3, "bad": 1,
                "failed": 0, "seconds": 20.1}}
    });
    if watermark {
        report["st"]["watermark"] = "2025-01-15T10:12:00.000Z".into();
        report["st"]["closes"] = "2025-01-15T10:15:00.000Z".into();
    }
    serde_json::from_value(report).unwrap()
}

fn seen(name: Option<&str>, started: &str, status: Status, sinks: &[Vec<Progress>]) -> Seen {
    let checkpoint = name.map(|name| PathBuf::from(format!("/home/ada/shop/ck/{name}")));
    let home = match &checkpoint {
        Some(checkpoint) => Home::new(checkpoint),
        None => Home::new(Path::new("/run/user/1000/st/8bf8f982")),
    };
    let views = sinks.iter().enumerate().map(|(i, reports)| SinkView {
        name: ["st-sink", "copy"][i].into(),
        plan: Vec::new(),
        target: None,
        last: reports.last().cloned(),
        run: None,
    });
    let query = Query {
        id: "49f84347-f350-4ba6-9f91-db9cf6aa1701".into(),
        run_id: "8bf8f982-5872-469c-808d-a19d9e6992b2".into(),
        name: name.map(Into::into),
        checkpoint,
        home,
        status,
        held: Vec::new(),
        started: started.into(),
        sources: Vec::new(),
        live: Vec::new(),
        sinks: views.collect(),
    };
    Seen {
        query,
        histories: sinks.iter().map(|reports| reports.clone().into()).collect(),
    }
}

/// Four queries: busy, failed with a hostile message, idle without a checkpoint, begun just now.
fn four() -> Vec<Seen> {
    let busy: Vec<Progress> = (0..20).map(|batch| report(batch, &HELD_UP, true)).collect();
    let mut copy = busy.clone();
    copy.push(report(20, &HELD_UP, true));
    let idle = vec![report(7, &IDLE, false)];
    let failure = Failure {
        stage: "st-map".into(),
        error: "line 7: not JSON: \u{1b}[2J\u{202e}gone".into(),
        time: "2025-01-15T10:31:00.000Z".into(),
    };
    vec![
        seen(
            Some("revenue"),
            "2025-01-15T10:29:59.000Z",
            Status::Processing(20),
            &[busy, copy],
        ),
        seen(
            Some("sessions-of-all-users-in-europe"),
            "2025-01-15T10:30:00.000Z",
            Status::Failed(failure),
            &[vec![report(3, &HELD_UP, true)]],
        ),
        seen(None, "2025-01-15T10:30:01.000Z", Status::Waiting, &[idle]),
        seen(
            Some("new"),
            "2025-01-15T10:30:02.000Z",
            Status::Processing(0),
            &[vec![]],
        ),
    ]
}

fn app() -> App {
    let mut app = App::new(String::new(), Duration::from_secs(1), Order::Started);
    app.take(four(), "2025-01-15T10:30:20Z".into());
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            key => KeyCode::Char(key),
        };
        assert_eq!(app.key(KeyEvent::new(code, KeyModifiers::NONE)), Then::Go);
    }
}

fn screen(app: &mut App, wide: u16, high: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(wide, high)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(wide).max(1)) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Compares with `tests/screens/NAME`.
fn same(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/screens")
        .join(name);
    if std::env::var_os("ST_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{name}: not as kept; ST_BLESS=1 keeps this:\n{found}"
    );
}

#[test]
fn the_list() {
    same("list", &screen(&mut app(), 150, 10));
}

#[test]
fn a_narrow_list_leaves_columns_out() {
    same("list-120", &screen(&mut app(), 120, 10));
    same("list-80", &screen(&mut app(), 80, 10));
    same("list-40", &screen(&mut app(), 40, 6));
}

#[test]
fn the_details() {
    let mut app = app();
    press(&mut app, "\n");
    same("details", &screen(&mut app, 130, 34));
    press(&mut app, "\t");
    same("details-of-the-other-sink", &screen(&mut app, 130, 10));
}

#[test]
fn narrow_details_scroll() {
    let mut app = app();
    press(&mut app, "\nG");
    same("details-end-60", &screen(&mut app, 60, 16));
    press(&mut app, "g");
    same("details-60", &screen(&mut app, 60, 24));
    press(&mut app, "Gkg");
    assert!(screen(&mut app, 60, 16).contains("revenue: processing batch 20"));
}

#[test]
fn a_failed_query_says_why_without_harm() {
    let mut app = app();
    press(&mut app, "j\n");
    same("failed", &screen(&mut app, 60, 12));
}

#[test]
fn a_query_without_a_report_has_details_too() {
    let mut app = app();
    press(&mut app, "G\n");
    same("new", &screen(&mut app, 80, 12));
}

#[test]
fn the_keys() {
    let mut app = app();
    press(&mut app, "?");
    let shown = screen(&mut app, 90, 14);
    same("keys", &shown);
    press(&mut app, "\u{1b}");
    assert!(screen(&mut app, 90, 14).contains("NAME"));
}

#[test]
fn nothing_runs() {
    let mut app = App::new(String::new(), Duration::from_millis(250), Order::Started);
    app.take(Vec::new(), "2025-01-15T10:30:20Z".into());
    press(&mut app, "p\njk");
    same("nothing", &screen(&mut app, 90, 6));
}

/// Whatever is shown, in whatever state: no size is too small, and what was drawn small can be drawn large.
#[test]
fn any_size_will_do() {
    for keys in ["", "GG", "\n", "\nG", "jj\nG", "?", "?G", "G\n"] {
        let mut app = app();
        press(&mut app, keys);
        for (wide, high) in [
            (0, 0),
            (1, 1),
            (1, 50),
            (200, 1),
            (2, 2),
            (5, 3),
            (13, 4),
            (300, 100),
            (20, 5),
            (80, 24),
        ] {
            let shown = screen(&mut app, wide, high);
            assert_eq!(
                shown.lines().count(),
                usize::from(if wide > 0 { high } else { 0 }),
                "{keys:?} {wide}x{high}"
            );
        }
        // Of the list the chosen query is always there.
        if keys == "GG" {
            assert!(
                screen(&mut app, 30, 1).contains("> new"),
                "{}",
                screen(&mut app, 30, 1)
            );
        }
    }
}

#[test]
fn the_chosen_query_stays_chosen() {
    let mut app = app();
    press(&mut app, "jj");
    assert_eq!(app.query().unwrap().name(), "49f84347");
    press(&mut app, "s");
    let names: Vec<String> = app.seen.iter().map(Seen::name).collect();
    assert_eq!(
        names,
        [
            "49f84347",
            "new",
            "revenue",
            "sessions-of-all-users-in-europe"
        ]
    );
    assert_eq!(
        (app.index(), app.query().unwrap().name().as_str()),
        (Some(0), "49f84347")
    );
    press(&mut app, "r");
    assert_eq!(app.index(), Some(3));
    // It is gone: the first one is chosen, and the list is shown.
    press(&mut app, "\n");
    let left: Vec<Seen> = four()
        .into_iter()
        .filter(|seen| seen.query.name.is_some())
        .collect();
    app.take(left, "2025-01-15T10:30:21Z".into());
    assert_eq!((app.index(), app.details), (Some(0), false));
}

#[test]
fn orders_put_what_matters_first() {
    let mut app = app();
    let mut firsts = Vec::new();
    for _ in 0..7 {
        firsts.push(format!("{} {}", app.order.word(), app.seen[0].name()));
        press(&mut app, "s");
    }
    // Rates: 4, 3 and 7 rows in thousands; percentiles: 66, 50, 54 ms; lags: 18m19s, 18m03s; the state is the same.
    assert_eq!(
        firsts,
        [
            "started revenue",
            "name 49f84347",
            "rate 49f84347",
            "latency revenue",
            "lag revenue",
            "state revenue",
            "status sessions-of-all-users-in-europe"
        ]
    );
    assert_eq!(app.order, Order::Started);
    press(&mut app, "S");
    assert_eq!(app.order, Order::Status);
}

#[test]
fn keys_that_end() {
    let mut app = app();
    let key = |app: &mut App, c, with| app.key(KeyEvent::new(KeyCode::Char(c), with));
    assert_eq!(key(&mut app, 'q', KeyModifiers::NONE), Then::Quit);
    assert_eq!(key(&mut app, 'c', KeyModifiers::CONTROL), Then::Interrupt);
    assert_eq!(key(&mut app, 'z', KeyModifiers::CONTROL), Then::Suspend);
    assert_eq!(key(&mut app, 'l', KeyModifiers::CONTROL), Then::Redraw);
    assert_eq!(key(&mut app, 'p', KeyModifiers::NONE), Then::Go);
    assert!(app.paused);
}

#[test]
fn who_waits_for_whom() {
    let load = Load::over(&[report(0, &HELD_UP, false)]);
    assert_eq!(
        load.verdict(),
        "st-agg is the bottleneck, busy 99% of the time: st-tail and st-map wait until it takes rows; st-sink waits for its rows."
    );
    let load = Load::over(&[report(0, &IDLE, false)]);
    assert_eq!(
        load.verdict(),
        "All keep up: st-rate waits for data or the next trigger; the busiest is st-sink, 0%."
    );
    assert_eq!(Load::over(&[]).verdict(), "Nothing is measured yet.");
    let none = [("st-rate", 0.0, 0.0, 0.0, None)];
    assert_eq!(
        Load::over(&[report(0, &none, false)]).verdict(),
        "Nothing is measured yet."
    );
}

/// Only batches of the last run count, and only ten of them.
#[test]
fn a_load_is_of_the_last_batches() {
    let mut reports: Vec<Progress> = (0..12).map(|batch| report(batch, &IDLE, false)).collect();
    assert_eq!(Load::over(&reports).batches, 10);
    assert_eq!(Load::over(&reports).stages[0].wait_in, 9990.0);
    reports[8].run_id = "another".into();
    let load = Load::over(&reports);
    assert_eq!((load.batches, load.stages[1].busy), (3, 6.0));
}

#[test]
fn lines_are_printed_when_they_have_changed() {
    let mut lines = Lines::default();
    let mut out = Vec::new();
    lines.write(&four(), "2025-01-15T10:30:20Z", &mut out);
    lines.write(&four(), "2025-01-15T10:30:21Z", &mut out);
    let mut changed = four();
    changed[2].query.status = Status::Stopped;
    lines.write(&changed, "2025-01-15T10:30:22Z", &mut out);
    same("lines", &String::from_utf8(out).unwrap());
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Gather::new(&[folder.path().into()], false)
            .look()
            .unwrap()
            .len(),
        0
    );
    assert!(
        Gather::new(&[folder.path().join("none")], false)
            .look()
            .is_err()
    );
}
