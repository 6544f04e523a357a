//! Folders made by hand, as a run leaves them, and what is read from them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Activity, Bytes, End, Home, Live, LiveFile, Progress, Query, Role, Run, Status};
use crate::{chosen, is_held, lock_run, under};

const ID: &str = "49f84347-f350-4ba6-9f91-db9cf6aa1701";

/// A query's checkpoint at `folder/name`.
fn checkpoint(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    for part in ["locks", "runs", "live", "progress"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
    let metadata = format!(
        "{{\"st-checkpoint\":1,\"kind\":\"query\",\"id\":\"{ID}\",\"created_by\":\"st-tail 1\"}}\n"
    );
    fs::write(path.join("metadata"), metadata).unwrap();
    path
}

fn run(role: Role, stage: &str, end: Option<End>) -> Run {
    Run {
        id: ID.into(),
        run_id: "run".into(),
        role,
        stage: stage.into(),
        started: match role {
            Role::Source => "2025-01-15T10:00:00.000Z".into(),
            _ => "2025-01-15T10:00:01.000Z".into(),
        },
        end,
        ..Run::default()
    }
}

fn end(stage: Option<&str>, error: Option<&str>) -> Option<End> {
    Some(End {
        time: "2025-01-15T10:01:00.000Z".into(),
        stage: stage.map(Into::into),
        error: error.map(Into::into),
    })
}

fn line(run: &str, batch: i64) -> String {
    format!("{{\"id\":\"{ID}\",\"runId\":\"{run}\",\"batchId\":{batch},\"new\":[1]}}\n")
}

fn live(path: &Path, state: Activity, batch: i64, rows: u64) {
    let live = Live {
        time: "2025-01-15T10:00:30.000Z".into(),
        state,
        batch,
        rows,
        bytes: None,
    };
    LiveFile::create(path, "st-tail").unwrap().put(&live);
}

#[test]
fn queries_are_found_below_folders_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let a = checkpoint(folder.path(), "deep/er/a");
    checkpoint(folder.path(), "b");
    // Neither what is hidden, nor behind a link, nor inside another checkpoint, nor a stage's own.
    checkpoint(folder.path(), ".hidden/c");
    checkpoint(folder.path(), "b/state/inner");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
    let own = checkpoint(folder.path(), "own");
    fs::write(
        own.join("metadata"),
        "{\"st-checkpoint\":1,\"kind\":\"stage\",\"id\":\"x\",\"created_by\":\"st-agg 1\"}",
    )
    .unwrap();

    let names = |queries: Vec<Query>| -> Vec<String> {
        queries.into_iter().filter_map(|query| query.name).collect()
    };
    // What others call metadata.
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/metadata"), "title: x").unwrap();
    assert_eq!(names(under(folder.path()).unwrap().queries), ["b", "a"]);
    let twice = [a, folder.path().into()];
    assert_eq!(names(chosen(&twice, false).unwrap().queries), ["a", "b"]);
    let error = chosen(&[folder.path().join("none")], false).unwrap_err();
    assert!(
        error.to_string().ends_with("none: cannot be listed"),
        "{error}"
    );
}

/// A query is never hidden by what happened to its metadata.
#[test]
fn a_query_whose_metadata_is_damaged_is_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let path = |name: &str| checkpoint(&place, name);
    fs::write(path("a").join("metadata"), "").unwrap();
    fs::write(path("b").join("metadata"), "{\"st-checkpoint\":9}").unwrap();
    let c = path("c");
    fs::remove_file(c.join("metadata")).unwrap();
    fs::create_dir(c.join("offsets")).unwrap();
    let d = path("d").join("metadata");
    fs::remove_file(&d).unwrap();
    std::os::unix::fs::symlink(&d, &d).unwrap();
    let found = under(&place).unwrap();
    assert!(found.closed.is_empty());
    let told: Vec<String> = found
        .queries
        .iter()
        .map(|query| {
            query
                .status
                .to_string()
                .replace(&format!("{}/", place.display()), "")
        })
        .collect();
    let restore = "restore it from a copy, or start afresh with a new --checkpoint";
    assert_eq!(
        told,
        [
            format!("unreadable: a/metadata: not a checkpoint's metadata (EOF while parsing a value at line 1 column 0): {restore}"),
            "unreadable: b/metadata: written by a newer st (format 9, this one knows 1): install that version".to_string(),
            format!("unreadable: c/metadata: was removed: {restore}"),
            "unreadable: d/metadata: cannot read: Too many levels of symbolic links (os error 40)".to_string(),
        ]
    );
    let a = &found.queries[0];
    assert_eq!((a.name.as_deref(), a.is_active()), (Some("a"), false));
    assert_eq!(a.id, place.join("a").display().to_string());
    let _lock = lock_run(&place.join("a"), "st-tail").unwrap();
    let a = Query::of_checkpoint(&place.join("a")).unwrap();
    assert!(a.is_active() && !a.status.is_active());
}

