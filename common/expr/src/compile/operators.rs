//! Operators: the types they want, and the casts that Spark puts in.

use super::{Compiler, Part};
use crate::ast::{self, Ast, Binary, Node, Unary};
use crate::cast::castable;
use crate::coercion::{common_of, comparison};
use crate::error::{Span, SyntaxError};
use crate::eval::arithmetic::Flavour;
use crate::eval::bits::Bits;
use crate::eval::like::{Like, Pattern};
use crate::eval::{In, Op, Order};
use crate::{Type, Value};

impl Compiler {
    /// Refuses what cannot be a condition.
    pub(super) fn boolean(&self, part: &Part, who: &str) -> Result<(), SyntaxError> {
        match part.kind {
            Type::Boolean | Type::Any | Type::Null => Ok(()),
            ref other => Err(self.error(
                part.span,
                format!("{who} wants true or false, not {other}: compare it with something"),
            )),
        }
    }

    /// Inserts a cast, if one is needed. Nothing is refused here.
    pub(super) fn cast(&self, part: Part, kind: &Type) -> Part {
        if part.kind == *kind || kind.is_open() || part.kind == Type::Null {
            return part;
        }
        let constant = part.op.constant().is_some();
        let span = part.span;
        self.folded(
            Op::Cast(Box::new(part.op), part.kind, kind.clone(), false),
            kind.clone(),
            span,
            constant,
        )
    }

    pub(super) fn explicit_cast(
        &self,
        part: Part,
        kind: &Type,
        quiet: bool,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        if !castable(&part.kind, kind) {
            return Err(self.error(span, format!("{} cannot be cast to {kind}", part.kind)));
        }
        let constant = part.op.constant().is_some();
        let op = Op::Cast(Box::new(part.op), part.kind, kind.clone(), quiet);
        Ok(self.folded(op, kind.clone(), span, constant))
    }

    pub(super) fn unary(
        &mut self,
        operator: Unary,
        x: &Ast,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        let x = self.part(x)?;
        let constant = x.op.constant().is_some();
        if operator == Unary::Not {
            self.boolean(&x, "`not`")?;
            return Ok(self.folded(Op::Not(Box::new(x.op)), Type::Boolean, span, constant));
        }
        let number = x.kind.is_open() || x.kind.is_numeric() || x.kind == Type::String;
        let interval = x.kind == Type::Interval && operator != Unary::BitNot;
        if !(number || interval) || (operator == Unary::BitNot && x.kind.is_fractional()) {
            return Err(self.error(x.span, format!("a sign wants a number, not {}", x.kind)));
        }
        let x = if x.kind == Type::String {
            self.cast(x, &Type::Double)
        } else {
            x
        };
        let kind = x.kind.clone();
        match operator {
            Unary::Minus => Ok(self.folded(
                Op::Negate(Box::new(x.op), kind.clone()),
                kind,
                span,
                constant,
            )),
            Unary::BitNot => {
                let bits = Bits {
                    operator: None,
                    a: x.op,
                    b: Op::Constant(Value::Null),
                    kind: kind.clone(),
                };
                Ok(self.folded(Op::Bits(Box::new(bits)), kind, span, constant))
            }
            _ => Ok(x),
        }
    }

    /// Operators in a row, the left one innermost: without recursion, as a chain may be long.
    pub(super) fn chain(&mut self, ast: &Ast) -> Result<Part, SyntaxError> {
        let mut links = Vec::new();
        let mut first = ast;
        while let Node::Binary(operator, left, right) = &first.node {
            links.push((*operator, right, first.span));
            first = left;
        }
        let mut part = self.part(first)?;
        for (operator, right, span) in links.into_iter().rev() {
            let right = self.part(right)?;
            part = self.binary(operator, part, right, span)?;
        }
        Ok(part)
    }

