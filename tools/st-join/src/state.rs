//! The rows of one side that may still find a match, by key and time.
//!
//! A row that is held is a few numbers: its bytes stand in an arena, without the keys that it has in common with the others. Rows
//! go by time, so they are noted in slices of time, and a slice that has passed goes as a whole.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::RangeInclusive;

use anyhow::Result;

use crate::arena::{Arena, At};
use crate::keys::{Hashed, Keys};

/// The time of rows that never go.
pub const NEVER: i64 = i64::MAX;

/// The times of a slice have all but so many bits in common: it is about a minute.
const SLICE: u32 = 26;

/// When a row is and when it goes, microseconds since 1970.
#[derive(Clone, Copy)]
pub struct Times {
    /// What the condition's range is about; anything if there is none.
    pub at: i64,
    pub goes: i64,
}

/// One row that is held.
pub struct Held<'s> {
    /// Its number on its side: rows come out in this order.
    pub number: u64,
    /// It has had a match.
    pub matched: bool,
    /// Which columns it has.
    pub shape: u32,
    pub row: &'s [u8],
}

/// What is known of a row beside its bytes.
#[derive(Clone, Copy)]
struct Entry {
    number: u64,
    goes: i64,
    at: At,
    /// The number of its key; [`GONE`] where there is no row.
    key: u32,
    shape_and_flags: u32,
}

const GONE: u32 = u32::MAX;
/// It has had a match.
const MATCHED: u32 = 1;
/// The state file has it.
const WRITTEN: u32 = 2;
/// It is in the list of what the state file is to be told.
const CHANGED: u32 = 4;
const FLAGS: u32 = 3;

impl Entry {
    fn is(&self, flag: u32) -> bool {
        self.shape_and_flags & flag != 0
    }

    fn shape(&self) -> u32 {
        self.shape_and_flags >> FLAGS
    }
}

/// One side's rows.
#[derive(Default)]
pub struct State {
    keys: Keys,
    entries: Vec<Entry>,
    free: Vec<u32>,
    arena: Arena,
    /// Places of rows by the slice of time in which they go. One that has gone otherwise is passed over.
    slices: BTreeMap<i64, Vec<u32>>,
    /// The rows of slices that have begun to go: when, their numbers and places.
    near: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// Places of rows that the state file does not have as they are; or these are too many to be noted.
    changed: Vec<u32>,
    many_changed: bool,
    /// Numbers of rows that the state file has and that are gone.
    gone: Vec<u64>,
    /// The number of the next row.
    pub next: u64,
    len: usize,
    /// Rows that came and went since the last epoch.
    pub came: u64,
    pub went: u64,
    coming: Coming,
}

/// Rows that are not yet filed under their keys, so that the trips to memory of several overlap.
#[derive(Default)]
struct Coming {
    rows: Vec<Filed>,
    keys: Vec<u8>,
}

/// A row to be filed: where its key ends among those that come, the key's hash and most likely number; when and where it is.
struct Filed {
    key_end: usize,
    hash: u32,
    guess: Option<u32>,
    time: i64,
    place: u32,
}

/// So many changed rows are always noted.
const FEW_CHANGED: usize = 10_000;

/// So many rows are filed at once.
const ROWS: usize = 32;

/// So many rows before one goes its memory is asked for.
const AHEAD: usize = 16;

/// What a row takes beside its own bytes and its key's.
const OVERHEAD: u64 = 64;

