//! The functions that programs have beyond jq's own, and those of jq's that they have not.
//!
//! A program is run for its new state; what else it asks for — rows, timers — is noted in [`Effects`] on the way, by functions
//! that pass their input on as jq's `debug` does. Whatever a replay could not repeat is left out.

use std::cell::RefCell;

use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Bind, Cv, DataT, Error, Exn, Lut, ValXs, data::HasLut};
use jaq_json::Val;
use st_time::Zone;

use crate::json;
use crate::store::{Clock, Timers};

/// What a program asked for besides its new state.
#[derive(Default)]
pub struct Effects {
    /// The rows emitted, each with its newline.
    pub rows: Vec<u8>,
    /// How many.
    pub count: u64,
    /// The key's timers, as the program left them.
    pub timers: Timers,
}

/// What functions know of the run.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The program's terms.
    pub lut: &'a Lut<Kind>,
    /// Where rows and timers go.
    pub effects: &'a RefCell<Effects>,
    /// The batch's clock, microseconds since 1970.
    pub now: i64,
    /// In which text is read as a time.
    pub zone: Zone,
}

/// The kind of data programs work on.
pub struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Run<'a>;
}

impl<'a> HasLut<'a, Kind> for Run<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

/// Functions of jq that know the machine, the moment or the rest of the input, or end the program.
const LEFT_OUT: [&str; 7] = [
    "env",
    "now",
    "halt",
    "localtime",
    "strflocaltime",
    "debug_empty",
    "stderr_empty",
];

/// Definitions made of them.
const DEFINED_WITH_THEM: [&str; 4] = ["stderr", "debug", "halt", "halt_error"];

/// What functions are called that have effects, and with how many arguments.
pub const EMIT: &str = "emit";
/// Sets a timer of event time.
pub const TIMER: &str = "timer";
/// Sets a timer of the batches' clock.
pub const CLOCK_TIMER: &str = "clock_timer";

/// jq's definitions.
pub fn definitions() -> impl Iterator<Item = jaq_core::load::parse::Def<&'static str>> {
    jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|def| !DEFINED_WITH_THEM.contains(&def.name))
}

/// jq's functions, without those left out.
pub fn plain() -> impl Iterator<Item = Fun<Kind>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !LEFT_OUT.contains(name))
        .chain([
            run::<Kind>(("now", v(0), now)),
            run::<Kind>(("seconds", v(0), seconds)),
            run::<Kind>(("iso", v(0), iso)),
        ])
}

/// The functions with effects.
pub fn with_effects() -> impl Iterator<Item = Fun<Kind>> {
    let program: Box<[Bind]> = Box::new([Bind::Fun(())]);
    [
        run::<Kind>((EMIT, program, emit)),
        run::<Kind>((TIMER, v(1), |cv| set(cv, Clock::Event))),
        run::<Kind>((CLOCK_TIMER, v(1), |cv| set(cv, Clock::Batch))),
        run::<Kind>(("cancel", v(0), cancel)),
        run::<Kind>(("cancel", v(1), cancel_at)),
        run::<Kind>(("timers", v(0), |cv| list(&cv, Clock::Event))),
        run::<Kind>(("clock_timers", v(0), |cv| list(&cv, Clock::Batch))),
    ]
    .into_iter()
}

fn now<'a>(cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    bome(Ok(json::seconds(cv.0.data().now)))
}

fn seconds<'a>(cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    bome(moment(&cv.1, cv.0.data().zone).map(json::seconds))
}

fn iso<'a>(cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    bome(moment(&cv.1, cv.0.data().zone).map(|micros| {
        let mut text = Vec::with_capacity(24);
        st_time::write_iso(&mut text, micros, Zone::UTC);
        Val::utf8_str(text)
    }))
}

/// A moment given in seconds or as text.
fn moment(value: &Val, zone: Zone) -> Result<i64, Error<Val>> {
    let found = match value {
        Val::TStr(text) => st_time::parse_timestamp(text, zone),
        other => json::micros(other),
    };
    found.ok_or_else(|| {
        Error::str(format_args!(
            "{value} is no time: seconds since 1970, or text such as \"2025-01-15 10:30:00\""
        ))
    })
}

fn emit<'a>(mut cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    let (program, context) = cv.0.pop_fun();
    for row in program.run((context, cv.1.clone())) {
        let noted = row
            .and_then(|row| note(&mut cv.0.data().effects.borrow_mut(), &row).map_err(Exn::from));
        if let Err(error) = noted {
            return Box::new(std::iter::once(Err(error)));
        }
    }
    bome(Ok(cv.1))
}

/// Notes a row; it must be one.
fn note(effects: &mut Effects, row: &Val) -> Result<(), Error<Val>> {
    let Val::Obj(members) = row else {
        return Err(Error::str(format_args!(
            "emit: {row} is no row: a row is an object, such as {{n: .}}"
        )));
    };
    let reserved = |name: &Val| matches!(name, Val::TStr(name) if name.as_ref().as_ref() == b"$st");
    if members.keys().any(reserved) {
        return Err(Error::str("emit: no column may be called `$st`"));
    }
    let length = effects.rows.len();
    if let Err(error) = json::write(&mut effects.rows, row) {
        effects.rows.truncate(length);
        return Err(Error::str(format_args!("emit: {error}")));
    }
    effects.rows.push(b'\n');
    effects.count += 1;
    Ok(())
}

fn set<'a>(mut cv: Cv<'a, Kind>, clock: Clock) -> ValXs<'a, Val> {
    let at = cv.0.pop_var();
    let data = cv.0.data();
    bome(moment(&at, data.zone).map(|micros| {
        data.effects.borrow_mut().timers.set(clock, micros);
        cv.1
    }))
}

fn cancel<'a>(cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    cv.0.data().effects.borrow_mut().timers.clear();
    bome(Ok(cv.1))
}

fn cancel_at<'a>(mut cv: Cv<'a, Kind>) -> ValXs<'a, Val> {
    let at = cv.0.pop_var();
    let data = cv.0.data();
    bome(moment(&at, data.zone).map(|micros| {
        data.effects.borrow_mut().timers.cancel(micros);
        cv.1
    }))
}

fn list<'a>(cv: &Cv<'a, Kind>, clock: Clock) -> ValXs<'a, Val> {
    let effects = cv.0.data().effects.borrow();
    let times = effects.timers.of(clock).map(json::seconds);
    bome(Ok(times.collect()))
}
