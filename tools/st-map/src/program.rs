//! The operations between two commands, compiled: a row is scanned once, then goes through all steps.

use anyhow::Result;
use st_expr::{Compiled, Env, Generator, Slots, Value};
use st_row::{BadRow, Fields, Spans};

use crate::layout::{Layout, Parts, Scratch};
use crate::quick::Quick;
use crate::stencil;
use crate::target::Target;

/// One step; each but a condition adds values to the row's.
pub enum Step {
    /// Goes on only if it is true.
    Where(Compiled),
    /// Adds one value.
    Value(Compiled),
    /// Adds a null in place of a value that no step reads.
    Unread,
    /// Goes on once for each row it makes, with a value per column.
    Generate(Generator),
}

impl Step {
    /// How many values it adds.
    fn values(&self) -> usize {
        match self {
            Step::Where(_) => 0,
            Step::Value(_) | Step::Unread => 1,
            Step::Generate(generator) => generator.columns().len(),
        }
    }
}

/// What became of a row.
#[derive(Debug, PartialEq)]
pub enum Became {
    /// At least one row was handed on.
    Rows,
    /// A condition was not true for the row itself.
    Refused,
    /// It was made into rows, and none of them was handed on.
    Nothing,
    /// It is no row.
    Bad(BadRow),
}

/// Compiled operations.
pub struct Program {
    /// The fields that steps read or the layout changes.
    pub fields: Fields,
    /// In order.
    pub steps: Vec<Step>,
    /// The row that is handed on.
    pub layout: Layout,
    /// The member that has the value of the last step, if that is a generator and nothing else differs in its rows.
    place: Option<usize>,
}

/// A program and what it reuses from row to row.
pub struct Machine {
    program: Program,
    quick: Option<Quick>,
    spans: Spans,
    scratch: Scratch,
    values: Vec<Value<'static>>,
}

impl Machine {
    /// A machine for one program.
    pub fn new(program: Program) -> Machine {
        let quick = match program.steps.first() {
            Some(Step::Where(condition)) => Quick::new(condition, &program.fields),
            _ => None,
        };
        Machine {
            program,
            quick,
            spans: Spans::default(),
            scratch: Scratch::default(),
            values: Vec::new(),
        }
    }

    /// Takes a row through the program.
    pub fn run(&mut self, row: &[u8], env: &Env, target: &mut Target<'_>) -> Result<Became> {
        let Machine {
            program,
            quick,
            spans,
            scratch,
            values,
        } = self;
        if quick.as_ref().is_some_and(|quick| quick.refuses(row)) {
            return Ok(Became::Refused);
        }
        if let Err(bad) = program.fields.locate(row, spans) {
            return Ok(Became::Bad(bad));
        }
        let mut computed = reuse(std::mem::take(values));
        let became = program.steps(0, row, env, spans, &mut computed, scratch, target);
        *values = reuse(computed);
        match became {
            Err(error) if error.is::<BadRow>() => Ok(Became::Bad(error.downcast()?)),
            became => became,
        }
    }
}

impl Program {
    /// Steps over these fields, and the row they end in.
    pub fn new(fields: Fields, mut steps: Vec<Step>, layout: Layout) -> Program {
        // Nothing stands behind them that would miss their values.
        while let Some(Step::Unread) = steps.last() {
            steps.pop();
        }
        let place = match steps.split_last() {
            Some((Step::Generate(generator), before)) if generator.columns().len() == 1 => {
                stencil::place(&layout, before.iter().map(Step::values).sum())
            }
            _ => None,
        };
        Program {
            fields,
            steps,
            layout,
            place,
        }
    }

    /// The same rows, each made on its own.
    #[cfg(test)]
    pub fn one_by_one(mut self) -> Program {
        self.place = None;
        self
    }

    /// True if rows of a generator are copied around their values.
    #[cfg(test)]
    pub fn has_stencil(&self) -> bool {
        self.place.is_some()
    }

    #[allow(clippy::too_many_arguments)]
    fn steps<'r>(
        &'r self,
        from: usize,
        row: &'r [u8],
        env: &Env,
        spans: &Spans,
        values: &mut Vec<Value<'r>>,
        scratch: &mut Scratch,
        target: &mut Target<'_>,
    ) -> Result<Became> {
        for (index, step) in self.steps.iter().enumerate().skip(from) {
            match step {
                Step::Where(condition) => {
                    if !condition.test(env, &Slots::new(row, spans, values)) {
                        return Ok(Became::Refused);
                    }
                }
                Step::Value(expression) => {
                    let value = expression.eval(env, &Slots::new(row, spans, values));
                    values.push(value);
                }
                Step::Unread => values.push(Value::Null),
                Step::Generate(generator) => {
                    let last = index + 1 == self.steps.len();
                    if let (true, Some(place), Layout::Made(members)) =
                        (last, self.place, &self.layout)
                    {
                        let parts = Parts {
                            env,
                            row,
                            spans,
                            values,
                        };
                        let around = (members.as_slice(), place);
                        let any = scratch.stencil.rows(generator, around, &parts, target)?;
                        return Ok(if any { Became::Rows } else { Became::Nothing });
                    }
                    let mut made = generator.made(env, &Slots::new(row, spans, values));
                    let before = values.len();
                    let mut became = Became::Nothing;
                    while made.next_into(values) {
                        let after = if last {
                            self.hand_on(row, env, spans, values, scratch, target)?
                        } else {
                            self.steps(index + 1, row, env, spans, values, scratch, target)?
                        };
                        if after == Became::Rows {
                            became = Became::Rows;
                        }
                        values.truncate(before);
                    }
                    return Ok(became);
                }
            }
        }
        self.hand_on(row, env, spans, values, scratch, target)
    }

    /// Writes the row that the layout makes.
    #[inline]
    fn hand_on<'r>(
        &'r self,
        row: &'r [u8],
        env: &Env,
        spans: &Spans,
        values: &[Value<'r>],
        scratch: &mut Scratch,
        target: &mut Target<'_>,
    ) -> Result<Became> {
        if self.layout.is_unchanged() {
            target.row(row)?;
        } else {
            let parts = Parts {
                env,
                row,
                spans,
                values,
            };
            target.row_with(|out| Ok(self.layout.write(&parts, &self.fields, scratch, out)?))?;
        }
        Ok(Became::Rows)
    }
}

/// The same allocation for values of another row.
#[inline]
fn reuse<'b>(mut values: Vec<Value<'_>>) -> Vec<Value<'b>> {
    if values.capacity() == 0 {
        return Vec::new();
    }
    values.clear();
    // Nothing is mapped; the standard library keeps the allocation, as the element's layout is the same.
    values.into_iter().map(|_| Value::Null).collect()
}
