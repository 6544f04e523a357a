//! Format 1 as an independent writer wrote it: it opens, it reads as documented, and the crate
//! writes the same bytes. A later format must keep opening it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use st_checkpoint::{
    Change, Claim, Commits, Durability, Holder, Kind, Memory, OffsetRecord, Offsets, Patience,
    Progress, QueryDir, Recorded, SideFile, SideKind, Spool, StateFile, Target, claim,
};
use tempfile::TempDir;

use crate::state::keys;
use crate::support::{BY, copy, files, lines, text};

const QUERY: &str = "5f0c3f0e-6f1d-4c53-9a55-0c8f6a5b7d21";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn opened() -> (TempDir, QueryDir) {
    let folder = TempDir::new().unwrap();
    copy(&fixture(), folder.path());
    let path = folder.path().join("ck");
    let dir = QueryDir::create_or_open(&path, Kind::Query, Durability::Process, BY).unwrap();
    (folder, dir)
}

fn safe(_: &Change) -> bool {
    false
}

fn source() -> Value {
    json!({"path": "data", "format": "json"})
}

fn aggregate() -> Value {
    json!({"by": ["category"], "agg": ["sum(price) as revenue"]})
}

fn plan() -> [Value; 2] {
    [
        json!({"tool": "st-tail", "name": "st-tail"}),
        json!({"tool": "st-agg", "name": "st-agg"}),
    ]
}

fn batches() -> [OffsetRecord; 3] {
    let record = |batch, time: &str, is_final, range: Value, memory| OffsetRecord {
        batch,
        time: time.into(),
        is_final,
        rows: 7,
        range: Recorded::new(&range).unwrap(),
        memory,
        filled: false,
        since: None,
    };
    [
        record(
            0,
            "2025-01-15T10:30:00.000Z",
            false,
            json!({"files": ["data/a.json"]}),
            None,
        ),
        record(
            1,
            "2025-01-15T10:30:10.000Z",
            false,
            json!({"files": ["data/b.json"]}),
            Some(json!({"seen": 2})),
        ),
        record(
            2,
            "2025-01-15T10:30:20.000Z",
            true,
            json!({"files": []}),
            None,
        ),
    ]
}

