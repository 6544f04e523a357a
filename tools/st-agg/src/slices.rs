//! Rows of one key and one slice of time belong to the same sliding windows.
//!
//! Between two moments at which a window begins or ends nothing changes. So the groups of a row are those of an earlier row of
//! its key, if that stood in the same slice, and need not be looked for window by window. Rows are gathered by slice first, and
//! what a slice has gathered is merged into its windows when another takes its place, or at the latest when the rows have to
//! be settled: a row then touches one state instead of one per window. The order in which doubles are added follows from the
//! rows and markers alone, so a replayed batch adds up to the same digits.

use crate::aggregates::{Accumulator, State};
use crate::groups::Groups;

/// Slices that are remembered.
const PLACES: usize = 256;

/// The groups that were found for some keys, of one slice each, and what their rows have gathered.
#[derive(Default)]
pub struct Slices {
    places: Vec<Slice>,
}

#[derive(Clone, Default)]
struct Slice {
    key: Vec<u8>,
    /// From this moment until before that one; empty if nothing is known.
    from: i64,
    until: i64,
    ids: Vec<u32>,
    /// One per aggregate; none if rows go to the groups directly.
    states: Vec<State>,
    /// Rows were gathered that the groups do not have.
    ahead: bool,
}

impl Slices {
    /// The place of a slice's groups, if they are known; `hash` is of the key and, roughly, the slice.
    #[inline]
    pub fn find(&self, key: &[u8], hash: u64, micros: i64) -> Option<usize> {
        let place = hash as usize % PLACES;
        let slice = self.places.get(place)?;
        (slice.from <= micros && micros < slice.until && slice.key == key).then_some(place)
    }

    /// The groups of the slice at a place.
    pub fn ids(&self, place: usize) -> &[u32] {
        &self.places[place].ids
    }

    /// What the slice at a place gathers, to be updated with one more row.
    #[inline]
    pub fn gathering(&mut self, place: usize) -> &mut [State] {
        let slice = &mut self.places[place];
        slice.ahead = true;
        &mut slice.states
    }

    /// Remembers the groups of all rows of a key within a slice; they gather, from `empty`, unless that is none. Returns the
    /// place.
    pub fn note(
        &mut self,
        groups: &mut Groups,
        key: &[u8],
        hash: u64,
        (from, until): (i64, i64),
        ids: &[u32],
        empty: &[State],
    ) -> usize {
        if self.places.is_empty() {
            self.places = vec![Slice::default(); PLACES];
        }
        let place = hash as usize % PLACES;
        let slice = &mut self.places[place];
        slice.settle(groups);
        (slice.from, slice.until) = (from, until);
        slice.key.clear();
        slice.key.extend_from_slice(key);
        slice.ids.clear();
        slice.ids.extend_from_slice(ids);
        slice.states.clear();
        slice.states.extend_from_slice(empty);
        place
    }

    /// Merges what was gathered into the groups and forgets everything: groups may go, windows may close.
    pub fn settle(&mut self, groups: &mut Groups) {
        for slice in &mut self.places {
            slice.settle(groups);
            slice.until = slice.from;
        }
    }
}

impl Slice {
    fn settle(&mut self, groups: &mut Groups) {
        if !std::mem::take(&mut self.ahead) {
            return;
        }
        for &id in &self.ids {
            groups.touch(id);
            for (state, gathered) in groups.states_mut(id).iter_mut().zip(&self.states) {
                state.merge(gathered.clone());
            }
        }
    }
}
