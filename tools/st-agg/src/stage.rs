//! The stage: rows into groups, groups into rows at the end of each batch.

use std::{panic, thread};

use anyhow::Result;
use serde_json::{Map, Value as Json, json};
use st_checkpoint::threshold;
use st_expr::{Env, Slots, Type, Value, tidy};
use st_row::Spans;
use st_stream::{
    Batch, Begin, Bound, Context, Kept, Manners, Mode, Out, Stage, Start, StateFigures, Watermark,
    message,
};
use st_time::Zone;
use wide::u8x32;

use crate::aggregates::{Accumulator, State as Aggregate};
use crate::ahead::{Ahead, Known};
use crate::args::Arguments;
use crate::emit::Emitter;
use crate::groups::{Groups, NEVER, Unsaved};
use crate::members::{Found, Members, Row};
use crate::plan::{Input, Plan};
use crate::query::Query;
use crate::refusals;
use crate::repeats::Repeats;
use crate::state::{Meta, SAFE, State};
use crate::timing::Timing;

/// Groups from which on a second thread, which costs some ten microseconds, writes the state while the rows are written.
const APART: usize = 1000;

/// `st-agg` between two pipes.
pub struct Agg {
    arguments: Arguments,
    query: Query,
    zone: Zone,
    kept: Option<Kept>,
    run: Option<Run>,
}

/// What there is once the stream has started.
struct Run {
    /// The stage's name.
    name: String,
    plan: Plan,
    emitter: Emitter,
    groups: Groups,
    members: Members,
    state: Option<State>,
    env: Env,
    /// What the batches' seeds are made of.
    seed: u64,
    /// The watermark as of the batch before.
    mark: Option<i64>,
    /// Groups up to here were emitted by a final batch.
    drained: Option<i64>,
    /// Rows that were read and not yet taken, and their bytes.
    ahead: Ahead,
    waiting: Vec<u8>,
    /// Rows that came several times, before they are taken.
    repeats: Repeats,
    /// The room in which the inputs of a row are evaluated.
    inputs: Vec<Value<'static>>,
}

impl Agg {
    /// A stage for that command line. Errors are of the command line.
    pub fn new(arguments: Arguments) -> Result<Agg> {
        let query = Query::parse(&arguments)?;
        let zone = arguments.zone.tz;
        Ok(Agg {
            arguments,
            query,
            zone,
            kept: None,
            run: None,
        })
    }

    /// What a state was gathered for: it cannot serve another query.
    fn definition(&self, plan: &Plan) -> Json {
        // Other names for the same columns serve the same state; other types do not.
        let typed = |source: &str, kind: &Type| match kind {
            Type::Any => source.to_string(),
            kind => format!("{source} {kind}"),
        };
        let keys = self.query.keys.iter().zip(&plan.keys);
        let by = keys.map(|(key, column)| typed(&key.source, &column.kind));
        let aggregates = self.query.aggregates.iter().zip(&plan.results);
        let aggregates = aggregates.map(|(aggregate, kind)| typed(&aggregate.source, kind));
        json!({
            "by": by.collect::<Vec<_>>(),
            "agg": aggregates.collect::<Vec<_>>(),
            "groups": plan.timing.name(),
            "mode": self.query.mode.to_string(),
            "tz": self.zone.to_string(),
            "order_by": self.arguments.order_by,
            "limit": self.arguments.limit,
        })
    }

