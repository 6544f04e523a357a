#![no_main]
//! The state-file reader: a sound file with one piece replaced is refused, or read as just what was written.
//!
//! Input: where the piece begins and how much it replaces, two bytes each, then the piece.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use st_checkpoint::{Change, Durability, Kind, QueryDir, StateFile};
use tempfile::TempDir;

type Keys = BTreeMap<Vec<u8>, Vec<u8>>;

static QUERY: LazyLock<(TempDir, QueryDir, Vec<u8>, Vec<Keys>)> = LazyLock::new(|| {
    // In memory, where there is such a folder: it is written to thousands of times a second.
    let folder = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .expect("a folder");
    let path = folder.path().join("ck");
    let dir = QueryDir::create_or_open(&path, Kind::Query, Durability::Process, "fuzz")
        .expect("a directory");
    let mut state = open(&dir, -1).expect("an empty state");
    let mut epochs = vec![Keys::new()];
    for epoch in 0..4 {
        let mut keys = epochs[epoch].clone();
        for n in 0..3 {
            let (key, value) = (format!("[\"key {n}\"]"), format!("[{epoch}.5,\"x\"]"));
            if (epoch + n) % 3 == 2 {
                state.remove(key.as_bytes()).expect("removed");
                keys.remove(key.as_bytes());
            } else {
                state.put(key.as_bytes(), value.as_bytes()).expect("put");
                keys.insert(key.into_bytes(), value.into_bytes());
            }
        }
        state
            .close_epoch(epoch as i64, keys.len() as u64, "{\"mark\":1}")
            .expect("closed");
        epochs.push(keys);
    }
    let whole = std::fs::read(state.path()).expect("the file");
    drop(state);
    (folder, dir, whole, epochs)
});

fn open(dir: &QueryDir, epoch: i64) -> anyhow::Result<StateFile> {
    let definition: Value = json!({"by": ["k"]});
    StateFile::open(dir, "st-agg", &definition, epoch, &|_: &Change| false)
}

fuzz_target!(|input: &[u8]| {
    let (_, dir, whole, epochs) = &*QUERY;
    let Some((&[a, b, c, d, epoch], piece)) = input.split_first_chunk::<5>() else {
        return;
    };
    let at = usize::from(u16::from_le_bytes([a, b])) % (whole.len() + 1);
    let length = usize::from(u16::from_le_bytes([c, d])) % (whole.len() - at + 1);
    let epoch = i64::from(epoch % 4);
    let damaged = [&whole[..at], piece, &whole[at + length..]].concat();
    let path = dir.path().join("state/st-agg@0.ndjson");
    std::fs::write(&path, &damaged).expect("written");
    if let Ok(state) = open(dir, epoch) {
        let mut keys = Keys::new();
        state
            .restore(|key, value| {
                match value {
                    Some(value) => keys.insert(key.to_vec(), value.to_vec()),
                    None => keys.remove(key),
                };
                Ok(())
            })
            .expect("it was verified");
        assert_eq!(state.epoch(), epoch);
        assert_eq!(keys, epochs[epoch as usize + 1]);
    }
});
