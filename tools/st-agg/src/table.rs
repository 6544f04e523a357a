//! Finds the group of a key and a window: a hash table of group numbers.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use st_row::Places;

use crate::ahead::Known;
use crate::groups::{Group, Groups};

/// Group numbers by key and start of the window.
#[derive(Default)]
pub struct Table {
    places: Places,
    /// The part of the hash that windows of one key share.
    hasher: FixedState,
}

impl Table {
    /// The hash of a key, from which that of each of its windows follows.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Asks for the memory that a lookup of that key and window will read.
    #[inline]
    pub fn prefetch(&self, hash: u64, start: i64) {
        self.places.prefetch(with_window(hash, start));
    }

    /// The group of that key (whose hash is given) and window; a new one if there is none.
    #[inline]
    pub fn find_or_add(
        &mut self,
        groups: &mut Groups,
        key: &[u8],
        hash: u64,
        start: i64,
        end: i64,
    ) -> u32 {
        let hash = with_window(hash, start);
        let same = |id| is(groups.group(id), key, start, end);
        if let Some(id) = self.places.find(hash, same) {
            return id;
        }
        let id = groups.add(key, start, end);
        self.places.insert(hash, id);
        id
    }

    /// The number of a group with such a hash, most likely the one of that key.
    #[inline]
    pub fn guess(&self, hash: u64, start: i64) -> Option<u32> {
        self.places.find(with_window(hash, start), |_| true)
    }

    /// The same as [`Table::find_or_add`], with a guess.
    #[inline]
    pub fn find_known(&mut self, groups: &mut Groups, known: &Known<'_>) -> u32 {
        let (start, end) = known.window;
        match known.guess {
            Some(id) if is(groups.group(id), known.key, start, end) => id,
            _ => self.find_or_add(groups, known.key, known.hash, start, end),
        }
    }

    /// Finds a group under its key from now on.
    pub fn insert(&mut self, groups: &Groups, id: u32) {
        self.places.insert(self.hash_of(groups.group(id)), id);
    }

    /// Forgets a group; call it before the group is given up.
    pub fn remove(&mut self, groups: &Groups, id: u32) {
        let hash = self.hash_of(groups.group(id));
        self.places.remove(hash, |other| other == id);
    }

    fn hash_of(&self, group: &Group) -> u32 {
        with_window(self.hash(&group.key), group.start)
    }
}

#[inline(always)]
fn is(group: &Group, key: &[u8], start: i64, end: i64) -> bool {
    group.start == start && group.end == end && *group.key == *key
}

/// Spreads the windows of one key over the table.
#[inline(always)]
fn with_window(hash: u64, start: i64) -> u32 {
    let mixed = (hash ^ start as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}
