//! `avg(x)`, `mean(x)`, `try_avg(x)`, `regr_avgx(y, x)`, `regr_avgy(y, x)`: nulls are skipped, nothing gives null. As in
//! Spark, integers are added as doubles; DECIMAL(p,s) is averaged exactly, to DECIMAL(p+4,s+4).

use st_expr::{Decimal, Failure, Type, Value};

use super::number::{Number, number};
use super::total::{Held, Total};
use super::{Accumulator, Bound, Call, Function};

/// Sum and count.
#[derive(Clone)]
pub struct Average {
    sum: Held,
    rows: i64,
    /// Most digits of a decimal average.
    precision: u8,
    /// An average that does not fit is null without being a failure.
    quiet: bool,
    /// Of two arguments that must both be there, the second is averaged.
    second: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["avg", "mean"],
        arity: (1, 1),
        usage: "avg(number)",
        bind: |call| bind(call, 0, false),
    },
    Function {
        names: &["try_avg"],
        arity: (1, 1),
        usage: "try_avg(number)",
        bind: |call| bind(call, 0, true),
    },
    Function {
        names: &["regr_avgx"],
        arity: (2, 2),
        usage: "regr_avgx(y, x)",
        bind: |call| bind(call, 1, false),
    },
    Function {
        names: &["regr_avgy"],
        arity: (2, 2),
        usage: "regr_avgy(y, x)",
        bind: |call| bind(call, 0, false),
    },
];

fn bind(call: &Call<'_>, averaged: usize, quiet: bool) -> Result<Bound, String> {
    call.types.iter().try_for_each(super::want_number)?;
    let (kind, precision) = match call.kind(averaged) {
        Type::Any => (Type::Any, 38),
        Type::Decimal { precision, scale } => {
            let (precision, scale) = ((precision + 4).min(38), (scale + 4).min(38));
            (Type::Decimal { precision, scale }, precision)
        }
        _ => (Type::Double, 38),
    };
    let empty = Average {
        sum: Held::EMPTY,
        rows: 0,
        precision,
        quiet,
        second: averaged == 1,
    };
    Ok(Bound::new(call, kind, empty))
}

impl Accumulator for Average {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let value = match args {
            [x] => x,
            [y, x] if self.second && !y.is_null() => x,
            [y, x] if !self.second && !x.is_null() => y,
            _ => return Ok(()),
        };
        let Some(number) = number(value)? else {
            return Ok(());
        };
        self.sum.add(match number {
            Number::Integer(number) => Total::Double(number as f64),
            other => other.into(),
        });
        self.rows += 1;
        Ok(())
    }

    fn merge(&mut self, other: Average) {
        self.sum.add(other.sum.total());
        self.rows += other.rows;
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        match self.sum.total() {
            Total::Empty => Ok(Value::Null),
            Total::Decimal(sum, scale) => {
                match divide(sum, scale, self.rows).and_then(|x| x.within(self.precision)) {
                    Some(average) => Ok(Value::Decimal(average)),
                    None if self.quiet => Ok(Value::Null),
                    None => Err(Failure(format!(
                        "avg: it does not fit {} digits",
                        self.precision
                    ))),
                }
            }
            Total::TooLarge if self.quiet => Ok(Value::Null),
            Total::TooLarge => Err(Failure("avg: the sum does not fit 38 digits".to_string())),
            sum => Ok(Value::Double(sum.as_double() / self.rows as f64)),
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        self.sum.total().save(out);
        out.push(b',');
        st_row::write_i64(out, self.rows);
        out.push(b']');
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let mut parts = st_row::elements_of(saved);
        self.sum = Total::load(parts.next()?.ok()?)?.into();
        self.rows = st_row::parse_i64(parts.next()?.ok()?)?;
        Some(())
    }

    fn heap(&self) -> usize {
        self.sum.heap()
    }
}

/// The quotient with four more digits, rounded half away from zero.
fn divide(sum: i128, scale: u8, rows: i64) -> Option<Decimal> {
    let more = (scale + 4).min(38) - scale;
    let (ten, rows) = (10i128.pow(more.into()), i128::from(rows));
    let whole = (sum / rows).checked_mul(ten)?;
    // Less than rows, and so far from the end of the range.
    let rest = sum % rows * ten;
    let rounding = if (rest % rows).abs() * 2 >= rows {
        rest.signum()
    } else {
        0
    };
    Some(Decimal {
        unscaled: whole.checked_add(rest / rows + rounding)?,
        scale: scale + more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_divide_half_away_from_zero() {
        let at = |sum, scale, rows| divide(sum, scale, rows).map(|d| (d.unscaled, d.scale));
        assert_eq!(at(1000, 2, 3), Some((3_333_333, 6)));
        assert_eq!(at(2000, 2, 3), Some((6_666_667, 6)));
        assert_eq!(at(-2000, 2, 3), Some((-6_666_667, 6)));
        assert_eq!(at(1, 0, 32), Some((313, 4))); // 0.03125
        assert_eq!(at(-1, 0, 32), Some((-313, 4)));
    }
}
