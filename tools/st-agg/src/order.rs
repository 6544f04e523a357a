//! The order of groups: by window, if they have one, then by their keys as Spark orders values.
//!
//! Groups lie far apart, and there may be millions: what decides most comparisons is gathered first, eight bytes of each group at
//! a time, of those alone that the bytes before left undecided. More at once would take longer to find room for than to use.

use std::cmp::Ordering;

use st_row::prefetch;

use crate::groups::{Group, Groups};

/// So few are compared as they are.
const FEW: usize = 8;

/// So many groups before one is read its memory is asked for.
const AHEAD: usize = 16;

/// Some of what decides, and the group that it was taken from.
type Place = (u64, u32);

/// Sorts groups by window and key, or by key alone: windows of one key are in order by their bounds, which need not be encoded.
pub fn sort(groups: &Groups, ids: &mut [u32], by_window: bool) {
    let order = Order { groups, by_window };
    if ids.is_sorted_by(|a, b| order.compare(*a, *b).is_le()) {
        return;
    }
    let mut places: Vec<Place> = ids.iter().map(|id| (0, *id)).collect();
    match by_window {
        true => order.by_start(&mut places),
        false => order.by_key(&mut places, None),
    }
    for (id, (_, sorted)) in ids.iter_mut().zip(places) {
        *id = sorted;
    }
}

struct Order<'g> {
    groups: &'g Groups,
    by_window: bool,
}

impl Order<'_> {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.groups.group(a), self.groups.group(b));
        let windows = match self.by_window {
            true => (a.start, a.end).cmp(&(b.start, b.end)),
            false => Ordering::Equal,
        };
        windows.then_with(|| a.key.cmp(&b.key))
    }

    fn by_start(&self, places: &mut [Place]) {
        self.by(places, |group| unsigned(group.start), &mut |same| {
            self.by(same, |group| unsigned(group.end), &mut |same| {
                self.by_key(same, None);
            });
        });
    }

    /// Sorts groups of one window; so many bytes their keys were known to have in common, and they have eight more.
    fn by_key(&self, places: &mut [Place], known: Option<usize>) {
        let key = |at: usize| &*self.groups.group(places[at].1).key;
        let first = key(0);
        let mut shared = first.len();
        for at in 1..places.len() {
            self.prefetch(places, at);
            shared = st_row::shared(key(at), &first[..shared]);
        }
        let next = |group: &Group| {
            let rest = &group.key[shared..];
            let mut next = [0; 8];
            let shown = rest.len().min(8);
            next[..shown].copy_from_slice(&rest[..shown]);
            u64::from_be_bytes(next)
        };
        self.by(places, next, &mut |same| {
            // Not so where a key ends and another goes on with zeros.
            match known.is_some_and(|known| shared <= known) {
                true => self.as_they_are(same),
                false => self.by_key(same, Some(shared)),
            }
        });
    }

    /// Sorts by a number of each group, and hands over those that have the same.
    fn by(
        &self,
        places: &mut [Place],
        number: impl Fn(&Group) -> u64,
        same: &mut dyn FnMut(&mut [Place]),
    ) {
        if places.len() <= FEW {
            return self.as_they_are(places);
        }
        for at in 0..places.len() {
            self.prefetch(places, at);
            places[at].0 = number(self.groups.group(places[at].1));
        }
        places.sort_unstable();
        for equal in places.chunk_by_mut(|a, b| a.0 == b.0) {
            if equal.len() > 1 {
                same(equal);
            }
        }
    }

    #[inline]
    fn prefetch(&self, places: &[Place], at: usize) {
        if let Some((_, later)) = places.get(at + AHEAD) {
            prefetch(self.groups.group(*later));
        }
    }

    fn as_they_are(&self, places: &mut [Place]) {
        places.sort_unstable_by(|a, b| self.compare(a.1, b.1));
    }
}

/// In the same order.
fn unsigned(number: i64) -> u64 {
    number as u64 ^ 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_in_the_order_of_their_windows_and_keys() {
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        for common in ["", "user_", "a common beginning of keys, "] {
            let mut groups = Groups::new(Vec::new());
            for _ in 0..3000 {
                // Keys that are the beginnings of others, with zeros behind them, and long ones that differ at their ends.
                let length = next(4) as usize * 7;
                let mut key = common.as_bytes().to_vec();
                key.extend((0..length).map(|at| if at < 6 { 0 } else { next(3) as u8 * 127 }));
                let start = next(4) as i64 - 2;
                groups.add(&key, start, start + next(3) as i64);
            }
            for by_window in [true, false] {
                let mut ids = groups.all();
                sort(&groups, &mut ids, by_window);
                let place = |id: &u32| {
                    let group = groups.group(*id);
                    let window = (group.start, group.end);
                    (by_window.then_some(window), group.key.to_vec())
                };
                assert_eq!(ids.len(), 3000);
                assert!(ids.is_sorted_by_key(place), "{common} {by_window}");
                ids.sort_unstable();
                assert_eq!(ids, groups.all());
            }
        }
    }
}
