//! State: a run that starts at an epoch gives what the run before it would have given.

use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Wire, agg, counted, query_dir, query_id, row};

const APPEND: [&str; 4] = ["--by", "window(ts, '5 minutes'), user", "--mode", "append"];

fn resumed(dir: &Path, epoch: i64, mark: Option<&str>) -> Wire {
    Wire::resumed(dir, epoch, mark)
}

/// The wire of `resumed` announces query `q`; the directory has an id of its own.
fn of(dir: &Path, wire: String) -> String {
    wire.replacen(
        r#""query":"q""#,
        &format!(r#""query":"{}""#, query_id(dir)),
        1,
    )
}

fn state_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_run_continues_at_any_epoch() {
    let batches: [(&[&str], &str); 4] = [
        (&["00:04 u2", "00:01 u1"], "2025-01-14T23:54:00.000Z"),
        (&["00:21 u1", "00:03 u2"], "00:05"),
        (&["00:22 u1", "00:02 late"], "00:12"),
        (&["00:40 u4"], "00:30"),
    ];
    let feed = |mut wire: Wire, from: usize| {
        for (rows, mark) in &batches[from..] {
            let rows: Vec<String> = rows.iter().map(|text| row(text)).collect();
            wire = wire.batch(
                &rows.iter().map(String::as_str).collect::<Vec<_>>(),
                Some(mark),
            );
        }
        wire
    };
    let whole = agg(&APPEND, &feed(Wire::marked(), 0).end()).well();
    for epoch in 0..3 {
        let root = tempfile::tempdir().unwrap();
        let dir = query_dir(root.path());
        // The first run is cut off after all batches, without an end.
        let first = agg(
            &APPEND,
            &of(&dir, feed(resumed(&dir, -1, None), 0).broken()),
        );
        assert_eq!(first.status, 1);
        assert!(
            first.said.contains("broke off without its end marker"),
            "{}",
            first.said
        );
        let from = epoch as usize + 1;
        let second = agg(
            &APPEND,
            &of(
                &dir,
                feed(resumed(&dir, epoch, Some(batches[from - 1].1)), from).end(),
            ),
        )
        .well();
        assert_eq!(second.batches(), whole.batches()[from..], "epoch {epoch}");
        let figures = |done: &crate::run::Done| done.figures().last().unwrap()["state"].clone();
        assert_eq!(figures(&second)["rows"], figures(&whole)["rows"]);
        assert_eq!(figures(&second)["bytes"], figures(&whole)["bytes"]);
    }
}

#[test]
fn sessions_and_every_state_continue() {
    let aggregates = "sum(v) as a, avg(v) as b, min(v) as c, max(s) as d, first(v) as e, last(v) as f, stddev(v) as g, \
        collect_list(v) as h, median(v) as i, percentile_approx(v, 0.5) as j, mode(s) as k, max_by(s, v) as l, \
        approx_count_distinct(v) as m, listagg(s, '|') as n, count_if(v > 2) as o, corr(v, w) as p, bool_or(v > 4) as q, \
        bit_xor(w) as r, sum(cast(v as decimal(10,3))) as t, avg(cast(v as decimal(10,3))) as u, collect_set(s) as x, \
        listagg(s, ',') within group (order by v desc) as y, kurtosis(v) as z, regr_slope(v, w) as aa, max(ts) as bb, \
        min(cast(ts as date)) as cc, percentile(v, array(0.1, 0.9)) as dd, max(named_struct('s', s, 'v', v)) as ee, \
        sum(w) as ff, try_sum(w) as gg, any_value(s, true) as hh, sum(v) filter (where w > 2) as ii";
    let args = [
        "--by",
        "session_window(ts, '5 minutes') as s5, user",
        "--mode",
        "append",
        "--agg",
        aggregates,
    ];
    let rows: Vec<String> = (0..40)
        .map(|i: i64| {
            let (minute, user) = (i * 7 % 30, i % 3);
            let v = (i * 37 % 11) as f64 * 0.1 - 0.3;
            format!(r#"{{"ts":"2025-01-15T00:{minute:02}:00Z","user":"u{user}","v":{v},"w":{},"s":"s{}"}}"#, i % 5, i % 4)
        })
        .collect();
    let feed = |mut wire: Wire, from: usize| {
        for batch in from..4 {
            let rows: Vec<&str> = rows[batch * 10..][..10]
                .iter()
                .map(String::as_str)
                .collect();
            wire = if batch == 3 {
                wire.last(&rows, None)
            } else {
                wire.batch(&rows, None)
            };
        }
        wire
    };
    let whole = agg(&args, &feed(Wire::marked(), 0).end()).well();
    assert!(whole.batches()[3].len() > 2);
    for epoch in 0..3 {
        let root = tempfile::tempdir().unwrap();
        let dir = query_dir(root.path());
        agg(&args, &of(&dir, feed(resumed(&dir, -1, None), 0).broken()));
        let second = agg(
            &args,
            &of(
                &dir,
                feed(resumed(&dir, epoch, None), epoch as usize + 1).end(),
            ),
        )
        .well();
        assert_eq!(
            second.batches().last(),
            whole.batches().last(),
            "epoch {epoch}"
        );
    }
}

#[test]
fn a_drained_query_emits_no_window_twice() {
    let root = tempfile::tempdir().unwrap();
    let dir = query_dir(root.path());
    let first = resumed(&dir, -1, None).last(
        &[&row("00:04 a"), &row("00:07 a")],
        Some("2025-01-14T23:57:00.000Z"),
    );
    let first = agg(&APPEND, &of(&dir, first.end())).well();
    assert_eq!(
        first.batches(),
        [[counted("00:00 a 1"), counted("00:05 a 1")]]
    );
    let second = resumed(&dir, 0, Some("2025-01-14T23:57:00.000Z"))
        .batch(&[&row("00:08 a"), &row("00:11 a")], Some("00:01"))
        .last(&[], Some("00:01"));
    let second = agg(&APPEND, &of(&dir, second.end())).well();
    assert_eq!(second.figures()[0]["late"], 1);
    assert_eq!(second.batches(), [vec![], vec![counted("00:10 a 1")]]);
}

#[test]
fn a_state_that_is_not_whole_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = query_dir(root.path());
    let first = resumed(&dir, -1, None)
        .batch(&[&row("00:04 a")], None)
        .batch(&[&row("00:04 b")], None);
    agg(&APPEND, &of(&dir, first.broken()));
    let file = &state_files(&dir)[0];
    let text = std::fs::read_to_string(file).unwrap();
    // Cut within the last epoch: that one is gone, the one before is good.
    std::fs::write(file, &text[..text.len() - 9]).unwrap();
    let refused = agg(&APPEND, &of(&dir, resumed(&dir, 1, None).end()));
    assert_eq!(refused.status, 1);
    assert!(refused.said.starts_with("st-agg: "), "{}", refused.said);
    let again = resumed(&dir, 0, None).last(&[&row("00:04 b")], None);
    let again = agg(&APPEND, &of(&dir, again.end())).well();
    assert_eq!(
        again.batches(),
        [[counted("00:00 a 1"), counted("00:00 b 1")]]
    );
}

#[test]
fn another_query_is_refused_and_another_order_is_not() {
    let root = tempfile::tempdir().unwrap();
    let dir = query_dir(root.path());
    let base = [
        "--by",
        "user",
        "--agg",
        "count(*) as n",
        "--mode",
        "complete",
    ];
    agg(
        &base,
        &of(
            &dir,
            resumed(&dir, -1, None)
                .batch(&[&row("00:04 a")], None)
                .end(),
        ),
    )
    .well();
    let changed = agg(
        &["--by", "user, ts", "--mode", "complete"],
        &of(&dir, resumed(&dir, 0, None).end()),
    );
    assert_eq!(changed.status, 1);
    assert!(
        changed
            .said
            .contains("by[1] was nothing, now \"ts TIMESTAMP\""),
        "{}",
        changed.said
    );
    let ordered = [
        "--by",
        "user",
        "--mode",
        "complete",
        "--order-by",
        "user desc",
        "--limit",
        "1",
    ];
    let ordered = agg(
        &ordered,
        &of(
            &dir,
            resumed(&dir, 0, None).batch(&[&row("00:04 b")], None).end(),
        ),
    );
    assert_eq!(ordered.well().batches(), [[r#"{"user":"b","count":1}"#]]);
}

#[test]
fn the_state_file_reads_as_json() {
    let root = tempfile::tempdir().unwrap();
    let dir = query_dir(root.path());
    agg(
        &APPEND,
        &of(
            &dir,
            resumed(&dir, -1, None)
                .batch(&[&row("00:04 a")], None)
                .end(),
        ),
    )
    .well();
    let text = std::fs::read_to_string(&state_files(&dir)[0]).unwrap();
    let keys: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let group = keys.iter().find(|line| line.get("k").is_some()).unwrap();
    let expected =
        json!({"k": [["2025-01-15T00:00:00.000Z", "2025-01-15T00:05:00.000Z"], "a"], "v": [1]});
    assert_eq!(*group, expected);
}

#[test]
fn a_long_log_is_compacted() {
    let root = tempfile::tempdir().unwrap();
    let dir = query_dir(root.path());
    let args = [
        "--by",
        "user",
        "--agg",
        "collect_list(user) as all_of_them, count(*) as n",
    ];
    let long = row(&format!("00:04 {}", "x".repeat(20_000)));
    let mut wire = resumed(&dir, -1, None);
    for _ in 0..20 {
        wire = wire.batch(&[&long], None);
    }
    let whole = agg(&args, &of(&dir, wire.end())).well();
    assert!(state_files(&dir).len() > 1, "{:?}", state_files(&dir));
    let again = agg(
        &args,
        &of(&dir, resumed(&dir, 19, None).batch(&[&long], None).end()),
    )
    .well();
    assert!(again.batches()[0][0].ends_with(r#""n":21}"#));
    assert!(whole.batches()[19][0].ends_with(r#""n":20}"#));
}
