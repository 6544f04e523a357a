//! The types of arithmetic: Spark's `BinaryArithmetic` with its coercions.

use super::{Compiler, Part};
use crate::ast::Binary;
use crate::coercion::numeric;
use crate::decimal::{Operation, result_type};
use crate::error::{Span, SyntaxError};
use crate::eval::Op;
use crate::eval::arithmetic::{Arithmetic, Flavour};
use crate::eval::bits::Bits;
use crate::{Type, Value};

impl Compiler {
    pub(super) fn bits(
        &self,
        operator: Binary,
        a: Part,
        b: Part,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        for part in [&a, &b] {
            if !(part.kind.is_integer() || part.kind.is_open()) {
                return Err(self.unfit(
                    operator.symbol(),
                    &a,
                    &b,
                    part.span,
                    ": it wants whole numbers",
                ));
            }
        }
        let shift = matches!(
            operator,
            Binary::ShiftLeft | Binary::ShiftRight | Binary::ShiftRightUnsigned
        );
        let kind = match (&a.kind, &b.kind) {
            (Type::TinyInt | Type::SmallInt, _) if shift => Type::Int,
            (kind, _) if shift => kind.clone(),
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (Type::Null, kind) | (kind, Type::Null) => kind.clone(),
            (a, b) => numeric(a, b),
        };
        let constant = a.op.constant().is_some() && b.op.constant().is_some();
        let bits = Bits {
            operator: Some(operator),
            a: a.op,
            b: b.op,
            kind: kind.clone(),
        };
        Ok(self.folded(Op::Bits(Box::new(bits)), kind, span, constant))
    }

    /// The types of arithmetic: Spark's `BinaryArithmetic` with its coercions.
    pub(super) fn arithmetic(
        &self,
        operator: Binary,
        flavour: Flavour,
        mut a: Part,
        mut b: Part,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        use Type::{Any, Date, Double, Float, Interval, Null, String, Timestamp};
        let mend = match operator {
            Binary::Add if a.kind == String || b.kind == String => ": texts are joined with `||`",
            _ => "",
        };
        let unfit = self.unfit(operator.symbol(), &a, &b, span, mend);
        let in_time = |kind: &Type| matches!(kind, Date | Timestamp | Interval);
        if in_time(&a.kind) || in_time(&b.kind) {
            let kind = time_type(operator, &a, &b).ok_or(unfit)?;
            return Ok(self.computed(operator, flavour, a, b, kind, None, span));
        }
        for part in [&a, &b] {
            if !(part.kind.is_numeric() || part.kind.is_open() || part.kind == String) {
                return Err(unfit);
            }
        }
        if operator == Binary::IntegerDivide {
            let kind = if a.kind == Any || b.kind == Any {
                Any
            } else {
                Type::BigInt
            };
            let decimal = |part: &Part| matches!(part.kind, Type::Decimal { .. });
            if kind != Any && !decimal(&a) && !decimal(&b) {
                (a, b) = (self.cast(a, &Type::BigInt), self.cast(b, &Type::BigInt));
            }
            return Ok(self.computed(operator, flavour, a, b, Type::BigInt, None, span));
        }
        // Literal nulls take the other side's type, and text is read as DOUBLE.
        if a.kind == String && b.kind != Any {
            a = self.cast(a, &Double);
        }
        if b.kind == String && a.kind != Any {
            b = self.cast(b, &Double);
        }
        let (kind, decimal) = match (&a.kind, &b.kind) {
            (Any, Double) | (Double, Any) => (Double, None),
            (Any, _) | (_, Any) => (Any, None),
            (Null, Null) => (Double, None),
            (Null, kind) | (kind, Null) if operator != Binary::Divide => (kind.clone(), None),
            (left, right) => match (decimal_size(&a), decimal_size(&b)) {
                (Some(x), Some(y)) if !(left.is_integer() && right.is_integer()) => {
                    let operation = match operator {
                        Binary::Add => Operation::Add,
                        Binary::Subtract => Operation::Subtract,
                        Binary::Multiply => Operation::Multiply,
                        Binary::Divide => Operation::Divide,
                        _ => Operation::Remainder,
                    };
                    let (precision, scale) = result_type(operation, x, y);
                    (Type::Decimal { precision, scale }, Some((precision, scale)))
                }
                _ if operator == Binary::Divide => (Double, None),
                _ => (numeric(left, right), None),
            },
        };
        if kind == Double || kind == Float {
            (a, b) = (self.cast(a, &kind), self.cast(b, &kind));
        }
        Ok(self.computed(operator, flavour, a, b, kind, decimal, span))
    }

    #[allow(clippy::too_many_arguments)]
    fn computed(
        &self,
        operator: Binary,
        flavour: Flavour,
        a: Part,
        b: Part,
        kind: Type,
        decimal: Option<(u8, u8)>,
        span: Span,
    ) -> Part {
        let constant = a.op.constant().is_some() && b.op.constant().is_some();
        let [left, right] = [&a, &b].map(|part| match decimal_size(part) {
            Some((precision, scale)) => Type::Decimal { precision, scale },
            None => part.kind.clone(),
        });
        let arithmetic = Arithmetic {
            operator,
            a: a.op,
            b: b.op,
            left,
            right,
            kind: kind.clone(),
            flavour,
            decimal,
        };
        self.folded(Op::Arithmetic(Box::new(arithmetic)), kind, span, constant)
    }
}

/// Precision and scale of an operand among decimals; a literal integer counts its own digits.
fn decimal_size(part: &Part) -> Option<(u8, u8)> {
    match part.op.constant() {
        Some(Value::Integer(x)) if part.kind.is_integer() => {
            Some((crate::Decimal::from_integer(*x).precision(), 0))
        }
        _ => part.kind.as_decimal(),
    }
}

/// The type of arithmetic with dates, timestamps and intervals; `None` if it does not exist.
fn time_type(operator: Binary, a: &Part, b: &Part) -> Option<Type> {
    use Type::{Any, Date, Interval, String, Timestamp};
    // An interval of constant months and days keeps a date a date.
    let whole_days = |part: &Part| match part.op.constant() {
        Some(Value::Interval(by)) => Some(by.micros == 0),
        _ => None,
    };
    let plus = |by: &Part| match whole_days(by) {
        Some(true) => Date,
        Some(false) => Timestamp,
        None => Any,
    };
    Some(match (operator, &a.kind, &b.kind) {
        (Binary::Add, Date, x) if x.is_integer() => Date,
        (Binary::Add, x, Date) if x.is_integer() => Date,
        (Binary::Subtract, Date, x) if x.is_integer() => Date,
        (Binary::Subtract, Date | Timestamp | String, Date | Timestamp | String) => Interval,
        (Binary::Add | Binary::Subtract, Date, Interval) => plus(b),
        (Binary::Add, Interval, Date) => plus(a),
        (Binary::Add | Binary::Subtract, Timestamp | String, Interval) => Timestamp,
        (Binary::Add, Interval, Timestamp | String) => Timestamp,
        (Binary::Add | Binary::Subtract, Interval, Interval) => Interval,
        (Binary::Multiply | Binary::Divide, Interval, x) if x.is_numeric() => Interval,
        (Binary::Multiply, x, Interval) if x.is_numeric() => Interval,
        (Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide, a, b)
            if a.is_open() || b.is_open() =>
        {
            Any
        }
        _ => return None,
    })
}
