//! `mode(x)`: the most frequent value that is not null; of several the least, where Spark leaves it open unless asked.

use std::collections::BTreeMap;

use st_expr::{Failure, Type, Value};

use super::{Accumulator, Bound, Function};
use crate::{encode, saved};

/// How often each value was seen, by its encoded bytes, which sort as the values do.
#[derive(Clone)]
pub struct Mode {
    counts: BTreeMap<Box<[u8]>, i64>,
    scratch: Vec<u8>,
    kind: Type,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[Function {
    names: &["mode"],
    arity: (1, 2),
    usage: "mode(expr[, deterministic])",
    bind: |call| {
        call.constant(1, "deterministic")?;
        super::extreme::want_order(call.kind(0))?;
        let kind = call.kind(0).clone();
        let empty = Mode {
            counts: BTreeMap::new(),
            scratch: Vec::new(),
            kind: kind.clone(),
        };
        Ok(Bound::new(call, kind, Box::new(empty)).first(1))
    },
}];

impl Mode {
    fn add(&mut self, value: &Value<'_>, times: i64) {
        self.scratch.clear();
        encode::encode(&mut self.scratch, value);
        match self.counts.get_mut(self.scratch.as_slice()) {
            Some(count) => *count += times,
            None => {
                self.counts.insert(self.scratch.as_slice().into(), times);
            }
        }
    }
}

impl Accumulator for Mode {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        if !args[0].is_null() {
            self.add(&args[0], 1);
        }
        Ok(())
    }

    fn merge(&mut self, other: Mode) {
        for (bytes, count) in other.counts {
            *self.counts.entry(bytes).or_default() += count;
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let most = self.counts.values().max();
        let mode = self.counts.iter().find(|(_, count)| Some(*count) == most);
        let value = mode.and_then(|(bytes, _)| encode::decode(&mut &bytes[..]));
        Ok(encode::restore(value.unwrap_or(Value::Null), &self.kind))
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(out, &self.counts, |out, (bytes, count)| {
            out.push(b'[');
            saved::write(out, &encode::decode(&mut &bytes[..]).unwrap_or(Value::Null));
            out.push(b',');
            st_row::write_i64(out, *count);
            out.push(b']');
        });
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        for entry in saved::items(saved, |raw| saved::items(raw, saved::read))? {
            let [value, Value::Integer(count)] = entry.as_slice() else {
                return None;
            };
            self.add(value, *count);
        }
        Some(())
    }

    fn heap(&self) -> usize {
        self.counts.keys().map(|bytes| bytes.len() + 48).sum()
    }
}