    /// What holds behind this stage.
    fn announce(&self, plan: &Plan, start: &mut Start) {
        start.schema = plan.schema.to_string();
        start.columns = Some(self.query.names().map(str::to_string).collect());
        start.mode = self.query.mode;
        start.keys = plan.keys.iter().map(|key| key.name.clone()).collect();
        start.rest.shift_remove("sessions");
        // A column bounded in the rows bounds the key made of it; in complete mode old groups come again and again.
        let timed = match plan.timing {
            _ if !plan.bounded || self.query.mode == Mode::Complete => None,
            Timing::Untimed => None,
            Timing::Time(key) => Some((plan.keys[key].name.clone(), Bound::Time)),
            _ => plan
                .keys
                .iter()
                .find(|key| key.expr.is_none())
                .map(|key| (key.name.clone(), Bound::Window)),
        };
        let mut timed = timed;
        for declared in &mut start.watermarks {
            let bounds_a_key = !declared.columns.is_empty();
            declared.columns = if bounds_a_key {
                timed.take().into_iter().collect()
            } else {
                Vec::new()
            };
        }
    }
}

impl Stage for Agg {
    fn tool(&self) -> &'static str {
        "st-agg"
    }

    fn options(&self) -> Map<String, Json> {
        let mut options = Map::new();
        if let Some(by) = &self.arguments.by {
            options.insert("by".to_string(), json!(tidy(by)));
        }
        options.insert("agg".to_string(), json!(tidy(&self.arguments.agg)));
        options.insert("mode".to_string(), json!(self.query.mode.to_string()));
        if let Some(order) = &self.arguments.order_by {
            options.insert("order-by".to_string(), json!(tidy(order)));
        }
        if let Some(limit) = self.arguments.limit {
            options.insert("limit".to_string(), json!(limit));
        }
        if self.zone != Zone::UTC {
            options.insert("tz".to_string(), json!(self.zone.to_string()));
        }
        options
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.clone()
    }

    fn manners(&self) -> Manners {
        Manners::Waits
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        let plan = Plan::new(&self.query, start, self.zone)?;
        refusals::check(&self.query, &plan, start)?;
        let definition = self.definition(&plan);
        self.kept = Some(Kept::new(definition.clone(), SAFE));
        let mut groups = Groups::new(plan.empty.clone());
        let mut members = Members::default();
        let mut drained = None;
        let mut state = None;
        if let Some(dir) = &context.query {
            let (file, meta) = State::open(
                dir,
                &context.name,
                &definition,
                start.epoch,
                &plan,
                &mut groups,
            )?;
            drained = meta.drained;
            state = Some(file);
        }
        groups
            .all()
            .into_iter()
            .for_each(|id| members.insert(&plan, &groups, id));
        if plan.keys.is_empty() {
            members.only(&mut groups);
        }
        self.run = Some(Run {
            name: context.name.clone(),
            emitter: Emitter::new(&plan, self.query.limit),
            groups,
            members,
            state,
            env: Env::new(self.zone),
            seed: seed(&start.query, &context.name),
            mark: start.mark(),
            drained,
            ahead: Ahead::default(),
            waiting: Vec::new(),
            repeats: Repeats::default(),
            inputs: Vec::new(),
            plan,
        });
        if let Some(run) = &self.run {
            self.announce(&run.plan, start);
        }
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        if let Some(run) = &mut self.run {
            run.env = Env {
                now: begin.time,
                seed: run.seed ^ begin.id as u64,
                ..Env::new(self.zone)
            };
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        match &mut self.run {
            Some(run) => run.row(row, self.query.mode, out.strict(), out),
            None => Ok(()),
        }
    }

    fn takes_blocks(&self) -> bool {
        true
    }

    fn reads_ahead(&self) -> bool {
        // Where rows are only counted the stages above have more to do.
        self.run.as_ref().is_some_and(|run| !run.plan.only_counts)
    }

    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        match &mut self.run {
            Some(run) => run.rows(lines, self.query.mode, out.strict(), out),
            None => Ok(0),
        }
    }

    fn watermark(&mut self, mark: Option<Watermark>, out: &mut Out) -> Result<Option<Watermark>> {
        if let (Some(run), Some(mark)) = (&mut self.run, &mark) {
            // The rows so far stand before this mark.
            run.settle(self.query.mode, out)?;
            run.mark = run.mark.max(Some(mark.time));
        }
        Ok(mark)
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        match &mut self.run {
            Some(run) => run.batch(batch, self.query.mode, out),
            None => Ok(()),
        }
    }

    fn end(&mut self, _out: &mut Out) -> Result<()> {
        // The process ends, and the system takes its memory back as a whole: to visit millions of groups takes longer.
        if let Some(run) = self.run.take() {
            std::mem::forget((run.members, run.groups));
        }
        Ok(())
    }
}

