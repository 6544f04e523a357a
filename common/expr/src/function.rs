//! What a scalar function is: its names, how many arguments it takes, its type, its code.

use crate::{Type, Value};

/// What a function may know besides its arguments. Fixed for a batch, so that a replay computes the same.
pub struct Env {
    /// The batch's clock, microseconds since the epoch: `current_timestamp()`.
    pub now: i64,
    /// The session time zone.
    pub zone: chrono_tz::Tz,
    /// Seed of `rand()`, `uuid()` and their kin: query, stage and batch mixed; the row's number is mixed in by the evaluator.
    pub seed: u64,
    /// Number of the row in its batch.
    pub row: u64,
}

/// Why a value could not be computed. The evaluator turns it into null and counts it, or stops under `--strict`.
#[derive(Debug)]
pub struct Failure(pub String);

/// The code of a function. Arguments are evaluated; a null among them has already given null unless `takes_null` is set.
pub type Body = for<'a> fn(&Env, &[Value<'a>]) -> Result<Value<'a>, Failure>;

/// One scalar function.
pub struct Function {
    /// Its names, Spark's first.
    pub names: &'static [&'static str],
    /// Fewest and most arguments; `usize::MAX` for any number.
    pub arity: (usize, usize),
    /// How it is called, for messages: `substring(text, start[, length])`.
    pub usage: &'static str,
    /// True if the body wants to see null arguments.
    pub takes_null: bool,
    /// The result's type, from the arguments' types.
    pub result: fn(&[Type]) -> Type,
    /// Its code.
    pub body: Body,
}
