//! The live keys of a stage as of an epoch, in the order of their text.

use std::collections::BTreeMap;

use anyhow::Result;
use st_checkpoint::{QueryDir, StateView};
use st_stream::message::tell;

/// Keys and values, as raw JSON.
pub type Keys = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads the keys of `stage` as of `epoch`, the last one kept if none is given.
///
/// # Errors
/// As [`QueryDir::read_state`].
pub fn read(dir: &QueryDir, stage: &str, epoch: Option<i64>) -> Result<(StateView, Keys)> {
    // Both closures fill it.
    let keys = std::cell::RefCell::new(Keys::new());
    let view = dir.read_state(
        stage,
        epoch,
        || keys.borrow_mut().clear(),
        |key, value| {
            let mut keys = keys.borrow_mut();
            match value {
                Some(value) => keys.insert(key.to_vec(), value.to_vec()),
                None => keys.remove(key),
            };
        },
    )?;
    let keys = keys.into_inner();
    tell(1, "st-state", || {
        let asked = match epoch {
            Some(_) => "as asked",
            None => "the last one kept",
        };
        let (stage, epoch, count) = (&view.stage, view.epoch, keys.len());
        format!("{stage}: read as of epoch {epoch}, {asked}: {count} keys")
    });
    tell(2, "st-state", || {
        format!("{stage}: defined by {}", view.definition)
    });
    Ok((view, keys))
}
