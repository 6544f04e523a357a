//! `min_by(x, y)`, `max_by(x, y)`: the x of the row whose y is least or greatest. Rows with a null y are skipped; of rows
//! with the same y the last counts, as Spark happens to do.

use st_expr::{Failure, Value};

use super::extreme::want_order;
use super::{Accumulator, Bound, Call, Function};
use crate::saved;
use crate::scalar::Scalar;

/// The best row so far.
#[derive(Clone)]
pub struct ExtremeBy {
    value: Scalar,
    by: Scalar,
    greatest: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["min_by"],
        arity: (2, 2),
        usage: "min_by(value, by)",
        bind: |call| bind(call, false),
    },
    Function {
        names: &["max_by"],
        arity: (2, 2),
        usage: "max_by(value, by)",
        bind: |call| bind(call, true),
    },
];

fn bind(call: &Call<'_>, greatest: bool) -> Result<Bound, String> {
    want_order(call.kind(1))?;
    let empty = ExtremeBy {
        value: Scalar::Null,
        by: Scalar::Null,
        greatest,
    };
    Ok(Bound::new(call, call.kind(0).clone(), Box::new(empty)))
}

impl Accumulator for ExtremeBy {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let [value, by] = args else { return Ok(()) };
        if by.is_null() {
            return Ok(());
        }
        let order = self.by.order(by);
        if self.by.is_null()
            || if self.greatest {
                order.is_ge()
            } else {
                order.is_le()
            }
        {
            self.value = Scalar::of(value);
            self.by = Scalar::of(by);
        }
        Ok(())
    }

    fn merge(&mut self, other: ExtremeBy) {
        // Cannot fail: these are values like any others.
        let _ = self.update(&[other.value.value(), other.by.value()]);
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(self.value.value())
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(out, [&self.value, &self.by], |out, part| {
            saved::write(out, &part.value())
        });
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let [value, by] = <[Value<'_>; 2]>::try_from(saved::items(saved, saved::read)?).ok()?;
        (self.value, self.by) = (Scalar::of(&value), Scalar::of(&by));
        Some(())
    }

    fn heap(&self) -> usize {
        self.value.heap() + self.by.heap()
    }
}
