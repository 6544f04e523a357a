//! The keys in the state file: the key is the list of its columns' values, the value an object of what is held for it:
//! `{"state":…,"timers":[…],"clock_timers":[…],"changed":…}`, without what it has not.

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use st_checkpoint::{Change, StateFile};
use st_row::{elements_of, fields_of};
use st_stream::{Context, Kept};
use st_time::Zone;

use crate::json;
use crate::keys::Keys;
use crate::store::{Clock, Entry, Store};

/// Which parts of the definition may change: another program may go on with the states of the one before.
pub const SAFE: &[&str] = &["init", "update", "on_timer", "ttl"];

/// The state file of one stage.
pub struct Saved {
    file: StateFile,
    value: Vec<u8>,
}

impl Saved {
    /// Opens the state as of `epoch` and fills `store` from it; none without a checkpoint. Another program may go on with the
    /// states of the one before, as in Spark; other keys may not.
    ///
    /// # Errors
    /// As [`StateFile::open`]; an entry that is none of ours.
    pub fn open(
        context: &Context,
        definition: &Value,
        epoch: i64,
        keys: &Keys,
        store: &mut Store,
    ) -> Result<Option<Saved>> {
        let Some(query) = &context.query else {
            return Ok(None);
        };
        let safe = |change: &Change| Kept::allows(SAFE, change);
        let file = StateFile::open(query, &context.name, definition, epoch, &safe)?;
        file.restore(|key, value| {
            keys.object(key)?;
            let entry = match value {
                Some(value) => Some(read(value).with_context(|| {
                    format!(
                        "not a state of this stage: {}",
                        String::from_utf8_lossy(value)
                    )
                })?),
                None => None,
            };
            store.load(key, entry);
            Ok(())
        })?;
        store.loaded();
        Ok(Some(Saved {
            file,
            value: Vec::new(),
        }))
    }

    /// Notes what has become of a key.
    ///
    /// # Errors
    /// As [`StateFile::put`].
    pub fn put(&mut self, key: &[u8], entry: Option<&Entry>) -> Result<()> {
        match entry {
            Some(entry) => {
                write(&mut self.value, entry)?;
                self.file.put(key, &self.value)
            }
            None => self.file.remove(key),
        }
    }

    /// Makes the epoch durable.
    ///
    /// # Errors
    /// As [`StateFile::close_epoch`].
    pub fn close(&mut self, epoch: i64, store: &Store) -> Result<()> {
        self.file.close_epoch(epoch, store.len() as u64, "null")?;
        if self.file.wants_compaction() {
            let value = &mut self.value;
            self.file.compact(|put| {
                store.all().try_for_each(|(key, entry)| {
                    write(value, entry)?;
                    put(key, value)
                })
            })?;
        }
        Ok(())
    }
}

fn write(out: &mut Vec<u8>, entry: &Entry) -> Result<()> {
    out.clear();
    out.push(b'{');
    if let Some(state) = &entry.state {
        out.extend_from_slice(b"\"state\":");
        json::write(out, state)?;
        out.push(b',');
    }
    for (name, clock) in [("timers", Clock::Event), ("clock_timers", Clock::Batch)] {
        let mut times = entry.timers.of(clock).peekable();
        if times.peek().is_none() {
            continue;
        }
        st_row::write_string(out, name);
        out.extend_from_slice(b":[");
        for (i, at) in times.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            instant(out, at);
        }
        out.extend_from_slice(b"],");
    }
    out.extend_from_slice(b"\"changed\":");
    instant(out, entry.touched);
    out.push(b'}');
    Ok(())
}

fn read(value: &[u8]) -> Result<Entry> {
    let mut entry = Entry::default();
    let mut times = |clock, raw: &[u8]| -> Result<()> {
        for element in elements_of(raw) {
            entry.timers.set(clock, read_instant(element?)?);
        }
        Ok(())
    };
    let (mut state, mut touched) = (None, None);
    for member in fields_of(value) {
        let (name, raw) = member?;
        match name {
            b"\"state\"" => state = Some(json::parse(raw)?),
            b"\"timers\"" => times(Clock::Event, raw)?,
            b"\"clock_timers\"" => times(Clock::Batch, raw)?,
            b"\"changed\"" => touched = Some(read_instant(raw)?),
            _ => {}
        }
    }
    entry.state = state;
    match touched {
        Some(touched) => entry.touched = touched,
        None => bail!("it does not say when it changed"),
    }
    Ok(entry)
}

fn instant(out: &mut Vec<u8>, micros: i64) {
    out.push(b'"');
    st_time::write_iso(out, micros, Zone::UTC);
    out.push(b'"');
}

fn read_instant(raw: &[u8]) -> Result<i64> {
    let text = raw
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    text.and_then(|text| st_time::parse_timestamp(text, Zone::UTC))
        .ok_or_else(|| anyhow!("not an instant: {}", String::from_utf8_lossy(raw)))
}