/// Where the line that begins at `at` ends. Most are so short that a call would cost more than looking.
#[inline(always)]
fn line_end(lines: &[u8], at: usize) -> usize {
    let rest = &lines[at..];
    if let Some(bytes) = rest.first_chunk::<32>() {
        let newline = u8x32::new(*bytes).simd_eq(u8x32::splat(b'\n')).to_bitmask();
        if newline != 0 {
            return at + newline.trailing_zeros() as usize;
        }
    }
    at + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

impl Run {
    /// Up to which time groups take no more rows.
    fn closed_at(&self, mode: Mode) -> Option<i64> {
        if self.plan.bounded && mode != Mode::Complete {
            self.mark.max(self.drained)
        } else {
            None
        }
    }

    /// Takes lines, which end in a newline each, and says how many they are.
    fn rows(&mut self, lines: &[u8], mode: Mode, strict: bool, out: &mut Out) -> Result<u64> {
        let (mut rows, mut at) = (0, 0);
        if self.plan.only_counts {
            while at < lines.len() {
                let end = line_end(lines, at);
                self.row(&lines[at..end], mode, strict, out)?;
                at = end + 1;
                rows += 1;
            }
            return Ok(rows);
        }
        // Taken where they stand: whatever waits came before them.
        self.catch_up(mode, out)?;
        let mut ahead = std::mem::take(&mut self.ahead);
        while at < lines.len() {
            let end = line_end(lines, at);
            ahead.push(at..end, 1);
            at = end + 1;
            rows += 1;
            if ahead.is_full() || at >= lines.len() {
                self.take_all(&mut ahead, lines, mode, out)?;
            }
        }
        self.ahead = ahead;
        Ok(rows)
    }

    /// Takes a row, soon if not at once.
    #[inline(always)]
    fn row(&mut self, row: &[u8], mode: Mode, strict: bool, out: &mut Out) -> Result<()> {
        if self.plan.only_counts && !strict {
            let (ahead, waiting) = (&mut self.ahead, &mut self.waiting);
            self.repeats
                .take(row, |row, times| wait(ahead, waiting, row, times));
        } else {
            wait(&mut self.ahead, &mut self.waiting, row, 1);
        }
        if self.ahead.is_full() || strict {
            self.catch_up(mode, out)?;
        }
        Ok(())
    }

    /// Takes all rows read so far.
    fn settle(&mut self, mode: Mode, out: &mut Out) -> Result<()> {
        let mut repeats = std::mem::take(&mut self.repeats);
        repeats.drain(|row, times| {
            wait(&mut self.ahead, &mut self.waiting, row, times);
            if self.ahead.is_full() {
                self.catch_up(mode, out)?;
            }
            anyhow::Ok(())
        })?;
        self.repeats = repeats;
        self.catch_up(mode, out)?;
        self.members.settle(&mut self.groups);
        Ok(())
    }

    /// Takes the rows that wait.
    fn catch_up(&mut self, mode: Mode, out: &mut Out) -> Result<()> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut waiting = std::mem::take(&mut self.waiting);
        self.take_all(&mut ahead, &waiting, mode, out)?;
        waiting.clear();
        (self.ahead, self.waiting) = (ahead, waiting);
        Ok(())
    }

    /// Takes the rows that were noted, which stand in `bytes`.
    fn take_all(
        &mut self,
        ahead: &mut Ahead,
        bytes: &[u8],
        mode: Mode,
        out: &mut Out,
    ) -> Result<()> {
        let mark = self.closed_at(mode);
        ahead.look(
            bytes,
            &self.plan,
            &self.env,
            mark,
            &self.members,
            &self.groups,
        );
        for (row, times, place) in ahead.rows(bytes) {
            self.env.row += u64::from(times);
            match place {
                Ok((spans, known)) if times == 1 => self.take(row, spans, known, mark, out)?,
                Ok((_, Some(known))) => {
                    let id = self.members.find_known(&mut self.groups, known);
                    self.groups.touch(id);
                    for state in self.groups.states_mut(id) {
                        state.count(times.into());
                    }
                }
                // As often as it came: each is kept or counted by itself.
                Ok((spans, None)) => {
                    for _ in 0..times {
                        self.take(row, spans, None, mark, out)?;
                    }
                }
                Err(bad) => {
                    for _ in 0..times {
                        out.reject(row, &bad.to_string())?;
                    }
                }
            }
        }
        ahead.clear();
        Ok(())
    }

    #[inline]
    fn take(
        &mut self,
        row: &[u8],
        spans: &Spans,
        known: Option<Known<'_>>,
        mark: Option<i64>,
        out: &mut Out,
    ) -> Result<()> {
        let slots = Slots::new(row, spans, &[]);
        let found = match known {
            Some(known) => {
                self.members.find_known(&mut self.groups, known);
                Found::Groups
            }
            None => {
                let place = Row {
                    plan: &self.plan,
                    env: &self.env,
                    slots: &slots,
                    mark,
                };
                self.members.find(&mut self.groups, place)
            }
        };
        match found {
            Found::Groups => {}
            Found::Late(reason) => out.late(row, &reason)?,
            Found::None(reason) => return out.reject(row, &reason),
        }
        if self.members.belongs_nowhere() {
            return Ok(());
        }
        let mut inputs = recycle(std::mem::take(&mut self.inputs));
        inputs.extend(
            self.plan
                .inputs
                .iter()
                .map(|input| input.eval(&self.env, &slots)),
        );
        if let Some(states) = self.members.gathering() {
            update(&self.plan, &self.env, &slots, &inputs, states);
        } else {
            for &id in self.members.ids() {
                self.groups.touch(id);
                let states = self.groups.states_mut(id);
                update(&self.plan, &self.env, &slots, &inputs, states);
            }
        }
        self.inputs = recycle(inputs);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, mode: Mode, out: &mut Out) -> Result<()> {
        self.settle(mode, out)?;
        if self.plan.keys.is_empty() {
            // One row stands for all rows, and also for none.
            let only = self.members.only(&mut self.groups);
            self.groups.touch(only);
        }
        let mark = self.closed_at(mode);
        let mut closed = mark.map_or_else(Vec::new, |mark| self.groups.closed(mark));
        if let (Some(mark), false) = (mark, closed.is_empty()) {
            message::tell(1, &self.name, || {
                let mut time = Vec::new();
                st_time::write_iso(&mut time, mark, Zone::UTC);
                format!(
                    "batch {}: the watermark {} closes {} groups",
                    batch.id,
                    String::from_utf8_lossy(&time),
                    closed.len()
                )
            });
        }
        let emitted = match mode {
            Mode::Update => self.groups.changed(),
            Mode::Complete => self.groups.all(),
            Mode::Append if batch.last => {
                closed = self.groups.all();
                let ends = closed
                    .iter()
                    .map(|id| self.groups.group(*id).end)
                    .filter(|end| *end != NEVER);
                self.drained = ends.max().max(self.drained);
                closed.clone()
            }
            Mode::Append => closed.clone(),
        };
        let meta = Meta {
            drained: self.drained,
        };
        let unsaved = match &self.state {
            Some(_) => self.groups.unsaved(&closed),
            None => Unsaved::default(),
        };
        let apart = unsaved.changed.len() >= APART && emitted.len() >= APART;
        let (plan, groups, env) = (&self.plan, &self.groups, &self.env);
        let state = &mut self.state;
        let mut close = move || match state {
            Some(state) => state.close(batch.id, groups, &unsaved, &meta),
            None => Ok(()),
        };
        let emit = || self.emitter.emit(plan, groups, emitted, env, out);
        // Both only read the groups; the batch marker, which makes the epoch count, follows both.
        if apart {
            thread::scope(|scope| {
                let closing = scope.spawn(close);
                emit()?;
                closing
                    .join()
                    .unwrap_or_else(|panic| panic::resume_unwind(panic))
            })?;
        } else {
            emit()?;
            close()?;
        }
        let most = closed.len() >= threshold(APART, 2) && closed.len() > self.groups.len() / 2;
        let (updated, removed, bytes) = if most {
            let (figures, old) = self.groups.evict_most(&closed);
            let members = std::mem::take(&mut self.members);
            for id in self.groups.all() {
                self.members.insert(&self.plan, &self.groups, id);
            }
            // To free it takes time as well, which another processor may have.
            let _ = thread::Builder::new().spawn(move || drop((members, old)));
            figures
        } else {
            self.members.remove_all(&self.plan, &self.groups, &closed);
            for id in closed {
                self.groups.evict(id);
            }
            self.groups.end_batch()
        };
        let rows = self.groups.len() as u64;
        out.state(StateFigures {
            rows,
            updated,
            removed,
            bytes,
        });
        if let Some(end) = self.groups.next_end()
            && self.plan.bounded
            && mode != Mode::Complete
        {
            let mut closes = Vec::new();
            st_time::write_iso(&mut closes, end, Zone::UTC);
            out.figure("closes", String::from_utf8_lossy(&closes));
        }
        let failures = &self.env.failures;
        out.failed(failures.count(), &failures.take_first().unwrap_or_default())
    }
}

