//! `bool_and(c)` = `every`, `bool_or(c)` = `some` = `any`: nulls are skipped, nothing gives null.

use st_expr::{Failure, Type, Value};

use super::{Accumulator, Bound, Call, Function};

/// What has been seen.
#[derive(Clone, Copy)]
pub struct Booleans {
    result: Option<bool>,
    /// One true is enough.
    or: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["bool_and", "every"],
        arity: (1, 1),
        usage: "bool_and(condition)",
        bind: |call| bind(call, false),
    },
    Function {
        names: &["bool_or", "any", "some"],
        arity: (1, 1),
        usage: "bool_or(condition)",
        bind: |call| bind(call, true),
    },
];

fn bind(call: &Call<'_>, or: bool) -> Result<Bound, String> {
    super::want(
        call.kind(0),
        |kind| matches!(kind, Type::Boolean | Type::String),
        "a condition",
    )?;
    Ok(Bound::new(call, Type::Boolean, Booleans { result: None, or }).cast(1, &Type::Boolean))
}

impl Booleans {
    fn add(&mut self, truth: bool) {
        self.result = Some(match self.result {
            None => truth,
            Some(so_far) if self.or => so_far | truth,
            Some(so_far) => so_far & truth,
        });
    }
}

impl Accumulator for Booleans {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        if let Value::Boolean(truth) = args[0] {
            self.add(truth);
        }
        Ok(())
    }

    fn merge(&mut self, other: Booleans) {
        if let Some(truth) = other.result {
            self.add(truth);
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(self.result.map_or(Value::Null, Value::Boolean))
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.result {
            None => b"null",
            Some(true) => b"true",
            Some(false) => b"false",
        });
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        self.result = match saved {
            b"null" => None,
            b"true" => Some(true),
            b"false" => Some(false),
            _ => return None,
        };
        Some(())
    }
}
