//! `percentile_approx(x, p[, accuracy])` = `approx_percentile`: one of the values, its rank off by at most a share of
//! 1/accuracy. The summary is Greenwald's and Khanna's (SIGMOD 2001) with the buffer and the thresholds of Spark's
//! `QuantileSummaries`, so that the answers are Spark's.

use std::sync::Arc;

use st_checkpoint::exact;
use st_expr::compare::doubles;
use st_expr::{Decimal, Failure, Type, Value};

use super::number::double;
use super::{Accumulator, Bound, Call, Function};
use crate::saved;

/// Values are collected up to here before they are sorted into the summary.
const BUFFER: usize = 50_000;
/// A summary of so many samples is compressed when values are sorted in.
const LONG: usize = 10_000;

/// A summary of the values so far, and those not yet in it.
#[derive(Clone)]
pub struct Quantiles {
    summary: Summary,
    buffer: Vec<f64>,
    wanted: Arc<Wanted>,
}

struct Wanted {
    percentages: Vec<f64>,
    array: bool,
    /// 1 / accuracy
    error: f64,
    /// The values' type, which is the result's.
    kind: Type,
}

#[derive(Clone, Default)]
struct Summary {
    samples: Vec<Sample>,
    count: i64,
}

/// A value that was seen; its rank is at least the sum of all `rank`s up to its own, and at most `slack` more.
#[derive(Clone, Copy)]
struct Sample {
    value: f64,
    rank: i64,
    slack: i64,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[Function {
    names: &["percentile_approx", "approx_percentile"],
    arity: (2, 3),
    usage: "percentile_approx(number, percentage[, accuracy])",
    bind,
}];

fn bind(call: &Call<'_>) -> Result<Bound, String> {
    let kind = call.kind(0);
    super::want(
        kind,
        |kind| kind.is_numeric() || matches!(kind, Type::String | Type::Date | Type::Timestamp),
        "a number, a date or a timestamp",
    )?;
    let kind = if *kind == Type::String {
        Type::Double
    } else {
        kind.clone()
    };
    let (percentages, array) = percentages(call, 1)?;
    let accuracy = match call.constant(2, "the accuracy")? {
        None => 10_000,
        Some(Value::Integer(accuracy)) if (1..=i64::from(i32::MAX)).contains(accuracy) => *accuracy,
        Some(_) => return Err("the accuracy must be a positive integer".to_string()),
    };
    let result = if array {
        Type::Array(Box::new(kind.clone()))
    } else {
        kind.clone()
    };
    let wanted = Wanted {
        percentages,
        array,
        error: 1.0 / accuracy as f64,
        kind,
    };
    let empty = Quantiles {
        summary: Summary::default(),
        buffer: Vec::new(),
        wanted: Arc::new(wanted),
    };
    Ok(Bound::new(call, result, Box::new(empty)).first(1))
}

/// The percentages given as argument `index`, and whether they came as an array.
pub fn percentages(call: &Call<'_>, index: usize) -> Result<(Vec<f64>, bool), String> {
    let within = |value: &Value<'_>| match value.as_double() {
        Some(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("a percentage is a number from 0 to 1".to_string()),
    };
    match call.constant(index, "the percentage")? {
        Some(Value::Array(each)) => Ok((each.iter().map(within).collect::<Result<_, _>>()?, true)),
        Some(one) => Ok((vec![within(one)?], false)),
        None => Err("wants a percentage".to_string()),
    }
}

impl Summary {
    /// Sorts values in. Each is known to within the error allowed so far, the least and the greatest exactly.
    fn insert(&mut self, mut values: Vec<f64>, error: f64) {
        values.sort_by(|a, b| doubles(*a, *b));
        let old = std::mem::take(&mut self.samples);
        let mut samples = Vec::with_capacity(old.len() + values.len());
        let mut next = 0;
        let last = values.len().saturating_sub(1);
        for (i, value) in values.into_iter().enumerate() {
            while next < old.len() && old[next].value <= value {
                samples.push(old[next]);
                next += 1;
            }
            self.count += 1;
            let outermost = samples.is_empty() || next == old.len() && i == last;
            let slack = if outermost {
                0
            } else {
                (2.0 * error * self.count as f64).floor() as i64
            };
            samples.push(Sample {
                value,
                rank: 1,
                slack,
            });
        }
        samples.extend_from_slice(&old[next..]);
        self.samples = samples;
    }

    /// Joins neighbours while what is then known of their ranks stays within `limit`. The least value stays.
    fn compress(&mut self, limit: f64) {
        let samples = &self.samples;
        let (Some(&least), Some(&(mut head))) = (samples.first(), samples.last()) else {
            return;
        };
        let mut kept = Vec::new();
        for &sample in samples.iter().take(samples.len() - 1).skip(1).rev() {
            if ((sample.rank + head.rank + head.slack) as f64) < limit {
                head.rank += sample.rank;
            } else {
                kept.push(head);
                head = sample;
            }
        }
        kept.push(head);
        if samples.len() > 1 && least.value <= head.value {
            kept.push(least);
        }
        kept.reverse();
        self.samples = kept;
    }

