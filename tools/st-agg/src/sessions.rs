//! Finds the session of a key and a moment: sessions that meet become one.
//!
//! A row opens the session `[ts, ts + gap)`. It joins every session of its key that it overlaps or touches, and those become
//! one (Spark's `session_window`; an event exactly one gap after another is in its session).

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use st_row::{Places, prefetch};

use crate::groups::Groups;

/// The sessions of each key.
#[derive(Default)]
pub struct Sessions {
    /// The numbers of the keys.
    places: Places,
    keys: Vec<Key>,
    /// Numbers of keys that have no session any more.
    free: Vec<u32>,
    hasher: FixedState,
}

/// The sessions of one key, in order of time; they never meet.
struct Key {
    hash: u32,
    /// Most rows belong to this one, or begin the next.
    last: u32,
    earlier: Vec<u32>,
}

/// There is no last session.
const NONE: u32 = u32::MAX;

impl Key {
    /// Changes the sessions as one list; false if none is left.
    fn change(&mut self, change: impl FnOnce(&mut Vec<u32>)) -> bool {
        self.earlier.push(self.last);
        change(&mut self.earlier);
        let last = self.earlier.pop();
        self.last = last.unwrap_or(NONE);
        last.is_some()
    }
}

impl Sessions {
    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// Asks for the memory in which the number of a key is looked for.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.places.prefetch(hash);
    }

    /// Asks for the memory of a key that probably has this hash.
    #[inline]
    pub fn prefetch_key(&self, hash: u32) {
        if let Some(number) = self.places.find(hash, |_| true) {
            prefetch(&self.keys[number as usize]);
        }
    }

    /// The last session of a key that probably has this hash; which one it is is not looked at. Asks for the memory of its list.
    #[inline]
    pub fn guess(&self, hash: u32) -> Option<u32> {
        let number = self.places.find(hash, |_| true)?;
        let key = &self.keys[number as usize];
        // Where the last one is noted when a later one follows it.
        key.earlier.last().into_iter().for_each(prefetch);
        Some(key.last)
    }

    /// The number of a key.
    #[inline]
    fn find(&self, groups: &Groups, hash: u32, key: &[u8]) -> Option<u32> {
        let is = |number: u32| *groups.group(self.keys[number as usize].last).key == *key;
        self.places.find(hash, is)
    }

    /// The session of that key which a row with `[start, end)` belongs to, new or grown as need be.
    pub fn find_or_add(&mut self, groups: &mut Groups, key: &[u8], start: i64, end: i64) -> u32 {
        let hash = self.hash(key);
        let Some(number) = self.find(groups, hash, key) else {
            let id = groups.add(key, start, end);
            self.begin(hash, id);
            return id;
        };
        let sessions = &mut self.keys[number as usize];
        // Rows come nearly in the order of time: most begin in the last session or after it, and then meet no other.
        let id = sessions.last;
        let (from, to) = (groups.group(id).start, groups.group(id).end);
        if start < from {
            let mut found = id;
            sessions.change(|all| found = meet(all, groups, key, start, end));
            return found;
        }
        if start > to {
            sessions.last = groups.add(key, start, end);
            if sessions.earlier.capacity() == 0 {
                sessions.earlier.reserve(8);
            }
            sessions.earlier.push(id);
            return sessions.last;
        }
        if end > to {
            groups.resize(id, from, end);
        }
        id
    }

    /// Finds a session under its key from now on.
    pub fn insert(&mut self, groups: &Groups, id: u32) {
        let group = groups.group(id);
        let hash = self.hash(&group.key);
        match self.find(groups, hash, &group.key) {
            Some(number) => {
                self.keys[number as usize].change(|all| {
                    let at = all.partition_point(|other| groups.group(*other).start < group.start);
                    all.insert(at, id);
                });
            }
            None => self.begin(hash, id),
        }
    }

    /// Notes the first session of a key.
    fn begin(&mut self, hash: u32, id: u32) {
        let key = Key {
            hash,
            last: id,
            earlier: Vec::new(),
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.keys[number as usize] = key;
                number
            }
            None => {
                self.keys.push(key);
                self.keys.len() as u32 - 1
            }
        };
        self.places.insert(hash, number);
    }

    /// Forgets sessions; call it before their groups are given up. Of many it looks through all keys, once, instead of looking
    /// for each.
    pub fn remove_all(&mut self, groups: &Groups, ids: &[u32]) {
        if ids.len() < self.keys.len() / 2 {
            return ids.iter().for_each(|id| self.remove(groups, *id));
        }
        let slots = ids.iter().max().map_or(0, |id| *id as usize + 1);
        let mut gone = vec![false; slots];
        for id in ids {
            gone[*id as usize] = true;
        }
        self.places = Places::default();
        self.free.clear();
        for (number, key) in (0..).zip(&mut self.keys) {
            let is_left = key.last != NONE
                && key.change(|all| {
                    all.retain(|id| !gone.get(*id as usize).is_some_and(|gone| *gone));
                });
            match is_left {
                true => self.places.insert(key.hash, number),
                false => self.free.push(number),
            }
        }
    }

    /// Forgets a session.
    fn remove(&mut self, groups: &Groups, id: u32) {
        let hash = self.hash(&groups.group(id).key);
        let Some(number) = self.find(groups, hash, &groups.group(id).key) else {
            return;
        };
        let key = &mut self.keys[number as usize];
        if !key.change(|all| all.retain(|other| *other != id)) {
            self.places.remove(hash, |other| other == number);
            self.free.push(number);
        }
    }
}

