//! The rows of one key, by the time that the condition's range is about: those in a range are found without visiting the others.
//!
//! They stand in small chunks of one pool, sorted, and a long list has its chunks in a row. A list that grew as a whole would be
//! copied, and of many such lists half of the memory would be what they left behind.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use st_row::prefetch;

/// How many rows a chunk has room for.
const ROOM: usize = 8;

/// Times and places, in the order of the times; equal times in the order they came.
#[derive(Default)]
pub enum Places {
    #[default]
    None,
    One(i64, u32),
    /// A chunk.
    Few(u32),
    Many(Box<Many>),
}

/// Several chunks, each with a time: none of its rows is before that, and none of the rows of the chunk before is behind it.
type Many = VecDeque<(i64, u32)>;

/// The chunks of all lists.
#[derive(Default)]
pub struct Pool {
    chunks: Vec<Chunk>,
    free: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Chunk {
    times: [i64; ROOM],
    places: [u32; ROOM],
    len: u32,
}

impl Chunk {
    #[inline]
    fn len(&self) -> usize {
        (self.len as usize).min(ROOM)
    }

    fn last(&self) -> i64 {
        self.times[self.len().saturating_sub(1)]
    }

    fn is_full(&self) -> bool {
        self.len() == ROOM
    }

    /// Adds a row; there must be room.
    #[inline]
    fn add(&mut self, time: i64, place: u32) {
        let len = self.len();
        let mut at = len;
        while at > 0 && self.times[at - 1] > time {
            (self.times[at], self.places[at]) = (self.times[at - 1], self.places[at - 1]);
            at -= 1;
        }
        (self.times[at], self.places[at]) = (time, place);
        self.len += 1;
    }

    /// Its later half.
    fn split(&mut self) -> Chunk {
        let mut other = Chunk::default();
        for at in ROOM / 2..self.len() {
            other.add(self.times[at], self.places[at]);
        }
        self.len = (ROOM / 2) as u32;
        other
    }

    /// Takes out what is gone; how many these are.
    fn clear_gone(&mut self, is_gone: &impl Fn(u32) -> bool) -> u32 {
        let mut kept = Chunk::default();
        for at in 0..self.len() {
            if !is_gone(self.places[at]) {
                kept.add(self.times[at], self.places[at]);
            }
        }
        let gone = self.len - kept.len;
        *self = kept;
        gone
    }

    #[inline]
    fn within(&self, range: &RangeInclusive<i64>, found: &mut impl FnMut(u32)) {
        for at in 0..self.len() {
            if range.contains(&self.times[at]) {
                found(self.places[at]);
            }
        }
    }
}

impl Pool {
    fn new_chunk(&mut self, chunk: Chunk) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.chunks[number as usize] = chunk;
                number
            }
            None => {
                self.chunks.push(chunk);
                self.chunks.len() as u32 - 1
            }
        }
    }

    #[inline]
    fn prefetch(&self, number: u32) {
        let chunk = self.chunk(number);
        prefetch(chunk);
        // It is longer than a line of the processor's cache.
        prefetch(&chunk.len);
    }

    #[inline]
    fn chunk(&self, number: u32) -> &Chunk {
        &self.chunks[number as usize]
    }

    #[inline]
    fn chunk_mut(&mut self, number: u32) -> &mut Chunk {
        &mut self.chunks[number as usize]
    }
}

impl Places {
    /// Adds a row.
    #[inline]
    pub fn add(&mut self, pool: &mut Pool, time: i64, place: u32) {
        match self {
            Places::None => *self = Places::One(time, place),
            Places::One(first, other) => {
                let mut chunk = Chunk::default();
                chunk.add(*first, *other);
                chunk.add(time, place);
                *self = Places::Few(pool.new_chunk(chunk));
            }
            Places::Few(number) => {
                let number = *number;
                if !pool.chunk(number).is_full() {
                    return pool.chunk_mut(number).add(time, place);
                }
                let mut many = Many::with_capacity(4);
                many.push_back((pool.chunk(number).times[0], number));
                add(&mut many, pool, time, place);
                *self = Places::Many(Box::new(many));
            }
            Places::Many(many) => add(many, pool, time, place),
        }
    }