    /// Both summaries as one: a sample of either may lie anywhere between two neighbours of the other, so its slack grows by
    /// what the other is allowed to be off.
    fn merge(&mut self, other: Summary, error: f64) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        let off = |count: i64| (2.0 * error * count as f64).floor() as i64;
        let (mine, theirs) = (std::mem::take(&mut self.samples), other.samples);
        let (mut i, mut j) = (0, 0);
        while i < mine.len() && j < theirs.len() {
            let (mut sample, more) = if mine[i].value < theirs[j].value {
                i += 1;
                (mine[i - 1], if j > 0 { off(other.count) } else { 0 })
            } else {
                j += 1;
                (theirs[j - 1], if i > 0 { off(self.count) } else { 0 })
            };
            sample.slack += more;
            self.samples.push(sample);
        }
        self.samples.extend_from_slice(&mine[i..]);
        self.samples.extend_from_slice(&theirs[j..]);
        self.count += other.count;
        self.compress(2.0 * error * self.count as f64);
    }

    fn query(&self, percentage: f64, error: f64) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        if percentage <= error {
            return Some(first.value);
        }
        if percentage >= 1.0 - error {
            return Some(last.value);
        }
        let wanted = (percentage * self.count as f64).ceil() as i64;
        let tolerance = self
            .samples
            .iter()
            .map(|sample| sample.slack + sample.rank)
            .max()?
            / 2;
        let mut least = 0;
        for sample in &self.samples[..self.samples.len() - 1] {
            least += sample.rank;
            if least + sample.slack - tolerance <= wanted && wanted <= least + tolerance {
                return Some(sample.value);
            }
        }
        Some(last.value)
    }
}

impl Quantiles {
    fn add(&mut self, value: f64) {
        self.buffer.push(value);
        if self.buffer.len() >= BUFFER {
            let error = self.wanted.error;
            self.summary.insert(std::mem::take(&mut self.buffer), error);
            if self.summary.samples.len() >= LONG.min(4 * (1.0 / error) as usize) {
                self.summary
                    .compress(2.0 * error * self.summary.count as f64);
            }
        }
    }

    /// The summary of all values.
    fn whole(&self) -> Summary {
        let mut summary = self.summary.clone();
        summary.insert(self.buffer.clone(), self.wanted.error);
        summary.compress(2.0 * self.wanted.error * summary.count as f64);
        summary
    }

    fn value(&self, number: f64) -> Value<'static> {
        match &self.wanted.kind {
            Type::Date => Value::Date(number as i32),
            Type::Timestamp => Value::Timestamp(number as i64),
            Type::Decimal { precision, scale } => {
                Decimal::from_double(number, *precision, *scale).map_or(Value::Null, Value::Decimal)
            }
            kind if kind.is_integer() => Value::Integer(number as i64),
            Type::Any if number.fract() == 0.0 && number.abs() < 9e15 => {
                Value::Integer(number as i64)
            }
            _ => Value::Double(number),
        }
    }
}

impl Accumulator for Quantiles {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        match &args[0] {
            Value::Timestamp(micros) => self.add(*micros as f64),
            Value::Date(days) => self.add(f64::from(*days)),
            other => {
                if let Some(number) = double(other)? {
                    self.add(number);
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Quantiles) {
        self.summary = self.whole();
        self.buffer.clear();
        self.summary.merge(other.whole(), self.wanted.error);
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let summary = self.whole();
        if summary.count == 0 {
            return Ok(Value::Null);
        }
        let wanted = &self.wanted;
        let one = |p: &f64| {
            summary
                .query(*p, wanted.error)
                .map_or(Value::Null, |number| self.value(number))
        };
        Ok(if wanted.array {
            Value::Array(wanted.percentages.iter().map(one).collect())
        } else {
            wanted.percentages.first().map_or(Value::Null, one)
        })
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"count\":");
        st_row::write_i64(out, self.summary.count);
        out.extend_from_slice(b",\"samples\":");
        saved::list(out, &self.summary.samples, |out, sample| {
            out.push(b'[');
            exact::push_f64(out, sample.value);
            out.push(b',');
            st_row::write_i64(out, sample.rank);
            out.push(b',');
            st_row::write_i64(out, sample.slack);
            out.push(b']');
        });
        out.extend_from_slice(b",\"buffer\":");
        saved::list(out, &self.buffer, |out, value| exact::push_f64(out, *value));
        out.push(b'}');
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        for member in st_row::fields_of(saved) {
            match member.ok()? {
                (b"\"count\"", raw) => self.summary.count = st_row::parse_i64(raw)?,
                (b"\"samples\"", raw) => {
                    self.summary.samples = saved::items(raw, |raw| {
                        let mut parts = st_row::elements_of(raw);
                        let value = exact::parse_f64(parts.next()?.ok()?).ok()?;
                        let mut whole = || st_row::parse_i64(parts.next()?.ok()?);
                        Some(Sample {
                            value,
                            rank: whole()?,
                            slack: whole()?,
                        })
                    })?;
                }
                (b"\"buffer\"", raw) => {
                    self.buffer = saved::items(raw, |raw| exact::parse_f64(raw).ok())?
                }
                _ => {}
            }
        }
        Some(())
    }

    fn heap(&self) -> usize {
        self.summary.samples.capacity() * size_of::<Sample>() + self.buffer.capacity() * 8
    }
}
