//! `collect_list(x)` = `array_agg`, `collect_set(x)`: in order of arrival, without nulls; nothing gives an empty array.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use st_expr::{Failure, Type, Value};
use std::hash::BuildHasher;

use super::{Accumulator, Bound, Call, Function};
use crate::{encode, saved};

/// The values so far, encoded one behind the other: a value costs its bytes and no allocation of its own.
#[derive(Clone)]
pub struct Collect {
    bytes: Vec<u8>,
    set: Option<Set>,
    element: Type,
}

/// Finds a value among those collected: the numbers of values by their hashes, and where each ends.
#[derive(Clone, Default)]
struct Set {
    ends: Vec<usize>,
    index: HashTable<u32>,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["collect_list", "array_agg"],
        arity: (1, 1),
        usage: "collect_list(expr)",
        bind: |call| Ok(bind(call, None)),
    },
    Function {
        names: &["collect_set"],
        arity: (1, 1),
        usage: "collect_set(expr)",
        bind: |call| {
            super::want(
                call.kind(0),
                |kind| !matches!(kind, Type::Map(..)),
                "a type other than a map",
            )?;
            Ok(bind(call, Some(Set::default())))
        },
    },
];

fn bind(call: &Call<'_>, set: Option<Set>) -> Bound {
    let element = call.kind(0).clone();
    let kind = Type::Array(Box::new(element.clone()));
    Bound::new(
        call,
        kind,
        Box::new(Collect {
            bytes: Vec::new(),
            set,
            element,
        }),
    )
}

impl Set {
    fn value<'b>(ends: &[usize], bytes: &'b [u8], number: u32) -> &'b [u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { ends[number - 1] };
        &bytes[start..ends[number]]
    }

    /// Takes in the value that begins at `start` and ends the bytes; false if it is there already.
    fn insert(&mut self, bytes: &[u8], start: usize) -> bool {
        let hash = |value: &[u8]| FixedState::with_seed(0).hash_one(value);
        let new = &bytes[start..];
        let ends = &mut self.ends;
        let known = self
            .index
            .find(hash(new), |&number| Self::value(ends, bytes, number) == new)
            .is_some();
        if !known {
            ends.push(bytes.len());
            let number = (ends.len() - 1) as u32;
            self.index.insert_unique(hash(new), number, |&number| {
                hash(Self::value(ends, bytes, number))
            });
        }
        !known
    }
}

impl Collect {
    fn add(&mut self, value: &Value<'_>) {
        let start = self.bytes.len();
        match &mut self.set {
            None => encode::keep(&mut self.bytes, value),
            Some(set) => {
                encode::encode(&mut self.bytes, value);
                if !set.insert(&self.bytes, start) {
                    self.bytes.truncate(start);
                }
            }
        }
    }

    fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || encode::decode(&mut rest))
            .map(|value| encode::restore(value, &self.element))
    }
}

impl Accumulator for Collect {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        if !args[0].is_null() {
            self.add(&args[0]);
        }
        Ok(())
    }

    fn merge(&mut self, other: Collect) {
        other.values().for_each(|value| self.add(&value));
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(Value::Array(self.values().collect()))
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(out, self.values(), |out, value| saved::write(out, &value));
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        saved::items(saved, saved::read)?
            .iter()
            .for_each(|value| self.add(value));
        Some(())
    }

    fn heap(&self) -> usize {
        let set = self
            .set
            .as_ref()
            .map_or(0, |set| set.ends.capacity() * 8 + set.index.capacity() * 5);
        self.bytes.capacity() + set
    }
}
