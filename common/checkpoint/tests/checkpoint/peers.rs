//! Several sources of one query: what each knows of the others, and how a state goes on without its source.

use serde_json::{Value, json};
use st_checkpoint::{
    Change, Commits, Holder, OffsetRecord, Offsets, Patience, Peers, QueryDir, Recorded, StateFile,
};

use crate::support::query;

fn offsets(dir: &QueryDir, source: &str) -> Offsets {
    Offsets::open(dir, source, &json!({}), &|_: &Change| false).unwrap()
}

fn record(batch: i64) -> OffsetRecord {
    OffsetRecord {
        batch,
        time: "2025-01-15T10:00:00.000Z".into(),
        is_final: false,
        rows: 0,
        range: Recorded::new(&Value::Null).unwrap(),
        memory: None,
        filled: true,
        since: None,
    }
}

#[test]
fn a_source_sees_how_far_the_others_have_come() {
    let (_folder, dir) = query();
    let mut own = offsets(&dir, "l");
    let mut peers = Peers::new(&dir, "l");
    assert_eq!((peers.reached().unwrap(), peers.any()), (None, false));
    let mut other = offsets(&dir, "r");
    assert_eq!((peers.reached().unwrap(), peers.any()), (None, true));
    own.append(&record(0)).unwrap();
    other
        .append_all(&[record(0), record(1), record(2)])
        .unwrap();
    assert_eq!(peers.reached().unwrap(), Some(2));
    assert!(other.append_all(&[record(4)]).is_err());
    assert_eq!(offsets(&dir, "r").last(), Some(2));
}

#[test]
fn an_end_is_noted_and_found_again() {
    let (_folder, dir) = query();
    let peers = Peers::new(&dir, "r");
    assert_eq!(peers.ended().unwrap(), None);
    peers.end(4).unwrap();
    peers.end(7).unwrap();
    assert_eq!(Peers::new(&dir, "r").ended().unwrap(), Some(7));
    assert_eq!(Peers::new(&dir, "l").ended().unwrap(), None);
}

#[test]
fn a_state_is_closed_for_batches_its_source_had_no_part_in() {
    let (_folder, dir) = query();
    let open =
        |dir: &QueryDir, epoch| StateFile::open(dir, "st-agg", &json!({}), epoch, &|_| false);
    let mut state = open(&dir, -1).unwrap();
    state.put(b"1", b"2").unwrap();
    state.close_epoch(0, 1, "{\"m\":1}").unwrap();
    let mut sink = Commits::register(
        &dir,
        "st-sink",
        -1,
        &Value::Null,
        &[json!({"name": "st-agg"})],
    )
    .unwrap();
    for batch in 0..4 {
        sink.commit(batch, 0, None).unwrap();
    }
    let short = format!("{:#}", open(&dir, 3).map(drop).unwrap_err());
    assert!(
        short.contains("ends at epoch 0") && short.contains("epoch 3 is needed"),
        "{short}"
    );
    let state = open(&dir.clone().filled_since(Some(0)), 3).unwrap();
    assert_eq!(
        (state.epoch(), state.live_keys(), state.meta()),
        (3, 1, "{\"m\":1}")
    );
    let state = open(&dir, 3).unwrap();
    let mut keys = 0;
    state
        .restore(|_, value| {
            keys += i32::from(value.is_some());
            Ok(())
        })
        .unwrap();
    assert_eq!((state.epoch(), keys), (3, 1));
}

#[test]
fn sources_that_start_at_once_do_not_wait_for_each_other() {
    let (_folder, dir) = query();
    let mut patience = Patience::default();
    let holder = |tool: &str, started: &str| Holder::this(tool, started);
    let old = "2025-01-15T10:00:00.000Z";
    let new = "2025-01-15T11:00:00.000Z";
    let _l = dir
        .lock(
            "l",
            &holder("st-tail", new).as_source(),
            &mut patience,
            &mut |_| {},
        )
        .unwrap();
    let _agg = dir
        .lock("st-agg", &holder("st-agg", new), &mut patience, &mut |_| {})
        .unwrap();
    assert!(dir.source_runs_beside(&["r"], new).unwrap());
    assert!(!dir.source_runs_beside(&["l"], new).unwrap());
    let mut never = Patience::new(std::time::Duration::ZERO, |_| Ok(()));
    dir.await_other_locks(&["r"], new, &mut never, &mut |_| {})
        .unwrap();
    // So is what is below the one that asks and has not begun, however young.
    {
        let below = holder("st-union", new).below(vec!["l".into(), "r".into()]);
        let _union = dir
            .lock("st-union", &below, &mut patience, &mut |_| {})
            .unwrap();
        let held = dir.await_other_locks(&["r"], new, &mut never, &mut |_| {});
        assert!(format!("{:#}", held.unwrap_err()).contains("st-union"));
    }
    // What began before is of an earlier run.
    let _map = dir
        .lock("st-map", &holder("st-map", old), &mut patience, &mut |_| {})
        .unwrap();
    let held = dir.await_other_locks(&["r"], new, &mut never, &mut |_| {});
    assert!(format!("{:#}", held.unwrap_err()).contains("st-map"));
}

#[test]
fn every_sink_is_announced_where_there_are_several_sources() {
    let (_folder, dir) = query();
    let mut sink = Commits::register(&dir, "st-sink", -1, &Value::Null, &[]).unwrap();
    sink.commit(0, 0, None).unwrap();
    dir.replaying_from(0, true).unwrap();
    // An earlier run that is still ending commits once more; the other source starts where the first one did.
    sink.commit(1, 0, None).unwrap();
    assert_eq!(dir.committed().unwrap(), 0);
    dir.replaying_from(0, true).unwrap();
    drop(sink);
    let ahead = Commits::register(&dir, "st-sink", 0, &Value::Null, &[]).unwrap();
    assert_eq!(dir.committed().unwrap(), 0);
    ahead.caught_up().unwrap();
    dir.replaying_from(1, true).unwrap();
    // Nothing to replay: it is registered, and holds the floor by itself.
    Commits::register(&dir, "st-sink", 1, &Value::Null, &[]).unwrap();
    assert!(!dir.path().join("replaying/st-sink").exists());
}
