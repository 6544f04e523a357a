//! The groups in the state file.
//!
//! A key is the list of the group's key values, behind the bounds of its window if it has one: `[["10:00","10:05"],"books"]`.
//! The value is the list of its aggregates' states. A session is known by its start alone, as its end moves: its end stands
//! before the states.

use anyhow::{Result, bail};
use st_checkpoint::{QueryDir, StateFile};
use st_row::elements_of;
use st_stream::Kept;

use crate::aggregates::Accumulator;
use crate::groups::{Groups, NEVER, Unsaved};
use crate::plan::Plan;
use crate::timing::Timing;
use crate::{encode, saved};

/// What may change: the order and the number of rows shown are no part of a state.
pub const SAFE: &[&str] = &["order_by", "limit"];

/// The state file of one stage, and how its groups are written.
pub struct State {
    file: StateFile,
    shape: Shape,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What a key begins with.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// Nothing but its values.
    Bare,
    /// The bounds of a window.
    Window,
    /// The start of a session.
    Session,
}

/// What holds for all groups.
pub struct Meta {
    /// Windows up to here were emitted by a final batch, and so are closed whatever the watermark says.
    pub drained: Option<i64>,
}

impl Meta {
    fn text(&self) -> String {
        let mut text = b"{\"drained\":".to_vec();
        match self.drained {
            Some(micros) => saved::write_instant(&mut text, micros),
            None => text.extend_from_slice(b"null"),
        }
        text.push(b'}');
        String::from_utf8_lossy(&text).into_owned()
    }

    fn parse(text: &str) -> Meta {
        let drained = st_row::fields_of(text.as_bytes())
            .filter_map(Result::ok)
            .find(|(key, _)| *key == b"\"drained\"")
            .and_then(|(_, raw)| saved::read_instant(raw));
        Meta { drained }
    }
}

impl State {
    /// Opens the state as of `epoch`, and hands each group to `take`.
    pub fn open(
        dir: &QueryDir,
        stage: &str,
        definition: &serde_json::Value,
        epoch: i64,
        plan: &Plan,
        groups: &mut Groups,
    ) -> Result<(State, Meta)> {
        let safe = |change: &st_checkpoint::Change| Kept::allows(SAFE, change);
        let file = StateFile::open(dir, stage, definition, epoch, &safe)?;
        let shape = match plan.timing {
            Timing::Untimed | Timing::Time(_) => Shape::Bare,
            Timing::Windows(..) | Timing::Given(_) => Shape::Window,
            Timing::Sessions(..) | Timing::GivenSessions(_) => Shape::Session,
        };
        let state = State {
            file,
            shape,
            key: Vec::new(),
            value: Vec::new(),
        };
        state.load(plan, groups)?;
        let meta = Meta::parse(state.file.meta());
        Ok((state, meta))
    }

    /// Replays the log: the last line of a key counts.
    fn load(&self, plan: &Plan, groups: &mut Groups) -> Result<()> {
        let mut live: hashbrown::HashMap<Vec<u8>, u32, foldhash::fast::FixedState> =
            Default::default();
        self.file.restore(|key, value| {
            if let Some(id) = live.remove(key) {
                groups.forget(id);
            }
            let Some(value) = value else { return Ok(()) };
            match self.group(plan, groups, key, value) {
                Some(id) => {
                    live.insert(key.to_vec(), id);
                    Ok(())
                }
                None => bail!(
                    "not a group of this query: {}",
                    String::from_utf8_lossy(key)
                ),
            }
        })?;
        groups.end_batch();
        Ok(())
    }

    /// Makes the group that a key and its value say.
    fn group(&self, plan: &Plan, groups: &mut Groups, key: &[u8], value: &[u8]) -> Option<u32> {
        let mut parts = elements_of(key);
        let (mut start, mut end) = (0, NEVER);
        let mut states = value;
        match self.shape {
            Shape::Bare => {}
            Shape::Window => {
                let bounds = saved::items(parts.next()?.ok()?, saved::read_instant)?;
                [start, end] = bounds.try_into().ok()?;
            }
            Shape::Session => {
                start = saved::read_instant(parts.next()?.ok()?)?;
                let mut halves = elements_of(value);
                end = saved::read_instant(halves.next()?.ok()?)?;
                states = halves.next()?.ok()?;
            }
        }
        let mut encoded = Vec::new();
        let mut numbers = 0;
        for part in parts {
            let value = saved::read(part.ok()?)?;
            if plan.time_key() == Some(numbers) {
                end = match value {
                    st_expr::Value::Timestamp(micros) => micros,
                    _ => NEVER,
                };
            }
            encode::encode(&mut encoded, &value);
            numbers += 1;
        }
        let id = groups.add(&encoded, start, end);
        let mut saved = elements_of(states);
        for state in groups.states_mut(id) {
            state.load(saved.next()?.ok()?)?;
        }
        groups.loaded(id);
        (saved.next().is_none()
            && numbers == plan.keys.iter().filter(|key| key.expr.is_some()).count())
        .then_some(id)
    }

    fn write_key(shape: Shape, out: &mut Vec<u8>, key: &[u8], start: i64, end: i64) {
        out.clear();
        out.push(b'[');
        match shape {
            Shape::Bare => {}
            Shape::Window => saved::list(out, [start, end], saved::write_instant),
            Shape::Session => saved::write_instant(out, start),
        }
        let mut rest = key;
        while let Some(value) = encode::decode(&mut rest) {
            if out.len() > 1 {
                out.push(b',');
            }
            saved::write(out, &value);
        }
        out.push(b']');
    }

    fn write_value(shape: Shape, out: &mut Vec<u8>, groups: &Groups, id: u32) {
        out.clear();
        if shape == Shape::Session {
            out.push(b'[');
            saved::write_instant(out, groups.group(id).end);
            out.push(b',');
        }
        saved::list(out, groups.states(id), |out, state| state.save(out));
        if shape == Shape::Session {
            out.push(b']');
        }
    }

    /// Makes the epoch durable: what is gone, what has changed, and what holds for all.
    pub fn close(
        &mut self,
        epoch: i64,
        groups: &Groups,
        unsaved: &Unsaved,
        meta: &Meta,
    ) -> Result<()> {
        let State {
            file,
            shape,
            key,
            value,
        } = self;
        for group in &unsaved.gone {
            Self::write_key(*shape, key, &group.key, group.start, group.end);
            file.remove(key)?;
        }
        for &id in &unsaved.changed {
            let group = groups.group(id);
            Self::write_key(*shape, key, &group.key, group.start, group.end);
            Self::write_value(*shape, value, groups, id);
            file.put(key, value)?;
        }
        file.close_epoch(epoch, unsaved.held as u64, &meta.text())?;
        if file.wants_compaction() {
            let shape = *shape;
            file.compact(|put| {
                for id in groups.staying() {
                    let group = groups.group(id);
                    Self::write_key(shape, key, &group.key, group.start, group.end);
                    Self::write_value(shape, value, groups, id);
                    put(key, value)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
