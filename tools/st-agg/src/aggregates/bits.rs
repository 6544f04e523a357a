//! `bit_and(x)`, `bit_or(x)`, `bit_xor(x)` of integers: nulls are skipped, nothing gives null.

use st_expr::{Failure, Type, Value};

use super::{Accumulator, Bound, Call, Function};

/// The bits so far.
#[derive(Clone, Copy)]
pub struct Bits {
    bits: Option<i64>,
    operation: Operation,
}

#[derive(Clone, Copy)]
enum Operation {
    And,
    Or,
    Xor,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["bit_and"],
        arity: (1, 1),
        usage: "bit_and(integer)",
        bind: |call| bind(call, Operation::And),
    },
    Function {
        names: &["bit_or"],
        arity: (1, 1),
        usage: "bit_or(integer)",
        bind: |call| bind(call, Operation::Or),
    },
    Function {
        names: &["bit_xor"],
        arity: (1, 1),
        usage: "bit_xor(integer)",
        bind: |call| bind(call, Operation::Xor),
    },
];

fn bind(call: &Call<'_>, operation: Operation) -> Result<Bound, String> {
    super::want(call.kind(0), Type::is_integer, "an integer")?;
    Ok(Bound::new(
        call,
        call.kind(0).clone(),
        Bits {
            bits: None,
            operation,
        },
    ))
}

impl Bits {
    fn add(&mut self, more: i64) {
        self.bits = Some(match (self.bits, self.operation) {
            (None, _) => more,
            (Some(bits), Operation::And) => bits & more,
            (Some(bits), Operation::Or) => bits | more,
            (Some(bits), Operation::Xor) => bits ^ more,
        });
    }
}

impl Accumulator for Bits {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        match &args[0] {
            Value::Null => {}
            Value::Integer(bits) => self.add(*bits),
            other => return Err(Failure(format!("{} is no integer", other.kind()))),
        }
        Ok(())
    }

    fn merge(&mut self, other: Bits) {
        if let Some(bits) = other.bits {
            self.add(bits);
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(self.bits.map_or(Value::Null, Value::Integer))
    }

    fn save(&self, out: &mut Vec<u8>) {
        match self.bits {
            Some(bits) => st_row::write_i64(out, bits),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        self.bits = match saved {
            b"null" => None,
            _ => Some(st_row::parse_i64(saved)?),
        };
        Some(())
    }
}
