//! Rows are taken a few at a time, so that their trips to memory overlap.
//!
//! With many groups nearly all of a row's time goes into waiting for the table, then for the group, then for its states. So the
//! keys of several rows are computed first; the processor then fetches what all of them need at once, and by the time the
//! rows are taken, in their order, it is there.

use std::ops::Range;

use st_expr::{Env, Slots};
use st_row::{BadRow, Shape, Spans};

use crate::groups::{Groups, NEVER};
use crate::keys;
use crate::members::Members;
use crate::plan::Plan;
use crate::timing::Timing;

/// So many rows; or fewer, if they are long.
const ROWS: usize = 32;
const BYTES: usize = 64 * 1024;
/// So many rows later what was asked for is there.
const LAG: usize = 8;

/// Rows that were read and not yet taken: where they stand in bytes held by someone else, and what was found out of them.
#[derive(Default)]
pub struct Ahead {
    rows: Vec<Range<usize>>,
    /// How often each row came.
    times: Vec<u32>,
    /// What they have in common.
    shape: Shape,
    /// Reused: as many as there ever were rows.
    spans: Vec<Spans>,
    places: Vec<Result<Option<Place>, BadRow>>,
    keys: Vec<u8>,
    /// Of sessions only: the hashes of the rows' keys.
    hashes: Vec<u32>,
}

/// Where a row that belongs to one group belongs.
struct Place {
    key: Range<usize>,
    hash: u64,
    window: (i64, i64),
    guess: Option<u32>,
}

/// A row's only group: what it is known by, and which number it probably has.
pub struct Known<'k> {
    /// Its key, encoded.
    pub key: &'k [u8],
    /// The hash of that.
    pub hash: u64,
    /// The bounds of its window.
    pub window: (i64, i64),
    /// A group of the same hash.
    pub guess: Option<u32>,
}

impl Ahead {
    /// Notes a row that came so many times, and where it stands.
    #[inline]
    pub fn push(&mut self, row: Range<usize>, times: u32) {
        self.rows.push(row);
        self.times.push(times);
    }

    /// True if the rows should be taken now.
    #[inline]
    pub fn is_full(&self) -> bool {
        let ends = self.rows.first().zip(self.rows.last());
        self.rows.len() >= ROWS || ends.is_some_and(|(first, last)| last.end - first.start >= BYTES)
    }

    /// Scans the rows, which stand in `bytes`, and finds out where they belong, as far as that is simple.
    pub fn look(
        &mut self,
        bytes: &[u8],
        plan: &Plan,
        env: &Env,
        mark: Option<i64>,
        members: &Members,
        groups: &Groups,
    ) {
        self.spans
            .resize_with(self.rows.len().max(self.spans.len()), Spans::default);
        let sessions = plan.plain_keys
            && matches!(plan.timing, Timing::Sessions(..) | Timing::GivenSessions(_));
        for (row, spans) in self.rows.iter().zip(&mut self.spans) {
            let row = &bytes[row.clone()];
            let place = plan.fields.locate_like(row, spans, &mut self.shape);
            let place = place.map(|()| {
                let slots = Slots::new(row, spans, &[]);
                let start = self.keys.len();
                if sessions {
                    keys::encode_row(&plan.keys, env, &slots, &mut self.keys);
                    let hash = members.session_hash(&self.keys[start..]);
                    members.prefetch_session(hash);
                    self.hashes.push(hash);
                    ask(&self.hashes, self.hashes.len(), members, groups);
                    return None;
                }
                let window = window(plan, env, &slots, mark)?;
                keys::encode_row(&plan.keys, env, &slots, &mut self.keys);
                let key = start..self.keys.len();
                let hash = members.hash(&self.keys[key.clone()]);
                members.prefetch(hash, window.0);
                Some(Place {
                    hash,
                    key,
                    window,
                    guess: None,
                })
            });
            self.places.push(place);
            if let Some(earlier) = self.places.len().checked_sub(1 + LAG) {
                guess(&mut self.places[earlier], members, groups);
            }
        }
        let last = self.places.len().saturating_sub(LAG);
        for place in &mut self.places[last..] {
            guess(place, members, groups);
        }
        for later in 1..=2 * LAG {
            ask(&self.hashes, self.hashes.len() + later, members, groups);
        }
    }

    /// The rows, each with how often it came, where its fields stand and the group it belongs to, unless that is not simple.
    #[allow(clippy::type_complexity)]
    pub fn rows<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<
        Item = (
            &'a [u8],
            u32,
            Result<(&'a Spans, Option<Known<'a>>), &'a BadRow>,
        ),
    > {
        let rows = self.rows.iter().map(|row| &bytes[row.clone()]);
        let places = self.places.iter().zip(&self.spans).map(|(place, spans)| {
            let known = place.as_ref()?.as_ref().map(|place| Known {
                key: &self.keys[place.key.clone()],
                hash: place.hash,
                window: place.window,
                guess: place.guess,
            });
            Ok((spans, known))
        });
        let counted = rows.zip(&self.times);
        counted
            .zip(places)
            .map(|((row, times), place)| (row, *times, place))
    }

    /// Forgets the rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.times.clear();
        self.places.clear();
        self.keys.clear();
        self.hashes.clear();
    }
}

/// Which group a row probably belongs to, and asks for its memory; that of the table was asked for before.
#[inline]
fn guess(place: &mut Result<Option<Place>, BadRow>, members: &Members, groups: &Groups) {
    if let Ok(Some(place)) = place {
        place.guess = members.guess(place.hash, place.window.0);
        place.guess.into_iter().for_each(|id| groups.prefetch(id));
    }
}

/// After so many rows, asks for what is known of the session key of one row, and for the last session of another.
#[inline]
fn ask(hashes: &[u32], rows: usize, members: &Members, groups: &Groups) {
    let earlier = |lag: usize| hashes.get(rows.checked_sub(1 + lag)?);
    if let Some(hash) = earlier(LAG) {
        members.prefetch_session_key(*hash);
    }
    if let Some(id) = earlier(2 * LAG).and_then(|hash| members.guess_session(*hash)) {
        groups.prefetch(id);
    }
}

/// The one window of a row that is in time; `None` if there are several, or none.
#[inline]
fn window(plan: &Plan, env: &Env, slots: &Slots<'_, '_>, mark: Option<i64>) -> Option<(i64, i64)> {
    match &plan.timing {
        _ if !plan.plain_keys => None,
        Timing::Untimed => Some((0, NEVER)),
        Timing::Windows(time, windows) if windows.slide == windows.size => {
            let window = windows.of(time.known(env, slots)?).next()?;
            mark.is_none_or(|mark| window.1 > mark).then_some(window)
        }
        _ => None,
    }
}
