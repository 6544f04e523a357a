//! The keys seen: a hash table over an arena, so that a key costs its own bytes and some twenty more.
//!
//! A record in the arena is the moment at which the key is forgotten (if keys are forgotten at all), the key's length, the
//! key. The table holds the records' places. Places are filed by coarse steps of time, so that what the watermark has passed
//! is found without looking at the rest; when most of the arena is forgotten keys, the others move into a new one.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use anyhow::{Result, bail};
use foldhash::fast::RandomState;
use st_row::{Places, prefetch};

/// No watermark reaches this moment.
pub const NEVER: i64 = i64::MAX;

/// The moment of a record that is forgotten.
const GONE: i64 = i64::MIN;

/// Records begin at multiples of this, so that 32 bits point into sixteen gigabytes.
const GRAIN: usize = 4;

/// An arena below this is never tidied up.
const SMALL: usize = 1 << 20;

const SECOND: i64 = 1_000_000;

/// Keys, and when each is forgotten.
pub struct Seen {
    timed: bool,
    /// Keys that differ in their moment alone are different keys.
    by_moment: bool,
    arena: Vec<u8>,
    places: Places,
    hasher: RandomState,
    /// Places by the step of time in which they are forgotten.
    due: BTreeMap<i64, Vec<u32>>,
    step: i64,
    /// Bytes of the arena that hold forgotten keys.
    dead: usize,
}

impl Seen {
    /// Keys that are never forgotten.
    pub fn forever() -> Seen {
        Seen::new(false, false, 0)
    }

    /// Keys that are forgotten at a moment that is part of them; `delay` is how long that usually takes, in microseconds.
    pub fn by_moment(delay: i64) -> Seen {
        Seen::new(true, true, delay)
    }

    /// Keys that are forgotten at a moment that their first row decides.
    pub fn until(delay: i64) -> Seen {
        Seen::new(true, false, delay)
    }

    fn new(timed: bool, by_moment: bool, delay: i64) -> Seen {
        Seen {
            timed,
            by_moment,
            arena: Vec::new(),
            places: Places::default(),
            hasher: RandomState::default(),
            due: BTreeMap::new(),
            step: (delay / 256).clamp(SECOND, 3600 * SECOND),
            dead: 0,
        }
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        // A filed place is another four.
        let filed = if self.timed { 4 * self.places.len() } else { 0 };
        self.arena.capacity() + self.places.bytes() + filed
    }

