//! The stage that joins two streams: Spark's `StreamingSymmetricHashJoinExec`.
//!
//! Each row meets the held rows of the other side, and is held itself. Within a batch l's rows come first, then r's, so that
//! every pair is found once, by the later of its two. At the end of a batch the rows go that the watermark has passed; those
//! of a side that is kept come out alone if they have had no match.

use std::ops;
use std::rc::Rc;

use anyhow::Result;
use memchr::memchr_iter;
use serde_json::{Map, Value, json};
use st_expr::{Ast, Compiled, Env, Node, Value as Typed, tidy};
use st_row::Spans;
use st_stream::cli::usage;
use st_stream::{
    Batch, Begin, Bound, Context, Declared, Manners, Out, Sides, Stage, Start, StateFigures,
    Watermark,
};
use st_time::Zone;

use crate::ahead::Ahead;
use crate::args::Arguments;
use crate::bounds::{self, Rule};
use crate::condition::Condition;
use crate::how::How;
use crate::output::Output;
use crate::over::Over;
use crate::range::{self, Range};
use crate::refusals;
use crate::rows::{Pair, RowAt};
use crate::saved::Saved;
use crate::side::{self, L, R, Side};
use crate::state::{Held, NEVER, State, Times};

/// `st-join` of two streams.
pub struct Join {
    arguments: Arguments,
    condition: Condition,
    zone: Zone,
    inputs: Rc<Sides>,
    /// The plan of r.
    right: Value,
    env: Env,
    query: String,
    name: String,
    run: Option<Run>,
}

/// What there is once the streams have started.
struct Run {
    how: How,
    sides: [Side; 2],
    rules: [Option<Rule>; 2],
    /// The times that a pair of equal keys must have, and what it must fulfil beside.
    range: Option<Range>,
    rest: Option<(Compiled, Over)>,
    /// Which times of a row are read.
    reads: [Reads; 2],
    output: Output,
    states: [State; 2],
    saved: Option<Saved>,
    zone: Zone,
    mark: Option<i64>,
    /// What is added to the mark behind the join.
    shift: i64,
    ahead: Ahead,
    key: Vec<u8>,
    spans: Spans,
    other: Spans,
    /// A row of the other side.
    held: Vec<u8>,
    /// Room for the values of a pair.
    spare: Vec<Typed<'static>>,
    found: Vec<u32>,
}

/// Which times of a row are read, each once.
struct Reads {
    /// When it goes is what tells whether it is late; what the range is about is when it goes.
    goes_is_late: bool,
    range_is_goes: bool,
}

impl Join {
    /// A stage for that command line.
    ///
    /// # Errors
    /// Mistakes of the command line.
    pub fn new(arguments: Arguments, inputs: Rc<Sides>) -> Result<Join> {
        let condition = Condition::parse(arguments.on.as_deref(), arguments.using()?)?;
        let zone = arguments.zone.tz;
        Ok(Join {
            condition,
            zone,
            inputs,
            right: Value::Null,
            env: Env::new(zone),
            query: String::new(),
            name: String::new(),
            run: None,
            arguments,
        })
    }

    /// What a state was gathered for: it cannot serve another join.
    fn definition(&self, run: &Run) -> Value {
        let types = |side: &Side| side.schema.to_string();
        json!({
            "how": run.how.name(),
            "on": self.arguments.on.as_deref().map(tidy),
            "using": self.condition.using,
            "l": types(&run.sides[L]),
            "r": types(&run.sides[R]),
            "select": self.arguments.select.as_deref().map(tidy),
            "tz": self.zone.to_string(),
        })
    }
}

/// The parts as one condition.
pub fn all(parts: &[Ast]) -> Option<Ast> {
    parts.iter().cloned().reduce(|a, b| Ast {
        span: a.span,
        node: Node::Binary(st_expr::ast::Binary::And, Box::new(a), Box::new(b)),
    })
}

/// Compiles what a pair must fulfil beside its keys.
///
/// # Errors
/// What does not compile.
pub fn rest(
    condition: &Condition,
    parts: &[Ast],
    sides: &mut [Side; 2],
    zone: Zone,
) -> Result<Option<(Compiled, Over)>> {
    let Some(ast) = all(parts) else {
        return Ok(None);
    };
    let mut over = Over::new(zone);
    let compiled = over
        .condition(&ast, &condition.text, sides)
        .map_err(|error| usage(format!("--on: {error}")))?;
    Ok(Some((compiled, over)))
}