    /// In how many steps [`Places::prefetch`] asks.
    pub const STEPS: usize = 3;

    /// Asks for the memory of the last rows, which is found step by step: each needs what the one before has asked for.
    #[inline]
    pub fn prefetch(&self, pool: &Pool, step: usize) {
        match (self, step) {
            (Places::Few(number), 0) => pool.prefetch(*number),
            (Places::Many(many), 0) => prefetch(&**many),
            (Places::Many(many), 1) => many.back().into_iter().for_each(prefetch),
            (Places::Many(many), 2) => {
                let last = many.back().into_iter();
                last.for_each(|(_, number)| pool.prefetch(*number));
            }
            _ => {}
        }
    }

    /// Calls `found` with the places of the rows in a range of times, in the order of their times.
    #[inline]
    pub fn within(&self, pool: &Pool, range: &RangeInclusive<i64>, mut found: impl FnMut(u32)) {
        match self {
            Places::None => {}
            Places::One(time, place) => {
                if range.contains(time) {
                    found(*place);
                }
            }
            Places::Few(number) => pool.chunk(*number).within(range, &mut found),
            Places::Many(many) => {
                let behind = many.partition_point(|(from, _)| from < range.start());
                for (from, number) in many.range(behind.saturating_sub(1)..) {
                    if from > range.end() {
                        break;
                    }
                    pool.chunk(*number).within(range, &mut found);
                }
            }
        }
    }

    /// Takes out what `is_gone`, which are so many. Those that went by their time are the first.
    pub fn clear_gone(&mut self, pool: &mut Pool, mut gone: u32, is_gone: impl Fn(u32) -> bool) {
        match self {
            Places::None => {}
            Places::One(_, place) => {
                if is_gone(*place) {
                    *self = Places::None;
                }
            }
            Places::Few(number) => {
                pool.chunk_mut(*number).clear_gone(&is_gone);
                *self = few(*number, pool);
            }
            Places::Many(many) => {
                while gone > 0
                    && let Some((_, number)) = many.front().copied()
                {
                    gone -= pool.chunk_mut(number).clear_gone(&is_gone).min(gone);
                    if pool.chunk(number).len > 0 {
                        break;
                    }
                    many.pop_front();
                    pool.free.push(number);
                }
                if gone > 0 {
                    many.retain(|(_, number)| {
                        pool.chunk_mut(*number).clear_gone(&is_gone);
                        let stays = pool.chunk(*number).len > 0;
                        if !stays {
                            pool.free.push(*number);
                        }
                        stays
                    });
                }
                match many.len() {
                    0 => *self = Places::None,
                    1 => *self = few(many[0].1, pool),
                    some if some < many.capacity() / 4 => many.shrink_to(2 * some),
                    _ => {}
                }
            }
        }
    }

    /// Takes out all rows.
    pub fn clear_all(&mut self, pool: &mut Pool) {
        match std::mem::take(self) {
            Places::None | Places::One(..) => {}
            Places::Few(number) => pool.free.push(number),
            Places::Many(many) => pool.free.extend(many.iter().map(|(_, number)| number)),
        }
    }
}

/// The list of one chunk.
fn few(number: u32, pool: &mut Pool) -> Places {
    let chunk = pool.chunk(number);
    let places = match chunk.len {
        0 => Places::None,
        1 => Places::One(chunk.times[0], chunk.places[0]),
        _ => return Places::Few(number),
    };
    pool.free.push(number);
    places
}

