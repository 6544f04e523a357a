//! The groups held: their keys, their windows, their states, and what happened to them in this batch.
//!
//! Groups live in one slab and are known by their number, states in another, so that a group costs no allocation unless its key
//! is long. Which group a row belongs to is the business of [`crate::table`] and [`crate::sessions`].

use std::collections::BTreeMap;

use st_row::{Small, prefetch};

use crate::aggregates::{Accumulator, State};
use crate::slab::Slab;

/// One group, in one line of the processor's cache.
#[repr(align(64))]
pub struct Group {
    /// Its key columns other than the window, encoded.
    pub key: Small,
    /// Where its window begins, microseconds since 1970; 0 without a window.
    pub start: i64,
    /// Closed once the watermark reaches this: the end of its window, or the event time it stands for.
    pub end: i64,
    /// How often its number was used before.
    generation: u32,
    /// Bytes it holds, as last reckoned.
    bytes: u32,
    live: bool,
    changed: bool,
    /// It is emitted for the last time, and evicted then.
    closing: bool,
    /// The state file knows it.
    saved: bool,
}

/// A group that is gone and that the state file still knows.
pub struct Gone {
    /// Its key columns, encoded.
    pub key: Small,
    /// Where its window began.
    pub start: i64,
    /// Where its window ended.
    pub end: i64,
}

impl Group {
    /// What is left of it for the state file.
    fn gone(&self) -> Gone {
        Gone {
            key: self.key.clone(),
            start: self.start,
            end: self.end,
        }
    }
}

/// What the state file has to be told at the end of a batch.
#[derive(Default)]
pub struct Unsaved {
    /// Groups that are gone or about to go.
    pub gone: Vec<Gone>,
    /// The numbers of those that it has to know anew.
    pub changed: Vec<u32>,
    /// How many groups stay.
    pub held: usize,
}

/// All groups of a stage.
pub struct Groups {
    slab: Slab<Group>,
    states: Slab<State>,
    /// The states of a new group.
    empty: Vec<State>,
    /// Numbers to be used again.
    free: Vec<u32>,
    /// Numbers given up in this batch.
    retired: Vec<u32>,
    live: usize,
    changed: Vec<u32>,
    gone: Vec<Gone>,
    /// Groups by the end they had when they were filed, in slices of about a second: a session's may have moved on since.
    ends: BTreeMap<i64, Slice>,
    /// Those that are not filed yet: of a large batch most may close at once.
    unfiled: Vec<(u32, u32)>,
    /// The first of their ends.
    next_unfiled: i64,
    evicted: u64,
    bytes: u64,
}

/// The ends of a slice have all but so many bits in common. Sessions end at any moment: each by itself would cost more than what
/// is looked at in vain when the watermark is within a slice.
const SLICE: u32 = 20;

/// Groups that end at about the same time.
struct Slice {
    /// The first end.
    first: i64,
    /// Their numbers and generations.
    groups: Vec<(u32, u32)>,
}

/// No watermark reaches this end.
pub const NEVER: i64 = i64::MAX;

impl Groups {
    /// No groups; each new one begins with a copy of these states.
    pub fn new(empty: Vec<State>) -> Groups {
        Groups {
            slab: Slab::new(1),
            states: Slab::new(empty.len()),
            empty,
            free: Vec::new(),
            retired: Vec::new(),
            live: 0,
            changed: Vec::new(),
            gone: Vec::new(),
            ends: BTreeMap::new(),
            unfiled: Vec::new(),
            next_unfiled: NEVER,
            evicted: 0,
            bytes: 0,
        }
    }

    /// The group of that number.
    #[inline]
    pub fn group(&self, id: u32) -> &Group {
        &self.slab.get(id)[0]
    }

    #[inline]
    fn group_mut(&mut self, id: u32) -> &mut Group {
        &mut self.slab.get_mut(id)[0]
    }

    /// Its states, one per aggregate.
    #[inline]
    pub fn states(&self, id: u32) -> &[State] {
        self.states.get(id)
    }

    /// The same, to be changed.
    #[inline]
    pub fn states_mut(&mut self, id: u32) -> &mut [State] {
        self.states.get_mut(id)
    }