impl Stage for Join {
    fn tool(&self) -> &'static str {
        "st-join"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("how".to_string(), json!(self.arguments.how.name()));
        let texts = [
            ("on", &self.arguments.on),
            ("using", &self.arguments.using),
            ("select", &self.arguments.select),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                options.insert(name.to_string(), json!(tidy(text)));
            }
        }
        if self.zone != Zone::UTC {
            options.insert("tz".to_string(), json!(self.zone.to_string()));
        }
        options
    }

    fn inputs(&self) -> Map<String, Value> {
        let mut inputs = Map::new();
        inputs.insert("right".to_string(), self.right.clone());
        inputs
    }

    fn manners(&self) -> Manners {
        Manners::Waits
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        let starts = self.inputs.starts();
        self.query = start.query.clone();
        self.name = context.name.clone();
        let starts = match starts.len() {
            2 => starts,
            // Nothing arrived on either side; a mistake in the arguments is one all the same.
            _ => vec![start.clone(), start.clone()],
        };
        self.right = json!(starts[R].plan);
        let how = self.arguments.how;
        let mut sides = [
            Side::new(&starts[L], self.zone)?,
            Side::new(&starts[R], self.zone)?,
        ];
        side::bind(&self.condition, &mut sides)?;
        let rules = bounds::rules(&self.condition, &mut sides, &starts);
        if context.marked {
            refusals::streams(how, &self.condition, &rules, &starts)?;
        }
        let (range, left) = range::take(&self.condition, &mut sides, self.zone);
        let rest = rest(&self.condition, &left, &mut sides, self.zone)?;
        let select = self.arguments.select.as_deref();
        let output = Output::new(select, &self.condition, how, &mut sides, start, self.zone)?;
        let shifts = rules.iter().flatten().map(|rule| rule.shift);
        let shift = shifts.min().unwrap_or(0).min(0).div_euclid(1000) * 1000;
        let reads = [L, R].map(|side| {
            let goes = rules[side].as_ref().map(|rule| &rule.time);
            let at = range.as_ref().map(|range| &range.times[side]);
            Reads {
                goes_is_late: goes == sides[side].late.as_ref(),
                range_is_goes: at == goes,
            }
        });
        let mut run = Run {
            how,
            range,
            rest,
            reads,
            states: Default::default(),
            saved: None,
            zone: self.zone,
            mark: start.mark(),
            shift,
            ahead: Ahead::default(),
            key: Vec::new(),
            spans: Spans::default(),
            other: Spans::default(),
            held: Vec::new(),
            spare: Vec::new(),
            found: Vec::new(),
            sides,
            rules,
            output,
        };
        if let Some(dir) = &context.query {
            let definition = self.definition(&run);
            let (saved, rows, next) = Saved::open(dir, &context.name, &definition, start.epoch)?;
            run.saved = Some(saved);
            for (state, next) in run.states.iter_mut().zip(next) {
                state.next = next;
            }
            for (side, number, matched, row) in rows {
                run.restore(&self.env, side, number, matched, &row)?;
            }
        }
        run.announce(start);
        self.run = Some(run);
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.env = Env::of_batch(self.zone, begin.time, &self.query, &self.name, begin.id);
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        run.row(&mut self.env, self.inputs.current(), row, out)?;
        failures(&self.env, out)
    }

    fn takes_blocks(&self) -> bool {
        true
    }

    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        let Some(run) = &mut self.run else {
            return Ok(0);
        };
        let rows = run.rows(&mut self.env, self.inputs.current(), lines, out)?;
        failures(&self.env, out)?;
        Ok(rows)
    }

    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        let (Some(run), Some(mark)) = (&mut self.run, mark) else {
            return Ok(None);
        };
        run.mark = run.mark.max(Some(mark.time));
        Ok(Some(Watermark::at(mark.time.saturating_add(run.shift))))
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        run.close(&self.env, batch, out)?;
        failures(&self.env, out)
    }

    fn end(&mut self, _out: &mut Out) -> Result<()> {
        // The process ends, and the system takes its memory back as a whole: to free each part of it takes longer.
        if let Some(run) = &mut self.run {
            std::mem::forget(std::mem::take(&mut run.states));
        }
        Ok(())
    }
}

/// Counts what could not be evaluated.
#[inline]
pub fn failures(env: &Env, out: &mut Out) -> Result<()> {
    match env.failures.count() {
        0 => Ok(()),
        count => {
            let reason = env.failures.take_first().unwrap_or_default();
            let told = out.figures().failed;
            out.failed(count - told.min(count), &reason)
        }
    }
}

