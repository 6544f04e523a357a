//! The stage: runs the update program on each row, and the timer program on what is due at the end of a batch.

use std::cell::RefCell;

use anyhow::Result;
use jaq_json::Val;
use serde_json::{Map, Value, json};
use st_expr::{Schema, event_time, parse_names, suggest, window_end};
use st_row::{Fields, Spans};
use st_stream::cli::usage;
use st_stream::marker::{Batch, Begin, Bound, Mode, Start, StateFigures, Watermark};
use st_stream::{Context, Kept, Manners, Out, Stage, message};
use st_time::Zone;

use crate::args::Arguments;
use crate::functions::{CLOCK_TIMER, EMIT, Effects, TIMER};
use crate::json as jq;
use crate::keys::Keys;
use crate::program::{Given, Moment, Program};
use crate::saved::{SAFE, Saved};
use crate::store::{Clock, Store, Timers};

/// Spark's `transformWithState`.
pub struct Fold {
    arguments: Arguments,
    by: Vec<String>,
    init: Val,
    update: Program,
    on_timer: Option<Program>,
    kept: Option<Kept>,
    run: Option<Run>,
}

/// What there is once the stream has started.
struct Run {
    keys: Keys,
    fields: Fields,
    spans: Spans,
    /// Where the row's event time stands among the fields, and whether it is a window.
    time: Option<(usize, Bound)>,
    store: Store,
    saved: Option<Saved>,
    effects: RefCell<Effects>,
    key: Vec<u8>,
    moment: Moment,
    name: String,
    quiet: bool,
    /// The first failure of a timer was told.
    told: bool,
    fired: u64,
}

impl Fold {
    /// The stage that `arguments` ask for.
    ///
    /// # Errors
    /// Of the command line: `--by` is no list of columns, a program is none, or nothing would ever come out.
    pub fn new(arguments: Arguments) -> Result<Fold> {
        let by = parse_names(&arguments.by).map_err(|error| usage(format!("--by: {error}")))?;
        if let Some(twice) = (1..by.len()).find(|&i| by[..i].contains(&by[i])) {
            return Err(usage(format!(
                "--by: `{}` is there twice: leave one out",
                by[twice]
            )));
        }
        let update = Program::new("--update", &arguments.update)?;
        let on_timer = match &arguments.on_timer {
            Some(text) => Some(Program::new("--on-timer", text)?),
            None => None,
        };
        let init = initial(&arguments)?;
        let fold = Fold {
            arguments,
            by,
            init,
            update,
            on_timer,
            kept: None,
            run: None,
        };
        if !fold.uses(EMIT) {
            return Err(usage(
                "no program calls emit(…), so no row would ever come out: such as --update '… | emit($key + {n: .})'",
            ));
        }
        let timed = fold.uses(TIMER) || fold.uses(CLOCK_TIMER);
        match &fold.on_timer {
            None if timed => Err(usage(
                "a timer is set, but what it does is not said: give --on-timer PROGRAM",
            )),
            Some(_) if !timed => Err(usage(
                "--on-timer: no program sets a timer: such as --update '… | timer($time + 600)'",
            )),
            _ => Ok(fold),
        }
    }

    /// Whether a program calls that function.
    fn uses(&self, function: &str) -> bool {
        let on_timer = self.on_timer.as_ref();
        self.update.uses(function) || on_timer.is_some_and(|program| program.uses(function))
    }

    /// Refuses what cannot work on this stream.
    fn check(&self, start: &Start, marked: bool) -> Result<()> {
        if start.mode != Mode::Append {
            let above = start
                .plan
                .last()
                .map_or("the stage above", |node| &node.name);
            return Err(usage(format!(
                "the rows of {above} replace earlier ones ({} mode), so they cannot be folded: \
                 give {above} --mode append, behind st-watermark",
                start.mode
            )));
        }
        if let Some(columns) = &start.columns
            && let Some(name) = self.by.iter().find(|name| !columns.contains(name))
        {
            let there = match suggest(name, columns.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", columns.join(", ")),
            };
            return Err(usage(format!(
                "--by: no column is called `{name}`: {there}"
            )));
        }
        if self.uses(TIMER) && start.watermarks.is_empty() {
            return Err(usage(
                "timer: it waits for the watermark, and there is none: put st-watermark TIME '10 minutes' before it, or use clock_timer",
            ));
        }
        if self.uses(CLOCK_TIMER) && !marked {
            return Err(usage(
                "clock_timer: plain input has no batches while it is silent: read it with st-tail - --heartbeat '1 second'",
            ));
        }
        Ok(())
    }

    /// What a state was gathered for. Programs may change, as in Spark: the user's state is the user's to keep readable.
    fn definition(&self, keys: &Keys) -> Value {
        let mut definition = Value::Object(self.options());
        definition["by"] = json!(keys.definition());
        definition["tz"] = json!(self.arguments.zone.tz.to_string());
        definition
    }
}

