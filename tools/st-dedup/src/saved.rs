//! The keys in the state file.
//!
//! A key is the list of its columns' values; where the event time is part of the key it stands first, in front of the others.
//! The value is the moment at which the key is forgotten, or `true` for one that has none of its own.

use anyhow::{Result, bail};
use serde_json::Value;
use st_checkpoint::{Change, StateFile};
use st_row::elements_of;
use st_stream::Context;
use st_time::Zone;

use crate::expiry::Expiry;
use crate::seen::{NEVER, Seen};

/// The state file of one stage.
pub struct Saved {
    file: StateFile,
    expiry: Expiry,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Saved {
    /// Opens the state as of `epoch` and fills `seen` from it; none without a checkpoint. `columns` is how many values a key
    /// has in the file.
    ///
    /// # Errors
    /// As [`StateFile::open`]; a key that is none of ours.
    pub fn open(
        context: &Context,
        definition: &Value,
        epoch: i64,
        (expiry, columns): (Expiry, usize),
        seen: &mut Seen,
    ) -> Result<Option<Saved>> {
        let Some(query) = &context.query else {
            return Ok(None);
        };
        // Another key, or another life of keys, is another state.
        let safe = |_: &Change| false;
        let file = StateFile::open(query, &context.name, definition, epoch, &safe)?;
        file.restore(|key, value| {
            let Some((key, moment)) = read(expiry, columns, key, value) else {
                bail!("not a key of this stage: {}", String::from_utf8_lossy(key));
            };
            match value {
                Some(_) => _ = seen.insert(key, moment)?,
                None => _ = seen.remove(key, moment),
            }
            Ok(())
        })?;
        seen.tidy()?;
        Ok(Some(Saved {
            file,
            expiry,
            key: Vec::new(),
            value: Vec::new(),
        }))
    }

    /// Notes a new key.
    ///
    /// # Errors
    /// As [`StateFile::put`].
    #[inline]
    pub fn put(&mut self, key: &[u8], moment: i64) -> Result<()> {
        write(self.expiry, key, moment, &mut self.key, &mut self.value);
        self.file.put(&self.key, &self.value)
    }

    /// Notes that a key is forgotten.
    ///
    /// # Errors
    /// As [`StateFile::remove`].
    pub fn remove(&mut self, key: &[u8], moment: i64) -> Result<()> {
        write(self.expiry, key, moment, &mut self.key, &mut self.value);
        self.file.remove(&self.key)
    }

    /// Makes the epoch durable.
    ///
    /// # Errors
    /// As [`StateFile::close_epoch`].
    pub fn close(&mut self, epoch: i64, seen: &Seen) -> Result<()> {
        self.file.close_epoch(epoch, seen.len() as u64, "null")?;
        if self.file.wants_compaction() {
            let Saved {
                file,
                expiry,
                key: line,
                value,
            } = self;
            file.compact(|put| {
                seen.all(|key, moment| {
                    write(*expiry, key, moment, line, value);
                    put(line, value)
                })
            })?;
        }
        Ok(())
    }
}

fn write(expiry: Expiry, key: &[u8], moment: i64, line: &mut Vec<u8>, value: &mut Vec<u8>) {
    line.clear();
    value.clear();
    line.push(b'[');
    if expiry == Expiry::Key {
        instant(line, moment);
        if !key.is_empty() {
            line.push(b',');
        }
    }
    line.extend_from_slice(key);
    line.push(b']');
    match expiry {
        Expiry::Within(_) => instant(value, moment),
        _ => value.extend_from_slice(b"true"),
    }
}

fn instant(out: &mut Vec<u8>, micros: i64) {
    if micros == NEVER {
        return out.extend_from_slice(b"null");
    }
    out.push(b'"');
    st_time::write_iso(out, micros, Zone::UTC);
    out.push(b'"');
}

fn read_instant(raw: &[u8]) -> Option<i64> {
    if raw == b"null" {
        return Some(NEVER);
    }
    let text = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    st_time::parse_timestamp(text, Zone::UTC)
}

/// A key without its brackets and its moment, and that moment; none if it is no key of such a stage.
fn read<'k>(
    expiry: Expiry,
    columns: usize,
    key: &'k [u8],
    value: Option<&[u8]>,
) -> Option<(&'k [u8], i64)> {
    let inner = key.strip_prefix(b"[")?.strip_suffix(b"]")?;
    if elements_of(key).try_fold(0, |n, element| element.ok().map(|_| n + 1))? != columns {
        return None;
    }
    match (expiry, value) {
        (Expiry::Key, _) => {
            let first = elements_of(key).next()?.ok()?;
            let rest = inner.get(first.len()..)?;
            Some((
                rest.strip_prefix(b",").unwrap_or(rest),
                read_instant(first)?,
            ))
        }
        (Expiry::Within(_), Some(value)) => Some((inner, read_instant(value)?)),
        // A removal names the key alone, and it is found by that.
        (Expiry::Within(_), None) | (Expiry::Never, _) => Some((inner, NEVER)),
    }
}
