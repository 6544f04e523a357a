//! A device that takes no more bytes: one error with the path, and the next run goes on from
//! what was acknowledged. The limit is a file-size limit on a process of its own, which cuts a
//! write in its middle just as a full disk does.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use st_checkpoint::{
    Change, Commits, Durability, Kind, OffsetRecord, Offsets, QueryDir, Recorded, SideFile,
    SideKind, Spool, StateFile,
};

use crate::support::{BY, given_folder, process, query};

/// Something that takes one batch at a time.
trait Writer {
    fn write(&mut self, batch: i64) -> anyhow::Result<()>;
}

impl<F: FnMut(i64) -> anyhow::Result<()>> Writer for F {
    fn write(&mut self, batch: i64) -> anyhow::Result<()> {
        self(batch)
    }
}

const WIDE: usize = 300;

/// Opens what the test is about, as of `last`, and tells the last batch it stands at.
fn open(what: &str, dir: &QueryDir, last: Option<i64>) -> anyhow::Result<(i64, Box<dyn Writer>)> {
    let safe = |_: &Change| false;
    let wide = "w".repeat(WIDE);
    Ok(match what {
        "offsets" => {
            let mut offsets = Offsets::open(dir, "st-tail", &Value::Null, &safe)?;
            let stands = offsets.last().unwrap_or(-1);
            let write = move |batch| {
                let range = Recorded::new(&json!(wide))?;
                let record = OffsetRecord {
                    batch,
                    time: String::new(),
                    is_final: false,
                    rows: 5,
                    range,
                    memory: None,
                    filled: false,
                    since: None,
                };
                offsets.append(&record)
            };
            (stands, Box::new(write))
        }
        "commits" => {
            let mut commits = Commits::register(dir, "st-sink", -1, &Value::Null, &[])?;
            (
                commits.last(),
                Box::new(move |batch| commits.commit(batch, 1, Some(&json!(wide)))),
            )
        }
        "state" => {
            let mut state = match last {
                Some(last) => StateFile::open(dir, "st-agg", &Value::Null, last, &safe)?,
                None => StateFile::open(dir, "st-agg", &Value::Null, -1, &safe)?,
            };
            let write = move |batch: i64| {
                state.put(
                    batch.to_string().as_bytes(),
                    json!(wide).to_string().as_bytes(),
                )?;
                state.close_epoch(batch, batch as u64 + 1, "null")
            };
            (last.unwrap_or(-1), Box::new(write))
        }
        "side" => {
            let epoch = last.unwrap_or(-1);
            let mut side = SideFile::open(dir, "st-map", SideKind::Rejects, None, epoch)?;
            let write = move |batch| {
                side.append(batch, "bad", None, wide.as_bytes())?;
                side.sync()
            };
            (epoch, Box::new(write))
        }
        _ => {
            let line = wide + "\n";
            let recorded = last.map_or(0, |last| (last as u64 + 1) * line.len() as u64);
            let mut spool = Spool::open(dir, "st-listen", recorded)?;
            let write = move |_| {
                spool.append(line.as_bytes())?;
                spool.seal().map(drop)
            };
            (last.unwrap_or(-1), Box::new(write))
        }
    })
}

/// The process under the limit: writes batches until one fails.
#[test]
fn limited_process() {
    let Some(folder) = given_folder() else { return };
    let what = std::env::var("ST_TEST_WHAT").unwrap();
    let dir = QueryDir::create_or_open(&folder, Kind::Query, Durability::Process, BY).unwrap();
    let (mut last, mut writer) = open(&what, &dir, None).unwrap();
    let mut out = std::io::stdout();
    loop {
        match writer.write(last + 1) {
            Ok(()) => last += 1,
            Err(error) => {
                let again = writer.write(last + 1).unwrap_err();
                writeln!(out, "\nlast={last}\nerror={error:#}\nagain={again:#}").unwrap();
                return;
            }
        }
    }
}

fn fills_up(what: &str, file: &str) {
    let (_folder, dir) = query();
    let mut command = process(
        "faults::limited_process",
        dir.path(),
        "trap '' XFSZ; ulimit -f 8;",
    );
    let output = command.env("ST_TEST_WHAT", what).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let field = |name: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| {
            panic!(
                "{name} in: {out}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
    };
    let path = dir.path().join(file);
    let shown = path.display();
    let error = field("error=");
    assert!(
        error.starts_with(&format!("{shown}: cannot write: File too large")),
        "{error}"
    );
    assert!(
        field("again=").ends_with("an earlier write failed: run again"),
        "{}",
        field("again=")
    );
    let last: i64 = field("last=").parse().unwrap();
    assert!(last > 10, "{last}");

    // Room again: nothing acknowledged is lost, the unfinished rest is cut, and it goes on.
    let (stands, mut writer) = open(what, &dir, Some(last)).unwrap();
    assert_eq!(stands, last);
    for batch in last + 1..last + 10 {
        writer.write(batch).unwrap();
    }
    drop(writer);
    let (clean, expected) = (query(), last + 9);
    let (_, mut writer) = open(what, &clean.1, None).unwrap();
    for batch in 0..=expected {
        writer.write(batch).unwrap();
    }
    drop(writer);
    let ours = lengths(&path);
    assert_eq!(
        ours,
        lengths(&clean.1.path().join(file)),
        "as if there had always been room"
    );
}

/// The file's lines by length: they differ from a clean run's in the query's id alone.
fn lengths(path: &Path) -> Vec<usize> {
    crate::support::lines(path)
        .iter()
        .map(String::len)
        .collect()
}

#[test]
fn offsets_without_room() {
    fills_up("offsets", "offsets/st-tail");
}

#[test]
fn commits_without_room() {
    fills_up("commits", "commits/st-sink");
}

#[test]
fn state_without_room() {
    fills_up("state", "state/st-agg@0.ndjson");
}

#[test]
fn side_file_without_room() {
    fills_up("side", "rejects/st-map.ndjson");
}

#[test]
fn spool_without_room() {
    fills_up("spool", "sources/st-listen.spool/00000000000000000000");
}
