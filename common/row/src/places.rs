//! A hash table of numbers: where something stands that is found by a key which the table does not hold.
//!
//! A line of the processor's cache holds eight numbers, each beside its hash, and a number stands as near to where its hash
//! points as there is room. So a lookup is one trip to memory, which can be asked for ahead ([`Places::prefetch`]); what the
//! numbers stand for is visited only where the hashes are equal, and not at all when the table grows.

use crate::{huge_pages, prefetch};

/// A number that stands for nothing.
const FREE: u32 = Places::END;

/// The fewest slots of a table that holds something.
const FEWEST: usize = 16;

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

/// Numbers below [`Places::END`] by hash; several may have one hash.
#[derive(Default)]
pub struct Places {
    /// A power of two of them, at most three quarters taken; or none.
    slots: Vec<Slot>,
    taken: usize,
}

impl Places {
    /// More than any number that can be held.
    pub const END: u32 = u32::MAX;

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Asks for the memory that a lookup of `hash` will read.
    #[inline(always)]
    pub fn prefetch(&self, hash: u32) {
        if let Some(slot) = self.slots.get(self.home(hash)) {
            prefetch(slot);
        }
    }

    /// The first number of that hash which is the `same`.
    #[inline]
    pub fn find(&self, hash: u32, same: impl FnMut(u32) -> bool) -> Option<u32> {
        self.slot(hash, same).map(|at| self.slots[at].number)
    }

    /// Adds a number.
    pub fn insert(&mut self, hash: u32, number: u32) {
        debug_assert!(number < Self::END);
        self.reserve(1);
        self.put(Slot { hash, number });
        self.taken += 1;
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        let most = self.taken + more;
        if 4 * most <= 3 * self.slots.len() {
            return;
        }
        let length = (most * 4).div_ceil(3).next_power_of_two().max(FEWEST);
        let free = Slot {
            hash: 0,
            number: FREE,
        };
        let mut slots = Vec::with_capacity(length);
        huge_pages(&mut slots);
        slots.resize(length, free);
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old {
            if slot.number != FREE {
                self.put(slot);
            }
        }
    }

    /// Removes the first number of that hash which is the `same`, and gives it.
    pub fn remove(&mut self, hash: u32, same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut gap = self.slot(hash, same)?;
        let number = self.slots[gap].number;
        let mask = self.slots.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.number == FREE {
                break;
            }
            // It may move to the gap unless that stands before where it is looked for first.
            let far = at.wrapping_sub(self.home(slot.hash)) & mask;
            if far >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap].number = FREE;
        self.taken -= 1;
        Some(number)
    }

    /// Where a hash is looked for first.
    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }

    /// The slot of the first number of that hash which is the `same`.
    #[inline]
    fn slot(&self, hash: u32, mut same: impl FnMut(u32) -> bool) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = self.home(hash);
        // There is always a free slot, if there is any.
        while let Some(slot) = self.slots.get(at) {
            if slot.number == FREE {
                break;
            }
            if slot.hash == hash && same(slot.number) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(slot.hash);
        while self.slots[at].number != FREE {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Hashes with many collisions, around the end of the table too, through growth and removal.
    #[test]
    fn agrees_with_a_plain_map() {
        let mut places = Places::default();
        let mut plain: HashMap<u32, u32> = HashMap::new();
        let mut chance = 7_u64;
        assert_eq!(places.find(3, |_| true), None);
        assert_eq!(places.remove(3, |_| true), None);
        for round in 0..200_000 {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let number = (chance >> 40) as u32 % 3000;
            let hash = *plain
                .get(&number)
                .unwrap_or(&((chance >> 33) as u32 % 40).wrapping_sub(20));
            let found = places.find(hash, |other| other == number);
            assert_eq!(found, plain.contains_key(&number).then_some(number));
            let shrinks = round / 20_000 % 2 == 1;
            if found.is_none() && (!shrinks || chance >> 20 & 7 == 0) {
                places.insert(hash, number);
                plain.insert(number, hash);
            } else if found.is_some() && (shrinks || chance >> 20 & 7 == 0) {
                assert_eq!(places.remove(hash, |other| other == number), Some(number));
                plain.remove(&number);
            }
            assert_eq!(places.len(), plain.len());
        }
        for (number, hash) in &plain {
            assert_eq!(places.find(*hash, |other| other == *number), Some(*number));
        }
    }

    #[test]
    fn it_is_at_most_three_quarters_full() {
        let mut places = Places::default();
        for number in 0..1000_u32 {
            places.insert(number.wrapping_mul(0x9e37_79b9), number);
            assert!(places.len() * 4 <= places.slots.len() * 3);
            assert!(places.slots.len() < places.len() * 8 / 3 + FEWEST);
        }
        let before = places.bytes();
        places.reserve(places.slots.len() * 3 / 4 - places.len());
        assert_eq!(places.bytes(), before);
    }
}
