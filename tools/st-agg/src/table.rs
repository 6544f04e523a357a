//! Finds the group of a key and a window: a hash table of group numbers.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::groups::{Group, Groups};

/// Group numbers by key and start of the window.
#[derive(Default)]
pub struct Table {
    numbers: HashTable<u32>,
    /// The part of the hash that windows of one key share.
    hasher: FixedState,
}

impl Table {
    /// The hash of a key, from which that of each of its windows follows.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
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
        let same = |id: &u32| is(groups.group(*id), key, start, end);
        if let Some(id) = self.numbers.find(hash, same) {
            return *id;
        }
        let id = groups.add(key, start, end);
        self.file(groups, hash, id);
        id
    }

    /// Finds a group under its key from now on.
    pub fn insert(&mut self, groups: &Groups, id: u32) {
        let group = groups.group(id);
        self.file(groups, with_window(self.hash(&group.key), group.start), id);
    }

    fn file(&mut self, groups: &Groups, hash: u64, id: u32) {
        let hasher = &self.hasher;
        self.numbers.insert_unique(hash, id, |id| {
            let group = groups.group(*id);
            with_window(hasher.hash_one(&*group.key), group.start)
        });
    }

    /// Forgets a group; call it before the group is given up.
    pub fn remove(&mut self, groups: &Groups, id: u32) {
        let group = groups.group(id);
        let hash = with_window(self.hash(&group.key), group.start);
        if let Ok(entry) = self.numbers.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
    }
}

fn is(group: &Group, key: &[u8], start: i64, end: i64) -> bool {
    group.start == start && group.end == end && *group.key == *key
}

/// Spreads the windows of one key over the table.
#[inline]
fn with_window(hash: u64, start: i64) -> u64 {
    let mixed = (hash ^ start as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}
