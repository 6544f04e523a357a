//! `hash` and `xxhash64`: Spark's hashes of values (`HashExpression`), each with its own rule per type.
//!
//! A value's hash is the seed of the next one's, a null leaves the seed as it is.

use super::{ANY, MANY, bound, with_nulls};
use crate::function::{Call, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    with_nulls(bound(
        &["hash"],
        (1, MANY),
        "hash(value, …)",
        &[ANY],
        |call| {
            refuse_maps(call)?;
            let kinds = call.types.to_vec();
            let body = prepared(move |_, a| {
                let hash = a
                    .iter()
                    .zip(&kinds)
                    .fold(Murmur3(42), |hash, (value, kind)| fold(hash, value, kind));
                Ok(Value::Integer((hash.0 as i32).into()))
            });
            Ok((Type::Int, body))
        },
    )),
    with_nulls(bound(
        &["xxhash64"],
        (1, MANY),
        "xxhash64(value, …)",
        &[ANY],
        |call| {
            refuse_maps(call)?;
            let kinds = call.types.to_vec();
            let body: Prepared = prepared(move |_, a| {
                let hash = a
                    .iter()
                    .zip(&kinds)
                    .fold(XxHash64(42), |hash, (value, kind)| fold(hash, value, kind));
                Ok(Value::Integer(hash.0 as i64))
            });
            Ok((Type::BigInt, body))
        },
    )),
];

/// The hash of one text alone: Spark's `UTF8String.hashCode`.
pub fn of_text(text: &str) -> u32 {
    Murmur3(42).bytes(text.as_bytes()).0
}

/// Equal maps can hash differently, so Spark refuses them.
fn refuse_maps(call: &Call<'_>) -> Result<(), String> {
    fn has_map(kind: &Type) -> bool {
        match kind {
            Type::Map(..) => true,
            Type::Array(element) => has_map(element),
            Type::Struct(fields) => fields.iter().any(|field| has_map(&field.kind)),
            _ => false,
        }
    }
    if call.types.iter().any(has_map) {
        Err("a map has no hash: use map_entries".to_owned())
    } else {
        Ok(())
    }
}

/// A hash so far, and how it takes the three kinds of input.
trait Hash: Copy {
    fn int(self, value: i32) -> Self;
    fn long(self, value: i64) -> Self;
    fn bytes(self, value: &[u8]) -> Self;
}

fn fold<H: Hash>(hash: H, value: &Value<'_>, kind: &Type) -> H {
    match (value, kind) {
        (Value::Null, _) => hash,
        (Value::Boolean(bit), _) => hash.int((*bit).into()),
        (Value::Integer(number), Type::TinyInt | Type::SmallInt | Type::Int) => {
            hash.int(*number as i32)
        }
        (Value::Integer(number), _) => hash.long(*number),
        (Value::Double(number), Type::Float) => {
            hash.int(canonical(*number, (*number as f32).to_bits(), f32::NAN.to_bits()) as i32)
        }
        (Value::Double(number), _) => {
            hash.long(canonical(*number, number.to_bits(), f64::NAN.to_bits()) as i64)
        }
        (Value::Decimal(number), kind) => {
            let precision = kind
                .as_decimal()
                .map_or(number.precision(), |(precision, _)| precision);
            match i64::try_from(number.unscaled) {
                Ok(unscaled) if precision <= 18 => hash.long(unscaled),
                _ => hash.bytes(shortest(&number.unscaled.to_be_bytes())),
            }
        }
        (Value::String(text), _) => hash.bytes(text.as_bytes()),
        (Value::Binary(bytes), _) => hash.bytes(bytes),
        (Value::Date(days), _) => hash.int(*days),
        (Value::Timestamp(micros), _) => hash.long(*micros),
        (Value::Interval(span), _) => match (span.months, span.day_micros()) {
            (0, micros) => hash.long(micros as i64),
            (months, 0) => hash.int(months),
            _ => hash.long(span.micros).int(span.days).int(span.months),
        },
        (Value::Array(elements), kind) => elements
            .iter()
            .fold(hash, |hash, value| fold(hash, value, kind.element())),
        (Value::Map(entries), _) => entries.iter().fold(hash, |hash, (key, value)| {
            fold(fold(hash, key, &Type::Any), value, &Type::Any)
        }),
        (Value::Struct(members), kind) => {
            members
                .iter()
                .enumerate()
                .fold(hash, |hash, (place, (_, value))| {
                    let kind = match kind {
                        Type::Struct(fields) => {
                            fields.get(place).map_or(&Type::Any, |field| &field.kind)
                        }
                        _ => &Type::Any,
                    };
                    fold(hash, value, kind)
                })
        }
    }
}

/// The bits of a float: both zeros are one, so are all NaNs.
fn canonical<B: Default>(number: f64, bits: B, nan: B) -> B {
    if number == 0.0 {
        B::default()
    } else if number.is_nan() {
        nan
    } else {
        bits
    }
}

