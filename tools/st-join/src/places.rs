//! The rows of one key, by the time that the condition's range is about: those in a range are found without visiting the others.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// Times and places, in the order of the times; equal times in the order they came. Hardly ever more than one.
#[derive(Default)]
pub enum Places {
    #[default]
    None,
    One(i64, u32),
    Many(VecDeque<(i64, u32)>),
}

impl Places {
    /// Adds a row.
    #[inline]
    pub fn add(&mut self, time: i64, place: u32) {
        match self {
            Places::None => *self = Places::One(time, place),
            Places::One(first, other) => {
                let mut many = VecDeque::with_capacity(4);
                many.push_back((*first, *other));
                insert(&mut many, time, place);
                *self = Places::Many(many);
            }
            Places::Many(many) => {
                // A quarter more: twice as much would be half of the memory that many keys of some rows take.
                if many.len() == many.capacity() {
                    many.reserve_exact((many.len() / 4).max(4));
                }
                insert(many, time, place);
            }
        }
    }

    /// The last time; anything if there is none.
    #[inline]
    pub fn last(&self) -> i64 {
        match self {
            Places::None => 0,
            Places::One(time, _) => *time,
            Places::Many(many) => many.back().map_or(0, |(time, _)| *time),
        }
    }

    /// Calls `found` with the places of the rows in a range of times, in the order of their times.
    #[inline]
    pub fn within(&self, range: &RangeInclusive<i64>, mut found: impl FnMut(u32)) {
        match self {
            Places::None => {}
            Places::One(time, place) => {
                if range.contains(time) {
                    found(*place);
                }
            }
            Places::Many(many) => {
                let from = many.partition_point(|(time, _)| time < range.start());
                let rest = many.range(from..);
                for (_, place) in rest.take_while(|(time, _)| time <= range.end()) {
                    found(*place);
                }
            }
        }
    }

    /// Takes out what `is_gone`, which are so many. Those that went by their time are the first.
    pub fn clear_gone(&mut self, mut gone: u32, is_gone: impl Fn(u32) -> bool) {
        match self {
            Places::None => {}
            Places::One(_, place) => {
                if is_gone(*place) {
                    *self = Places::None;
                }
            }
            Places::Many(many) => {
                while gone > 0 && many.front().is_some_and(|(_, place)| is_gone(*place)) {
                    many.pop_front();
                    gone -= 1;
                }
                if gone > 0 {
                    many.retain(|(_, place)| !is_gone(*place));
                }
                match many.len() {
                    0 => *self = Places::None,
                    1 => *self = Places::One(many[0].0, many[0].1),
                    few if few < many.capacity() / 4 => many.shrink_to(2 * few),
                    _ => {}
                }
            }
        }
    }

    /// True if no row is left.
    pub fn is_empty(&self) -> bool {
        matches!(self, Places::None)
    }
}

#[inline]
fn insert(many: &mut VecDeque<(i64, u32)>, time: i64, place: u32) {
    if many.back().is_none_or(|(last, _)| *last <= time) {
        many.push_back((time, place));
        return;
    }
    let at = many.partition_point(|(other, _)| *other <= time);
    many.insert(at, (time, place));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(places: &Places, range: RangeInclusive<i64>) -> Vec<u32> {
        let mut found = Vec::new();
        places.within(&range, |place| found.push(place));
        found
    }

    #[test]
    fn rows_are_found_by_their_times() {
        let mut places = Places::default();
        for (place, time) in [10, 30, 20, 20, 40, 0, 20].into_iter().enumerate() {
            places.add(time, place as u32);
        }
        assert_eq!(within(&places, 20..=30), [2, 3, 6, 1]);
        assert_eq!(within(&places, i64::MIN..=i64::MAX), [5, 0, 2, 3, 6, 1, 4]);
        assert_eq!(within(&places, 11..=19), [0; 0]);
        #[allow(clippy::reversed_empty_ranges)]
        let none = within(&places, 30..=20);
        assert_eq!(none, [0; 0]);
        places.clear_gone(3, |place| [5, 0, 3].contains(&place));
        assert_eq!(within(&places, 0..=100), [2, 6, 1, 4]);
        places.clear_gone(3, |place| place != 6);
        assert_eq!(within(&places, 0..=100), [6]);
        places.clear_gone(1, |_| true);
        assert!(places.is_empty() && within(&places, 0..=100).is_empty());
    }
}
