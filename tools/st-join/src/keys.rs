//! The keys of one side's rows: a hash table of numbers, and of each number the rows.

use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use foldhash::fast::FixedState;
use st_row::{Places as Table, Small, prefetch};

use crate::places::{Places, Pool};

/// The rows of each key.
#[derive(Default)]
pub struct Keys {
    /// The numbers of the keys.
    table: Table,
    keys: Vec<Key>,
    pool: Pool,
    free: Vec<u32>,
    hasher: FixedState,
    bytes: usize,
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

/// A key and its hash.
#[derive(Clone, Copy)]
pub struct Hashed<'k> {
    pub bytes: &'k [u8],
    pub hash: u32,
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
        let same = |number: u32| *self.keys[number as usize].bytes == *key;
        self.table.find(hash, same)
    }

    /// Calls `found` with the places of the rows of a key, whose number was perhaps guessed, in a range of times, in the order of their times.
    #[inline]
    pub fn within(
        &self,
        key: Hashed<'_>,
        guess: Option<u32>,
        range: &RangeInclusive<i64>,
        found: impl FnMut(u32),
    ) {
        if let Some(number) = self.number(key, guess) {
            self.keys[number as usize]
                .places
                .within(&self.pool, range, found);
        }
    }

    #[inline]
    fn number(&self, key: Hashed<'_>, guess: Option<u32>) -> Option<u32> {
        match guess {
            Some(number) if *self.keys[number as usize].bytes == *key.bytes => Some(number),
            _ => self.find(key.bytes, key.hash),
        }
    }

    /// Asks for the memory in which a key of that hash will be looked for.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.table.prefetch(hash);
    }

    /// The number of a key with such a hash, most likely the one that is looked for. Asks for its memory.
    #[inline]
    pub fn guess(&self, hash: u32) -> Option<u32> {
        let number = self.table.find(hash, |_| true)?;
        self.prefetch_key(number);
        Some(number)
    }

    /// Asks for the memory of the key of that number.
    #[inline]
    pub fn prefetch_key(&self, number: u32) {
        let key = &self.keys[number as usize];
        prefetch(key);
        prefetch(&key.places);
    }

    /// Asks for the memory of a key's last rows, whose numbers were guessed: of all of them one step at a time, since each leads
    /// to the next.
    pub fn prefetch_rows(&self, guesses: impl Iterator<Item = u32> + Clone) {
        for step in 0..Places::STEPS {
            for number in guesses.clone() {
                self.keys[number as usize].places.prefetch(&self.pool, step);
            }
        }
    }

    /// Adds a row of a key, and gives the key's number, which was perhaps guessed.
    #[inline]
    pub fn add(&mut self, key: Hashed<'_>, guess: Option<u32>, time: i64, place: u32) -> u32 {
        let number = match self.number(key, guess) {
            Some(number) => number,
            None => self.begin(key.bytes, key.hash),
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
        self.table.insert(hash, number);
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
        self.table.remove(hash, |other| other == number);
    }

    /// The same for many keys.
    pub fn clear_all(&mut self, mut numbers: Vec<u32>, is_gone: impl Fn(u32) -> bool) {
        // So they lie one behind the other.
        numbers.sort_unstable();
        // To file what stays takes less than to look for each that goes, unless there were many more keys once.
        let most = numbers.len() > self.keys.len() / 2;
        if most {
            self.table = Table::default();
        }
        for number in numbers {
            self.clear(number, &is_gone);
        }
        if most {
            let left = (0..).zip(&self.keys).filter(|(_, key)| key.rows > 0);
            for (number, Key { hash, .. }) in left {
                self.table.insert(*hash, number);
            }
        }
    }

    /// Memory that the keys take, an estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