/// The session among these of one key which a row belongs to that begins before the last one.
fn meet(all: &mut Vec<u32>, groups: &mut Groups, key: &[u8], start: i64, end: i64) -> u32 {
    // Those from `first` on end late enough, those up to `last` begin early enough.
    let first = all.partition_point(|id| groups.group(*id).end < start);
    let last = all.partition_point(|id| groups.group(*id).start <= end);
    if first >= last {
        let id = groups.add(key, start, end);
        all.insert(first, id);
        return id;
    }
    let id = all[first];
    let (mut from, mut to) = (
        groups.group(id).start.min(start),
        groups.group(id).end.max(end),
    );
    for later in all.drain(first + 1..last) {
        to = to.max(groups.group(later).end);
        groups.merge(id, later);
    }
    from = from.min(start);
    groups.resize(id, from, to);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregates::{Accumulator, Count, State};
    use st_expr::Value;

    /// Sessions of one key over a count, as `(start, end, rows)`.
    fn after(rows: &[(i64, i64)]) -> Vec<(i64, i64, i64)> {
        let mut groups = Groups::new(vec![State::from(Count::default())]);
        let mut sessions = Sessions::default();
        for &(ts, gap) in rows {
            let id = sessions.find_or_add(&mut groups, b"k", ts, ts + gap);
            groups.touch(id);
            assert!(groups.states_mut(id)[0].update(&[]).is_ok());
        }
        let mut found: Vec<_> = groups
            .all()
            .into_iter()
            .map(|id| {
                let count = match groups.states(id)[0].finish() {
                    Ok(Value::Integer(count)) => count,
                    _ => -1,
                };
                (groups.group(id).start, groups.group(id).end, count)
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn an_event_one_gap_later_is_in_the_session() {
        assert_eq!(after(&[(0, 10), (10, 10)]), [(0, 20, 2)]);
        assert_eq!(after(&[(0, 10), (11, 10)]), [(0, 10, 1), (11, 21, 1)]);
        assert_eq!(after(&[(10, 10), (0, 10)]), [(0, 20, 2)]);
    }

    #[test]
    fn a_row_between_bridges_sessions() {
        assert_eq!(
            after(&[(0, 10), (18, 10), (40, 10), (9, 10)]),
            [(0, 28, 3), (40, 50, 1)]
        );
        // One long session swallows several short ones, whatever the order.
        let long = [(0, 2), (10, 2), (20, 2), (5, 30)];
        assert_eq!(after(&long), [(0, 2, 1), (5, 35, 3)]);
        assert_eq!(
            after(&[long[3], long[0], long[1], long[2]]),
            [(0, 2, 1), (5, 35, 3)]
        );
    }

    #[test]
    fn rows_in_any_order_make_the_sessions_that_sorting_makes() {
        let mut seed = 1u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((seed >> 33) % below) as i64
        };
        for round in 0..500 {
            // From rows nearly in order to rows in none, with gaps of one length or of several.
            let disorder = [1, 4, 30, 400][round % 4];
            let gaps = [1, 7][round / 4 % 2];
            let rows: Vec<(i64, i64)> = (0..60)
                .map(|i| (i * 6 + next(disorder), 5 + next(gaps)))
                .collect();
            let mut sorted = rows.clone();
            sorted.sort();
            let mut expected: Vec<(i64, i64, i64)> = Vec::new();
            for (ts, gap) in sorted {
                match expected.last_mut() {
                    Some((_, end, count)) if ts <= *end => {
                        (*end, *count) = ((*end).max(ts + gap), *count + 1);
                    }
                    _ => expected.push((ts, ts + gap, 1)),
                }
            }
            assert_eq!(after(&rows), expected, "{rows:?}");
        }
    }

    #[test]
    fn groups_close_at_their_very_end() {
        let mut groups = Groups::new(vec![State::from(Count::default())]);
        for end in [7, 5, 1 << 30, 6, -3, 5, crate::groups::NEVER] {
            groups.add(b"k", -10, end);
        }
        let ends = |groups: &mut Groups, mark: i64| {
            let closed = groups.closed(mark).into_iter();
            let mut ends: Vec<i64> = closed.map(|id| groups.group(id).end).collect();
            ends.sort();
            (ends, groups.next_end())
        };
        assert_eq!(ends(&mut groups, -4), (vec![], Some(-3)));
        assert_eq!(ends(&mut groups, 5), (vec![-3, 5, 5], Some(6)));
        assert_eq!(ends(&mut groups, 1 << 29), (vec![6, 7], Some(1 << 30)));
        assert_eq!(ends(&mut groups, i64::MAX - 1), (vec![1 << 30], None));
    }

    #[test]
    fn few_and_many_are_forgotten_alike() {
        let keys = |number: u32| (number % 100).to_string().into_bytes();
        for count in [0, 1, 30, 60, 250, 300] {
            let mut groups = Groups::new(vec![State::from(Count::default())]);
            let mut sessions = Sessions::default();
            let add = |groups: &mut Groups, sessions: &mut Sessions, number: u32| {
                let start = i64::from(number) * 10;
                sessions.find_or_add(groups, &keys(number), start, start + 5)
            };
            let ids: Vec<u32> = (0..300)
                .map(|number| add(&mut groups, &mut sessions, number))
                .collect();
            sessions.remove_all(&groups, &ids[..count]);
            let lasts = sessions.keys.iter().map(|key| key.last);
            let mut left: Vec<u32> = lasts.filter(|id| *id != NONE).collect();
            assert_eq!(left.len(), sessions.places.len());
            left.extend(sessions.keys.iter().flat_map(|key| &key.earlier));
            left.sort_unstable();
            assert_eq!(left, ids[count..]);
            // Keys come back.
            let again: Vec<u32> = (1000..1100)
                .map(|number| add(&mut groups, &mut sessions, number))
                .collect();
            assert!(
                again
                    .iter()
                    .all(|id| sessions.guess(sessions.hash(&groups.group(*id).key)) == Some(*id))
            );
        }
    }

    #[test]
    fn a_row_within_a_session_does_not_shorten_it() {
        assert_eq!(after(&[(0, 100), (10, 5)]), [(0, 100, 2)]);
    }
}
