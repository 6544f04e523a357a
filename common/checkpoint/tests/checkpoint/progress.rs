//! progress/SINK: the last reports, bounded.

use std::fs;

use st_checkpoint::Progress;

use crate::support::{lines, query, text};

#[test]
fn the_last_hundred_reports_or_more_stay() {
    let (_folder, dir) = query();
    let path = dir.path().join("progress/st-sink");
    let mut progress = Progress::open(&dir, "st-sink").unwrap();
    for batch in 0..1000 {
        progress
            .append(format!("{{\"id\":{batch}}}").as_bytes())
            .unwrap();
        let kept = lines(&path);
        assert!(
            kept.len() >= 100.min(batch + 1) && kept.len() < 200,
            "{}",
            kept.len()
        );
        assert_eq!(kept.last().unwrap(), &format!("{{\"id\":{batch}}}"));
    }
    drop(progress);
    let mut progress = Progress::open(&dir, "st-sink").unwrap();
    for _ in 0..150 {
        progress.append(b"{}").unwrap();
    }
    assert!(lines(&path).len() < 200);
}

#[test]
fn an_unfinished_report_does_not_spoil_the_next() {
    let (_folder, dir) = query();
    drop(Progress::open(&dir, "st-sink").unwrap());
    let path = dir.path().join("progress/st-sink");
    fs::write(&path, "{\"id\":1}\n{\"i").unwrap();
    let mut progress = Progress::open(&dir, "st-sink").unwrap();
    progress.append(b"{\"id\":2}").unwrap();
    assert_eq!(text(&path), "{\"id\":1}\n{\"i\n{\"id\":2}\n");
    assert!(progress.append(b"{\n}").is_err());
}