#[test]
fn a_lock_is_seen_while_its_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), "q");
    let home = Home::new(&path);
    fs::write(path.join("locks/st-tail"), "").unwrap();
    assert_eq!(home.held(), [""; 0]);
    let lock = lock_run(&path, "st-sink").unwrap();
    assert!(is_held(&path.join("locks/st-sink")));
    assert_eq!(home.held(), ["st-sink"]);
    // Who asked did not take it.
    assert!(lock_run(&path, "st-sink").is_none());
    assert!(lock_run(&path, "st-tail").is_some());
    drop(lock);
    assert!(!home.is_running());
    assert!(lock_run(&path, "../out").is_none());
}

#[test]
fn the_last_whole_report_is_read_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), "q");
    let home = Home::new(&path);
    assert_eq!(home.last_progress("st-sink"), None);
    assert_eq!(home.progress("st-sink").unwrap(), []);

    let file = path.join("progress/st-sink");
    let mut text = "not JSON\n{\"batchId\":5}\n".to_string();
    text += &line("run", 0);
    // Longer than what is read at first, with a report of a million bytes as the last one.
    text += &" \n".repeat(300_000);
    let long = line("run", 1).replace("[1]", &format!("\"{}\"", "x".repeat(1_000_000)));
    text += &long;
    text += line("run", 2).trim_end();
    fs::write(&file, &text).unwrap();
    assert_eq!(home.last_progress("st-sink").unwrap().batch_id, 1);
    let batches: Vec<i64> = home
        .progress("st-sink")
        .unwrap()
        .iter()
        .map(|report| report.batch_id)
        .collect();
    assert_eq!(batches, [0, 1]);
    fs::write(&file, text + "\n").unwrap();
    assert_eq!(home.last_progress("st-sink").unwrap().batch_id, 2);
}

#[test]
fn reports_of_other_versions_are_read() {
    let report = Progress::parse(line("run", 7).trim_end().as_bytes()).unwrap();
    assert_eq!((report.batch_id, report.num_input_rows), (7, 0));
    assert_eq!(
        (report.input_rows_per_second, report.st.stages.len()),
        (None, 0)
    );
    for bad in ["", "[]", "{}", "{\"id\":1}", "{\"id\":\"\"}"] {
        assert_eq!(Progress::parse(bad.as_bytes()), None, "{bad}");
    }
    // What is left out is nothing, and stays out.
    let text = serde_json::to_string(&report).unwrap();
    for absent in ["inputRowsPerSecond", "eventTime", "latencyMs", "closes"] {
        assert!(!text.contains(absent), "{text}");
    }
}

#[test]
fn what_a_source_does_is_written_over_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = LiveFile::create(folder.path(), "st-tail").unwrap();
    let path = folder.path().join("live/st-tail");
    assert_eq!(Live::read(&path), None);
    let mut live = Live {
        time: "2025-01-15T10:00:30.000Z".into(),
        state: Activity::Reading,
        batch: i64::MAX,
        rows: u64::MAX,
        bytes: Some(Bytes {
            done: u64::MAX,
            total: u64::MAX,
        }),
    };
    for rows in [u64::MAX, 3] {
        live.rows = rows;
        file.put(&live);
        assert_eq!(Live::read(&path), Some(live.clone()));
        assert_eq!(fs::metadata(&path).unwrap().len(), 256);
    }
    // Too long for the line: the one before stays.
    let mut long = live.clone();
    long.time = "x".repeat(300);
    file.put(&long);
    assert_eq!(Live::read(&path), Some(live));
    assert!(LiveFile::create(folder.path(), "../out").is_err());
}

