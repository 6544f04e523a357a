//! What a scalar function is: its names, its arguments, its type, its code.
//!
//! A call is *bound* once, when the expression is compiled: then types and constant arguments are known, so a regular
//! expression is compiled, a schema parsed, a wrong argument refused with a message. What remains runs per row.

use crate::{Type, Value};
use std::cell::{Cell, RefCell};

/// What a function may know besides its arguments. Fixed for a batch, so that a replay computes the same.
#[derive(Debug)]
pub struct Env {
    /// The batch's clock, microseconds since the epoch: `current_timestamp()`.
    pub now: i64,
    /// The session time zone.
    pub zone: st_time::Zone,
    /// Seed of `rand()`, `uuid()` and their kin: query, stage and batch mixed; the row's number is mixed in by the evaluator.
    pub seed: u64,
    /// Number of the row in its batch.
    pub row: u64,
    /// What could not be computed so far.
    pub failures: Failures,
}

impl Env {
    /// An environment at the epoch, seed and row zero: what constants are folded in.
    pub fn new(zone: st_time::Zone) -> Self {
        Env {
            now: 0,
            zone,
            seed: 0,
            row: 0,
            failures: Failures::default(),
        }
    }

    /// The environment of a batch: its clock, and a seed made of query, stage and batch, which are the same in every replay.
    pub fn of_batch(zone: st_time::Zone, now: i64, query: &str, stage: &str, batch: i64) -> Self {
        // FNV-1a: it must give the same in every version of the tools.
        let parts = [
            query.as_bytes(),
            b"\0",
            stage.as_bytes(),
            b"\0",
            &batch.to_le_bytes(),
        ];
        let seed = parts
            .into_iter()
            .flatten()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Env {
            now,
            seed,
            ..Env::new(zone)
        }
    }
}

/// Counts the values that could not be computed and were made null; Spark's ANSI mode would stop at them.
#[derive(Debug, Default)]
pub struct Failures {
    count: Cell<u64>,
    first: RefCell<Option<String>>,
}

impl Failures {
    /// Counts one failure and keeps the first one's message.
    pub fn add(&self, failure: Failure) {
        self.count.set(self.count.get() + 1);
        self.first.borrow_mut().get_or_insert(failure.0);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// The message of the first one since the start or the last call; clears it. `--strict` stops on it.
    pub fn take_first(&self) -> Option<String> {
        self.first.borrow_mut().take()
    }
}

/// Why a value could not be computed. The evaluator turns it into null and counts it, or stops under `--strict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// The code of a function. Arguments are evaluated and cast to the function's parameters; a null among them has already
/// given null unless `takes_null` is set.
pub type Body = for<'a> fn(&Env, &[Value<'a>]) -> Result<Value<'a>, Failure>;

/// The code of one call, as [`Prepared`], so that a closure's lifetimes are inferred right.
pub fn prepared<F>(body: F) -> Prepared
where
    F: for<'a> Fn(&Env, &[Value<'a>]) -> Result<Value<'a>, Failure> + Send + Sync + 'static,
{
    Box::new(body)
}

/// The code of one call, holding what was prepared from its constants.
pub type Prepared =
    Box<dyn for<'a> Fn(&Env, &[Value<'a>]) -> Result<Value<'a>, Failure> + Send + Sync>;

/// What is known of a call when it is compiled.
pub struct Call<'c> {
    /// The arguments' types, after the casts that the parameters ask for.
    pub types: &'c [Type],
    /// The values of those arguments that are constants (after the same casts), `None` for the others.
    pub constants: &'c [Option<Value<'static>>],
    /// The names of those arguments that are columns or members; may be shorter than the arguments.
    pub names: &'c [Option<String>],
    /// The session time zone.
    pub zone: st_time::Zone,
}

/// What a function wants of an argument. The compiler inserts the cast, or refuses an argument whose static type cannot
/// serve; a value of an undeclared column is cast (or found unfit, a [`Failure`]) row by row.
#[derive(Clone, Copy, Debug)]
pub enum Param {
    /// Whatever it is.
    Any,
    /// Spark's implicit cast to a type without members.
    To(&'static Type),
    /// Text or binary, as it is; anything else is cast to STRING.
    Bytes,
    /// A number of any kind, as it is; text is cast to DOUBLE.
    Number,
    /// All arguments so marked are cast to their common type, as in `coalesce` and `case`; refused if there is none.
    Common,
    /// An array, as it is.
    Array,
    /// A map, as it is.
    Map,
    /// A struct, as it is.
    Struct,
}

/// How a function's code is had.
pub enum Code {
    /// From the arguments' values alone.
    Plain {
        /// The result's type, from the arguments' types.
        result: fn(&[Type]) -> Type,
        /// Its code.
        body: Body,
    },
    /// From the call: types and constants decide. An error is the message for the user, without the function's name.
    Bound(fn(&Call<'_>) -> Result<(Type, Prepared), String>),
}

/// One scalar function.
pub struct Function {
    /// Its names, Spark's first, in lower case.
    pub names: &'static [&'static str],
    /// Fewest and most arguments; `usize::MAX` for any number.
    pub arity: (usize, usize),
    /// How it is called, for messages: `substring(text, start[, length])`.
    pub usage: &'static str,
    /// What is wanted of each argument; the last one holds for all that follow, none at all means [`Param::Any`].
    pub params: &'static [Param],
    /// True if the body wants to see null arguments.
    pub takes_null: bool,
    /// Its type and code.
    pub code: Code,
}

impl Function {
    /// What is wanted of argument `index`, counted from zero.
    pub fn param(&self, index: usize) -> Param {
        self.params
            .get(index)
            .or(self.params.last())
            .copied()
            .unwrap_or(Param::Any)
    }

    /// The type and the code of one call.
    pub fn bind(&self, call: &Call<'_>) -> Result<(Type, Prepared), String> {
        match self.code {
            Code::Plain { result, body } => Ok((result(call.types), Box::new(body))),
            Code::Bound(bind) => bind(call),
        }
    }
}
