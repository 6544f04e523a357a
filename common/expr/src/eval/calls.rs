//! Calls of scalar functions, and the functions of chance.

use super::{Adapt, Call, Random, Scope};
use crate::cast::cast;
use crate::function::{Env, Failure};
use crate::{Type, Value};

impl Call {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        // On the stack as long as there are few: a call allocates nothing of its own.
        match self.args.as_slice() {
            [] => self.run(scope, &[]),
            [a] => {
                let a = a.eval(scope);
                if a.is_null() && !self.takes_null {
                    return Value::Null;
                }
                self.run(scope, &[a])
            }
            [a, b] => {
                let a = a.eval(scope);
                if a.is_null() && !self.takes_null {
                    return Value::Null;
                }
                self.run(scope, &[a, b.eval(scope)])
            }
            [a, b, c] => self.run(scope, &[a.eval(scope), b.eval(scope), c.eval(scope)]),
            all => self.run(
                scope,
                &all.iter().map(|x| x.eval(scope)).collect::<Vec<_>>(),
            ),
        }
    }

    fn run<'r>(&'r self, scope: &Scope<'_, 'r>, args: &[Value<'r>]) -> Value<'r> {
        if !self.takes_null && args.iter().any(Value::is_null) {
            return Value::Null;
        }
        let result = (self.body)(scope.env, args);
        scope.settle(result.map_err(|failure| Failure(format!("{}: {}", self.name, failure.0))))
    }
}

/// Makes an undeclared value fit a parameter.
pub fn adapt<'r>(env: &Env, value: Value<'r>, how: Adapt) -> Result<Value<'r>, Failure> {
    match (how, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Adapt::Number, text @ Value::String(_)) => cast(env, text, &Type::String, &Type::Double),
        (Adapt::Bytes, value @ (Value::String(_) | Value::Binary(_))) => Ok(value),
        (Adapt::Bytes, value) => cast(env, value, &Type::Any, &Type::String),
        (Adapt::Map, Value::Struct(members)) => Ok(Value::Map(
            members
                .into_iter()
                .map(|(name, value)| (Value::String(name), value))
                .collect(),
        )),
        (_, value) => Ok(value),
    }
}

/// A number of chance that is the same for the same query, stage, batch, row and call: a replay computes the same.
pub fn random<'r>(random: Random, env: &Env, site: u64) -> Value<'r> {
    let mut state = mix(env.seed ^ mix(env.row ^ mix(site)));
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(state)
    };
    let mut unit = || (next() >> 11) as f64 / (1u64 << 53) as f64;
    match random {
        Random::Uniform => Value::Double(unit()),
        Random::Normal => {
            // Box and Muller's transform; the radius' logarithm must not see zero.
            let (radius, angle) = (1.0 - unit(), unit());
            Value::Double((-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos())
        }
        Random::Uuid => {
            let bits = (u128::from(next()) << 64) | u128::from(next());
            let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
            let hex = format!("{bits:032x}");
            let text = format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            );
            Value::String(text.into())
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
