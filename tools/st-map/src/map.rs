//! The stage: takes each row through the programs and the commands between them.

use anyhow::Result;
use serde_json::{Map as Object, Value, json};
use st_expr::{Env, tidy};
use st_stream::cli::usage;
use st_stream::marker::{Batch, Begin, Start};
use st_stream::{Context, Manners, Out, Stage};
use st_time::Zone;

use crate::args::Arguments;
use crate::build::build;
use crate::operation::{self, Parsed};
use crate::otherwise::Otherwise;
use crate::program::{Became, Machine};
use crate::target::Target;
use crate::through::{Line, Through};

/// Spark's `where`, `withColumn`, `select`, `drop`, `withColumnRenamed` and `explode`.
pub struct Map {
    arguments: Arguments,
    query: String,
    name: String,
    env: Env,
    first: Option<Machine>,
    rest: Vec<(Through, Machine)>,
    otherwise: Option<Otherwise>,
}

impl Map {
    /// The stage that `arguments` ask for. Mistakes in them are told at the start, so that the stages behind hear of them.
    pub fn new(arguments: Arguments) -> Map {
        Map {
            env: Env::new(arguments.zone.tz),
            arguments,
            query: String::new(),
            name: String::new(),
            first: None,
            rest: Vec::new(),
            otherwise: None,
        }
    }

    /// Ends the commands one after the other: each gets what the one before it wrote last.
    fn drain(&mut self, batch: i64, out: &mut Out) -> Result<()> {
        let Map {
            rest,
            env,
            otherwise,
            ..
        } = self;
        let mut rest = rest.as_mut_slice();
        while let Some(((through, machine), after)) = rest.split_first_mut() {
            let mut taker = Taker {
                env,
                otherwise,
                out,
            };
            through.end(batch, &mut |line| taker.line(line, machine, after))?;
            rest = after;
        }
        Ok(())
    }
}

impl Stage for Map {
    fn tool(&self) -> &'static str {
        "st-map"
    }

    fn options(&self) -> Object<String, Value> {
        let operations = self.arguments.operations.0.iter();
        let steps: Vec<Value> = operations
            .map(|operation| match operation.kind {
                "through" => json!({operation.kind: operation.text}),
                kind => json!({kind: tidy(&operation.text)}),
            })
            .collect();
        let mut options = Object::new();
        options.insert("steps".into(), steps.into());
        if let Some(path) = &self.arguments.otherwise {
            options.insert("else".into(), json!(path));
        }
        if self.env.zone != Zone::UTC {
            options.insert("tz".into(), json!(self.env.zone.to_string()));
        }
        options
    }

    /// A command has to see the end of its batch, and on plain input a pause must not be one.
    fn manners(&self) -> Manners {
        let commands = self
            .arguments
            .operations
            .0
            .iter()
            .any(|operation| operation.kind == "through");
        if commands {
            Manners::Waits
        } else {
            Manners::RowByRow
        }
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        self.query = start.query.clone();
        self.name = context.name.clone();
        let epoch = start.epoch;
        let splits = self.arguments.otherwise.is_some();
        let operations = self
            .arguments
            .operations
            .0
            .iter()
            .map(operation::parse)
            .collect::<Result<Vec<_>>>()?;
        if splits
            && !operations
                .iter()
                .any(|operation| matches!(operation, Parsed::Where(..)))
        {
            return Err(usage(
                "--else keeps the rows that a condition refuses: give --where EXPR",
            ));
        }
        let built = build(&operations, start, self.env.zone, splits)?;
        self.first = Some(Machine::new(built.first));
        let rest = built.rest.into_iter();
        self.rest = rest
            .map(|(command, program)| (Through::new(&command, &self.query), Machine::new(program)))
            .collect();
        if let Some(path) = &self.arguments.otherwise
            && start.explain.is_none()
        {
            self.otherwise = Some(Otherwise::open(path, context, epoch)?);
        }
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.env = Env::of_batch(self.env.zone, begin.time, &self.query, &self.name, begin.id);
        self.rest
            .iter_mut()
            .try_for_each(|(through, _)| through.begin(begin.id))
    }

    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let Map {
            first: Some(first),
            rest,
            env,
            otherwise,
            ..
        } = self
        else {
            return Ok(());
        };
        Taker {
            env,
            otherwise,
            out,
        }
        .row(row, first, rest)?;
        env.row += 1;
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        self.drain(batch.id, out)?;
        match &mut self.otherwise {
            Some(otherwise) => otherwise.close(batch.id),
            None => Ok(()),
        }
    }
}

/// Takes rows of one batch on.
struct Taker<'t> {
    env: &'t Env,
    otherwise: &'t mut Option<Otherwise>,
    out: &'t mut Out,
}

impl Taker<'_> {
    /// A row in front of a program and all that comes after it.
    #[inline]
    fn row(
        &mut self,
        row: &[u8],
        machine: &mut Machine,
        rest: &mut [(Through, Machine)],
    ) -> Result<()> {
        let failures = self.env.failures.count();
        let mut target = match rest.first_mut() {
            None => Target::Out(self.out),
            Some((through, _)) => Target::Pending(&mut through.pending),
        };
        let became = machine.run(row, self.env, &mut target)?;
        let failed = self.env.failures.count() - failures;
        if failed > 0 {
            self.failed(failed)?;
        }
        match became {
            Became::Rows => {}
            Became::Nothing => self.out.filtered(),
            Became::Refused => {
                self.out.filtered();
                if let Some(otherwise) = self.otherwise {
                    otherwise.put(row)?;
                }
            }
            Became::Bad(bad) => self.out.reject(row, &bad.to_string())?,
        }
        match rest.split_first_mut() {
            None => Ok(()),
            Some(((through, machine), rest)) => {
                through.relieve(&mut |line| self.line(line, machine, rest))
            }
        }
    }

    /// A line that a command wrote.
    fn line(
        &mut self,
        line: Line<'_>,
        machine: &mut Machine,
        rest: &mut [(Through, Machine)],
    ) -> Result<()> {
        match line {
            Line::TooLong(beginning, length) => self
                .out
                .reject(beginning, &format!("line of {length} bytes is too long")),
            Line::Row(line) => {
                let row = st_row::trim(line);
                if row.is_empty() {
                    return Ok(());
                }
                match st_row::validate(row) {
                    Ok(()) => self.row(row, machine, rest),
                    Err(bad) => self.out.reject(line, &format!("from --through: {bad}")),
                }
            }
        }
    }

    #[cold]
    fn failed(&mut self, count: u64) -> Result<()> {
        let reason = self.env.failures.take_first().unwrap_or_default();
        self.out.failed(count, &reason)
    }
}
