//! `& | ^ ~ << >> >>>`

use super::{Op, Scope};
use crate::ast::Binary;
use crate::cast::cast;
use crate::{Type, Value};

/// Operations on an integer's bits.
pub struct Bits {
    /// Which; `None` for `~`.
    pub operator: Option<Binary>,
    /// Left side.
    pub a: Op,
    /// Right side; anything for `~`.
    pub b: Op,
    /// The left side's type, which is the width of a shift.
    pub kind: Type,
}

impl Bits {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let integer = |op: &'r Op| {
            let value = op.eval(scope);
            match scope.settle(cast(scope.env, value, &Type::Any, &Type::BigInt)) {
                Value::Integer(x) => Some(x),
                _ => None,
            }
        };
        let Some(a) = integer(&self.a) else {
            return Value::Null;
        };
        let Some(operator) = self.operator else {
            return Value::Integer(!a);
        };
        let Some(b) = integer(&self.b) else {
            return Value::Null;
        };
        // Java takes the shift modulo the width; all that is narrower than BIGINT is shifted as INT.
        let narrow = matches!(self.kind, Type::TinyInt | Type::SmallInt | Type::Int);
        let by = b as u32 & if narrow { 31 } else { 63 };
        Value::Integer(match operator {
            Binary::BitAnd => a & b,
            Binary::BitOr => a | b,
            Binary::BitXor => a ^ b,
            Binary::ShiftLeft if narrow => i64::from((a as i32) << by),
            Binary::ShiftLeft => a << by,
            Binary::ShiftRightUnsigned if narrow => i64::from(((a as i32 as u32) >> by) as i32),
            Binary::ShiftRightUnsigned => ((a as u64) >> by) as i64,
            _ => a >> by,
        })
    }
}
