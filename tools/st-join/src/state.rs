//! The rows of one side that may still find a match, by key, in the order they came.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The time of rows that never go.
pub const NEVER: i64 = i64::MAX;

/// One row that is held.
pub struct Held {
    /// Its number on its side: rows come out in this order.
    pub number: u64,
    /// It has had a match.
    pub matched: bool,
    /// Which columns it has.
    pub shape: u32,
    /// It is in the state file as it is.
    saved: Saved,
    pub row: Box<[u8]>,
    key: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq)]
enum Saved {
    /// It was never written.
    No,
    /// It was written, and has changed since.
    Stale,
    Yes,
}

/// The places of the rows of one key: hardly ever more than one.
enum Places {
    One(u32),
    Many(Vec<u32>),
}

impl Places {
    fn as_slice(&self) -> &[u32] {
        match self {
            Places::One(place) => std::slice::from_ref(place),
            Places::Many(places) => places,
        }
    }
}

/// One side's rows.
#[derive(Default)]
pub struct State {
    keys: HashMap<Box<[u8]>, Places, FixedState>,
    rows: Vec<Option<Held>>,
    free: Vec<u32>,
    /// Rows by the time they go. One that has gone otherwise is passed over.
    queue: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// Places of rows that the state file does not have as they are.
    changed: Vec<u32>,
    /// Numbers of rows that the state file has and that are gone.
    gone: Vec<u64>,
    /// The number of the next row.
    pub next: u64,
    len: usize,
    bytes: u64,
    /// Rows that came and went since the last epoch.
    pub came: u64,
    pub went: u64,
}

/// What a row takes beside its own bytes and its key's.
const OVERHEAD: u64 = 160;

impl State {
    /// Takes a row in.
    pub fn add(&mut self, key: &[u8], row: &[u8], time: i64, matched: bool, shape: u32) {
        let number = self.next;
        self.put(key, row, time, matched, shape, number, Saved::No);
        self.next += 1;
        self.came += 1;
    }

    /// Takes a row in that the state file has.
    pub fn restore(
        &mut self,
        key: &[u8],
        row: &[u8],
        time: i64,
        matched: bool,
        shape: u32,
        number: u64,
    ) {
        self.put(key, row, time, matched, shape, number, Saved::Yes);
    }

    #[allow(clippy::too_many_arguments)]
    fn put(
        &mut self,
        key: &[u8],
        row: &[u8],
        time: i64,
        matched: bool,
        shape: u32,
        number: u64,
        saved: Saved,
    ) {
        let held = Held {
            number,
            matched,
            shape,
            saved,
            row: row.into(),
            key: key.into(),
        };
        self.len += 1;
        self.bytes += (key.len() * 2 + row.len()) as u64 + OVERHEAD;
        let place = match self.free.pop() {
            Some(place) => {
                self.rows[place as usize] = Some(held);
                place
            }
            None => {
                self.rows.push(Some(held));
                (self.rows.len() - 1) as u32
            }
        };
        match self.keys.get_mut(key) {
            None => {
                self.keys.insert(key.into(), Places::One(place));
            }
            Some(Places::Many(places)) => places.push(place),
            Some(one) => *one = Places::Many(vec![one.as_slice()[0], place]),
        }
        if time != NEVER {
            self.queue.push(Reverse((time, number, place)));
        }
        if saved == Saved::No {
            self.changed.push(place);
        }
    }

    /// The places of the rows with this key, in the order they came.
    #[inline]
    pub fn find(&self, key: &[u8]) -> &[u32] {
        match self.keys.get(key) {
            Some(places) => places.as_slice(),
            None => &[],
        }
    }

    /// The row at a place that [`State::find`] gave.
    #[inline]
    pub fn at(&self, place: u32) -> Option<&Held> {
        self.rows[place as usize].as_ref()
    }

    /// Notes that a row has had a match.
    pub fn matched(&mut self, place: u32) {
        let Some(held) = &mut self.rows[place as usize] else {
            return;
        };
        if held.matched {
            return;
        }
        held.matched = true;
        if held.saved == Saved::Yes {
            held.saved = Saved::Stale;
            self.changed.push(place);
        }
    }

