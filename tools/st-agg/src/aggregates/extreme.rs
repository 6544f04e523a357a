//! `min(x)`, `max(x)` of anything that has an order: nulls are skipped, NaN is greatest, text goes by its bytes.

use st_expr::{Failure, Type, Value};

use super::{Accumulator, Bound, Call, Function};
use crate::saved;
use crate::scalar::Scalar;

/// The least or the greatest value so far.
#[derive(Clone)]
pub struct Extreme {
    value: Scalar,
    greatest: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["min"],
        arity: (1, 1),
        usage: "min(expr)",
        bind: |call| bind(call, false),
    },
    Function {
        names: &["max"],
        arity: (1, 1),
        usage: "max(expr)",
        bind: |call| bind(call, true),
    },
];

fn bind(call: &Call<'_>, greatest: bool) -> Result<Bound, String> {
    want_order(call.kind(0))?;
    Ok(Bound::new(
        call,
        call.kind(0).clone(),
        Extreme {
            value: Scalar::Null,
            greatest,
        },
    ))
}

/// Refuses a type whose values have no order.
pub fn want_order(kind: &Type) -> Result<(), String> {
    super::want(
        kind,
        |kind| !matches!(kind, Type::Map(..)),
        "a type with an order",
    )
}

impl Accumulator for Extreme {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let value = &args[0];
        if value.is_null() {
            return Ok(());
        }
        let order = self.value.order(value);
        if self.value.is_null()
            || if self.greatest {
                order.is_gt()
            } else {
                order.is_lt()
            }
        {
            self.value = Scalar::of(value);
        }
        Ok(())
    }

    fn merge(&mut self, other: Extreme) {
        // An extreme is a value like any other; the update cannot fail.
        let _ = self.update(&[other.value.value()]);
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(self.value.value())
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::write(out, &self.value.value());
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        self.value = Scalar::of(&saved::read(saved)?);
        Some(())
    }

    fn heap(&self) -> usize {
        self.value.heap()
    }
}
