//! Finds the session of a key and a moment: sessions that meet become one.
//!
//! A row opens the session `[ts, ts + gap)`. It joins every session of its key that it overlaps or touches, and those become
//! one (Spark's `session_window`; an event exactly one gap after another is in its session).

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::groups::Groups;

/// The sessions of each key, in order of time; they never meet.
#[derive(Default)]
pub struct Sessions {
    keys: HashTable<Vec<u32>>,
    hasher: FixedState,
}

impl Sessions {
    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The last session of a key that probably has this hash; which one it is is not looked at.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.keys.find(hash, |_| true)?.last().copied()
    }

    /// The session of that key which a row with `[start, end)` belongs to, new or grown as need be.
    pub fn find_or_add(&mut self, groups: &mut Groups, key: &[u8], start: i64, end: i64) -> u32 {
        let hash = self.hash(key);
        let Some(sessions) = self.keys.find_mut(hash, |ids| is(groups, ids, key)) else {
            let id = groups.add(key, start, end);
            self.file(groups, hash, id);
            return id;
        };
        // Rows come nearly in the order of time: most begin in the last session or after it, and then meet no other.
        if let Some(&id) = sessions.last()
            && start >= groups.group(id).start
        {
            let (from, to) = (groups.group(id).start, groups.group(id).end);
            if start > to {
                let id = groups.add(key, start, end);
                sessions.push(id);
                return id;
            }
            if end > to {
                groups.resize(id, from, end);
            }
            return id;
        }
        // Those from `first` on end late enough, those up to `last` begin early enough.
        let first = sessions.partition_point(|id| groups.group(*id).end < start);
        let last = sessions.partition_point(|id| groups.group(*id).start <= end);
        if first >= last {
            let id = groups.add(key, start, end);
            sessions.insert(first, id);
            return id;
        }
        let id = sessions[first];
        let (mut from, mut to) = (
            groups.group(id).start.min(start),
            groups.group(id).end.max(end),
        );
        for later in sessions.drain(first + 1..last) {
            to = to.max(groups.group(later).end);
            groups.merge(id, later);
        }
        from = from.min(start);
        groups.resize(id, from, to);
        id
    }

    /// Finds a session under its key from now on.
    pub fn insert(&mut self, groups: &Groups, id: u32) {
        let group = groups.group(id);
        let hash = self.hasher.hash_one(&*group.key);
        match self.keys.find_mut(hash, |ids| is(groups, ids, &group.key)) {
            Some(sessions) => {
                let at = sessions.partition_point(|other| groups.group(*other).start < group.start);
                sessions.insert(at, id);
            }
            None => self.file(groups, hash, id),
        }
    }

    fn file(&mut self, groups: &Groups, hash: u64, id: u32) {
        let hasher = &self.hasher;
        self.keys.insert_unique(hash, vec![id], |ids| {
            hasher.hash_one(&*groups.group(ids[0]).key)
        });
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
        self.keys.retain(|sessions| {
            sessions.retain(|id| !gone.get(*id as usize).is_some_and(|gone| *gone));
            !sessions.is_empty()
        });
    }

    /// Forgets a session.
    fn remove(&mut self, groups: &Groups, id: u32) {
        let hash = self.hasher.hash_one(&*groups.group(id).key);
        if let Ok(mut entry) = self.keys.find_entry(hash, |ids| ids.contains(&id)) {
            entry.get_mut().retain(|other| *other != id);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

fn is(groups: &Groups, ids: &[u32], key: &[u8]) -> bool {
    // A key without sessions is forgotten, so there is a last one: the one that the next row most likely belongs to.
    ids.last().is_some_and(|id| *groups.group(*id).key == *key)
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
            let add = |number: u32| {
                let start = i64::from(number) * 10;
                sessions.find_or_add(&mut groups, &keys(number), start, start + 5)
            };
            let ids: Vec<u32> = (0..300).map(add).collect();
            sessions.remove_all(&groups, &ids[..count]);
            let mut left: Vec<u32> = sessions.keys.iter().flatten().copied().collect();
            left.sort_unstable();
            assert_eq!(left, ids[count..]);
            assert!(sessions.keys.iter().all(|sessions| !sessions.is_empty()));
        }
    }

    #[test]
    fn a_row_within_a_session_does_not_shorten_it() {
        assert_eq!(after(&[(0, 100), (10, 5)]), [(0, 100, 2)]);
    }
}