/// Adds a row to one of some chunks.
#[inline]
fn add(many: &mut Many, pool: &mut Pool, time: i64, place: u32) {
    let mut at = many.len() - 1;
    if many[at].0 > time {
        let behind = many.partition_point(|(from, _)| *from <= time);
        at = behind.saturating_sub(1);
        many[at].0 = many[at].0.min(time);
    }
    let chunk = pool.chunk_mut(many[at].1);
    if !chunk.is_full() {
        return chunk.add(time, place);
    }
    // Most rows come in the order of their times: then chunks are left full.
    let mut new = match at + 1 == many.len() && chunk.last() <= time {
        true => Chunk::default(),
        false => chunk.split(),
    };
    if new.len > 0 && time < new.times[0] {
        chunk.add(time, place);
    } else {
        new.add(time, place);
    }
    let new = (new.times[0], pool.new_chunk(new));
    many.insert(at + 1, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(places: &Places, pool: &Pool, range: RangeInclusive<i64>) -> Vec<u32> {
        let mut found = Vec::new();
        places.within(pool, &range, |place| found.push(place));
        found
    }

    #[test]
    fn rows_are_found_by_their_times() {
        let (mut places, mut pool) = (Places::default(), Pool::default());
        for (place, time) in [10, 30, 20, 20, 40, 0, 20].into_iter().enumerate() {
            places.add(&mut pool, time, place as u32);
        }
        assert_eq!(within(&places, &pool, 20..=30), [2, 3, 6, 1]);
        let all = within(&places, &pool, i64::MIN..=i64::MAX);
        assert_eq!(all, [5, 0, 2, 3, 6, 1, 4]);
        assert_eq!(within(&places, &pool, 11..=19), [0; 0]);
        #[allow(clippy::reversed_empty_ranges)]
        let none = within(&places, &pool, 30..=20);
        assert_eq!(none, [0; 0]);
        places.clear_gone(&mut pool, 3, |place| [5, 0, 3].contains(&place));
        assert_eq!(within(&places, &pool, 0..=100), [2, 6, 1, 4]);
        places.clear_gone(&mut pool, 3, |place| place != 6);
        assert_eq!(within(&places, &pool, 0..=100), [6]);
        places.clear_gone(&mut pool, 1, |_| true);
        assert!(matches!(places, Places::None) && within(&places, &pool, 0..=100).is_empty());
    }

    #[test]
    fn long_lists_are_as_a_sorted_list() {
        let mut pool = Pool::default();
        let mut random = 1_u64;
        for disorder in [1, 5, 50, 5000] {
            let mut places = Places::default();
            let mut plain: Vec<(i64, u32)> = Vec::new();
            for place in 0..3000_u32 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let time = i64::from(place) / 3 + (random >> 40) as i64 % disorder;
                places.add(&mut pool, time, place);
                plain.push((time, place));
                let is_gone = |number: u32| match place % 700 {
                    // The earliest, as the watermark takes them; or any.
                    699 => plain.iter().any(|(t, p)| *p == number && *t < time - 60),
                    350 => number.is_multiple_of(5),
                    _ => false,
                };
                let gone = plain.iter().filter(|(_, place)| is_gone(*place)).count();
                if gone > 0 {
                    places.clear_gone(&mut pool, gone as u32, is_gone);
                    let gone: Vec<u32> = plain
                        .iter()
                        .map(|(_, p)| *p)
                        .filter(|p| is_gone(*p))
                        .collect();
                    plain.retain(|(_, place)| !gone.contains(place));
                }
                if place % 97 == 0 {
                    let range = time - 40..=time - 3;
                    let mut expected = plain.clone();
                    expected.retain(|(time, _)| range.contains(time));
                    expected.sort_by_key(|(time, _)| *time);
                    let expected: Vec<u32> = expected.into_iter().map(|(_, place)| place).collect();
                    assert_eq!(within(&places, &pool, range), expected);
                }
            }
            let left = plain.len() as u32;
            assert_eq!(
                within(&places, &pool, i64::MIN..=i64::MAX).len() as u32,
                left
            );
            places.clear_gone(&mut pool, left, |_| true);
            assert!(matches!(places, Places::None));
        }
        assert_eq!(pool.free.len(), pool.chunks.len());
    }
}