impl Run {
    /// What holds behind the join: a time stays bounded where late rows of its side are told by it and held ones go by it.
    fn announce(&self, start: &mut Start) {
        start.keys = Vec::new();
        start.rest.shift_remove("sessions");
        if start.watermarks.is_empty() {
            return;
        }
        let mut columns: Vec<(String, Bound)> = Vec::new();
        for (number, side) in self.sides.iter().enumerate() {
            let (Some(late), Some(rule)) = (&side.late, &self.rules[number]) else {
                continue;
            };
            let bounded = late.name == rule.time.name && late.bound == rule.time.bound;
            if bounded
                && let Some(name) = self.output.name_of(number, &late.name, &self.sides)
                && !columns.iter().any(|(other, _)| *other == name)
            {
                columns.push((name, late.bound));
            }
        }
        let delay = start.watermarks[0].delay.clone();
        let time = start.mark().map(|mark| mark.saturating_add(self.shift));
        start.watermarks = vec![Declared {
            delay,
            columns,
            time,
        }];
    }

    fn restore(
        &mut self,
        env: &Env,
        side: usize,
        number: u64,
        matched: bool,
        row: &[u8],
    ) -> Result<()> {
        self.sides[side].locate(row, &mut self.spans)?;
        self.key.clear();
        self.sides[side].key(env, row, &self.spans, &mut self.key);
        let late = self.sides[side].late_time(row, &self.spans);
        let times = self.times(side, row, late).unwrap_or(Times {
            at: i64::MIN,
            goes: i64::MIN,
        });
        let shape = self.output.shape(side, row);
        self.states[side].restore(&self.key, row, times, matched, shape, number);
        Ok(())
    }

    /// The times of a row; none if one is missing, so that it can match nothing.
    #[inline]
    fn times(&self, side: usize, row: &[u8], late: Option<i64>) -> Option<Times> {
        let reads = &self.reads[side];
        let goes = match &self.rules[side] {
            None => NEVER,
            Some(_) if reads.goes_is_late => late?,
            Some(rule) => rule.time.of(row, &self.spans, self.zone)?,
        };
        let at = match &self.range {
            None => goes,
            Some(_) if reads.range_is_goes => goes,
            Some(range) => range.times[side].of(row, &self.spans, self.zone)?,
        };
        Some(Times { at, goes })
    }

    /// Takes lines of one side, which end in a newline each, and says how many they are.
    fn rows(&mut self, env: &mut Env, side: usize, lines: &[u8], out: &mut Out) -> Result<u64> {
        let (mut rows, mut start) = (0, 0);
        for end in memchr_iter(b'\n', lines) {
            self.look(env, side, lines, start..end, out)?;
            if self.ahead.is_full() {
                self.take_all(env, side, lines, out)?;
            }
            start = end + 1;
            rows += 1;
        }
        self.take_all(env, side, lines, out)?;
        Ok(rows)
    }

    fn row(&mut self, env: &mut Env, side: usize, row: &[u8], out: &mut Out) -> Result<()> {
        self.look(env, side, row, 0..row.len(), out)?;
        self.take_all(env, side, row, out)
    }

    /// Finds out which key a row has and when it is, and asks for the memory that this leads to.
    #[inline]
    fn look(
        &mut self,
        env: &mut Env,
        side: usize,
        lines: &[u8],
        place: ops::Range<usize>,
        out: &mut Out,
    ) -> Result<()> {
        env.row += 1;
        let (own, row) = (&self.sides[side], &lines[place.clone()]);
        if let Err(bad) = own.locate(row, &mut self.spans) {
            return out.reject(row, &bad.to_string());
        }
        let late = own.late_time(row, &self.spans);
        if let (Some(mark), Some(time)) = (self.mark, late)
            && time <= mark
        {
            let late = own.late.as_ref().map_or("", |late| late.name.as_str());
            return out.late(row, &format!("`{late}` is behind the watermark"));
        }
        let (start, keys) = self.ahead.key();
        let can_match = own.key(env, row, &self.spans, keys);
        let times = self.times(side, row, late).filter(|_| can_match);
        if times.is_none() && !self.how.keeps(side) {
            out.filtered();
            return Ok(());
        }
        let shape = self.output.shape(side, row);
        let other = &self.states[1 - side];
        let hash = other.hash(self.ahead.key_from(start));
        other.prefetch(hash);
        self.ahead.push(place, env.row, shape, times, start, hash);
        Ok(())
    }