/// The state of a key before its first row: what `--init` gives for null.
fn initial(arguments: &Arguments) -> Result<Val> {
    let program = Program::new("--init", &arguments.init)?;
    if let Some(function) = [EMIT, TIMER, CLOCK_TIMER]
        .iter()
        .find(|name| program.uses(name))
    {
        return Err(usage(format!(
            "--init: {function} has no place there: give it to --update"
        )));
    }
    let given = Given {
        row: Val::Null,
        key: Val::Null,
        time: None,
    };
    let moment = Moment {
        now: 0,
        mark: None,
        zone: arguments.zone.tz,
    };
    let effects = RefCell::default();
    program
        .run(Val::Null, given, moment, &effects)
        .map_err(|error| usage(format!("--init: {error}")))
}

impl Stage for Fold {
    fn tool(&self) -> &'static str {
        "st-fold"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("by".to_string(), json!(self.by));
        options.insert("init".to_string(), json!(self.arguments.init));
        options.insert("update".to_string(), json!(self.arguments.update));
        if let Some(on_timer) = &self.arguments.on_timer {
            options.insert("on_timer".to_string(), json!(on_timer));
        }
        if let Some(ttl) = self.arguments.ttl {
            let ttl = st_time::Duration::from_micros(ttl.as_micros() as i64);
            options.insert("ttl".to_string(), json!(ttl.to_string()));
        }
        if self.arguments.zone.tz != Zone::UTC {
            options.insert("tz".to_string(), json!(self.arguments.zone.tz.to_string()));
        }
        options
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.clone()
    }

    fn manners(&self) -> Manners {
        Manners::RowByRow
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        self.check(start, context.marked)?;
        let zone = self.arguments.zone.tz;
        let schema = Schema::parse(&start.schema)?;
        let mut fields = Fields::new::<&str>([]);
        let keys = Keys::new(&self.by, &schema, zone, &mut fields);
        let definition = self.definition(&keys);
        self.kept = Some(Kept::new(definition.clone(), SAFE));
        let bounded = start
            .watermarks
            .iter()
            .find_map(|declared| declared.columns.first());
        let time = bounded.map(|(column, bound)| (fields.add(column), *bound));
        let mut store = Store::new(self.arguments.ttl.map(|ttl| ttl.as_micros() as i64));
        let saved = Saved::open(context, &definition, start.epoch, &keys, &mut store)?;
        self.run = Some(Run {
            keys,
            fields,
            spans: Spans::default(),
            time,
            store,
            saved,
            effects: RefCell::default(),
            key: Vec::new(),
            moment: Moment {
                now: 0,
                mark: start.mark(),
                zone,
            },
            name: context.name.clone(),
            quiet: context.quiet,
            told: false,
            fired: 0,
        });
        // What the rows behind this stage hold only the programs know.
        start.schema = String::new();
        start.columns = None;
        start.rest.shift_remove("sessions");
        for declared in &mut start.watermarks {
            declared.columns.clear();
        }
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        if let Some(run) = &mut self.run {
            run.moment.now = begin.time;
            run.store.age(begin.time);
        }
        Ok(())
    }

    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let late = self.uses(TIMER);
        match &mut self.run {
            Some(run) => run.row(row, &self.update, &self.init, late, out),
            None => Ok(()),
        }
    }

    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        if let (Some(run), Some(mark)) = (&mut self.run, &mark) {
            run.moment.mark = run.moment.mark.max(Some(mark.time));
        }
        Ok(mark)
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        if let Some(program) = &self.on_timer {
            run.timers(program, &self.init, batch.last, out)?;
        }
        run.close(batch, out)
    }
}

impl Run {
    fn row(
        &mut self,
        row: &[u8],
        update: &Program,
        init: &Val,
        late: bool,
        out: &mut Out,
    ) -> Result<()> {
        if let Err(bad) = self.fields.locate(row, &mut self.spans) {
            return out.reject(row, &bad.to_string());
        }
        let zone = self.moment.zone;
        let time = self.time.and_then(|(place, bound)| {
            let raw = self.spans.get(row, place)?;
            match bound {
                Bound::Time => event_time(raw, zone),
                Bound::Window => window_end(raw, zone),
            }
        });
        if late
            && let (Some(time), Some(mark)) = (time, self.moment.mark)
            && time <= mark
        {
            return out.late(row, &behind(time, mark));
        }
        self.keys.write(row, &self.spans, &mut self.key);
        let (state, timers) = match self.store.get(&self.key) {
            Some(entry) => (
                entry.state.clone().unwrap_or_else(|| init.clone()),
                entry.timers.clone(),
            ),
            None => (init.clone(), Timers::default()),
        };
        let key = std::mem::take(&mut self.key);
        let given = jq::parse(row).and_then(|row| {
            Ok(Given {
                row,
                key: self.keys.object(&key)?,
                time,
            })
        });
        let done = given.and_then(|given| self.apply(update, &key, state, timers, given));
        self.key = key;
        match done {
            Ok(rows) => out.rows(&rows.0, rows.1),
            Err(error) => out.reject(row, &format!("{error:#}")),
        }
    }