    /// Takes out the row that is the first to go, if its time is at or before `until`.
    pub fn pop(&mut self, until: i64) -> Option<Held> {
        while let Some(Reverse((time, number, place))) = self.queue.peek().copied() {
            if time > until {
                return None;
            }
            self.queue.pop();
            if self.at(place).is_some_and(|held| held.number == number) {
                return self.remove(place);
            }
        }
        None
    }

    /// Takes out all rows, in the order they came.
    pub fn drain(&mut self) -> Vec<Held> {
        let places = 0..self.rows.len() as u32;
        let mut all: Vec<Held> = places.filter_map(|place| self.remove(place)).collect();
        all.sort_unstable_by_key(|held| held.number);
        self.queue.clear();
        all
    }

    /// Takes a row out.
    pub fn remove(&mut self, place: u32) -> Option<Held> {
        let held = self.rows[place as usize].take()?;
        self.free.push(place);
        self.len -= 1;
        self.went += 1;
        self.bytes -= (held.key.len() * 2 + held.row.len()) as u64 + OVERHEAD;
        if held.saved != Saved::No {
            self.gone.push(held.number);
        }
        match self.keys.get_mut(&held.key) {
            Some(Places::Many(places)) if places.len() > 1 => {
                places.retain(|other| *other != place)
            }
            _ => {
                self.keys.remove(&held.key);
            }
        }
        Some(held)
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Memory they take, an estimate.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands on the numbers of rows that are gone and the rows that are new or have changed since the last call, as what
    /// the state file has to be told.
    pub fn take_changes(
        &mut self,
        mut gone: impl FnMut(u64) -> anyhow::Result<()>,
        mut changed: impl FnMut(&Held) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for number in self.gone.drain(..) {
            gone(number)?;
        }
        for place in self.changed.drain(..) {
            // One that has gone, or whose place another has taken and which was written as that, needs nothing.
            if let Some(held) = &mut self.rows[place as usize]
                && held.saved != Saved::Yes
            {
                changed(held)?;
                held.saved = Saved::Yes;
            }
        }
        Ok(())
    }

    /// All rows, for a new generation of the state file.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.rows.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_go_by_their_time_and_come_by_their_key() {
        let mut state = State::default();
        for (key, time) in [("a", 30), ("b", 10), ("a", 20), ("c", NEVER)] {
            state.add(
                key.as_bytes(),
                format!("{key}{time}").as_bytes(),
                time,
                false,
                0,
            );
        }
        let rows = |state: &State, key: &str| -> Vec<String> {
            let places = state.find(key.as_bytes()).iter();
            places
                .map(|place| String::from_utf8(state.at(*place).unwrap().row.to_vec()).unwrap())
                .collect()
        };
        assert_eq!(rows(&state, "a"), ["a30", "a20"]);
        assert_eq!(*state.pop(20).unwrap().row, *b"b10");
        assert_eq!(*state.pop(20).unwrap().row, *b"a20");
        assert!(state.pop(29).is_none());
        assert_eq!(rows(&state, "a"), ["a30"]);
        assert!(rows(&state, "b").is_empty());
        state.add(b"b", b"b40", 40, false, 0);
        assert_eq!(state.drain().len(), 3);
        assert_eq!((state.len(), state.bytes()), (0, 0));
    }

    #[test]
    fn the_file_is_told_what_it_does_not_have() {
        let mut state = State::default();
        let told = |state: &mut State| {
            let (mut gone, mut changed) = (Vec::new(), Vec::new());
            state
                .take_changes(
                    |number| {
                        gone.push(number);
                        Ok(())
                    },
                    |held| {
                        changed.push((held.number, held.matched));
                        Ok(())
                    },
                )
                .unwrap();
            (gone, changed)
        };
        state.add(b"a", b"0", 1, false, 0);
        state.add(b"b", b"1", 2, false, 0);
        state.add(b"c", b"2", 3, false, 0);
        // It came and went within one epoch, and its place was taken.
        state.pop(1);
        state.add(b"d", b"3", 4, false, 0);
        let (gone, mut changed) = told(&mut state);
        changed.sort_unstable();
        assert_eq!(
            (gone, changed),
            (vec![], vec![(1, false), (2, false), (3, false)])
        );
        let place = state.find(b"b")[0];
        state.matched(place);
        state.matched(place);
        state.remove(state.find(b"c")[0]);
        assert_eq!(told(&mut state), (vec![2], vec![(1, true)]));
        assert_eq!(told(&mut state), (vec![], vec![]));
    }
}