/// Keeps a row that came so many times until it is taken.
#[inline]
fn wait(ahead: &mut Ahead, waiting: &mut Vec<u8>, row: &[u8], times: u32) {
    let start = waiting.len();
    waiting.extend_from_slice(row);
    ahead.push(start..waiting.len(), times);
}

/// Gives one group's aggregates a row, of which `inputs` are the plan's inputs.
#[inline]
fn update(
    plan: &Plan,
    env: &Env,
    slots: &Slots<'_, '_>,
    inputs: &[Value<'_>],
    states: &mut [Aggregate],
) {
    for (input, state) in plan.aggregates.iter().zip(states) {
        let taken = match input {
            Input::Shared(range) => state.update(&inputs[range.clone()]),
            Input::Filtered(filter, args) if filter.test(env, slots) => {
                let args: Vec<Value<'_>> = args.iter().map(|arg| arg.eval(env, slots)).collect();
                state.update(&args)
            }
            Input::Filtered(..) => Ok(()),
        };
        if let Err(failure) = taken {
            env.failures.add(failure);
        }
    }
}

/// An empty vector in the room of another, whose values borrowed from another row.
fn recycle<'a>(mut values: Vec<Value<'_>>) -> Vec<Value<'a>> {
    values.clear();
    values.into_iter().map(|_| Value::Null).collect()
}

/// A number that differs from query to query and from stage to stage (FNV-1a).
fn seed(query: &str, stage: &str) -> u64 {
    let bytes = query.bytes().chain([0]).chain(stage.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_newline_however_long_it_is() {
        for length in 0..100 {
            for behind in 0..70 {
                for before in [0, 5, 40] {
                    // What stands before it has ended, what stands behind it ends later.
                    let lines = [
                        vec![b'\n'; before],
                        vec![0x8a; length],
                        vec![b'\n'],
                        vec![b'x'; behind],
                    ]
                    .concat();
                    assert_eq!(line_end(&lines, before), before + length);
                }
            }
        }
    }
}
