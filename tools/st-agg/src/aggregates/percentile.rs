//! `percentile(x, p[, frequency])`, `median(x)`, `percentile_cont(p)` and `percentile_disc(p) within group (order by x)`:
//! exact, so every different value is kept. Between two values it interpolates; `percentile_disc` gives one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use st_checkpoint::exact;
use st_expr::{Failure, Type, Value};

use super::number::double;
use super::quantiles::percentages;
use super::{Accumulator, Bound, Call, Function};
use crate::saved;

/// How often each value was seen.
#[derive(Clone)]
pub struct Percentile {
    counts: BTreeMap<Ordered, i64>,
    wanted: Arc<Wanted>,
}

struct Wanted {
    percentages: Vec<f64>,
    /// The percentages came as an array, and so does the result.
    array: bool,
    /// One of the values, none between them.
    discrete: bool,
    /// The values are sorted downwards.
    descending: bool,
}

/// A double by the bits that sort as it does; NaN is greatest, the zeros are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ordered(i64);

impl From<f64> for Ordered {
    fn from(number: f64) -> Ordered {
        let number = if number.is_nan() {
            f64::NAN
        } else {
            number + 0.0
        };
        let bits = number.to_bits() as i64;
        Ordered(if bits < 0 { bits ^ i64::MAX } else { bits })
    }
}

impl Ordered {
    fn number(self) -> f64 {
        f64::from_bits(if self.0 < 0 {
            self.0 ^ i64::MAX
        } else {
            self.0
        } as u64)
    }
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["percentile"],
        arity: (2, 3),
        usage: "percentile(number, percentage[, frequency])",
        bind: bind_percentile,
    },
    Function {
        names: &["median"],
        arity: (1, 1),
        usage: "median(number)",
        bind: bind_median,
    },
    Function {
        names: &["percentile_cont"],
        arity: (1, 1),
        usage: "percentile_cont(percentage) within group (order by number)",
        bind: |call| bind_ordered(call, false),
    },
    Function {
        names: &["percentile_disc"],
        arity: (1, 1),
        usage: "percentile_disc(percentage) within group (order by number)",
        bind: |call| bind_ordered(call, true),
    },
];

fn bound(call: &Call<'_>, wanted: Wanted) -> Bound {
    let kind = if wanted.array {
        Type::Array(Box::new(Type::Double))
    } else {
        Type::Double
    };
    Bound::new(
        call,
        kind,
        Box::new(Percentile {
            counts: BTreeMap::new(),
            wanted: Arc::new(wanted),
        }),
    )
}

fn bind_percentile(call: &Call<'_>) -> Result<Bound, String> {
    super::want_number(call.kind(0))?;
    let (percentages, array) = percentages(call, 1)?;
    let mut bound = bound(
        call,
        Wanted {
            percentages,
            array,
            discrete: false,
            descending: false,
        },
    );
    // The percentage is a constant, but the frequency behind it is not.
    bound.casts = vec![Some(Type::Double), None, Some(Type::BigInt)];
    bound.casts.truncate(call.types.len());
    Ok(bound)
}

fn bind_median(call: &Call<'_>) -> Result<Bound, String> {
    super::want_number(call.kind(0))?;
    let wanted = Wanted {
        percentages: vec![0.5],
        array: false,
        discrete: false,
        descending: false,
    };
    Ok(bound(call, wanted).cast(1, &Type::Double))
}

fn bind_ordered(call: &Call<'_>, discrete: bool) -> Result<Bound, String> {
    let ([order], [kind]) = (call.order, call.order_types) else {
        return Err("wants `within group (order by number)` behind it".to_string());
    };
    super::want_number(kind)?;
    let (percentages, array) = percentages(call, 0)?;
    Ok(bound(
        call,
        Wanted {
            percentages,
            array,
            discrete,
            descending: order.descending,
        },
    )
    .first(0))
}

impl Percentile {
    /// The value that so many rows stand before, counted from 0.
    fn at(&self, place: i64) -> f64 {
        let mut before = 0;
        let found = self.counts.iter().find(|(_, count)| {
            before += **count;
            before > place
        });
        found.map_or(f64::NAN, |(value, _)| value.number())
    }

    fn result(&self, percentage: f64, rows: i64) -> f64 {
        let percentage = if self.wanted.descending {
            1.0 - percentage
        } else {
            percentage
        };
        if self.wanted.discrete {
            // The first value of which at least that share of the rows is less or equal; from the other end if descending.
            let share = if self.wanted.descending {
                1.0 - percentage
            } else {
                percentage
            };
            let place = ((share * rows as f64).ceil() as i64 - 1).clamp(0, rows - 1);
            return self.at(if self.wanted.descending {
                rows - 1 - place
            } else {
                place
            });
        }
        let position = (rows - 1) as f64 * percentage;
        let (lower, higher) = (position.floor(), position.ceil());
        let (low, high) = (self.at(lower as i64), self.at(higher as i64));
        if lower == higher || low == high {
            return low;
        }
        (higher - position) * low + (position - lower) * high
    }
}

impl Accumulator for Percentile {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let times = match args {
            [_, _, Value::Integer(times)] if *times < 0 => {
                return Err(Failure(format!(
                    "a frequency must not be negative, as {times}"
                )));
            }
            [_, _, Value::Integer(times)] => *times,
            [_, _, _] => return Ok(()),
            _ => 1,
        };
        if let Some(number) = double(&args[0])?
            && times > 0
        {
            *self.counts.entry(number.into()).or_default() += times;
        }
        Ok(())
    }

    fn merge(&mut self, other: Percentile) {
        for (value, count) in other.counts {
            *self.counts.entry(value).or_default() += count;
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let rows: i64 = self.counts.values().sum();
        if rows == 0 {
            return Ok(Value::Null);
        }
        let mut results = self
            .wanted
            .percentages
            .iter()
            .map(|&p| Value::Double(self.result(p, rows)));
        Ok(if self.wanted.array {
            Value::Array(results.collect())
        } else {
            results.next().unwrap_or(Value::Null)
        })
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(out, &self.counts, |out, (value, count)| {
            out.push(b'[');
            exact::push_f64(out, value.number());
            out.push(b',');
            st_row::write_i64(out, *count);
            out.push(b']');
        });
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        for entry in st_row::elements_of(saved) {
            let mut parts = st_row::elements_of(entry.ok()?);
            let value = exact::parse_f64(parts.next()?.ok()?).ok()?;
            self.counts
                .insert(value.into(), st_row::parse_i64(parts.next()?.ok()?)?);
        }
        Some(())
    }

    fn heap(&self) -> usize {
        self.counts.len() * 24
    }
}