    fn binary(
        &mut self,
        operator: Binary,
        a: Part,
        b: Part,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        match operator {
            Binary::And | Binary::Or => {
                let name = if operator == Binary::And {
                    "`and`"
                } else {
                    "`or`"
                };
                self.boolean(&a, name)?;
                self.boolean(&b, name)?;
                let constant = a.op.constant().is_some() && b.op.constant().is_some();
                let (a, b) = (Box::new(a.op), Box::new(b.op));
                let op = if operator == Binary::And {
                    Op::And(a, b)
                } else {
                    Op::Or(a, b)
                };
                Ok(self.folded(op, Type::Boolean, span, constant))
            }
            Binary::Equal => self.compare(Order::Equal, a, b, span),
            Binary::NotEqual => self.compare(Order::NotEqual, a, b, span),
            Binary::Less => self.compare(Order::Less, a, b, span),
            Binary::LessEqual => self.compare(Order::LessEqual, a, b, span),
            Binary::Greater => self.compare(Order::Greater, a, b, span),
            Binary::GreaterEqual => self.compare(Order::GreaterEqual, a, b, span),
            Binary::NullSafeEqual => {
                let (a, b) = self.comparable(a, b, span)?;
                let constant = a.op.constant().is_some() && b.op.constant().is_some();
                let op = Op::NullSafeEqual(Box::new(a.op), Box::new(b.op));
                Ok(self.folded(op, Type::Boolean, span, constant))
            }
            Binary::Concat => self.function("concat", vec![a, b], span, span),
            Binary::BitAnd
            | Binary::BitOr
            | Binary::BitXor
            | Binary::ShiftLeft
            | Binary::ShiftRight
            | Binary::ShiftRightUnsigned => self.bits(operator, a, b, span),
            _ => self.arithmetic(operator, Flavour::Operator, a, b, span),
        }
    }

    pub(super) fn unfit(
        &self,
        operator: &str,
        a: &Part,
        b: &Part,
        span: Span,
        mend: &str,
    ) -> SyntaxError {
        self.error(
            span,
            format!(
                "`{operator}` does not work on {} and {}{mend}",
                a.kind, b.kind
            ),
        )
    }

    /// Casts both sides of a comparison to a common type.
    pub(super) fn comparable(
        &self,
        a: Part,
        b: Part,
        span: Span,
    ) -> Result<(Part, Part), SyntaxError> {
        match comparison(&a.kind, &b.kind) {
            Some(Type::Map(..)) | None => Err(self.unfit("=", &a, &b, span, ": cast one of them")),
            Some(kind) => Ok((self.cast(a, &kind), self.cast(b, &kind))),
        }
    }

    fn compare(&self, order: Order, a: Part, b: Part, span: Span) -> Result<Part, SyntaxError> {
        let (a, b) = self.comparable(a, b, span)?;
        let constant = a.op.constant().is_some() && b.op.constant().is_some();
        let op = match (order, a.op, b.op) {
            (
                Order::Equal | Order::NotEqual,
                Op::Field(field, Type::Any),
                Op::Constant(Value::String(text)),
            )
            | (
                Order::Equal | Order::NotEqual,
                Op::Constant(Value::String(text)),
                Op::Field(field, Type::Any),
            ) => Op::FieldIs(field, text.into_owned(), order == Order::NotEqual),
            (order, a, b) => Op::Compare(order, Box::new(a), Box::new(b)),
        };
        Ok(self.folded(op, Type::Boolean, span, constant))
    }

    pub(super) fn between(
        &mut self,
        value: &Ast,
        bounds: [&Ast; 2],
        negated: bool,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        let value = self.part(value)?;
        let low = self.part(bounds[0])?;
        let high = self.part(bounds[1])?;
        // Spark compares with each bound by itself. All three have a common type in nearly all cases; if not, the values
        // are compared as they are.
        let kind = match (
            comparison(&value.kind, &low.kind),
            comparison(&value.kind, &high.kind),
        ) {
            (Some(a), Some(b)) => {
                if a == b {
                    a
                } else {
                    common_of([&a, &b]).unwrap_or(Type::Any)
                }
            }
            (None, _) => return Err(self.unfit("between", &value, &low, span, "")),
            (_, None) => return Err(self.unfit("between", &value, &high, span, "")),
        };
        let constant = [&value, &low, &high]
            .iter()
            .all(|part| part.op.constant().is_some());
        let [value, low, high] = [value, low, high].map(|part| Box::new(self.cast(part, &kind).op));
        self.negated(Op::Between(value, low, high), negated, span, constant)
    }

    fn negated(
        &self,
        op: Op,
        negated: bool,
        span: Span,
        constant: bool,
    ) -> Result<Part, SyntaxError> {
        let op = if negated { Op::Not(Box::new(op)) } else { op };
        Ok(self.folded(op, Type::Boolean, span, constant))
    }