/// What the source does and what the sink has delivered, and how the query stands then.
#[test]
fn a_running_query_waits_or_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), "q");
    let _lock = lock_run(&path, "st-tail").unwrap();
    run(Role::Source, "st-tail", None).write(&path).unwrap();
    run(Role::Sink, "st-sink", None).write(&path).unwrap();
    let status = || Query::of_checkpoint(&path).unwrap().status;
    assert_eq!(status(), Status::Waiting);

    live(&path, Activity::Waiting, 0, 0);
    assert_eq!(status(), Status::Waiting);
    live(&path, Activity::Reading, 0, 10);
    assert_eq!(status(), Status::Processing(0));
    // Batch 0 is on its way, nothing is delivered yet.
    live(&path, Activity::Waiting, 1, 0);
    assert_eq!(status(), Status::Processing(0));
    // A report of an earlier run tells nothing about this one.
    let file = path.join("progress/st-sink");
    fs::write(&file, line("earlier", 5)).unwrap();
    assert_eq!(status(), Status::Processing(0));
    fs::write(&file, line("run", 0)).unwrap();
    assert_eq!(status(), Status::Waiting);
    // It has not said yet that it waits.
    live(&path, Activity::Reading, 0, 10);
    assert_eq!(status(), Status::Waiting);
    live(&path, Activity::Trigger, 1, 0);
    assert_eq!(status(), Status::Trigger);
    // Two batches are under way: the first of them counts.
    live(&path, Activity::Reading, 3, 10);
    assert_eq!(status(), Status::Processing(1));
    let query = Query::of_checkpoint(&path).unwrap();
    assert_eq!(
        (query.batch_id(), query.started.as_str()),
        (0, "2025-01-15T10:00:00.000Z")
    );
    assert_eq!(
        query.evidence(),
        "locks held: st-tail; at 2025-01-15T10:00:30.000Z a source reads, batch 3, 10 rows of it; st-sink delivered batch 0; \
         st-tail has not said how it ended; st-sink has not said how it ended"
    );
}

/// The stage that failed says why; others only pass it on; a sink without an end was killed.
#[test]
fn a_query_that_is_over_stopped_or_failed() {
    let folder = tempfile::tempdir().unwrap();
    let status = |name: &str, runs: &[Run]| {
        let path = checkpoint(folder.path(), name);
        for run in runs {
            run.write(&path).unwrap();
        }
        Query::of_checkpoint(&path).unwrap().status.to_string()
    };
    let well = end(None, None);
    let source = |end| run(Role::Source, "st-tail", end);
    let sink = |end| run(Role::Sink, "st-sink", end);
    assert_eq!(status("none", &[]), "stopped");
    assert_eq!(
        status("refused", &[source(well.clone())]),
        "stopped before a sink had begun"
    );
    assert_eq!(
        status("well", &[source(well.clone()), sink(well.clone())]),
        "stopped"
    );
    assert_eq!(
        status("killed", &[source(well.clone()), sink(None)]),
        "failed: st-sink: was killed, or the machine went down: run the same line again"
    );
    let passed_on = end(Some("st-map"), Some("st-map failed"));
    let told = run(
        Role::Stage,
        "st-map",
        end(Some("st-map"), Some("line 7: not JSON")),
    );
    assert_eq!(
        status(
            "failed",
            &[source(well.clone()), sink(passed_on.clone()), told.clone()]
        ),
        "failed: st-map: line 7: not JSON"
    );
    assert_eq!(
        status("told", &[source(well.clone()), sink(passed_on)]),
        "failed: st-map: st-map failed"
    );
    // A failure of an earlier run is over.
    let mut earlier = told;
    earlier.started = "2025-01-15T09:00:00.000Z".into();
    assert_eq!(
        status("mended", &[source(well.clone()), sink(well), earlier]),
        "stopped"
    );
}

/// Of several sinks; those that have reported in this run come before others.
#[test]
fn the_sink_that_is_behind_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), "q");
    run(Role::Source, "st-tail", end(None, None))
        .write(&path)
        .unwrap();
    for (sink, batch) in [("a", 7), ("b", 5), ("c", 9)] {
        run(Role::Sink, sink, end(None, None)).write(&path).unwrap();
        fs::write(path.join("progress").join(sink), line("run", batch)).unwrap();
    }
    let query = Query::of_checkpoint(&path).unwrap();
    assert_eq!((query.sinks.len(), query.batch_id()), (3, 5));
    assert_eq!(query.progress("c").unwrap()[0].batch_id, 9);
    // At the same batch the one with a watermark tells more.
    let marked = line("run", 5).replace(
        "[1]",
        "[1],\"st\":{\"watermark\":\"2025-01-15T10:00:00.000Z\"}",
    );
    fs::write(path.join("progress/a"), line("run", 5)).unwrap();
    fs::write(path.join("progress/c"), marked).unwrap();
    let last = Query::of_checkpoint(&path).unwrap();
    let mark = last.last_progress().unwrap().st.watermark.clone();
    assert_eq!(mark.as_deref(), Some("2025-01-15T10:00:00.000Z"));
}