    /// Asks for the memory of a group and of its states.
    #[inline]
    pub fn prefetch(&self, id: u32) {
        prefetch(self.group(id));
        // Two of them share a line of the processor's cache.
        self.states(id).iter().step_by(2).for_each(prefetch);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// The numbers of all groups.
    pub fn all(&self) -> Vec<u32> {
        let numbers = 0..self.slab.len();
        if self.live == numbers.len() {
            return numbers.collect();
        }
        numbers.filter(|id| self.group(*id).live).collect()
    }

    /// The numbers of the groups that had input in this batch.
    pub fn changed(&self) -> Vec<u32> {
        self.changed
            .iter()
            .copied()
            .filter(|id| self.group(*id).live)
            .collect()
    }

    /// A new group.
    pub fn add(&mut self, key: &[u8], start: i64, end: i64) -> u32 {
        let group = Group {
            key: key.into(),
            start,
            end,
            generation: 0,
            bytes: 0,
            live: true,
            changed: false,
            closing: false,
            saved: false,
        };
        let (id, generation) = match self.free.pop() {
            Some(id) => {
                let generation = self.group(id).generation + 1;
                *self.group_mut(id) = Group {
                    generation,
                    ..group
                };
                (id, generation)
            }
            None => {
                self.states.push(self.empty.iter().cloned());
                (self.slab.push([group]), 0)
            }
        };
        self.live += 1;
        self.note(id, end, generation);
        id
    }

    /// Notes when a group ends.
    #[inline]
    fn note(&mut self, id: u32, end: i64, generation: u32) {
        if end != NEVER {
            self.unfiled.push((id, generation));
            self.next_unfiled = self.next_unfiled.min(end);
        }
    }

    fn file(&mut self, end: i64, id: u32, generation: u32) {
        let slice = self.ends.entry(end >> SLICE).or_insert_with(|| Slice {
            first: end,
            groups: Vec::new(),
        });
        slice.first = slice.first.min(end);
        slice.groups.push((id, generation));
    }

    /// Notes that a group has input in this batch.
    #[inline]
    pub fn touch(&mut self, id: u32) {
        let group = self.group_mut(id);
        if !group.changed {
            group.changed = true;
            self.changed.push(id);
        }
    }

    /// Gives a session other bounds. It is filed under its new end when the watermark meets the old one.
    pub fn resize(&mut self, id: u32, start: i64, end: i64) {
        let group = self.group_mut(id);
        // The state file knows sessions by their start.
        let gone = (group.saved && group.start != start).then(|| group.gone());
        group.saved &= gone.is_none();
        group.start = start;
        group.end = end;
        self.gone.extend(gone);
    }

    /// Merges the states of `later` into those of `earlier`, and gives `later` up.
    pub fn merge(&mut self, earlier: u32, later: u32) {
        for aggregate in 0..self.empty.len() {
            let empty = self.empty[aggregate].clone();
            let state = std::mem::replace(&mut self.states_mut(later)[aggregate], empty);
            self.states_mut(earlier)[aggregate].merge(state);
        }
        self.give_up(later);
    }

    /// Gives up a group that the watermark has closed.
    pub fn evict(&mut self, id: u32) {
        self.evicted += 1;
        self.give_up(id);
    }

    /// Gives up groups that the watermark has closed, where these are most, and ends the batch as [`Groups::end_batch`] does: what
    /// stays moves, and gets other numbers. Returns also what all were held in.
    pub fn evict_most(&mut self, closed: &[u32]) -> ((u64, u64, u64), Groups) {
        let mut old = std::mem::replace(self, Groups::new(self.empty.clone()));
        closed
            .iter()
            .for_each(|id| old.group_mut(*id).closing = true);
        for id in old.staying() {
            let Group {
                start, end, saved, ..
            } = *old.group(id);
            let new = self.add(&old.group(id).key, start, end);
            self.states_mut(new).swap_with_slice(old.states_mut(id));
            self.group_mut(new).saved = saved;
            self.reckon(new);
        }
        let figures = (old.changed.len() as u64, closed.len() as u64, self.bytes);
        (figures, old)
    }

    /// Gives up a group that the state file has replaced.
    pub fn forget(&mut self, id: u32) {
        self.group_mut(id).saved = false;
        self.give_up(id);
    }

    fn give_up(&mut self, id: u32) {
        // What a state holds outside of itself is freed now.
        self.states.get_mut(id).clone_from_slice(&self.empty);
        let group = self.group_mut(id);
        let gone = group.saved.then(|| group.gone());
        group.key = Small::default();
        group.live = false;
        let bytes = group.bytes;
        self.bytes -= u64::from(bytes);
        self.gone.extend(gone);
        self.live -= 1;
        self.retired.push(id);
    }

    /// When the next group closes, for people: a session that has grown since closes later.
    pub fn next_end(&self) -> Option<i64> {
        let filed = self.ends.values().next().map(|slice| slice.first);
        let unfiled = (!self.unfiled.is_empty()).then_some(self.next_unfiled);
        filed.into_iter().chain(unfiled).min()
    }

    /// The groups that `mark` closes, in no order. They are no longer filed, and so have to be evicted.
    pub fn closed(&mut self, mark: i64) -> Vec<u32> {
        let mut met = std::mem::take(&mut self.unfiled);
        self.next_unfiled = NEVER;
        while let Some(entry) = self.ends.first_entry()
            && *entry.key() <= mark >> SLICE
        {
            met.append(&mut entry.remove().groups);
        }
        let mut closed = Vec::new();
        for (id, generation) in met {
            let group = self.group(id);
            let end = group.end;
            match group.live && group.generation == generation {
                true if end <= mark => closed.push(id),
                true => self.file(end, id, generation),
                false => {}
            }
        }
        closed
    }

    /// What the state file has to be told; `closing` are about to be evicted.
    pub fn unsaved(&mut self, closing: &[u32]) -> Unsaved {
        for &id in closing {
            let group = self.group_mut(id);
            group.closing = true;
            let gone = group.saved.then(|| group.gone());
            self.gone.extend(gone);
        }
        // In one go: there may be millions.
        let all = std::mem::take(&mut self.changed);
        let mut changed = Vec::new();
        for &id in &all {
            let group = self.group_mut(id);
            if group.live && !group.closing {
                group.saved = true;
                changed.push(id);
            }
        }
        self.changed = all;
        Unsaved {
            gone: std::mem::take(&mut self.gone),
            changed,
            held: self.live - closing.len(),
        }
    }

    /// The numbers of the groups that stay when those about to be evicted are gone.
    pub fn staying(&self) -> Vec<u32> {
        let mut numbers = self.all();
        numbers.retain(|id| !self.group(*id).closing);
        numbers
    }

    /// Notes that the state file knows a group: it was loaded from there.
    pub fn loaded(&mut self, id: u32) {
        self.group_mut(id).saved = true;
        self.reckon(id);
    }

    fn reckon(&mut self, id: u32) {
        let states = self.states(id);
        let held = size_of::<Group>()
            + size_of_val(states)
            + self.group(id).key.heap()
            + states.iter().map(Accumulator::heap).sum::<usize>();
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut self.group_mut(id).bytes, held);
        self.bytes = self.bytes - u64::from(before) + u64::from(held);
    }

