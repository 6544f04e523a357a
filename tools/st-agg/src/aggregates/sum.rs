//! `sum(x)`, `try_sum(x)`: nulls are skipped, nothing gives null. Integers add up to BIGINT and never wrap: the sum is kept
//! wide, and null is given (and counted) when it does not fit. DECIMAL(p,s) gives DECIMAL(p+10,s). Doubles are added in
//! order of arrival, in sliding windows slice by slice of time.

use st_expr::{Decimal, Failure, Type, Value};

use super::number::number;
use super::total::{Held, Total};
use super::{Accumulator, Bound, Call, Function};

/// A sum so far.
#[derive(Clone)]
pub struct Sum {
    total: Held,
    /// A sum that does not fit is null without being a failure.
    quiet: bool,
    /// Most digits of a decimal sum.
    precision: u8,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["sum"],
        arity: (1, 1),
        usage: "sum(number)",
        bind: |call| bind(call, false),
    },
    Function {
        names: &["try_sum"],
        arity: (1, 1),
        usage: "try_sum(number)",
        bind: |call| bind(call, true),
    },
];

fn bind(call: &Call<'_>, quiet: bool) -> Result<Bound, String> {
    super::want_number(call.kind(0))?;
    let (kind, precision) = match call.kind(0) {
        Type::Any => (Type::Any, 38),
        Type::Decimal { precision, scale } => {
            let precision = (precision + 10).min(38);
            (
                Type::Decimal {
                    precision,
                    scale: *scale,
                },
                precision,
            )
        }
        kind if kind.is_integer() => (Type::BigInt, 38),
        _ => (Type::Double, 38),
    };
    let bound = Bound::new(
        call,
        kind.clone(),
        Sum {
            total: Held::EMPTY,
            quiet,
            precision,
        },
    );
    Ok(if kind == Type::Double {
        bound.cast(1, &Type::Double)
    } else {
        bound
    })
}

impl Accumulator for Sum {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let Some(number) = number(&args[0])? else {
            return Ok(());
        };
        self.total.add(number.into());
        Ok(())
    }

    fn merge(&mut self, other: Sum) {
        self.total.add(other.total.total());
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let (fits, kind) = match self.total.total() {
            Total::Empty => return Ok(Value::Null),
            Total::Double(number) => return Ok(Value::Double(number)),
            Total::Integer(number) => (i64::try_from(number).ok().map(Value::Integer), "BIGINT"),
            Total::Decimal(number, scale) => (
                Decimal {
                    unscaled: number,
                    scale,
                }
                .within(self.precision)
                .map(Value::Decimal),
                "DECIMAL",
            ),
            Total::TooLarge => (None, "38 digits"),
        };
        match fits {
            Some(sum) => Ok(sum),
            None if self.quiet => Ok(Value::Null),
            None => Err(Failure(format!("sum: it does not fit {kind}"))),
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.total.total().save(out);
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        self.total = Total::load(saved)?.into();
        Some(())
    }

    fn heap(&self) -> usize {
        self.total.heap()
    }
}