    /// Takes the rows that were looked at, which stand in `lines`: each meets the other side's, and is held.
    fn take_all(&mut self, env: &mut Env, side: usize, lines: &[u8], out: &mut Out) -> Result<()> {
        let mut ahead = std::mem::take(&mut self.ahead);
        self.states[1 - side].guess(&ahead.hashes, &mut ahead.guesses);
        let last = env.row;
        for (index, looked) in ahead.rows.iter().enumerate() {
            env.row = looked.number;
            let row = &lines[looked.row.clone()];
            let Some(times) = looked.times else {
                self.sides[side].locate(row, &mut self.spans)?;
                self.alone(env, side, row, looked.shape, out)?;
                continue;
            };
            let key = ahead.hashed(index);
            self.found.clear();
            let range = match &self.range {
                Some(range) => range.of(side, times.at),
                None => i64::MIN..=i64::MAX,
            };
            let guess = ahead.guesses[index];
            self.states[1 - side].find(key, guess, &range, &mut self.found);
            let matched = self.meet(env, side, row, looked.shape, out)?;
            if !(matched && self.how == How::Semi && side == L) {
                self.states[side].add(key, row, times, matched, looked.shape);
            }
        }
        env.row = last;
        ahead.clear();
        self.ahead = ahead;
        Ok(())
    }

    /// Pairs a row with the rows of the other side that were found; true if it matches one.
    fn meet(
        &mut self,
        env: &Env,
        side: usize,
        row: &[u8],
        shape: u32,
        out: &mut Out,
    ) -> Result<bool> {
        let other = 1 - side;
        if !self.found.is_empty() {
            self.sides[side].locate(row, &mut self.spans)?;
        }
        let mut matched = false;
        for at in 0..self.found.len() {
            let place = self.found[at];
            let held_shape = self.states[other].read(place, &mut self.held);
            self.sides[other].locate(&self.held, &mut self.other)?;
            let mut pair: Pair<'_> = [None, None];
            pair[side] = Some(RowAt {
                bytes: row,
                spans: &self.spans,
                shape,
            });
            pair[other] = Some(RowAt {
                bytes: &self.held,
                spans: &self.other,
                shape: held_shape,
            });
            if let Some((rest, over)) = &self.rest
                && !over.test(rest, env, &pair, &mut self.spare)
            {
                continue;
            }
            matched = true;
            match self.how {
                How::Semi => {
                    self.output.write(env, [pair[L], None], &self.sides, out)?;
                    if side == L {
                        return Ok(true);
                    }
                    // It has come out, and is not to come out again.
                    self.states[other].remove(place);
                }
                _ => {
                    self.output.write(env, pair, &self.sides, out)?;
                    if self.how.keeps(other) {
                        self.states[other].matched(place);
                    }
                }
            }
        }
        Ok(matched)
    }

    /// Writes a row that has no match.
    fn alone(
        &mut self,
        env: &Env,
        side: usize,
        row: &[u8],
        shape: u32,
        out: &mut Out,
    ) -> Result<()> {
        let mut pair: Pair<'_> = [None, None];
        pair[side] = Some(RowAt {
            bytes: row,
            spans: &self.spans,
            shape,
        });
        self.output.write(env, pair, &self.sides, out)
    }

    /// The end of a batch: what the watermark has passed goes, in a final batch all.
    fn close(&mut self, env: &Env, batch: &Batch, out: &mut Out) -> Result<()> {
        for side in [L, R] {
            let told = self.how.keeps(side);
            let until = match (self.mark, &self.rules[side]) {
                (Some(mark), Some(rule)) => Some(mark.saturating_add(rule.shift)),
                _ => None,
            };
            let mut state = std::mem::take(&mut self.states[side]);
            let go = |held: Held<'_>| {
                self.sides[side].locate(held.row, &mut self.spans)?;
                self.alone(env, side, held.row, held.shape, out)
            };
            if batch.last {
                state.drain(told, go)?;
            } else if let Some(until) = until {
                state.pass(until, told, go)?;
            }
            self.states[side] = state;
        }
        if let Some(saved) = &mut self.saved {
            saved.close(batch.id, &mut self.states)?;
        }
        let mut figures = StateFigures::default();
        for state in &mut self.states {
            figures.rows += state.len() as u64;
            figures.bytes += state.bytes();
            figures.updated += std::mem::take(&mut state.came);
            figures.removed += std::mem::take(&mut state.went);
        }
        out.state(figures);
        Ok(())
    }
}
