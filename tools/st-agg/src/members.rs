//! Which groups a row belongs to: one, several for sliding windows, or none when it is late or has no time.

use anyhow::Result;
use st_expr::{Compiled, Env, Slots, Value};
use st_time::{Duration, Zone};

use crate::event_time::{Windows, given_window};
use crate::groups::{Groups, NEVER};
use crate::keys;
use crate::plan::Plan;
use crate::sessions::Sessions;
use crate::table::Table;
use crate::timing::Timing;

/// Finds the groups of rows.
#[derive(Default)]
pub struct Members {
    table: Table,
    sessions: Sessions,
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

    /// Finds the groups of a row, new ones as need be. Groups that `mark` closes take no rows.
    #[inline]
    pub fn find(
        &mut self,
        plan: &Plan,
        groups: &mut Groups,
        env: &Env,
        slots: &Slots<'_, '_>,
        mark: Option<i64>,
    ) -> Result<Found> {
        self.ids.clear();
        self.key.clear();
        match &plan.timing {
            Timing::Untimed => {
                self.encode(plan, env, slots);
                self.window(groups, 0, NEVER);
            }
            Timing::Time(key) => {
                self.encode(plan, env, slots);
                let time = match keys::decode(&plan.keys, &self.key).nth(*key) {
                    Some(Value::Timestamp(micros)) => micros,
                    _ => NEVER,
                };
                if mark.is_some_and(|mark| time <= mark) {
                    return Ok(Found::Late(behind("event time", time, mark)));
                }
                self.window(groups, 0, time);
            }
            Timing::Windows(time, windows) => match time.micros(env, slots) {
                Ok(micros) => {
                    return Ok(self.windows(plan, groups, env, slots, *windows, micros, mark));
                }
                Err(reason) => return Ok(Found::None(reason)),
            },
            Timing::Given(field) => {
                let Some((start, end)) = slots.raw(*field).and_then(|raw| given_window(env, raw))
                else {
                    return Ok(Found::None(no_window(plan)));
                };
                if mark.is_some_and(|mark| end <= mark) {
                    return Ok(Found::Late(closed(&[(start, end)], mark)));
                }
                self.encode(plan, env, slots);
                self.window(groups, start, end);
            }
            Timing::Sessions(time, gap) => {
                let start = match time.micros(env, slots) {
                    Ok(micros) => micros,
                    Err(reason) => return Ok(Found::None(reason)),
                };
                let end = match self.gap.micros(gap, env, slots) {
                    Some(gap) if gap > 0 => start.saturating_add(gap),
                    Some(_) => {
                        return Ok(Found::None(
                            "the session's gap is not longer than nothing".to_string(),
                        ));
                    }
                    None => {
                        return Ok(Found::None(
                            "the session's gap is null or no duration".to_string(),
                        ));
                    }
                };
                return Ok(self.session(plan, groups, env, slots, (start, end), mark));
            }
            Timing::GivenSessions(field) => {
                let Some(bounds) = slots.raw(*field).and_then(|raw| given_window(env, raw)) else {
                    return Ok(Found::None(no_window(plan)));
                };
                return Ok(self.session(plan, groups, env, slots, bounds, mark));
            }
        }
        Ok(Found::Groups)
    }

    #[inline]
    fn encode(&mut self, plan: &Plan, env: &Env, slots: &Slots<'_, '_>) {
        keys::encode_row(&plan.keys, env, slots, &mut self.key);
    }

    #[inline]
    fn window(&mut self, groups: &mut Groups, start: i64, end: i64) {
        let hash = self.table.hash(&self.key);
        self.ids
            .push(self.table.find_or_add(groups, &self.key, hash, start, end));
    }

    #[allow(clippy::too_many_arguments)] // the row's whole surroundings
    fn windows(
        &mut self,
        plan: &Plan,
        groups: &mut Groups,
        env: &Env,
        slots: &Slots<'_, '_>,
        windows: Windows,
        micros: i64,
        mark: Option<i64>,
    ) -> Found {
        self.encode(plan, env, slots);
        let hash = self.table.hash(&self.key);
        let mut late = 0;
        for (start, end) in windows.of(micros) {
            if mark.is_some_and(|mark| end <= mark) {
                late += 1;
            } else {
                self.ids
                    .push(self.table.find_or_add(groups, &self.key, hash, start, end));
            }
        }
        if late == 0 {
            return Found::Groups;
        }
        // Those that end first are closed first.
        let all: Vec<(i64, i64)> = windows.of(micros).take(late).collect();
        let mut reason = closed(&all, mark);
        if !self.ids.is_empty() {
            reason.push_str(&format!("; counted in {} later", self.ids.len()));
        }
        Found::Late(reason)
    }

    fn session(
        &mut self,
        plan: &Plan,
        groups: &mut Groups,
        env: &Env,
        slots: &Slots<'_, '_>,
        (start, end): (i64, i64),
        mark: Option<i64>,
    ) -> Found {
        // A row is late by its own end, even if an open session would have taken it in.
        if mark.is_some_and(|mark| end <= mark) {
            return Found::Late(closed(&[(start, end)], mark));
        }
        self.encode(plan, env, slots);
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

    /// Forgets a group that is about to be evicted.
    pub fn remove(&mut self, plan: &Plan, groups: &Groups, id: u32) {
        match plan.timing {
            Timing::Sessions(..) | Timing::GivenSessions(_) => self.sessions.remove(groups, id),
            _ => self.table.remove(groups, id),
        }
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
fn behind(what: &str, time: i64, mark: Option<i64>) -> String {
    let time = if time == NEVER {
        "null".to_string()
    } else {
        instant_text(time)
    };
    format!(
        "{what} {time} is not after the watermark {}",
        mark.map_or_else(String::new, instant_text)
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
