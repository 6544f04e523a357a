//! `approx_count_distinct(x[, rsd])`: HyperLogLog++ (Heule, Nunkesser, Hall 2013) over Spark's `xxhash64`, with as many
//! registers as Spark takes for the same relative deviation.
//!
//! Where few or very many values differ the answers are Spark's. In between, where Spark looks up a table of measured biases,
//! the bias is computed: the answers may differ by a few in a thousand, far within the deviation asked for.

use st_expr::{Failure, Type, Value};
use st_row::Kind;

use super::{Accumulator, Bound, Call, Function};
use crate::saved;

/// The registers: how many zeros the rarest hash had that chose each.
#[derive(Clone)]
pub struct Distinct {
    registers: Registers,
    /// Bits of a hash that choose the register.
    bits: u32,
}

/// Few groups see many values: a handful is kept as a sorted list of `register << 8 | zeros`.
#[derive(Clone)]
enum Registers {
    Few(Vec<u32>),
    All(Box<[u8]>),
}

/// Up to here linear counting is more exact than the estimate, for 4 bits and more (the paper's section 5.2).
const LINEAR: [f64; 15] = [
    10.0, 20.0, 40.0, 80.0, 220.0, 400.0, 900.0, 1800.0, 3100.0, 6500.0, 15500.0, 20000.0, 50000.0,
    120000.0, 350000.0,
];

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[Function {
    names: &["approx_count_distinct"],
    arity: (1, 2),
    usage: "approx_count_distinct(expr[, relativeSD])",
    bind,
}];

fn bind(call: &Call<'_>) -> Result<Bound, String> {
    super::want(
        call.kind(0),
        |kind| !matches!(kind, Type::Map(..)),
        "a type other than a map",
    )?;
    let deviation = match call.constant(1, "the relative deviation")? {
        None => 0.05,
        Some(value) => value.as_double().unwrap_or(f64::NAN),
    };
    // Spark's bounds: at least 4 bits; more than 24 would be 16 MiB per group.
    let bits = (2.0 * (1.106 / deviation).ln() / 2f64.ln()).ceil();
    if !(4.0..=24.0).contains(&bits) {
        return Err("the relative deviation must lie between 0.0003 and 0.39".to_string());
    }
    let empty = Distinct {
        registers: Registers::Few(Vec::new()),
        bits: bits as u32,
    };
    let mut bound = Bound::new(call, Type::BigInt, Box::new(empty)).first(1);
    bound.hashed = true;
    Ok(bound)
}

impl Distinct {
    fn size(&self) -> usize {
        1 << self.bits
    }

    fn add(&mut self, register: u32, zeros: u8) {
        let size = self.size();
        match &mut self.registers {
            Registers::All(all) => {
                let held = &mut all[register as usize];
                *held = (*held).max(zeros);
            }
            Registers::Few(few) => {
                let entry = register << 8 | u32::from(zeros);
                match few.binary_search_by_key(&register, |held| held >> 8) {
                    Ok(at) => few[at] = few[at].max(entry),
                    Err(at) => {
                        few.insert(at, entry);
                        if few.len() * 4 > size {
                            let mut all = vec![0; size].into_boxed_slice();
                            few.iter()
                                .for_each(|held| all[(held >> 8) as usize] = *held as u8);
                            self.registers = Registers::All(all);
                        }
                    }
                }
            }
        }
    }

    fn each(&self, mut see: impl FnMut(u32, u8)) {
        match &self.registers {
            Registers::Few(few) => few.iter().for_each(|held| see(held >> 8, *held as u8)),
            Registers::All(all) => {
                let set = all.iter().enumerate().filter(|(_, zeros)| **zeros > 0);
                set.for_each(|(register, zeros)| see(register as u32, *zeros));
            }
        }
    }

    fn estimate(&self) -> f64 {
        let m = self.size() as f64;
        let (mut set, mut inverse) = (0.0, 0.0);
        self.each(|_, zeros| {
            set += 1.0;
            inverse += 0.5f64.powi(zeros.into());
        });
        let empty = m - set;
        inverse += empty;
        let raw = alpha(self.bits) * m * m / inverse;
        let linear = m * (m / empty).ln();
        let threshold = LINEAR.get(self.bits as usize - 4);
        if empty > 0.0 && (threshold.is_some_and(|&most| linear <= most) || raw <= 2.5 * m) {
            linear
        } else if threshold.is_some() && raw < 5.0 * m {
            unbiased(raw, self.bits)
        } else {
            raw
        }
    }
}

