//! `first(x)`, `last(x)`, `any_value(x)` in order of arrival; a null counts as a value unless `ignore nulls` (or a second
//! argument `true`) is given.

use st_expr::{Failure, Value};

use super::{Accumulator, Bound, Call, Function};
use crate::saved;
use crate::scalar::Scalar;

/// The value picked so far.
#[derive(Clone)]
pub struct Pick {
    value: Scalar,
    found: bool,
    last: bool,
    ignore_nulls: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["first", "first_value"],
        arity: (1, 2),
        usage: "first(expr[, ignoreNulls])",
        bind: |call| bind(call, false),
    },
    Function {
        names: &["last", "last_value"],
        arity: (1, 2),
        usage: "last(expr[, ignoreNulls])",
        bind: |call| bind(call, true),
    },
    Function {
        names: &["any_value"],
        arity: (1, 2),
        usage: "any_value(expr[, ignoreNulls])",
        bind: |call| bind(call, false),
    },
];

fn bind(call: &Call<'_>, last: bool) -> Result<Bound, String> {
    let ignore_nulls = match call.constant(1, "ignoreNulls")? {
        None => call.ignore_nulls,
        Some(Value::Boolean(ignore)) => *ignore,
        Some(_) => return Err("ignoreNulls must be true or false".to_string()),
    };
    let empty = Pick {
        value: Scalar::Null,
        found: false,
        last,
        ignore_nulls,
    };
    Ok(Bound::new(call, call.kind(0).clone(), empty).first(1))
}

impl Pick {
    fn takes(&self, null: bool) -> bool {
        (self.last || !self.found) && !(null && self.ignore_nulls)
    }
}

impl Accumulator for Pick {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        if self.takes(args[0].is_null()) {
            self.value = Scalar::of(&args[0]);
            self.found = true;
        }
        Ok(())
    }

    fn merge(&mut self, other: Pick) {
        if other.found && self.takes(other.value.is_null()) {
            *self = other;
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(self.value.value())
    }

    fn save(&self, out: &mut Vec<u8>) {
        // A list of one value, or of none.
        saved::list(out, self.found.then_some(&self.value), |out, value| {
            saved::write(out, &value.value())
        });
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let mut values = saved::items(saved, saved::read)?.into_iter();
        if let Some(value) = values.next() {
            self.value = Scalar::of(&value);
            self.found = true;
        }
        Some(())
    }

    fn heap(&self) -> usize {
        self.value.heap()
    }
}