#[test]
fn every_file_of_format_1_opens_and_reads_as_documented() {
    let (folder, dir) = opened();
    assert_eq!((dir.id(), dir.committed().unwrap()), (QUERY, 1));

    let offsets = Offsets::open(&dir, "st-tail", &source(), &safe).unwrap();
    assert_eq!(offsets.after(-1).unwrap(), batches());

    let commits =
        Commits::register(&dir, "st-sink", 1, &json!({"file": "out.json"}), &plan()).unwrap();
    assert_eq!((commits.joined(), commits.last()), (-1, 1));
    assert_eq!((commits.rows_of(0), commits.rows_of(1)), (Some(2), Some(0)));
    assert_eq!(commits.detail_of(0).unwrap(), Some(json!({"length": 64})));

    let mut seen = Vec::new();
    let memory = Memory::open(&dir, "st-tail", &mut |batch, data| {
        seen.push(format!("{batch} {data}"));
        Ok(())
    });
    assert_eq!(memory.unwrap().through(), Some(1));
    assert_eq!(
        seen,
        [r#"0 ["data/0.json","data/1.json"]"#, r#"1 ["data/2.json"]"#]
    );

    let mut spooled = Vec::new();
    Spool::open(&dir, "st-listen", 8)
        .unwrap()
        // CRC-32 of "one\ntwo\n", by Python's binascii.crc32.
        .read(0, 8, 0x12ba0be6, &mut |block| {
            spooled.extend_from_slice(block);
            Ok(())
        })
        .unwrap();
    assert_eq!(spooled, b"one\ntwo\n");

    let state = StateFile::open(&dir, "st-agg", &aggregate(), 1, &safe).unwrap();
    assert_eq!(state.meta(), r#"{"watermark":"2025-01-15T10:25:00.000Z"}"#);
    let found: Vec<_> = keys(&state).into_iter().collect();
    assert_eq!(found, [(r#"["books"]"#.to_string(), "[12.5]".to_string())]);

    for (stage, kind) in [("st-map", SideKind::Rejects), ("st-agg", SideKind::Late)] {
        let side = SideFile::open(&dir, stage, kind, None, 1).unwrap();
        let kept = side
            .path()
            .strip_prefix(folder.path())
            .unwrap()
            .to_path_buf();
        assert_eq!(
            text(side.path()),
            text(fixture().join(kept)),
            "nothing is cut"
        );
    }
    Progress::open(&dir, "st-sink").unwrap();
    let out = folder.path().join("out.json");
    let claimed = claim(Target::File(&out), QUERY, "st-sink", Durability::Process).unwrap();
    assert_eq!(claimed, Claim::Kept);
}

#[test]
fn an_old_generation_of_format_1_serves_an_earlier_epoch() {
    let (_folder, dir) = opened();
    let state = StateFile::open(&dir, "st-agg", &aggregate(), 0, &safe).unwrap();
    let found: Vec<_> = keys(&state)
        .into_iter()
        .map(|(k, v)| k + " " + &v)
        .collect();
    assert_eq!(found, [r#"["books"] [12.5]"#, r#"["games"] ["NaN"]"#]);
}

#[test]
fn the_crate_writes_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ck");
    std::fs::create_dir(&path).unwrap();
    std::fs::copy(fixture().join("ck/metadata"), path.join("metadata")).unwrap();
    let dir = QueryDir::create_or_open(&path, Kind::Query, Durability::Process, BY).unwrap();

    let mut offsets = Offsets::open(&dir, "st-tail", &source(), &safe).unwrap();
    batches()
        .iter()
        .for_each(|record| offsets.append(record).unwrap());
    let target = json!({"file": "out.json"});
    let mut commits = Commits::register(&dir, "st-sink", -1, &target, &plan()).unwrap();
    commits.commit(0, 2, Some(&json!({"length": 64}))).unwrap();
    let mut memory = Memory::open(&dir, "st-tail", &mut |_, _| Ok(())).unwrap();
    memory
        .append([
            (0, &vec!["data/0.json", "data/1.json"]),
            (1, &vec!["data/2.json"]),
        ])
        .unwrap();
    let mut spool = Spool::open(&dir, "st-listen", 0).unwrap();
    spool.append(b"one\ntwo\nthree\n").unwrap();
    spool.seal().unwrap();

    let mut state = StateFile::open(&dir, "st-agg", &aggregate(), -1, &safe).unwrap();
    state.put(br#"["books"]"#, b"[12.5]").unwrap();
    state.put(br#"["games"]"#, br#"["NaN"]"#).unwrap();
    state
        .close_epoch(0, 2, r#"{"watermark":"2025-01-15T10:20:00.000Z"}"#)
        .unwrap();
    state.remove(br#"["games"]"#).unwrap();
    let mark = r#"{"watermark":"2025-01-15T10:25:00.000Z"}"#;
    state.close_epoch(1, 1, mark).unwrap();
    state
        .compact(|put| put(br#"["books"]"#, b"[12.5]"))
        .unwrap();
    state.close_epoch(2, 1, mark).unwrap();
    commits.commit(1, 0, None).unwrap();

    let mut side = SideFile::open(&dir, "st-map", SideKind::Rejects, None, -1).unwrap();
    side.append(0, "not JSON", Some("data/a.json:17"), br#"{"price": 12"#)
        .unwrap();
    side.append(1, "not UTF-8", None, b"caf\xe9").unwrap();
    side.sync().unwrap();
    let mut late = SideFile::open(&dir, "st-agg", SideKind::Late, None, -1).unwrap();
    late.append(1, "late", None, br#"{"category":"books","price":3}"#)
        .unwrap();
    late.sync().unwrap();
    let mut progress = Progress::open(&dir, "st-sink").unwrap();
    progress.append(br#"{"id":0,"rows":2}"#).unwrap();
    progress.append(br#"{"id":1,"rows":0}"#).unwrap();
    let holder = Holder {
        pid: 4711,
        tool: "st-agg".into(),
        source: false,
        started: "2025-01-15T10:29:59.000Z".into(),
        above: vec!["st-tail".into()],
    };
    let _lock = dir
        .lock("st-agg", &holder, &mut Patience::default(), &mut |_| {})
        .unwrap();
    let out = folder.path().join("out.json");
    claim(Target::File(&out), QUERY, "st-sink", Durability::Process).unwrap();

    assert_eq!(files(folder.path()), files(&fixture()));
    for file in files(&fixture()) {
        assert_eq!(
            text(folder.path().join(&file)),
            text(fixture().join(&file)),
            "{file}"
        );
    }
}

#[test]
fn the_documentation_shows_each_of_these_lines() {
    let docs = text(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CHECKPOINTS.md"));
    for file in files(&fixture()) {
        for line in lines(fixture().join(&file)) {
            assert!(docs.lines().any(|shown| shown == line), "{file}: {line}");
        }
    }
}

#[test]
fn the_documentation_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = text(root.join("../../docs/CHECKPOINTS.md"));
    let mut named = 0;
    for quoted in docs.split('`') {
        let Some((module, test)) = quoted.split_once("::") else {
            continue;
        };
        let file = format!("{module}.rs");
        let places = [
            "tests/checkpoint",
            "tests/processes",
            "../../tools/st-tail/tests",
        ]
        .map(|folder| root.join(folder));
        let source = places
            .iter()
            .map(|place| place.join(&file))
            .find(|file| file.exists());
        assert!(
            text(source.unwrap()).contains(&format!("fn {test}()")),
            "{quoted}"
        );
        named += 1;
    }
    assert!(named > 30, "{named}");
}
