//! Constants: numbers with Spark's suffixes, strings, typed strings.

use super::Parser;
use super::lexer::Kind;
use crate::ast::Node;
use crate::cast::cast;
use crate::error::{Span, SyntaxError};
use crate::function::Env;
use crate::{Decimal, Type, Value};
use std::borrow::Cow;

impl Parser<'_> {
    /// A number as written. Spark: `1` INT, or BIGINT, or DECIMAL, as it fits; `1.5` DECIMAL; `1e3` DOUBLE; suffixes
    /// `Y S L F D BD`.
    pub(super) fn number(&self, written: &str, span: Span) -> Result<Node, SyntaxError> {
        let upper = written.to_ascii_uppercase();
        let (digits, suffix) = match upper.find(|c: char| c.is_ascii_alphabetic() && c != 'E') {
            Some(i) => upper.split_at(i),
            None => (upper.as_str(), ""),
        };
        let wrong = || {
            let mend = "suffixes are Y, S, L, F, D and BD; a name that begins with a digit stands in backticks";
            self.error(span, format!("`{written}` is no number: {mend}"))
        };
        let whole = |kind: Type| {
            let value = digits.parse::<i64>().map_err(|_| wrong())?;
            let (least, greatest) = kind.integer_range();
            if value < least || value > greatest {
                return Err(self.error(span, format!("{digits} is out of the range of {kind}")));
            }
            Ok(Node::Literal(Value::Integer(value), kind))
        };
        let double = || digits.parse::<f64>().map_err(|_| wrong());
        match suffix {
            "Y" => whole(Type::TinyInt),
            "S" => whole(Type::SmallInt),
            "L" => whole(Type::BigInt),
            "F" => Ok(Node::Literal(
                Value::Double(crate::number::float(double()?)),
                Type::Float,
            )),
            "D" => Ok(Node::Literal(Value::Double(double()?), Type::Double)),
            "" if digits.contains('E') => Ok(Node::Literal(Value::Double(double()?), Type::Double)),
            "" if !digits.contains('.') && digits.parse::<i64>().is_ok() => {
                whole(if digits.parse::<i32>().is_ok() {
                    Type::Int
                } else {
                    Type::BigInt
                })
            }
            "" | "BD" => {
                let value = Decimal::parse(digits).ok_or_else(wrong)?;
                let kind = Type::Decimal {
                    precision: value.precision(),
                    scale: value.scale,
                };
                Ok(Node::Literal(Value::Decimal(value), kind))
            }
            _ => Err(wrong()),
        }
    }

    /// A string, and those that follow it: neighbours are one.
    pub(super) fn text_literal(&mut self, mut text: String) -> Node {
        while let Kind::Text(more) = self.peek() {
            text.push_str(more);
            self.step();
        }
        Node::Literal(Value::String(Cow::Owned(text)), Type::String)
    }

    /// `date '…'`, `timestamp '…'`, `x'…'`.
    pub(super) fn typed_literal(&mut self, word: &str) -> Result<Option<Node>, SyntaxError> {
        let Kind::Text(text) = self.ahead(1).clone() else {
            return Ok(None);
        };
        let kind = match word {
            "date" => Type::Date,
            "timestamp" | "timestamp_ltz" | "timestamp_ntz" => Type::Timestamp,
            "x" => Type::Binary,
            _ => return Ok(None),
        };
        self.step();
        let span = self.span();
        self.step();
        if kind == Type::Binary {
            let bytes = text.as_bytes().chunks(2).map(|pair| {
                std::str::from_utf8(pair)
                    .ok()
                    .filter(|pair| pair.len() == 2)
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            });
            let bytes: Option<Vec<u8>> = bytes.collect();
            let bytes =
                bytes.ok_or_else(|| self.error(span, "expected pairs of hexadecimal digits"))?;
            return Ok(Some(Node::Literal(Value::Binary(Cow::Owned(bytes)), kind)));
        }
        let env = Env::new(st_time::Zone::UTC);
        let text = Value::String(Cow::Owned(text));
        let value = cast(&env, text.borrowed(), &Type::String, &kind);
        match value {
            Err(_) => {
                let form = match kind {
                    Type::Date => "2025-01-31",
                    _ => "2025-01-31 12:30:00",
                };
                let name = kind.to_string().to_lowercase();
                let message = format!("this is no {name}: write {name} '{form}'");
                return Err(self.error(span, message));
            }
            Ok(Value::Date(days)) => return Ok(Some(Node::Literal(Value::Date(days), kind))),
            // A timestamp without an offset is one of the session's zone, which the compiler knows.
            Ok(_) => {}
        }
        let text = super::Ast {
            node: Node::Literal(text, Type::String),
            span,
        };
        Ok(Some(Node::Cast {
            value: Box::new(text),
            kind,
            quiet: false,
        }))
    }
}
