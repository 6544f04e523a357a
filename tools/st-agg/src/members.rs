//! Which groups a row belongs to: one, several for sliding windows, or none when it is late or has no time.

use st_expr::{Compiled, Env, Slots, Value};
use st_time::{Duration, Zone};

use crate::aggregates::State;
use crate::ahead::Known;
use crate::event_time::{Windows, given_window};
use crate::groups::{Groups, NEVER};
use crate::keys;
use crate::plan::Plan;
use crate::sessions::Sessions;
use crate::slices::Slices;
use crate::table::Table;
use crate::timing::Timing;

/// Finds the groups of rows.
#[derive(Default)]
pub struct Members {
    table: Table,
    sessions: Sessions,
    slices: Slices,
    /// Where the row is gathered with others of its slice.
    gathered: Option<usize>,
    /// The encoded key of the row.
    key: Vec<u8>,
    /// The groups of the row.
    ids: Vec<u32>,
    gap: GapText,
}

/// The length of the last gap that was given as text.
#[derive(Default)]
struct GapText {
    text: String,
    micros: Option<i64>,
}

/// A row, and all that decides where it belongs.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The query.
    pub plan: &'a Plan,
    /// The batch.
    pub env: &'a Env,
    /// The row's fields.
    pub slots: &'a Slots<'a, 'a>,
    /// Groups that end here or earlier take no rows.
    pub mark: Option<i64>,
}

impl Row<'_> {
    /// True if a group with that end takes no rows any more.
    #[inline]
    fn late(&self, end: i64) -> bool {
        self.mark.is_some_and(|mark| end <= mark)
    }
}

/// What became of a row.
pub enum Found {
    /// It belongs to groups: [`Members::ids`].
    Groups,
    /// Some or all of its windows are closed, for this reason; it belongs to the others.
    Late(String),
    /// It has no window, for this reason.
    None(String),
}

impl Members {
    /// The groups found for the last row.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// True if the last row belongs to no group.
    #[inline]
    pub fn belongs_nowhere(&self) -> bool {
        self.gathered.is_none() && self.ids.is_empty()
    }

    /// The states that gather the last row on behalf of its groups, if there are such.
    #[inline]
    pub fn gathering(&mut self) -> Option<&mut [State]> {
        Some(self.slices.gathering(self.gathered?))
    }