    /// Ends the batch: nothing has changed since. Returns how many groups had input, how many were evicted, and the bytes
    /// all groups hold.
    pub fn end_batch(&mut self) -> (u64, u64, u64) {
        let changed = std::mem::take(&mut self.changed);
        for &id in &changed {
            self.group_mut(id).changed = false;
            if self.group(id).live {
                self.reckon(id);
            }
        }
        self.free.append(&mut self.retired);
        self.gone.clear();
        (
            changed.len() as u64,
            std::mem::take(&mut self.evicted),
            self.bytes,
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The same groups close whether they go one by one or most of them at once, and what stays is as it was.
    #[test]
    fn groups_close_by_their_end_however_they_go() {
        let (mut one_by_one, mut at_once) = (Groups::new(Vec::new()), Groups::new(Vec::new()));
        let mut random = 7_u64;
        let shown = |groups: &Groups, ids: &[u32]| -> BTreeSet<(i64, Vec<u8>, bool)> {
            let groups = ids.iter().map(|id| groups.group(*id));
            groups.map(|g| (g.end, g.key.to_vec(), g.saved)).collect()
        };
        for batch in 0..40_i64 {
            for number in 0..50 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let end = (batch << SLICE) + (random >> 40) as i64 % (5 << SLICE);
                let key = format!("{batch}.{number}");
                for groups in [&mut one_by_one, &mut at_once] {
                    let id = groups.add(key.as_bytes(), end - 10, end);
                    groups.touch(id);
                    if number % 7 == 0 {
                        // A session that has grown.
                        groups.resize(id, end - 10, end + (3 << SLICE));
                    }
                }
            }
            let mark = (batch - 1) << SLICE | 12_345;
            let closed = one_by_one.closed(mark);
            let others = at_once.closed(mark);
            assert_eq!(shown(&one_by_one, &closed), shown(&at_once, &others));
            assert_eq!(
                one_by_one.unsaved(&closed).held,
                at_once.unsaved(&others).held
            );
            closed.iter().for_each(|id| one_by_one.evict(*id));
            let figures = one_by_one.end_batch();
            assert_eq!(at_once.evict_most(&others).0, figures);
            assert_eq!(
                shown(&one_by_one, &one_by_one.all()),
                shown(&at_once, &at_once.all())
            );
            assert_eq!(one_by_one.next_end(), at_once.next_end());
            assert!(batch < 10 || !closed.is_empty());
        }
    }
}
