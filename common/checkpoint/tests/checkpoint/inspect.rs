//! Looking: what is read is an epoch as it was closed, whatever the stage does meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use st_checkpoint::{Commits, QueryDir, StateView};

use crate::state::{definition, open};
use crate::support::{files, message, query};

fn read(
    dir: &QueryDir,
    epoch: Option<i64>,
) -> anyhow::Result<(StateView, BTreeMap<String, String>)> {
    let keys = std::cell::RefCell::new(BTreeMap::new());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let view = dir.read_state(
        "st-agg",
        epoch,
        || keys.borrow_mut().clear(),
        |key, value| match value {
            Some(value) => _ = keys.borrow_mut().insert(text(key), text(value)),
            None => _ = keys.borrow_mut().remove(&text(key)),
        },
    )?;
    Ok((view, keys.into_inner()))
}

/// Epoch N has the key `"n"` with the value N, and the keys of its last three epochs.
fn write(state: &mut st_checkpoint::StateFile, epoch: i64) {
    state.put(b"\"n\"", epoch.to_string().as_bytes()).unwrap();
    state
        .put(format!("\"k{epoch}\"").as_bytes(), b"true")
        .unwrap();
    if epoch >= 3 {
        state
            .remove(format!("\"k{}\"", epoch - 3).as_bytes())
            .unwrap();
    }
    state
        .close_epoch(
            epoch,
            (epoch + 2).min(4) as u64,
            &format!("{{\"epoch\":{epoch}}}"),
        )
        .unwrap();
}

fn live(epoch: i64) -> Vec<(String, String)> {
    let keys = (0.max(epoch - 2)..=epoch).map(|k| (format!("\"k{k}\""), "true".to_string()));
    let mut all: Vec<_> = keys
        .chain([("\"n\"".to_string(), epoch.to_string())])
        .collect();
    all.sort();
    all
}

fn compact(state: &mut st_checkpoint::StateFile, epoch: i64) {
    state
        .compact(|put| {
            live(epoch)
                .iter()
                .try_for_each(|(k, v)| put(k.as_bytes(), v.as_bytes()))
        })
        .unwrap();
}

#[test]
fn every_epoch_kept_is_shown_as_it_was_closed() {
    let (folder, dir) = query();
    let mut state = open(&dir, -1).unwrap();
    for epoch in 0..8 {
        write(&mut state, epoch);
        if epoch == 4 {
            compact(&mut state, epoch);
        }
    }
    // Of an epoch that is not closed nothing is seen.
    state.put(b"\"n\"", &[b'9'; 1 << 19]).unwrap();
    let before = files(folder.path());
    let look = QueryDir::open_to_look(&folder.path().join("ck")).unwrap();
    assert_eq!(look.stages().unwrap(), ["st-agg"]);
    assert_eq!(look.epochs("st-agg").unwrap(), (-1, 7));
    for epoch in 0..8 {
        let (view, keys) = read(&look, Some(epoch)).unwrap();
        assert_eq!(
            keys.into_iter().collect::<Vec<_>>(),
            live(epoch),
            "epoch {epoch}"
        );
        assert_eq!((view.epoch, view.definition), (epoch, definition()));
        assert_eq!(view.meta, format!("{{\"epoch\":{epoch}}}"));
    }
    assert_eq!(read(&look, None).unwrap().0.epoch, 7);
    assert_eq!(files(folder.path()), before, "looking makes nothing");
    assert_eq!(
        message(read(&look, Some(8)), &folder),
        "ck: no epoch 8 of st-agg: those kept are -1 to 7"
    );
    let other = look.read_state("other", None, || {}, |_, _| {});
    assert_eq!(
        message(other, &folder),
        "ck: no state of a stage `other`: there are st-agg"
    );
}

#[test]
fn reading_goes_on_while_the_stage_writes_and_compacts() {
    let (folder, dir) = query();
    let mut state = open(&dir, -1).unwrap();
    let mut sink = Commits::register(
        &dir,
        "st-sink",
        -1,
        &json!(null),
        &[json!({"name": "st-agg"})],
    )
    .unwrap();
    let look = QueryDir::open_to_look(&folder.path().join("ck")).unwrap();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = Vec::new();
            // Once more when all is written, so that one read at least is of the end.
            loop {
                let last = done.load(Ordering::SeqCst);
                let (view, keys) = read(&look, None).unwrap();
                let expected = if view.epoch < 0 {
                    Vec::new()
                } else {
                    live(view.epoch)
                };
                assert_eq!(
                    keys.into_iter().collect::<Vec<_>>(),
                    expected,
                    "epoch {}",
                    view.epoch
                );
                reads.push(view.epoch);
                if last {
                    return reads;
                }
            }
        });
        for epoch in 0..400 {
            write(&mut state, epoch);
            sink.commit(epoch, 1, None).unwrap();
            if epoch % 3 == 0 {
                compact(&mut state, epoch);
            }
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert_eq!(reads.last(), Some(&399));
    assert!(reads.is_sorted(), "{reads:?}");
}
