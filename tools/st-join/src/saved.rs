//! The held rows in the state file: the key is the side and the row's number on it, `["l",17]`; the value has the row as it
//! came, and whether it has had a match: `{"matched":false,"row":{…}}`.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use st_checkpoint::{QueryDir, StateFile};

use crate::side::{L, R};
use crate::state::{Held, State};

/// The state file of one join.
pub struct Saved {
    file: StateFile,
    key: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Deserialize)]
struct Row<'r> {
    matched: bool,
    #[serde(borrow)]
    row: &'r RawValue,
}

/// What holds beside the rows: the numbers that come next.
#[derive(Default, Deserialize)]
struct Next {
    l: u64,
    r: u64,
}

/// A row as the file has it: side, number, whether it has had a match, and the row.
pub type Found = (usize, u64, bool, Vec<u8>);

impl Saved {
    /// Opens the state as of `epoch`: the rows in it, in the order they came, and the numbers that come next.
    ///
    /// # Errors
    /// As [`StateFile::open`]; what is none of our rows.
    pub fn open(
        dir: &QueryDir,
        stage: &str,
        definition: &Value,
        epoch: i64,
    ) -> Result<(Saved, Vec<Found>, [u64; 2])> {
        // What is shown of a pair changes no state.
        let safe = |change: &st_checkpoint::Change| change.path == "select";
        let file = StateFile::open(dir, stage, definition, epoch, &safe)?;
        let mut rows = std::collections::BTreeMap::new();
        file.restore(|key, value| {
            let (side, number): (String, u64) =
                serde_json::from_slice(key).context("not a row of a join")?;
            let side = match side.as_str() {
                "l" => L,
                "r" => R,
                other => bail!("no side is called `{other}`"),
            };
            match value {
                None => rows.remove(&(side, number)),
                Some(value) => {
                    let row: Row<'_> =
                        serde_json::from_slice(value).context("not a row of a join")?;
                    rows.insert(
                        (side, number),
                        (row.matched, row.row.get().as_bytes().to_vec()),
                    )
                }
            };
            Ok(())
        })?;
        let next: Option<Next> =
            serde_json::from_str(file.meta()).context("not the state of a join")?;
        let next = next.unwrap_or_default();
        let saved = Saved {
            file,
            key: Vec::new(),
            value: Vec::new(),
        };
        let rows = rows
            .into_iter()
            .map(|((side, number), (matched, row))| (side, number, matched, row));
        Ok((saved, rows.collect(), [next.l, next.r]))
    }

    /// Makes the epoch durable.
    ///
    /// # Errors
    /// A failed write.
    pub fn close(&mut self, epoch: i64, states: &mut [State; 2]) -> Result<()> {
        let Saved { file, key, value } = self;
        for (side, state) in states.iter_mut().enumerate() {
            let file = std::cell::RefCell::new(&mut *file);
            let mut key_gone = Vec::new();
            state.take_changes(
                |number| {
                    write_key(&mut key_gone, side, number);
                    file.borrow_mut().remove(&key_gone)
                },
                |held| {
                    write_key(key, side, held.number);
                    write_value(value, &held);
                    file.borrow_mut().put(key, value)
                },
            )?;
        }
        let meta = format!("{{\"l\":{},\"r\":{}}}", states[L].next, states[R].next);
        let rows = states.iter().map(|state| state.len() as u64).sum();
        file.close_epoch(epoch, rows, &meta)?;
        if file.wants_compaction() {
            file.compact(|put| {
                for (side, state) in states.iter().enumerate() {
                    state.all(|held| {
                        write_key(key, side, held.number);
                        write_value(value, &held);
                        put(key, value)
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn write_key(out: &mut Vec<u8>, side: usize, number: u64) {
    out.clear();
    out.extend_from_slice(if side == L { b"[\"l\"," } else { b"[\"r\"," });
    out.extend_from_slice(number.to_string().as_bytes());
    out.push(b']');
}

fn write_value(out: &mut Vec<u8>, held: &Held<'_>) {
    out.clear();
    out.extend_from_slice(if held.matched {
        b"{\"matched\":true,\"row\":"
    } else {
        b"{\"matched\":false,\"row\":"
    });
    out.extend_from_slice(st_row::trim(held.row));
    out.push(b'}');
}