/// The constant that makes the estimate right for many values.
fn alpha(bits: u32) -> f64 {
    match bits {
        4 => 0.673,
        5 => 0.697,
        6 => 0.709,
        _ => 0.7213 / (1.0 + 1.079 / 2f64.powi(bits as i32)),
    }
}

/// The count for which the raw estimate is expected to be `raw`; found by halving, as the expectation rises with the count.
fn unbiased(raw: f64, bits: u32) -> f64 {
    let (mut low, mut high) = (0.0, raw);
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        if expected(middle, bits) < raw {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

/// The expected raw estimate for `count` values, each register seeing a Poisson number of them: a register holds at most k
/// with probability exp(−count/m·2^−k).
fn expected(count: f64, bits: u32) -> f64 {
    let m = 2f64.powi(bits as i32);
    let load = count / m;
    let (mut mean, mut square, mut below) = (0.0, 0.0, 0.0);
    for zeros in 0..=(65 - bits as i32) {
        let inverse = 0.5f64.powi(zeros);
        let up_to = (-load * inverse).exp();
        mean += (up_to - below) * inverse;
        square += (up_to - below) * inverse * inverse;
        below = up_to;
    }
    // The mean of the inverse of a sum is a little more than the inverse of its mean.
    let variance = square - mean * mean;
    alpha(bits) * m / mean * (1.0 + variance / (m * mean * mean))
}

impl Accumulator for Distinct {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        if let Value::Integer(hash) = &args[0] {
            let hash = *hash as u64;
            let register = (hash >> (64 - self.bits)) as u32;
            let zeros = ((hash << self.bits) | 1 << (self.bits - 1)).leading_zeros() + 1;
            self.add(register, zeros as u8);
        }
        Ok(())
    }

    fn merge(&mut self, other: Distinct) {
        other.each(|register, zeros| self.add(register, zeros));
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(Value::Integer(self.estimate().round() as i64))
    }

    fn save(&self, out: &mut Vec<u8>) {
        match &self.registers {
            Registers::Few(few) => saved::list(out, few, |out, held| {
                st_row::write_i64(out, i64::from(*held))
            }),
            Registers::All(all) => saved::write_hex(out, all),
        }
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let size = self.size();
        self.registers = if Kind::of(saved)? == Kind::Array {
            let few = saved::items(saved, |raw| u32::try_from(st_row::parse_i64(raw)?).ok())?;
            let within = |held: &u32| ((held >> 8) as usize) < size;
            Registers::Few(Some(few).filter(|few| few.iter().all(within))?)
        } else {
            Registers::All(
                saved::read_hex(saved)
                    .filter(|all| all.len() == size)?
                    .into(),
            )
        };
        Some(())
    }

    fn heap(&self) -> usize {
        match &self.registers {
            Registers::Few(few) => few.capacity() * 4,
            Registers::All(all) => all.len(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// SplitMix64: a stream of well-mixed hashes.
    fn hash(i: u64) -> i64 {
        let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as i64
    }

    fn counted(bits: u32, from: u64, to: u64) -> Distinct {
        let mut distinct = Distinct {
            registers: Registers::Few(Vec::new()),
            bits,
        };
        for i in from..to {
            distinct.update(&[Value::Integer(hash(i))]).unwrap();
        }
        distinct
    }

    #[test]
    fn the_bias_is_taken_out_where_the_raw_estimate_is_biased() {
        // Averaged over many streams the deviation vanishes and what is left is bias.
        for count in [420, 600, 1000, 1500, 2300, 4000] {
            let runs = 200;
            let sum: f64 = (0..runs)
                .map(|run| counted(9, run * 10_000, run * 10_000 + count).estimate())
                .sum();
            let error = sum / runs as f64 / count as f64 - 1.0;
            assert!(error.abs() < 0.01, "{count}: {error}");
        }
    }

    #[test]
    fn halves_merge_to_the_whole() {
        for count in [10, 100, 1000] {
            let mut half = counted(9, 0, count / 2);
            half.merge(counted(9, count / 2, count));
            assert_eq!(half.estimate(), counted(9, 0, count).estimate());
        }
    }

    #[test]
    fn saved_registers_load() {
        for count in [5, 5000] {
            let whole = counted(9, 0, count);
            let mut out = Vec::new();
            whole.save(&mut out);
            let mut back = counted(9, 0, 0);
            back.load(&out).unwrap();
            assert_eq!(back.estimate(), whole.estimate());
            assert!(counted(10, 0, 0).load(&out).is_none() || count == 5);
        }
    }
}