/// Java's `BigInteger.toByteArray`: as few bytes as keep the sign.
fn shortest(bytes: &[u8; 16]) -> &[u8] {
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let redundant = bytes
        .windows(2)
        .take_while(|pair| pair[0] == sign && (pair[0] ^ pair[1]) & 0x80 == 0)
        .count();
    &bytes[redundant..]
}

/// Murmur3 for x86, 32 bits, as Spark varies it: each byte of the tail is mixed as a word of its own.
#[derive(Clone, Copy)]
struct Murmur3(u32);

impl Murmur3 {
    fn mix(self, word: u32) -> Murmur3 {
        let word = word
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593);
        Murmur3(
            (self.0 ^ word)
                .rotate_left(13)
                .wrapping_mul(5)
                .wrapping_add(0xe654_6b64),
        )
    }

    fn finish(self, length: usize) -> Murmur3 {
        let mut hash = self.0 ^ length as u32;
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        Murmur3(hash ^ hash >> 16)
    }
}

impl Hash for Murmur3 {
    fn int(self, value: i32) -> Self {
        self.mix(value as u32).finish(4)
    }

    fn long(self, value: i64) -> Self {
        self.mix(value as u32).mix((value >> 32) as u32).finish(8)
    }

    fn bytes(self, value: &[u8]) -> Self {
        let (words, tail) = value.as_chunks::<4>();
        let hash = words
            .iter()
            .fold(self, |hash, word| hash.mix(u32::from_le_bytes(*word)));
        tail.iter()
            .fold(hash, |hash, byte| hash.mix(i32::from(*byte as i8) as u32))
            .finish(value.len())
    }
}

/// XXH64.
#[derive(Clone, Copy)]
struct XxHash64(u64);

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

impl XxHash64 {
    fn finish(mut hash: u64) -> XxHash64 {
        hash = (hash ^ hash >> 33).wrapping_mul(P2);
        hash = (hash ^ hash >> 29).wrapping_mul(P3);
        XxHash64(hash ^ hash >> 32)
    }

    fn round(lane: u64, word: u64) -> u64 {
        lane.wrapping_add(word.wrapping_mul(P2))
            .rotate_left(31)
            .wrapping_mul(P1)
    }

    fn word(hash: u64, word: u64) -> u64 {
        (hash ^ Self::round(0, word))
            .rotate_left(27)
            .wrapping_mul(P1)
            .wrapping_add(P4)
    }

    fn half(hash: u64, word: u32) -> u64 {
        (hash ^ u64::from(word).wrapping_mul(P1))
            .rotate_left(23)
            .wrapping_mul(P2)
            .wrapping_add(P3)
    }
}

impl Hash for XxHash64 {
    fn int(self, value: i32) -> Self {
        Self::finish(Self::half(
            self.0.wrapping_add(P5).wrapping_add(4),
            value as u32,
        ))
    }

    fn long(self, value: i64) -> Self {
        Self::finish(Self::word(
            self.0.wrapping_add(P5).wrapping_add(8),
            value as u64,
        ))
    }

    fn bytes(self, value: &[u8]) -> Self {
        let (words, tail) = value.as_chunks::<8>();
        let (blocks, words) = words.as_chunks::<4>();
        let mut hash = if blocks.is_empty() {
            self.0.wrapping_add(P5)
        } else {
            let seed = self.0;
            let mut lanes = [
                seed.wrapping_add(P1).wrapping_add(P2),
                seed.wrapping_add(P2),
                seed,
                seed.wrapping_sub(P1),
            ];
            for block in blocks {
                for (lane, word) in lanes.iter_mut().zip(block) {
                    *lane = Self::round(*lane, u64::from_le_bytes(*word));
                }
            }
            let turned = [1, 7, 12, 18]
                .into_iter()
                .zip(lanes)
                .map(|(bits, lane)| lane.rotate_left(bits));
            lanes
                .iter()
                .fold(turned.fold(0, u64::wrapping_add), |hash, lane| {
                    (hash ^ Self::round(0, *lane))
                        .wrapping_mul(P1)
                        .wrapping_add(P4)
                })
        };
        hash = hash.wrapping_add(value.len() as u64);
        hash = words.iter().fold(hash, |hash, word| {
            Self::word(hash, u64::from_le_bytes(*word))
        });
        let (halves, bytes) = tail.as_chunks::<4>();
        hash = halves.iter().fold(hash, |hash, half| {
            Self::half(hash, u32::from_le_bytes(*half))
        });
        hash = bytes.iter().fold(hash, |hash, byte| {
            (hash ^ u64::from(*byte).wrapping_mul(P5))
                .rotate_left(11)
                .wrapping_mul(P1)
        });
        Self::finish(hash)
    }
}
