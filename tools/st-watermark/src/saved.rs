//! The watermark in the checkpoint: one key, the column; its value in times one can read.

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use st_checkpoint::StateFile;
use st_stream::{Context, Kept};
use st_time::Zone;

use crate::mark::Mark;

/// What may change: the mark goes on from where it stands.
pub const SAFE: &[&str] = &["delay", "idle_timeout"];

/// The state file of a watermark, and what stands in it.
pub struct Saved {
    file: StateFile,
    key: Vec<u8>,
    saved: Mark,
}

#[derive(Serialize, Deserialize)]
struct Record {
    greatest: Option<String>,
    seen: Option<String>,
    mark: Option<String>,
}

impl Saved {
    /// Opens the state as of `epoch`. A changed delay or time-out is safe: the mark goes on from where it stands.
    ///
    /// # Errors
    /// As [`StateFile::open`]; a value that is none of ours.
    pub fn open(
        context: &Context,
        column: &str,
        options: &Map<String, Value>,
        epoch: i64,
    ) -> Result<Option<Saved>> {
        let Some(query) = &context.query else {
            return Ok(None);
        };
        let definition = Value::Object(options.clone());
        let safe = |change: &st_checkpoint::Change| Kept::allows(SAFE, change);
        let file = StateFile::open(query, &context.name, &definition, epoch, &safe)?;
        let mut saved = Mark::default();
        file.restore(|_, value| {
            if let Some(value) = value {
                saved = read(value)?;
            }
            Ok(())
        })?;
        Ok(Some(Saved {
            file,
            key: serde_json::to_vec(column)?,
            saved,
        }))
    }

    /// The watermark as of the epoch opened or last closed.
    pub fn mark(&self) -> Mark {
        self.saved.clone()
    }

    /// Makes the watermark as of `epoch` durable.
    ///
    /// # Errors
    /// As [`StateFile::close_epoch`].
    pub fn close(&mut self, epoch: i64, mark: &Mark) -> Result<()> {
        if *mark != self.saved {
            self.file.put(&self.key, &write(mark)?)?;
            self.saved = mark.clone();
        }
        let keys = u64::from(self.saved != Mark::default());
        self.file.close_epoch(epoch, keys, "null")?;
        if self.file.wants_compaction() {
            let (key, value) = (&self.key, write(&self.saved)?);
            self.file
                .compact(|put| if keys > 0 { put(key, &value) } else { Ok(()) })?;
        }
        Ok(())
    }
}

fn write(mark: &Mark) -> Result<Vec<u8>> {
    let text = |time: Option<i64>| {
        time.map(|micros| {
            let mut text = Vec::new();
            st_time::write_iso(&mut text, micros, Zone::UTC);
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let record = Record {
        greatest: text(mark.greatest),
        seen: text(mark.seen),
        mark: text(mark.mark),
    };
    Ok(serde_json::to_vec(&record)?)
}

fn read(value: &[u8]) -> Result<Mark> {
    let record: Record = serde_json::from_slice(value).context("not a watermark")?;
    let time = |text: Option<String>| -> Result<Option<i64>> {
        let Some(text) = text else { return Ok(None) };
        let micros = st_time::parse_timestamp(text.as_bytes(), Zone::UTC);
        Ok(Some(
            micros.ok_or_else(|| anyhow!("not an instant: `{text}`"))?,
        ))
    };
    let mark = Mark {
        greatest: time(record.greatest)?,
        seen: time(record.seen)?,
        mark: time(record.mark)?,
    };
    if mark.greatest.is_none() {
        bail!("a watermark without an event time");
    }
    Ok(mark)
}
