//! The keys of one side's rows: a hash table of numbers, and of each number the rows.

use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use st_row::Small;

use crate::places::{Places, Pool};

/// The rows of each key.
#[derive(Default)]
pub struct Keys {
    table: HashTable<Slot>,
    keys: Vec<Key>,
    pool: Pool,
    free: Vec<u32>,
    hasher: FixedState,
    bytes: usize,
}

/// A key's number, beside half of its hash: so growing the table, and most of looking in vain, need not visit the keys.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

#[derive(Default)]
struct Key {
    bytes: Small,
    hash: u32,
    /// How many places are noted, and how many of these have gone.
    rows: u32,
    gone: u32,
    places: Places,
}

/// What a key takes beside its bytes.
const OVERHEAD: usize = 96;

impl Keys {
    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    #[inline]
    fn find(&self, key: &[u8], hash: u32) -> Option<u32> {
        let same =
            |slot: &Slot| slot.hash == hash && *self.keys[slot.number as usize].bytes == *key;
        Some(self.table.find(spread(hash), same)?.number)
    }

    /// Calls `found` with the places of a key's rows in a range of times, in the order of their times.
    #[inline]
    pub fn within(&self, key: &[u8], range: &RangeInclusive<i64>, found: impl FnMut(u32)) {
        if let Some(number) = self.find(key, self.hash(key)) {
            self.keys[number as usize]
                .places
                .within(&self.pool, range, found);
        }
    }

    /// The number of a key with such a hash, most likely the one that is looked for.
    #[inline]
    pub fn guess(&self, hash: u32) -> Option<u32> {
        let slot = self.table.find(spread(hash), |slot| slot.hash == hash)?;
        Some(slot.number)
    }

    /// Reads what [`Keys::add`] will write for a key of that number, so that it is at hand then.
    #[inline]
    pub fn touch(&self, number: u32) -> i64 {
        self.keys[number as usize].places.last(&self.pool)
    }

    /// Adds a row of a key whose hash is given, and gives the key's number, which may have been guessed.
    #[inline]
    pub fn add(&mut self, key: &[u8], hash: u32, guess: Option<u32>, time: i64, place: u32) -> u32 {
        let number = match guess {
            Some(number) if *self.keys[number as usize].bytes == *key => number,
            _ => match self.find(key, hash) {
                Some(number) => number,
                None => self.begin(key, hash),
            },
        };
        let key = &mut self.keys[number as usize];
        key.places.add(&mut self.pool, time, place);
        key.rows += 1;
        number
    }

    fn begin(&mut self, key: &[u8], hash: u32) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.keys.push(Key::default());
            self.keys.len() as u32 - 1
        });
        let slot = Slot { hash, number };
        self.table
            .insert_unique(spread(hash), slot, |slot| spread(slot.hash));
        self.bytes += key.len() + OVERHEAD;
        self.keys[number as usize] = Key {
            bytes: key.into(),
            hash,
            ..Key::default()
        };
        number
    }

    /// Notes that a row of a key has gone; true if it is the first since the key was cleared.
    pub fn went(&mut self, number: u32) -> bool {
        let key = &mut self.keys[number as usize];
        key.gone += 1;
        key.gone == 1
    }

    /// Takes out the rows of a key that have gone, and the key with its last.
    pub fn clear(&mut self, number: u32, is_gone: impl Fn(u32) -> bool) {
        let key = &mut self.keys[number as usize];
        let gone = std::mem::take(&mut key.gone);
        key.rows -= gone;
        if key.rows > 0 {
            return key.places.clear_gone(&mut self.pool, gone, is_gone);
        }
        key.places.clear_all(&mut self.pool);
        let Key { bytes, hash, .. } = std::mem::take(key);
        self.bytes -= bytes.len() + OVERHEAD;
        self.free.push(number);
        let same = |slot: &Slot| slot.number == number;
        if let Ok(slot) = self.table.find_entry(spread(hash), same) {
            slot.remove();
        }
    }

    /// The same for many keys.
    pub fn clear_all(&mut self, mut numbers: Vec<u32>, is_gone: impl Fn(u32) -> bool) {
        // So they lie one behind the other.
        numbers.sort_unstable();
        // To file what stays takes less than to look for each that goes, unless there were many more keys once.
        let most = numbers.len() > self.keys.len() / 2;
        if most {
            self.table.clear();
        }
        for number in numbers {
            self.clear(number, &is_gone);
        }
        if most {
            let left = (0..).zip(&self.keys).filter(|(_, key)| key.rows > 0);
            for (number, Key { hash, .. }) in left {
                let slot = Slot {
                    hash: *hash,
                    number,
                };
                self.table
                    .insert_unique(spread(*hash), slot, |slot| spread(slot.hash));
            }
        }
    }

    /// Memory that the keys take, an estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The table takes its bits from both ends of the hash.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash) << 32
}