    pub(super) fn list(
        &mut self,
        value: &Ast,
        list: &[Ast],
        negated: bool,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        let mut parts = vec![self.part(value)?];
        for item in list {
            parts.push(self.part(item)?);
        }
        let kinds = || parts.iter().map(|part| &part.kind);
        let kind = match common_of(kinds()) {
            // `x in ('a', 'b')` of an undeclared column: each value is compared as it is.
            Some(kind) => kind,
            None => {
                let odd = parts
                    .iter()
                    .find(|part| common_of([&parts[0].kind, &part.kind]).is_none());
                let odd = odd.unwrap_or(&parts[0]);
                return Err(self.unfit("in", &parts[0], odd, odd.span, ""));
            }
        };
        let constant = parts.iter().all(|part| part.op.constant().is_some());
        let mut ops = parts.into_iter().map(|part| self.cast(part, &kind).op);
        let Some(value) = ops.next() else {
            return Err(self.error(span, "`in` of what?"));
        };
        let op = Op::In(Box::new(In::new(value, ops.collect())));
        self.negated(op, negated, span, constant)
    }

    pub(super) fn like(&mut self, ast: &Ast) -> Result<Part, SyntaxError> {
        let Node::Like {
            operator,
            value,
            patterns,
            all,
            escape,
            negated,
        } = &ast.node
        else {
            return self.part(ast);
        };
        let span = ast.span;
        let value = self.part(value)?;
        let mut parts = Vec::new();
        for pattern in patterns {
            parts.push(self.part(pattern)?);
        }
        for part in std::iter::once(&value).chain(&parts) {
            if part.kind.is_nested() {
                return Err(self.error(
                    part.span,
                    format!("a pattern matches text, not {}", part.kind),
                ));
            }
        }
        if *operator == ast::Like::Rlike {
            let [pattern] = <[Part; 1]>::try_from(parts).map_err(|_| {
                self.error(span, "`rlike` takes one pattern: join several with `|`")
            })?;
            let matched = self.function("rlike", vec![value, pattern], span, span)?;
            let constant = matched.op.constant().is_some();
            return self.negated(matched.op, *negated, span, constant);
        }
        let insensitive = *operator == ast::Like::Ilike;
        let constant =
            value.op.constant().is_some() && parts.iter().all(|part| part.op.constant().is_some());
        let mut cut = Vec::new();
        for part in parts {
            let part = self.cast(part, &Type::String);
            let pattern = match part.op.constant() {
                Some(Value::String(text)) => {
                    let text = if insensitive {
                        text.to_lowercase()
                    } else {
                        text.to_string()
                    };
                    Some(
                        Pattern::new(&text, *escape)
                            .map_err(|failure| self.error(part.span, failure.0))?,
                    )
                }
                _ => None,
            };
            cut.push((part.op, pattern));
        }
        let value = self.cast(value, &Type::String).op;
        let like = Like {
            value,
            patterns: cut,
            insensitive,
            all: *all,
            escape: *escape,
        };
        self.negated(Op::Like(Box::new(like)), *negated, span, constant)
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Ast>,
        branches: &[(Ast, Ast)],
        otherwise: Option<&Ast>,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        let operand = operand.map(|operand| self.part(operand)).transpose()?;
        let mut whens = Vec::new();
        let mut results = Vec::new();
        for (when, then) in branches {
            let when = self.part(when)?;
            match &operand {
                Some(operand) if comparison(&operand.kind, &when.kind).is_none() => {
                    return Err(self.unfit("case", operand, &when, when.span, ""));
                }
                Some(_) => {}
                None => self.boolean(&when, "`when`")?,
            }
            whens.push(when);
            results.push(self.part(then)?);
        }
        let has_else = otherwise.is_some();
        if let Some(otherwise) = otherwise {
            results.push(self.part(otherwise)?);
        }
        let (mut results, kind) = self.unified(results)?;
        let last = if has_else {
            results.pop().map(|part| Box::new(part.op))
        } else {
            None
        };
        let branches = whens
            .into_iter()
            .map(|part| part.op)
            .zip(results.into_iter().map(|part| part.op))
            .collect();
        let op = match operand {
            Some(operand) => Op::CaseOf(Box::new(operand.op), branches, last),
            None => Op::Case(branches, last),
        };
        Ok(Part { op, kind, span })
    }

    /// Casts parts that become one column to their common type.
    pub(super) fn unified(&self, parts: Vec<Part>) -> Result<(Vec<Part>, Type), SyntaxError> {
        let mut kind = Type::Null;
        for part in &parts {
            match common_of([&kind, &part.kind]) {
                Some(wider) => kind = wider,
                None => {
                    let message =
                        format!("{} here, but {kind} before: cast one of them", part.kind);
                    return Err(self.error(part.span, message));
                }
            }
        }
        let parts = parts
            .into_iter()
            .map(|part| self.cast(part, &kind))
            .collect();
        Ok((parts, kind))
    }
}
