//! Numbers of few digits, computed without making values of them: most conditions and sums are made of nothing else.
//!
//! What is not as simple as that gives `None`, and is evaluated in the general way with the same result. So nothing here may fail.

use std::cmp::Ordering;

use st_row::{Short, short_number};
use st_time::Zone;

use super::arithmetic::{Arithmetic, Flavour};
use super::{Op, Scope};
use crate::ast::Binary;
use crate::compare::doubles;
use crate::json::write_json;
use crate::number::write_double;
use crate::{Type, Value};

/// A number as it is computed with.
#[derive(Clone, Copy)]
pub enum Number {
    Integer(i64),
    Double(f64),
}

/// Integers below are doubles, exactly.
const EXACT: u64 = 1 << 53;

impl Number {
    /// The order of two.
    #[inline]
    pub fn order(self, other: Number) -> Option<Ordering> {
        use Number::{Double, Integer};
        match (self, other) {
            (Integer(a), Integer(b)) => Some(a.cmp(&b)),
            (Double(a), Double(b)) => Some(doubles(a, b)),
            (Double(a), Integer(b)) => Some(doubles(a, exact(b)?)),
            (Integer(a), Double(b)) => Some(doubles(exact(a)?, b)),
        }
    }

    /// Appends it as JSON.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Number::Double(x) if x.is_finite() => write_double(out, x),
            other => write_json(out, &other.into(), Zone::UTC),
        }
    }

    /// The number that a value is, unless it is of another kind.
    #[inline]
    pub fn of(value: &Value<'_>) -> Option<Number> {
        match value {
            Value::Integer(x) => Some(Number::Integer(*x)),
            Value::Double(x) => Some(Number::Double(*x)),
            _ => None,
        }
    }
}

impl From<Number> for Value<'_> {
    #[inline]
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(x) => Value::Integer(x),
            Number::Double(x) => Value::Double(x),
        }
    }
}

#[inline]
fn exact(x: i64) -> Option<f64> {
    (x.unsigned_abs() < EXACT).then_some(x as f64)
}

impl Op {
    /// The number that [`Op::eval`] would give.
    #[inline]
    pub fn number(&self, scope: &Scope<'_, '_>) -> Option<Number> {
        match self {
            Op::Constant(value) => Number::of(value),
            Op::Field(field, kind) => read(scope.slots.raw(*field)?, kind),
            Op::Arithmetic(x) => x.number(scope),
            _ => None,
        }
    }
}

/// A raw value as a type.
#[inline]
fn read(raw: &[u8], kind: &Type) -> Option<Number> {
    match (kind, short_number(raw)?) {
        (Type::Any, Short::Integer(x)) => Some(Number::Integer(x)),
        (Type::Any | Type::Double, Short::Fraction(x)) => Some(Number::Double(x)),
        // Zero may be negative.
        (Type::Double, Short::Integer(x)) if x != 0 => exact(x).map(Number::Double),
        (Type::BigInt, Short::Integer(x)) => Some(Number::Integer(x)),
        (Type::TinyInt | Type::SmallInt | Type::Int, Short::Integer(x)) => {
            let (least, greatest) = kind.integer_range();
            (least..=greatest)
                .contains(&x)
                .then_some(Number::Integer(x))
        }
        _ => None,
    }
}

impl Arithmetic {
    /// The number that evaluation would give.
    #[inline]
    pub fn number(&self, scope: &Scope<'_, '_>) -> Option<Number> {
        use Number::{Double, Integer};
        if self.flavour == Flavour::Positive || self.kind == Type::Float {
            return None;
        }
        let (x, y) = match (self.a.number(scope)?, self.b.number(scope)?) {
            (Integer(x), Integer(y)) => {
                let result = match self.operator {
                    Binary::Add => x.checked_add(y),
                    Binary::Subtract => x.checked_sub(y),
                    Binary::Multiply => x.checked_mul(y),
                    _ => None,
                };
                let (least, greatest) = self.kind.integer_range();
                let fits = result.filter(|x| (least..=greatest).contains(x));
                return fits.map(Integer);
            }
            (Double(x), Double(y)) => (x, y),
            (Double(x), Integer(y)) => (x, y as f64),
            (Integer(x), Double(y)) => (x as f64, y),
        };
        match self.operator {
            Binary::Add => Some(Double(x + y)),
            Binary::Subtract => Some(Double(x - y)),
            Binary::Multiply => Some(Double(x * y)),
            Binary::Divide if y != 0.0 => Some(Double(x / y)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Columns, Compiler, Env, Schema, Slots, Value};
    use st_row::Spans;
    use st_time::Zone;

    /// The value and how much of it could not be computed.
    fn value(compiler: &mut Compiler, text: &str, row: &str) -> (Value<'static>, u64) {
        let compiled = compiler.expression(text).unwrap();
        let (env, mut spans) = (Env::new(Zone::UTC), Spans::default());
        let fields = compiler.columns.fields();
        fields.locate(row.as_bytes(), &mut spans).unwrap();
        let slots = Slots::new(row.as_bytes(), &spans, &[]);
        let value = compiled.eval(&env, &slots).into_owned();
        (value, env.failures.count())
    }

    /// What stands in `coalesce` is evaluated in the general way.
    #[test]
    fn the_general_way_gives_the_same() {
        let numbers = [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "1",
            "-7",
            "2.5",
            "-1e3",
            "99999999999999999999",
            "9007199254740993",
            "9007199254740992.0",
            "9223372036854775807",
            "127",
            "128",
            "\"2\"",
            "true",
            "null",
        ];
        for types in [
            "",
            "a DOUBLE, b DOUBLE",
            "a BIGINT, b INT",
            "a TINYINT, b DOUBLE",
        ] {
            for operator in ["+", "-", "*", "/", "%", "<", "<=", "=", "!=", ">"] {
                let mut compiler =
                    Compiler::new(Columns::new(Schema::parse(types).unwrap()), Zone::UTC);
                let quick = format!("a {operator} b");
                let whole = format!("coalesce(a) {operator} coalesce(b)");
                for (a, b) in numbers.iter().flat_map(|a| numbers.map(|b| (a, b))) {
                    let row = format!(r#"{{"a":{a},"b":{b}}}"#);
                    let quick = value(&mut compiler, &quick, &row);
                    let whole = value(&mut compiler, &whole, &row);
                    assert_eq!(
                        format!("{quick:?}"),
                        format!("{whole:?}"),
                        "{types}: {operator} of {row}"
                    );
                }
            }
        }
    }
}
