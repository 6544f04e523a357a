//! Finds the group of a key and a window: a hash table of group numbers.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::ahead::Known;
use crate::groups::{Group, Groups};

/// Group numbers by key and start of the window.
#[derive(Default)]
pub struct Table {
    places: HashTable<Place>,
    /// The part of the hash that windows of one key share.
    hasher: FixedState,
}

/// A group's number, beside half of its hash: so growing the table, and most of looking in vain, need not visit the groups.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    id: u32,
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
        let same =
            |place: &Place| place.hash == hash && is(groups.group(place.id), key, start, end);
        if let Some(place) = self.places.find(spread(hash), same) {
            return place.id;
        }
        let id = groups.add(key, start, end);
        self.file(hash, id);
        id
    }

    /// The number of a group with such a hash, most likely the one of that key.
    #[inline]
    pub fn guess(&self, hash: u64, start: i64) -> Option<u32> {
        let hash = with_window(hash, start);
        let place = self.places.find(spread(hash), |place| place.hash == hash)?;
        Some(place.id)
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
        let group = groups.group(id);
        self.file(with_window(self.hash(&group.key), group.start), id);
    }

    fn file(&mut self, hash: u32, id: u32) {
        let place = Place { hash, id };
        self.places
            .insert_unique(spread(hash), place, |place| spread(place.hash));
    }

    /// Forgets a group; call it before the group is given up.
    pub fn remove(&mut self, groups: &Groups, id: u32) {
        let group = groups.group(id);
        let hash = with_window(self.hash(&group.key), group.start);
        if let Ok(entry) = self.places.find_entry(spread(hash), |other| other.id == id) {
            entry.remove();
        }
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

/// The table takes its place from the low bits and its tag from the high ones.
#[inline(always)]
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash) << 32
}
