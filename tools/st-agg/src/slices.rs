//! Rows of one key and one slice of time belong to the same sliding windows.
//!
//! Between two moments at which a window begins or ends nothing changes. So the groups of a row are those of an earlier row of
//! its key, if that stood in the same slice, and need not be looked for window by window.

/// Keys that are remembered.
const PLACES: usize = 256;

/// The groups that were found for some keys, of one slice each.
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
}

impl Slices {
    /// The groups of rows of that key at that moment, if they are known.
    #[inline]
    pub fn get(&self, key: &[u8], hash: u64, micros: i64) -> Option<&[u32]> {
        let slice = self.places.get(hash as usize % PLACES)?;
        (slice.from <= micros && micros < slice.until && slice.key == key).then_some(&slice.ids)
    }

    /// Remembers the groups of all rows of a key within a slice.
    pub fn note(&mut self, key: &[u8], hash: u64, (from, until): (i64, i64), ids: &[u32]) {
        if self.places.is_empty() {
            self.places = vec![Slice::default(); PLACES];
        }
        let slice = &mut self.places[hash as usize % PLACES];
        (slice.from, slice.until) = (from, until);
        slice.key.clear();
        slice.key.extend_from_slice(key);
        slice.ids.clear();
        slice.ids.extend_from_slice(ids);
    }

    /// Forgets everything: groups go, or windows close.
    pub fn clear(&mut self) {
        for slice in &mut self.places {
            slice.until = slice.from;
        }
    }
}