impl State {
    /// The hash of a key, the same in all states.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u32 {
        self.keys.hash(key)
    }

    /// Asks for the memory in which a key of that hash will be looked for.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.keys.prefetch(hash);
    }

    /// Of which keys rows with these hashes will be looked for by [`State::find`], most likely; asks for their memory.
    pub fn guess(&mut self, hashes: &[u32], guesses: &mut Vec<Option<u32>>) {
        self.file();
        guesses.clear();
        guesses.extend(hashes.iter().map(|hash| self.keys.guess(*hash)));
        self.keys.prefetch_rows(guesses.iter().copied().flatten());
    }

    /// Takes a row in, of a key with this hash.
    #[inline]
    pub fn add(&mut self, key: Hashed<'_>, row: &[u8], times: Times, matched: bool, shape: u32) {
        let number = self.next;
        let matched = if matched { MATCHED } else { 0 };
        let place = self.put(key, row, times, shape << FLAGS | matched | CHANGED, number);
        self.note_changed(place);
        self.next += 1;
        self.came += 1;
    }

    /// Takes a row in that the state file has.
    pub fn restore(
        &mut self,
        bytes: &[u8],
        row: &[u8],
        times: Times,
        matched: bool,
        shape: u32,
        number: u64,
    ) {
        let key = Hashed {
            bytes,
            hash: self.hash(bytes),
        };
        let matched = if matched { MATCHED } else { 0 };
        self.put(key, row, times, shape << FLAGS | matched | WRITTEN, number);
    }

    #[inline]
    fn put(
        &mut self,
        key: Hashed<'_>,
        row: &[u8],
        times: Times,
        shape_and_flags: u32,
        number: u64,
    ) -> u32 {
        let place = self.free.pop().unwrap_or(self.entries.len() as u32);
        let entry = Entry {
            number,
            goes: times.goes,
            at: self.arena.add(row),
            key: GONE,
            shape_and_flags,
        };
        match self.entries.get_mut(place as usize) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        self.len += 1;
        self.coming.keys.extend_from_slice(key.bytes);
        self.keys.prefetch(key.hash);
        self.coming.rows.push(Filed {
            key_end: self.coming.keys.len(),
            hash: key.hash,
            guess: None,
            time: times.at,
            place,
        });
        if self.coming.rows.len() == ROWS {
            self.file();
        }
        if times.goes != NEVER {
            self.slices
                .entry(times.goes >> SLICE)
                .or_default()
                .push(place);
        }
        place
    }

    /// Files the rows that came under their keys.
    fn file(&mut self) {
        let Coming { rows, keys } = &mut self.coming;
        for row in &mut *rows {
            row.guess = self.keys.guess(row.hash);
        }
        self.keys
            .prefetch_rows(rows.iter().filter_map(|row| row.guess));
        let mut from = 0;
        for row in rows.drain(..) {
            let key = Hashed {
                bytes: &keys[from..row.key_end],
                hash: row.hash,
            };
            let number = self.keys.add(key, row.guess, row.time, row.place);
            self.entries[row.place as usize].key = number;
            from = row.key_end;
        }
        keys.clear();
    }

    /// Adds to `found` the places of the rows with this key, of which [`State::guess`] may have been asked, and a time in the range, in the order they came.
    #[inline]
    pub fn find(
        &mut self,
        key: Hashed<'_>,
        guess: Option<u32>,
        range: &RangeInclusive<i64>,
        found: &mut Vec<u32>,
    ) {
        if !self.coming.rows.is_empty() {
            self.file();
        }
        let mut last = None;
        let mut in_order = true;
        self.keys.within(key, guess, range, |place| {
            let number = self.entries[place as usize].number;
            in_order &= last.is_none_or(|last| last < number);
            last = Some(number);
            found.push(place);
        });
        if !in_order {
            found.sort_unstable_by_key(|place| self.entries[*place as usize].number);
        }
    }

    /// Writes the row at a place that [`State::find`] gave; its shape.
    #[inline]
    pub fn read(&self, place: u32, row: &mut Vec<u8>) -> u32 {
        let entry = &self.entries[place as usize];
        row.clear();
        self.arena.read(entry.at, row);
        entry.shape()
    }

    /// Notes that a row has had a match.
    pub fn matched(&mut self, place: u32) {
        let entry = &mut self.entries[place as usize];
        if entry.is(MATCHED) {
            return;
        }
        let noted = entry.is(CHANGED);
        entry.shape_and_flags |= MATCHED | CHANGED;
        if !noted {
            self.note_changed(place);
        }
    }

    /// Notes a place for the state file, unless so many are noted that it is cheaper to look at all.
    #[inline]
    fn note_changed(&mut self, place: u32) {
        if self.many_changed {
            return;
        }
        self.changed.push(place);
        if self.changed.len() > FEW_CHANGED.max(self.entries.len() / 4) {
            self.many_changed = true;
            self.changed = Vec::new();
        }
    }

    /// Takes out the rows that go at or before `until`. If their going is to be `told`, calls `go` for those that have had
    /// no match, the first to go first.
    ///
    /// # Errors
    /// Those of `go`.
    pub fn pass(
        &mut self,
        until: i64,
        told: bool,
        mut go: impl FnMut(Held<'_>) -> Result<()>,
    ) -> Result<()> {
        self.file();
        let (mut row, mut going, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(number) = self.next_slice(until) {
            going.clear();
            for place in self.slices.remove(&number).unwrap_or_default() {
                let entry = &self.entries[place as usize];
                // Another row may have taken the place of one that has gone.
                if entry.key == GONE || entry.goes >> SLICE != number {
                    continue;
                }
                let row = (entry.goes, entry.number, place);
                match entry.goes <= until {
                    true => going.push(row),
                    false => self.near.push(Reverse(row)),
                }
            }
            while let Some(Reverse(row)) = self.near.peek().copied()
                && row.0 <= until
                && row.0 >> SLICE <= number
            {
                self.near.pop();
                going.push(row);
            }
            if told {
                going.sort_unstable();
            }
            for (at, (_, number, place)) in going.iter().enumerate() {
                if let Some((_, _, later)) = going.get(at + AHEAD) {
                    self.prefetch_going(*later);
                }
                let entry = &self.entries[*place as usize];
                // It may have gone otherwise, or stand in its slice twice.
                if entry.key == GONE || entry.number != *number {
                    continue;
                }
                if told && !entry.is(MATCHED) {
                    go(self.held(*place, &mut row))?;
                }
                let key = self.take(*place);
                if self.keys.went(key) {
                    keys.push(key);
                }
            }
        }
        self.keys.clear_all(keys, is_gone(&self.entries));
        self.settle();
        Ok(())
    }

    /// Asks for the memory that is visited when a row goes.
    #[inline]
    fn prefetch_going(&self, place: u32) {
        let entry = &self.entries[place as usize];
        if entry.key != GONE {
            self.arena.prefetch(entry.at);
            self.keys.prefetch_key(entry.key);
        }
    }

    /// The first slice with rows that may go at or before `until`.
    fn next_slice(&self, until: i64) -> Option<i64> {
        let whole = self.slices.keys().next().copied();
        let whole = whole.filter(|number| *number <= until >> SLICE);
        let near = self.near.peek().map(|Reverse((goes, _, _))| *goes);
        let near = near.filter(|goes| *goes <= until).map(|goes| goes >> SLICE);
        whole.into_iter().chain(near).min()
    }

    /// Takes out all rows; calls `go` as [`State::pass`] does, in the order they came.
    ///
    /// # Errors
    /// Those of `go`.
    pub fn drain(&mut self, told: bool, mut go: impl FnMut(Held<'_>) -> Result<()>) -> Result<()> {
        self.file();
        let mut row = Vec::new();
        let mut places: Vec<u32> = self.places().collect();
        places.sort_unstable_by_key(|place| self.entries[*place as usize].number);
        for place in places {
            if told && !self.entries[place as usize].is(MATCHED) {
                go(self.held(place, &mut row))?;
            }
            self.take(place);
        }
        self.keys = Keys::default();
        self.arena = Arena::default();
        self.slices.clear();
        self.near.clear();
        self.entries.clear();
        self.free.clear();
        Ok(())
    }

    /// Takes a row out.
    pub fn remove(&mut self, place: u32) {
        let key = self.take(place);
        self.keys.went(key);
        self.clear(key);
    }

    /// Takes a row out that its key still points to; its key.
    fn take(&mut self, place: u32) -> u32 {
        let entry = &mut self.entries[place as usize];
        let key = std::mem::replace(&mut entry.key, GONE);
        let (at, number, written) = (entry.at, entry.number, entry.is(WRITTEN));
        if written {
            self.gone.push(number);
        }
        self.arena.remove(at);
        self.free.push(place);
        self.len -= 1;
        self.went += 1;
        key
    }

    fn clear(&mut self, key: u32) {
        self.keys.clear(key, is_gone(&self.entries));
    }

    /// Moves the rows that keep mostly empty blocks, once these are too many.
    fn settle(&mut self) {
        if !self.arena.is_sparse() {
            return;
        }
        let mut row = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| entry.key != GONE) {
            if self.arena.is_lonely(entry.at) {
                row.clear();
                self.arena.read(entry.at, &mut row);
                self.arena.remove(entry.at);
                entry.at = self.arena.add(&row);
            }
        }
    }

    fn places(&self) -> impl Iterator<Item = u32> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.key != GONE)
            .map(|(place, _)| place as u32)
    }

    /// A row that is there; its bytes are written to `row`.
    fn held<'r>(&self, place: u32, row: &'r mut Vec<u8>) -> Held<'r> {
        let shape = self.read(place, row);
        let entry = &self.entries[place as usize];
        Held {
            number: entry.number,
            matched: entry.is(MATCHED),
            shape,
            row,
        }
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Memory they take, an estimate.
    pub fn bytes(&self) -> u64 {
        self.len as u64 * OVERHEAD + (self.arena.bytes() + self.keys.bytes()) as u64
    }

    /// Hands on the numbers of rows that are gone and the rows that are new or have changed since the last call, as what
    /// the state file has to be told.
    ///
    /// # Errors
    /// Those of what is called.
    pub fn take_changes(
        &mut self,
        mut gone: impl FnMut(u64) -> Result<()>,
        mut changed: impl FnMut(Held<'_>) -> Result<()>,
    ) -> Result<()> {
        self.file();
        for number in std::mem::take(&mut self.gone) {
            gone(number)?;
        }
        let mut row = Vec::new();
        let places: Vec<u32> = match std::mem::take(&mut self.many_changed) {
            true => self.places().collect(),
            false => std::mem::take(&mut self.changed),
        };
        for place in places {
            let entry = &mut self.entries[place as usize];
            // One that has gone, or whose place another has taken and which was written as that, needs nothing.
            if entry.key == GONE || !entry.is(CHANGED) {
                continue;
            }
            entry.shape_and_flags = entry.shape_and_flags & !CHANGED | WRITTEN;
            changed(self.held(place, &mut row))?;
        }
        Ok(())
    }

    /// Hands on all rows, for a new generation of the state file; to be called behind [`State::take_changes`].
    ///
    /// # Errors
    /// Those of what is called.
    pub fn all(&self, mut each: impl FnMut(Held<'_>) -> Result<()>) -> Result<()> {
        let mut row = Vec::new();
        for place in self.places() {
            each(self.held(place, &mut row))?;
        }
        Ok(())
    }
}

/// Whether the row at a place has gone.
fn is_gone(entries: &[Entry]) -> impl Fn(u32) -> bool {
    |place| entries[place as usize].key == GONE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hashed<'k>(state: &State, key: &'k str) -> Hashed<'k> {
        Hashed {
            bytes: key.as_bytes(),
            hash: state.hash(key.as_bytes()),
        }
    }

    fn add(state: &mut State, key: &str, row: &str, goes: i64) {
        let times = Times { at: goes, goes };
        let key = hashed(state, key);
        state.add(key, row.as_bytes(), times, false, 0);
    }

    fn find(state: &mut State, key: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let key = hashed(state, key);
        state.find(key, None, &(i64::MIN..=i64::MAX), &mut found);
        found
    }

    fn rows(state: &mut State, key: &str) -> Vec<String> {
        let (places, mut row) = (find(state, key), Vec::new());
        let text = |place: u32| {
            state.read(place, &mut row);
            String::from_utf8(row.clone()).unwrap()
        };
        places.into_iter().map(text).collect()
    }

    fn pass(state: &mut State, until: i64) -> Vec<String> {
        let mut went = Vec::new();
        let go = |held: Held<'_>| {
            went.push(String::from_utf8(held.row.to_vec()).unwrap());
            Ok(())
        };
        state.pass(until, true, go).unwrap();
        went
    }

    #[test]
    fn rows_go_by_their_time_and_come_by_their_key() {
        let mut state = State::default();
        for (key, time) in [("a", 30), ("b", 10), ("a", 20), ("c", NEVER)] {
            add(&mut state, key, &format!("{key}{time}"), time);
        }
        assert_eq!(rows(&mut state, "a"), ["a30", "a20"]);
        assert_eq!(pass(&mut state, 20), ["b10", "a20"]);
        assert!(pass(&mut state, 29).is_empty());
        assert_eq!(rows(&mut state, "a"), ["a30"]);
        assert!(rows(&mut state, "b").is_empty());
        add(&mut state, "b", "b40", 40);
        let mut went = 0;
        let count = |_: Held<'_>| {
            went += 1;
            Ok(())
        };
        state.drain(true, count).unwrap();
        assert_eq!((went, state.len(), state.bytes()), (3, 0, 0));
        assert_eq!((state.came, state.went), (5, 5));
        assert!(rows(&mut state, "a").is_empty());
    }

    #[test]
    fn rows_of_a_key_go_while_others_stay() {
        let mut state = State::default();
        let minute = 60_000_000;
        for time in [5, 1, 9, 3, 7, 2] {
            add(&mut state, "a", &format!("a{time}"), time * minute);
            add(&mut state, &time.to_string(), "x", time * minute);
        }
        let place = find(&mut state, "a")[1];
        state.matched(place);
        assert_eq!(pass(&mut state, 3 * minute), ["x", "a2", "x", "a3", "x"]);
        assert_eq!(rows(&mut state, "a"), ["a5", "a9", "a7"]);
        let place = find(&mut state, "a")[1];
        state.remove(place);
        // The place of the row that was to go at nine is taken by one that goes later.
        add(&mut state, "a", "a20", 20 * minute);
        assert_eq!(pass(&mut state, 10 * minute), ["a5", "x", "a7", "x", "x"]);
        assert_eq!(rows(&mut state, "a"), ["a20"]);
        assert_eq!((state.len(), state.next), (1, 13));
    }

    #[test]
    fn rows_go_in_order_however_slowly_time_passes() {
        let mut random = 7_u64;
        for step in [1, 10, 1000, 30_000_000, 200_000_000] {
            let mut state = State::default();
            let mut plain: Vec<(i64, u64)> = Vec::new();
            for until in (0..60).map(|turn| turn * step) {
                for _ in 0..5 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let goes = until + (random >> 33) as i64 % (20 * step);
                    plain.push((goes, state.next));
                    let number = state.next.to_string();
                    add(&mut state, &(random >> 60).to_string(), &number, goes);
                }
                // One goes for another reason, and its place is taken again.
                let (_, number) = plain.remove(random as usize % plain.len());
                let mut places: Vec<u32> = Vec::new();
                for key in 0..16 {
                    places.extend(find(&mut state, &key.to_string()));
                }
                let is_it = |place: &&u32| state.entries[**place as usize].number == number;
                let place = places.iter().find(is_it).copied();
                state.remove(place.unwrap());
                plain.sort_unstable();
                let passed = plain.partition_point(|(goes, _)| *goes <= until);
                let expected: Vec<String> = plain
                    .drain(..passed)
                    .map(|(_, number)| number.to_string())
                    .collect();
                assert_eq!(pass(&mut state, until), expected);
                assert_eq!(state.len(), plain.len());
            }
        }
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
        add(&mut state, "a", "0", 1);
        add(&mut state, "b", "1", 2);
        add(&mut state, "c", "2", 3);
        // It came and went within one epoch, and its place was taken.
        assert_eq!(pass(&mut state, 1), ["0"]);
        add(&mut state, "d", "3", 4);
        let (gone, mut changed) = told(&mut state);
        changed.sort_unstable();
        assert_eq!(
            (gone, changed),
            (vec![], vec![(1, false), (2, false), (3, false)])
        );
        let place = find(&mut state, "b")[0];
        state.matched(place);
        state.matched(place);
        let place = find(&mut state, "c")[0];
        state.remove(place);
        assert_eq!(told(&mut state), (vec![2], vec![(1, true)]));
        assert_eq!(told(&mut state), (vec![], vec![]));
    }

    #[test]
    fn bytes_of_rows_that_went_are_given_back() {
        let mut state = State::default();
        let row = |number: i64| format!("{{\"text\":\"{}{number}\"}}", "x".repeat(200));
        for number in 0..100_000 {
            // One in a thousand stays.
            let goes = if number % 1000 == 0 { NEVER } else { number };
            add(&mut state, &(number % 10).to_string(), &row(number), goes);
        }
        let mut told = 0;
        let count = |_: Held<'_>| {
            told += 1;
            Ok(())
        };
        state.take_changes(|_| Ok(()), count).unwrap();
        assert_eq!(told, 100_000);
        assert!(pass(&mut state, 100_000).len() == 99_900 && !state.arena.is_sparse());
        let rows = rows(&mut state, "0");
        assert_eq!((rows.len(), &rows[7]), (100, &row(7000)));
    }
}
