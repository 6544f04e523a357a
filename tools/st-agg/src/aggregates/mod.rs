//! The aggregate functions, one file per function or tight family.
//!
//! A call is bound once ([`Function::bind`]): its types and constants decide the result's type and an empty [`State`], which
//! is copied for every new group. Then rows update states, sessions that meet merge theirs, and a state is finished as often
//! as its group is emitted. To add an aggregate: write its file, name it in `states!`, list its `FUNCTIONS` in [`all`].

mod average;
mod bits;
mod booleans;
mod collect;
mod correlation;
mod count;
mod distinct;
mod extreme;
mod extreme_by;
mod listagg;
mod mode;
mod moments;
mod number;
mod percentile;
mod pick;
mod quantiles;
mod sum;
mod total;

#[cfg(test)]
pub use count::Count;

use st_expr::{Failure, Order, Type, Value};

/// What one aggregate has gathered in one group.
pub trait Accumulator {
    /// Takes the arguments of one row, cast as [`Bound::casts`] asks. A failure leaves the row out and is counted.
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure>;

    /// Takes what another one has gathered in rows that come after.
    fn merge(&mut self, other: Self);

    /// The result so far. A failure is counted and gives null.
    fn finish(&self) -> Result<Value<'_>, Failure>;

    /// Appends the state as one JSON value, from which [`Accumulator::load`] makes exactly this state again.
    fn save(&self, out: &mut Vec<u8>);

    /// Takes over what was saved, starting from an empty state; `None` if it is something else.
    fn load(&mut self, saved: &[u8]) -> Option<()>;

    /// Bytes held outside of the state, an estimate.
    fn heap(&self) -> usize {
        0
    }
}

impl<A: Accumulator> Accumulator for Box<A> {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        (**self).update(args)
    }

    fn merge(&mut self, other: Self) {
        (**self).merge(*other);
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        (**self).finish()
    }

    fn save(&self, out: &mut Vec<u8>) {
        (**self).save(out);
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        (**self).load(saved)
    }

    fn heap(&self) -> usize {
        size_of::<A>() + 16 + (**self).heap()
    }
}

/// One enum over all accumulators, so that a group's states lie side by side without a pointer each.
macro_rules! states {
    ($($name:ident($state:ty),)*) => {
        /// The state of any aggregate: half a line of the processor's cache, and never in two.
        #[derive(Clone)]
        #[repr(align(32))]
        pub struct State(Any);

        // Apart from the struct that is aligned, as the compiler would not pack it.
        #[derive(Clone)]
        enum Any { $($name($state),)* }

        $(impl From<$state> for State {
            fn from(state: $state) -> State {
                State(Any::$name(state))
            }
        })*

        impl Accumulator for State {
            #[inline]
            fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
                match &mut self.0 { $(Any::$name(state) => state.update(args),)* }
            }

            fn merge(&mut self, other: State) {
                match (&mut self.0, other.0) {
                    $((Any::$name(state), Any::$name(other)) => state.merge(other),)*
                    // Both are copies of one empty state.
                    _ => debug_assert!(false, "states of two kinds"),
                }
            }

            fn finish(&self) -> Result<Value<'_>, Failure> {
                match &self.0 { $(Any::$name(state) => state.finish(),)* }
            }

            fn save(&self, out: &mut Vec<u8>) {
                match &self.0 { $(Any::$name(state) => state.save(out),)* }
            }

            fn load(&mut self, saved: &[u8]) -> Option<()> {
                match &mut self.0 { $(Any::$name(state) => state.load(saved),)* }
            }

            fn heap(&self) -> usize {
                match &self.0 { $(Any::$name(state) => state.heap(),)* }
            }
        }
    };
}

impl State {
    /// Takes so many rows without arguments; only a count has such.
    #[inline]
    pub fn count(&mut self, rows: i64) {
        if let Any::Count(count) = &mut self.0 {
            count.add(rows);
        }
    }

    /// True if it is a count.
    pub fn is_count(&self) -> bool {
        matches!(self.0, Any::Count(_))
    }

    /// True if rows may be gathered apart and merged in any order: with doubles that moves the last digit, no more.
    pub fn merges_in_any_order(&self) -> bool {
        use Any::*;
        matches!(
            self.0,
            Average(_) | Bits(_) | Booleans(_) | Count(_) | Extreme(_) | Sum(_)
        )
    }
}