    /// What a key is looked for by; its moment counts where that is part of it.
    #[inline]
    pub fn hash(&self, key: &[u8], moment: i64) -> u32 {
        let mut hash = self.hasher.hash_one(key);
        if self.by_moment {
            hash = (hash ^ moment as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        (hash >> 32) as u32
    }

    /// Asks for the memory in which a key of that hash will be looked for.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.places.prefetch(hash);
    }

    /// Asks for the memory of the key that has that hash, if there is one.
    #[inline]
    pub fn prefetch_key(&self, hash: u32) {
        let place = self.places.find(hash, |_| true);
        let record = place.and_then(|place| self.arena.get(place as usize * GRAIN));
        record.into_iter().for_each(prefetch);
    }

    /// Remembers a key until `moment`; false if it is known already, which changes nothing.
    ///
    /// # Errors
    /// If there are more keys than can be held.
    pub fn insert(&mut self, key: &[u8], moment: i64) -> Result<bool> {
        self.insert_hashed(key, moment, self.hash(key, moment))
    }

    /// The same for a key whose hash is known.
    #[inline]
    pub fn insert_hashed(&mut self, key: &[u8], moment: i64, hash: u32) -> Result<bool> {
        if self.find(key, moment, hash).is_some() {
            return Ok(false);
        }
        let place = self.push(key, moment)?;
        self.add(place, hash, moment);
        Ok(true)
    }

    /// Forgets a key; false if it is not known.
    pub fn remove(&mut self, key: &[u8], moment: i64) -> bool {
        let hash = self.hash(key, moment);
        let Some(place) = self.find(key, moment, hash) else {
            return false;
        };
        self.places.remove(hash, |other| other == place);
        self.bury(place);
        true
    }

    /// Forgets every key whose moment is at or before `mark`, and hands each to `each`.
    pub fn expire(
        &mut self,
        mark: i64,
        mut each: impl FnMut(&[u8], i64) -> Result<()>,
    ) -> Result<u64> {
        let mut count = 0;
        while let Some(entry) = self.due.first_entry()
            && entry.key().saturating_mul(self.step) <= mark
        {
            let (step, places) = entry.remove_entry();
            let mut later = Vec::new();
            for place in places {
                let record = Record::at(&self.arena, self.timed, place);
                if record.moment == GONE {
                    continue;
                }
                if record.moment > mark {
                    later.push(place);
                    continue;
                }
                each(record.key, record.moment)?;
                let hash = self.hash(record.key, record.moment);
                self.places.remove(hash, |other| other == place);
                self.bury(place);
                count += 1;
            }
            if !later.is_empty() {
                self.due.insert(step, later);
                break;
            }
        }
        self.tidy()?;
        Ok(count)
    }

    /// Hands every key and its moment to `each`, in the order they were first seen.
    pub fn all(&self, mut each: impl FnMut(&[u8], i64) -> Result<()>) -> Result<()> {
        let mut at = 0;
        while at < self.arena.len() {
            let record = Record::at(&self.arena, self.timed, (at / GRAIN) as u32);
            if record.moment != GONE {
                each(record.key, record.moment)?;
            }
            at += record.size();
        }
        Ok(())
    }

    /// Moves the keys into a new arena if most of this one is forgotten.
    pub fn tidy(&mut self) -> Result<()> {
        if self.dead < SMALL || self.dead < self.arena.len() / 2 {
            return Ok(());
        }
        let mut next = Seen::new(self.timed, self.by_moment, 0);
        next.step = self.step;
        next.arena.reserve(self.arena.len() - self.dead);
        next.places.reserve(self.places.len());
        self.all(|key, moment| {
            let place = next.push(key, moment)?;
            let hash = next.hash(key, moment);
            next.add(place, hash, moment);
            Ok(())
        })?;
        *self = next;
        Ok(())
    }

    /// The place of a key, whose hash is given.
    #[inline]
    fn find(&self, key: &[u8], moment: i64, hash: u32) -> Option<u32> {
        self.places.find(hash, |place| {
            let record = Record::at(&self.arena, self.timed, place);
            record.key == key && (!self.by_moment || record.moment == moment)
        })
    }

    /// Appends a record.
    #[inline]
    fn push(&mut self, key: &[u8], moment: i64) -> Result<u32> {
        let place = u32::try_from(self.arena.len() / GRAIN).ok();
        let Some(place) = place.filter(|place| *place < Places::END) else {
            bail!(
                "the state holds sixteen gigabytes of keys, which is all it can: use a watermark to forget old ones"
            );
        };
        if self.timed {
            self.arena.extend_from_slice(&moment.to_le_bytes());
        }
        let mut length = key.len();
        while length >= 0x80 {
            self.arena.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.arena.push(length as u8);
        self.arena.extend_from_slice(key);
        let padded = self.arena.len().next_multiple_of(GRAIN);
        self.arena.resize(padded, 0);
        Ok(place)
    }

    /// Makes a record findable.
    #[inline]
    fn add(&mut self, place: u32, hash: u32, moment: i64) {
        self.places.insert(hash, place);
        if self.timed && moment != NEVER {
            self.due
                .entry(moment.div_euclid(self.step))
                .or_default()
                .push(place);
        }
    }

    fn bury(&mut self, place: u32) {
        self.dead += Record::at(&self.arena, self.timed, place).size();
        let at = place as usize * GRAIN;
        if self.timed {
            self.arena[at..at + 8].copy_from_slice(&GONE.to_le_bytes());
        }
    }
}

/// A key as it stands in the arena.
struct Record<'a> {
    key: &'a [u8],
    moment: i64,
    /// Bytes before the key.
    head: usize,
}

impl<'a> Record<'a> {
    #[inline]
    fn at(arena: &'a [u8], timed: bool, place: u32) -> Record<'a> {
        let record = &arena[place as usize * GRAIN..];
        let (moment, mut head) = match record.first_chunk::<8>() {
            Some(moment) if timed => (i64::from_le_bytes(*moment), 8),
            _ => (NEVER, 0),
        };
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = record[head];
            head += 1;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        Record {
            key: &record[head..head + length],
            moment,
            head,
        }
    }

    /// Bytes of the whole record.
    fn size(&self) -> usize {
        (self.head + self.key.len()).next_multiple_of(GRAIN)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn keys(seen: &Seen) -> Vec<String> {
        let mut all = Vec::new();
        seen.all(|key, moment| {
            all.push(format!("{}@{moment}", String::from_utf8_lossy(key)));
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn a_key_is_new_once() {
        let mut seen = Seen::forever();
        let long = vec![b'x'; 100_000];
        for (key, new) in [
            (&b"a"[..], true),
            (b"b", true),
            (b"a", false),
            (&long, true),
            (&long, false),
            (b"", true),
        ] {
            assert_eq!(seen.insert(key, NEVER).unwrap(), new);
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn the_moment_may_be_part_of_the_key() {
        let mut seen = Seen::by_moment(0);
        assert!(seen.insert(b"a", 1).unwrap());
        assert!(seen.insert(b"a", 2).unwrap());
        assert!(!seen.insert(b"a", 2).unwrap());
        let mut seen = Seen::until(0);
        assert!(seen.insert(b"a", 1).unwrap());
        assert!(!seen.insert(b"a", 2).unwrap());
        assert_eq!(keys(&seen), ["a@1"]);
    }

    #[test]
    fn what_the_mark_has_passed_is_forgotten_and_no_more() {
        let mut seen = Seen::until(0);
        for (key, moment) in [
            ("a", -5),
            ("b", 0),
            ("c", 1),
            ("d", 1_999_999),
            ("e", 2_000_000),
            ("f", NEVER),
        ] {
            seen.insert(key.as_bytes(), moment).unwrap();
        }
        let mut gone = Vec::new();
        let mut note = |key: &[u8], _| {
            gone.push(String::from_utf8_lossy(key).into_owned());
            Ok(())
        };
        seen.expire(0, &mut note).unwrap();
        seen.expire(1_999_999, &mut note).unwrap();
        assert_eq!(gone, ["a", "b", "c", "d"]);
        assert_eq!(keys(&seen), ["e@2000000", format!("f@{NEVER}").as_str()]);
        assert!(seen.insert(b"a", 9).unwrap());
    }

    /// Compares with the obvious, through growth, removal and moves of the arena.
    #[test]
    fn agrees_with_a_plain_map() {
        let mut seen = Seen::until(0);
        let mut plain = std::collections::HashMap::new();
        let mut chance = 7_u64;
        for round in 0..60_i64 {
            for _ in 0..2000 {
                chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let key = format!("a key of some length, number {}", chance >> 44);
                let moment = (round + (chance >> 30 & 3) as i64) * 700_000;
                let new = !plain.contains_key(&key);
                if new {
                    plain.insert(key.clone(), moment);
                }
                assert_eq!(seen.insert(key.as_bytes(), moment).unwrap(), new);
                if chance >> 20 & 15 == 0 {
                    assert!(seen.remove(key.as_bytes(), moment));
                    plain.remove(&key);
                }
            }
            let mark = round * 700_000 - 300_000;
            let before = plain.len();
            plain.retain(|_, moment| *moment > mark);
            let gone = seen.expire(mark, |_, _| Ok(())).unwrap();
            assert_eq!(gone as usize, before - plain.len());
            assert_eq!(seen.len(), plain.len());
        }
        assert!(seen.arena.len() < 4 << 20, "{}", seen.arena.len());
    }
}