    /// The hash of an encoded key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.table.hash(key)
    }

    /// Asks for the memory in which the group of that key and window will be looked for.
    #[inline]
    pub fn prefetch(&self, hash: u64, start: i64) {
        self.table.prefetch(hash, start);
    }

    /// The number of a group with such a hash.
    #[inline]
    pub fn guess(&self, hash: u64, start: i64) -> Option<u32> {
        self.table.guess(hash, start)
    }

    /// The hash of an encoded key, among those that have sessions.
    #[inline]
    pub fn session_hash(&self, key: &[u8]) -> u32 {
        self.sessions.hash(key)
    }

    /// Asks for the memory in which a key of that hash will be looked for among those that have sessions.
    #[inline]
    pub fn prefetch_session(&self, hash: u32) {
        self.sessions.prefetch(hash);
    }

    /// Asks for what is known of that key.
    #[inline]
    pub fn prefetch_session_key(&self, hash: u32) {
        self.sessions.prefetch_key(hash);
    }

    /// The last session of a key of such a hash, most likely the one that a new row belongs to.
    #[inline]
    pub fn guess_session(&self, hash: u32) -> Option<u32> {
        self.sessions.guess(hash)
    }

    /// Finds the only group of a row, a new one as need be.
    #[inline]
    pub fn find_known(&mut self, groups: &mut Groups, known: Known<'_>) -> u32 {
        let id = self.table.find_known(groups, &known);
        self.gathered = None;
        self.ids.clear();
        self.ids.push(id);
        id
    }

    /// Finds the groups of a row, new ones as need be.
    #[inline]
    pub fn find(&mut self, groups: &mut Groups, row: Row<'_>) -> Found {
        self.ids.clear();
        self.key.clear();
        self.gathered = None;
        let Row {
            plan,
            env,
            slots,
            mark,
        } = row;
        match &plan.timing {
            Timing::Untimed => {
                self.encode(row);
                self.window(groups, 0, NEVER);
                Found::Groups
            }
            Timing::Time(key) => {
                self.encode(row);
                let time = match keys::decode(&plan.keys, &self.key).nth(*key) {
                    Some(Value::Timestamp(micros)) => micros,
                    _ => NEVER,
                };
                if row.late(time) {
                    return Found::Late(behind(time, mark));
                }
                self.window(groups, 0, time);
                Found::Groups
            }
            Timing::Windows(time, windows) => match time.micros(env, slots) {
                Ok(micros) => self.windows(groups, row, *windows, micros),
                Err(reason) => Found::None(reason),
            },
            Timing::Given(field) => {
                match slots.raw(*field).and_then(|raw| given_window(env, raw)) {
                    Some((start, end)) if row.late(end) => {
                        Found::Late(closed(&[(start, end)], mark))
                    }
                    Some((start, end)) => {
                        self.encode(row);
                        self.window(groups, start, end);
                        Found::Groups
                    }
                    None => Found::None(no_window(plan)),
                }
            }
            Timing::Sessions(time, gap) => match time.micros(env, slots) {
                Ok(start) => match self.gap.micros(gap, env, slots) {
                    Some(gap) if gap > 0 => {
                        self.session(groups, row, start, start.saturating_add(gap))
                    }
                    Some(_) => {
                        Found::None("the session's gap is not longer than nothing".to_string())
                    }
                    None => Found::None("the session's gap is null or no duration".to_string()),
                },
                Err(reason) => Found::None(reason),
            },
            Timing::GivenSessions(field) => {
                match slots.raw(*field).and_then(|raw| given_window(env, raw)) {
                    Some((start, end)) => self.session(groups, row, start, end),
                    None => Found::None(no_window(plan)),
                }
            }
        }
    }

    #[inline]
    fn encode(&mut self, row: Row<'_>) {
        keys::encode_row(&row.plan.keys, row.env, row.slots, &mut self.key);
    }

    #[inline]
    fn window(&mut self, groups: &mut Groups, start: i64, end: i64) {
        let hash = self.table.hash(&self.key);
        self.ids
            .push(self.table.find_or_add(groups, &self.key, hash, start, end));
    }

    #[inline]
    fn windows(
        &mut self,
        groups: &mut Groups,
        row: Row<'_>,
        windows: Windows,
        micros: i64,
    ) -> Found {
        self.encode(row);
        let hash = self.table.hash(&self.key);
        // Rows of several slices come mixed: each slice of a key has a place of its own.
        let place = hash.wrapping_add(windows.slides(micros) as u64);
        if let Some(place) = self.slices.find(&self.key, place, micros) {
            if row.plan.gathers {
                self.gathered = Some(place);
            } else {
                self.ids.extend_from_slice(self.slices.ids(place));
            }
            return Found::Groups;
        }
        let mut late = 0;
        for (start, end) in windows.of(micros) {
            if row.late(end) {
                late += 1;
            } else {
                self.ids
                    .push(self.table.find_or_add(groups, &self.key, hash, start, end));
            }
        }
        if late == 0 {
            if let Some(slice) = windows.slice(micros) {
                let empty = if row.plan.gathers {
                    &row.plan.empty[..]
                } else {
                    &[]
                };
                let (key, ids) = (&self.key, &self.ids);
                let place = self.slices.note(groups, key, place, slice, ids, empty);
                self.gathered = row.plan.gathers.then_some(place);
            }
            return Found::Groups;
        }
        // Those that end first are closed first.
        let all: Vec<(i64, i64)> = windows.of(micros).take(late).collect();
        let mut reason = closed(&all, row.mark);
        if !self.ids.is_empty() {
            reason.push_str(&format!("; counted in {} later", self.ids.len()));
        }
        Found::Late(reason)
    }

    fn session(&mut self, groups: &mut Groups, row: Row<'_>, start: i64, end: i64) -> Found {
        // A row is late by its own end, even if an open session would have taken it in.
        if row.late(end) {
            return Found::Late(closed(&[(start, end)], row.mark));
        }
        self.encode(row);
        self.ids
            .push(self.sessions.find_or_add(groups, &self.key, start, end));
        Found::Groups
    }

    /// Finds a group from now on, as it was loaded.
    pub fn insert(&mut self, plan: &Plan, groups: &Groups, id: u32) {
        match plan.timing {
            Timing::Sessions(..) | Timing::GivenSessions(_) => self.sessions.insert(groups, id),
            _ => self.table.insert(groups, id),
        }
    }

    /// Forgets groups that are about to be evicted.
    pub fn remove_all(&mut self, plan: &Plan, groups: &Groups, ids: &[u32]) {
        match plan.timing {
            Timing::Sessions(..) | Timing::GivenSessions(_) => {
                self.sessions.remove_all(groups, ids);
            }
            _ => ids.iter().for_each(|id| self.table.remove(groups, *id)),
        }
    }

    /// Gives the groups all rows that belong to them; windows may close after that.
    pub fn settle(&mut self, groups: &mut Groups) {
        self.slices.settle(groups);
    }

    /// The only group of a query without keys, there from the start.
    pub fn only(&mut self, groups: &mut Groups) -> u32 {
        let hash = self.table.hash(&[]);
        self.table.find_or_add(groups, &[], hash, 0, NEVER)
    }
}

impl GapText {
    /// The gap of a row in microseconds; text is a duration.
    fn micros(&mut self, gap: &Compiled, env: &Env, slots: &Slots<'_, '_>) -> Option<i64> {
        match gap.eval(env, slots) {
            Value::Interval(interval) => Duration::from(interval).as_micros(),
            Value::String(text) if text == self.text => self.micros,
            Value::String(text) => {
                self.micros = text
                    .parse::<Duration>()
                    .ok()
                    .and_then(|duration| duration.as_micros());
                self.text.clear();
                self.text.push_str(&text);
                self.micros
            }
            _ => None,
        }
    }
}

fn instant_text(micros: i64) -> String {
    let mut text = Vec::new();
    st_time::write_iso(&mut text, micros, Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}

#[cold]
fn behind(time: i64, mark: Option<i64>) -> String {
    let mark = mark.map_or_else(String::new, instant_text);
    format!(
        "event time {} is not after the watermark {mark}",
        instant_text(time)
    )
}

#[cold]
fn closed(windows: &[(i64, i64)], mark: Option<i64>) -> String {
    let shown: Vec<String> = windows
        .iter()
        .map(|(start, end)| format!("[{}, {})", instant_text(*start), instant_text(*end)))
        .collect();
    let (noun, verb) = if windows.len() == 1 {
        ("window", "was")
    } else {
        ("windows", "were")
    };
    format!(
        "{noun} {} {verb} closed at the watermark {}",
        shown.join(", "),
        mark.map_or_else(String::new, instant_text)
    )
}

#[cold]
fn no_window(plan: &Plan) -> String {
    let name = plan
        .keys
        .iter()
        .find(|key| key.expr.is_none())
        .map_or("window", |key| key.name.as_str());
    format!("column `{name}` holds no window {{\"start\":…,\"end\":…}}")
}