states! {
    Average(average::Average),
    Bits(bits::Bits),
    Booleans(booleans::Booleans),
    Collect(Box<collect::Collect>),
    Correlation(Box<correlation::Correlation>),
    Count(count::Count),
    Distinct(Box<distinct::Distinct>),
    Extreme(extreme::Extreme),
    ExtremeBy(Box<extreme_by::ExtremeBy>),
    Listagg(Box<listagg::Listagg>),
    Mode(Box<mode::Mode>),
    Moments(Box<moments::Moments>),
    Percentile(Box<percentile::Percentile>),
    Pick(pick::Pick),
    Quantiles(Box<quantiles::Quantiles>),
    Sum(sum::Sum),
}

/// What is known of a call when it is bound.
pub struct Call<'c> {
    /// The arguments' static types.
    pub types: &'c [Type],
    /// The values of the arguments that are constants, `None` for the others.
    pub constants: &'c [Option<Value<'static>>],
    /// `ignore nulls`
    pub ignore_nulls: bool,
    /// `within group (order by …)`: how each key is sorted; the keys' values follow the arguments in a row.
    pub order: &'c [Order],
    /// The types of those keys.
    pub order_types: &'c [Type],
}

impl Call<'_> {
    /// The type of argument `index`, `Any` if there is none.
    pub fn kind(&self, index: usize) -> &Type {
        self.types.get(index).unwrap_or(&Type::Any)
    }

    /// The constant given as argument `index`; `None` if there is no such argument. An error for one that is no constant.
    pub fn constant(&self, index: usize, what: &str) -> Result<Option<&Value<'static>>, String> {
        match self.constants.get(index) {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => Err(format!("{what} must be a constant")),
        }
    }
}

/// A call whose types are known.
pub struct Bound {
    /// The result's type.
    pub kind: Type,
    /// How many arguments are evaluated for each row; those behind them were constants.
    pub args: usize,
    /// To which type each of them is cast first.
    pub casts: Vec<Option<Type>>,
    /// The argument is replaced by its `xxhash64`, null by null.
    pub hashed: bool,
    /// The state of a group without rows.
    pub empty: State,
}

impl Bound {
    /// All arguments are taken as they are.
    pub fn new(call: &Call<'_>, kind: Type, empty: impl Into<State>) -> Bound {
        Bound {
            kind,
            args: call.types.len(),
            casts: vec![None; call.types.len()],
            hashed: false,
            empty: empty.into(),
        }
    }

    /// Only the first `args` arguments are evaluated per row, each cast to `kind`.
    pub fn cast(mut self, args: usize, kind: &Type) -> Bound {
        self.args = args;
        self.casts = vec![Some(kind.clone()); args];
        self
    }

    /// Only the first `args` arguments are evaluated per row.
    pub fn first(mut self, args: usize) -> Bound {
        self.args = args;
        self.casts.truncate(args);
        self
    }
}

/// One aggregate function.
pub struct Function {
    /// Its names, Spark's first.
    pub names: &'static [&'static str],
    /// Fewest and most arguments.
    pub arity: (usize, usize),
    /// How it is called, for messages.
    pub usage: &'static str,
    /// Types a call. An error is the message for the user, without the function's name.
    pub bind: fn(&Call<'_>) -> Result<Bound, String>,
}

/// All aggregate functions.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        count::FUNCTIONS,
        sum::FUNCTIONS,
        average::FUNCTIONS,
        extreme::FUNCTIONS,
        extreme_by::FUNCTIONS,
        pick::FUNCTIONS,
        moments::FUNCTIONS,
        correlation::FUNCTIONS,
        collect::FUNCTIONS,
        listagg::FUNCTIONS,
        distinct::FUNCTIONS,
        quantiles::FUNCTIONS,
        percentile::FUNCTIONS,
        mode::FUNCTIONS,
        booleans::FUNCTIONS,
        bits::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The aggregate function of that name (in lower case).
pub fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.names.contains(&name))
}

/// Refuses an argument whose declared type is not one that `fits`.
fn want(kind: &Type, fits: impl Fn(&Type) -> bool, what: &str) -> Result<(), String> {
    if kind.is_open() || fits(kind) {
        Ok(())
    } else {
        Err(format!("wants {what}, not {kind}"))
    }
}

/// Refuses an argument declared as neither a number nor text that may be one.
fn want_number(kind: &Type) -> Result<(), String> {
    want(
        kind,
        |kind| kind.is_numeric() || *kind == Type::String,
        "a number",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        // Groups hold one per aggregate, and there may be millions.
        assert_eq!(size_of::<State>(), 32);
    }
}