    /// Runs a program and keeps what it makes of a key. An error leaves everything as it was.
    fn apply(
        &mut self,
        program: &Program,
        key: &[u8],
        state: Val,
        timers: Timers,
        given: Given,
    ) -> Result<(Vec<u8>, u64)> {
        let effects = self.effects.get_mut();
        effects.rows.clear();
        effects.count = 0;
        effects.timers = timers;
        let state = program.run(state, given, self.moment, &self.effects)?;
        let effects = self.effects.get_mut();
        let timers = std::mem::take(&mut effects.timers);
        let state = Some(state).filter(|state| !matches!(state, Val::Null));
        let rows = (std::mem::take(&mut effects.rows), effects.count);
        self.store.put(key, state, timers, self.moment.now);
        Ok(rows)
    }

    /// Runs the timers that are due, in order of time, then key: those of event time, then those of the clock. Timers that
    /// are set meanwhile wait for the next batch. After the last batch no event is to come, so all timers of event time are
    /// due; those of the clock stay.
    fn timers(&mut self, program: &Program, init: &Val, last: bool, out: &mut Out) -> Result<()> {
        let mut due = Vec::new();
        if last {
            due.extend(self.store.due(Clock::Event, None));
        } else if let Some(mark) = self.moment.mark {
            due.extend(self.store.due(Clock::Event, Some(mark)));
        }
        let events = due.len();
        due.extend(self.store.due(Clock::Batch, Some(self.moment.now)));
        for (number, (at, key)) in due.into_iter().enumerate() {
            let clock = if number < events {
                Clock::Event
            } else {
                Clock::Batch
            };
            self.fire((program, init), (clock, at), &key, out)?;
        }
        Ok(())
    }

    fn fire(
        &mut self,
        (program, init): (&Program, &Val),
        (clock, at): (Clock, i64),
        key: &[u8],
        out: &mut Out,
    ) -> Result<()> {
        let Some(entry) = self.store.get(key) else {
            return Ok(());
        };
        // An earlier timer of the same key may have taken it back.
        if !entry.timers.of(clock).any(|other| other == at) {
            return Ok(());
        }
        let (before, touched) = (entry.state.clone(), entry.touched);
        let mut timers = entry.timers.clone();
        timers.expire(clock, at);
        self.fired += 1;
        let given = self.keys.object(key).map(|key| Given {
            row: Val::Null,
            key,
            time: Some(at),
        });
        let state = before.clone().unwrap_or_else(|| init.clone());
        let done = given.and_then(|given| self.apply(program, key, state, timers.clone(), given));
        match done {
            Ok(rows) => out.rows(&rows.0, rows.1),
            Err(error) => {
                // The timer is over; what it should have done is lost, and told.
                self.store.put(key, before, timers, touched);
                let reason = format!(
                    "--on-timer: key {}: {error:#}",
                    String::from_utf8_lossy(key)
                );
                if !self.told && !self.quiet && !out.strict() {
                    self.told = true;
                    message::say(
                        &self.name,
                        &format!("{reason}: counted as failed; --strict stops at the first"),
                    );
                }
                out.failed(1, &reason)
            }
        }
    }

    fn close(&mut self, batch: &Batch, out: &mut Out) -> Result<()> {
        let saved = &mut self.saved;
        let (updated, removed) = self.store.settle(|key, entry| match saved {
            Some(saved) => saved.put(key, entry),
            None => Ok(()),
        })?;
        if let Some(saved) = saved {
            saved.close(batch.id, &self.store)?;
        }
        out.state(StateFigures {
            rows: self.store.len() as u64,
            updated,
            removed,
            bytes: self.store.bytes() as u64,
        });
        for (name, figure) in [
            ("timers", self.store.timers() as u64),
            ("fired", std::mem::take(&mut self.fired)),
        ] {
            if figure > 0 {
                out.figure(name, figure);
            }
        }
        Ok(())
    }
}

#[cold]
fn behind(time: i64, mark: i64) -> String {
    let iso = |micros| {
        let mut text = Vec::new();
        st_time::write_iso(&mut text, micros, Zone::UTC);
        String::from_utf8_lossy(&text).into_owned()
    };
    format!(
        "event time {} is not after the watermark {}",
        iso(time),
        iso(mark)
    )
}
