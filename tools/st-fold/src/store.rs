//! The keys held: each one's state and timers, in what order timers are due, and which states have outlived themselves.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use jaq_json::Val;

use crate::json;

/// What a timer goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// The watermark.
    Event,
    /// The batches' clock.
    Batch,
}

/// The timers of one key, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timers(Vec<(Clock, i64)>);

impl Timers {
    /// Sets a timer; a second one for the same moment is the same.
    pub fn set(&mut self, clock: Clock, micros: i64) {
        if let Err(place) = self.0.binary_search(&(clock, micros)) {
            self.0.insert(place, (clock, micros));
        }
    }

    /// Takes back all timers.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes back the timers of a moment.
    pub fn cancel(&mut self, micros: i64) {
        self.0.retain(|(_, at)| *at != micros);
    }

    /// Takes back one timer.
    pub fn expire(&mut self, clock: Clock, micros: i64) {
        self.0.retain(|timer| *timer != (clock, micros));
    }

    /// The moments of one clock's timers, the earliest first.
    pub fn of(&self, clock: Clock) -> impl Iterator<Item = i64> {
        self.0
            .iter()
            .filter(move |(of, _)| *of == clock)
            .map(|(_, at)| *at)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A key's bytes, shared by the places that know it.
pub type Key = Rc<[u8]>;

/// What is held for a key.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its state; none before its first row, or once it has been forgotten.
    pub state: Option<Val>,
    /// Its timers.
    pub timers: Timers,
    /// The batch clock of the state's last change.
    pub touched: i64,
    changed: bool,
}

/// All keys of a stage.
#[derive(Default)]
pub struct Store {
    entries: HashMap<Key, Entry, RandomState>,
    due: BTreeSet<(Clock, i64, Key)>,
    /// Keys by their last change, the oldest first; one that has changed since stands here again.
    aging: VecDeque<(i64, Key)>,
    /// States are forgotten so long after their last change.
    ttl: Option<i64>,
    changed: Vec<Key>,
    bytes: usize,
}

impl Store {
    /// No keys; states live for `ttl` microseconds after their last change, or for ever.
    pub fn new(ttl: Option<i64>) -> Store {
        Store {
            ttl,
            ..Store::default()
        }
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory held, roughly, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many timers are set.
    pub fn timers(&self) -> usize {
        self.due.len()
    }

    /// What is held for a key.
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Every key.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter()
    }

    /// Gives a key a new state and new timers at `now`; a key with neither is forgotten.
    pub fn put(&mut self, key: &[u8], state: Option<Val>, timers: Timers, now: i64) {
        let (key, old) = match self.entries.remove_entry(key) {
            Some((key, old)) => {
                self.bytes -= held(&key, &old);
                (key, old)
            }
            None => (Key::from(key), Entry::default()),
        };
        for (clock, at) in &old.timers.0 {
            if timers.0.binary_search(&(*clock, *at)).is_err() {
                self.due.remove(&(*clock, *at, key.clone()));
            }
        }
        for (clock, at) in &timers.0 {
            if old.timers.0.binary_search(&(*clock, *at)).is_err() {
                self.due.insert((*clock, *at, key.clone()));
            }
        }
        if !old.changed {
            self.changed.push(key.clone());
        }
        let aging = self.ttl.is_some() && state.is_some();
        if aging && (old.state.is_none() || old.touched != now) {
            self.aging.push_back((now, key.clone()));
        }
        let entry = Entry {
            state,
            timers,
            touched: now,
            changed: true,
        };
        // A key that is gone stays among the changed ones until the batch ends.
        self.bytes += held(&key, &entry);
        self.entries.insert(key, entry);
    }

    /// Forgets the states whose last change is so long ago at `now`.
    pub fn age(&mut self, now: i64) {
        let Some(ttl) = self.ttl else { return };
        while let Some((touched, key)) = self.aging.front()
            && touched.saturating_add(ttl) <= now
        {
            let (touched, key) = (*touched, key.clone());
            self.aging.pop_front();
            if let Some(entry) = self.entries.get(&key)
                && entry.touched == touched
                && entry.state.is_some()
            {
                let timers = entry.timers.clone();
                self.put(&key, None, timers, touched);
            }
        }
    }

    /// The timers of one clock before `until`, of event time also those at it (all without it), in order of time, then key.
    pub fn due(&self, clock: Clock, until: Option<i64>) -> Vec<(i64, Key)> {
        // The watermark has to reach a timer, the clock to pass it.
        let reached = clock == Clock::Event;
        let of_clock = self.due.iter().skip_while(|(of, ..)| *of < clock);
        of_clock
            .take_while(|(of, at, _)| {
                *of == clock && until.is_none_or(|until| *at < until || reached && *at == until)
            })
            .map(|(_, at, key)| (*at, key.clone()))
            .collect()
    }

    /// Ends the batch: hands each key that has changed to `each`, with what is held for it now if anything is. Returns how
    /// many have changed and how many are gone.
    ///
    /// # Errors
    /// From `each`.
    pub fn settle<E>(
        &mut self,
        mut each: impl FnMut(&[u8], Option<&Entry>) -> Result<(), E>,
    ) -> Result<(u64, u64), E> {
        let changed = std::mem::take(&mut self.changed);
        let mut gone = 0;
        for key in &changed {
            let Some(entry) = self.entries.get_mut(key) else {
                continue;
            };
            entry.changed = false;
            if entry.state.is_some() || !entry.timers.is_empty() {
                each(key, Some(entry))?;
                continue;
            }
            self.bytes -= held(key, entry);
            self.entries.remove(key);
            gone += 1;
            each(key, None)?;
        }
        Ok((changed.len() as u64 - gone, gone))
    }

    /// Takes a key from the state file: as of the end of a batch.
    pub fn load(&mut self, key: &[u8], entry: Option<Entry>) {
        let entry = entry.unwrap_or_default();
        self.put(key, entry.state, entry.timers, entry.touched);
    }

    /// After the last key was loaded.
    pub fn loaded(&mut self) {
        let none = self.settle(|_, _| Ok::<(), std::convert::Infallible>(()));
        none.unwrap_or_default();
        let mut aging: Vec<_> = std::mem::take(&mut self.aging).into();
        aging.sort();
        self.aging = aging.into();
    }
}

fn held(key: &[u8], entry: &Entry) -> usize {
    // A timer stands in its key's list and in the order of all.
    let timers = 16 + 48;
    64 + size_of::<Entry>()
        + key.len()
        + entry.timers.0.len() * timers
        + entry.state.as_ref().map_or(0, json::size)
}
