//! What follows an operand as words: `is`, `in`, `between`, `like` and their negations.

use super::lexer::Kind;
use super::{PREDICATE, Parser};
use crate::ast::{Ast, Binary, Like, Node, Unary};
use crate::error::SyntaxError;

impl Parser<'_> {
    /// What follows an operand as words: `is`, `in`, `between`, `like` and their negations.
    pub(super) fn predicate(&mut self, left: &Ast) -> Result<Option<Node>, SyntaxError> {
        let value = || Box::new(left.clone());
        if self.take_word("is") {
            let negated = self.take_word("not");
            if self.take_word("distinct") {
                self.need_word("from")?;
                let right = self.binding(PREDICATE)?;
                let same = Ast {
                    span: left.span.to(right.span),
                    node: Node::Binary(Binary::NullSafeEqual, value(), Box::new(right)),
                };
                return Ok(Some(if negated {
                    same.node
                } else {
                    Node::Unary(Unary::Not, Box::new(same))
                }));
            }
            let truth = match () {
                () if self.take_word("null") || self.take_word("unknown") => None,
                () if self.take_word("true") => Some(true),
                () if self.take_word("false") => Some(false),
                () => {
                    return Err(
                        self.expected("`null`, `true`, `false` or `distinct from` after `is`")
                    );
                }
            };
            return Ok(Some(Node::Is {
                value: value(),
                truth,
                negated,
            }));
        }
        let negated = (self.is_word("not") || self.is("!"))
            && ["in", "between", "like", "ilike", "rlike", "regexp"]
                .iter()
                .any(|word| self.word_ahead(1, word));
        if negated {
            self.step();
        }
        if self.take_word("between") {
            let low = Box::new(self.binding(PREDICATE)?);
            self.need_word("and")?;
            let high = Box::new(self.binding(PREDICATE)?);
            return Ok(Some(Node::Between {
                value: value(),
                low,
                high,
                negated,
            }));
        }
        if self.take_word("in") {
            self.need("(")?;
            let list = self.separated(Parser::expr)?;
            self.need(")")?;
            return Ok(Some(Node::In {
                value: value(),
                list,
                negated,
            }));
        }
        let operator = match () {
            () if self.take_word("like") => Like::Like,
            () if self.take_word("ilike") => Like::Ilike,
            () if self.take_word("rlike") || self.take_word("regexp") => Like::Rlike,
            () => return Ok(None),
        };
        let (any, all) = (
            self.take_word("any") || self.take_word("some"),
            self.take_word("all"),
        );
        let patterns = if any || all {
            self.need("(")?;
            let patterns = self.separated(Parser::expr)?;
            self.need(")")?;
            patterns
        } else {
            vec![self.binding(PREDICATE)?]
        };
        let mut escape = '\\';
        if operator != Like::Rlike && self.take_word("escape") {
            let Kind::Text(text) = self.peek().clone() else {
                return Err(self.expected("a string after `escape`"));
            };
            let mut chars = text.chars();
            escape = match (chars.next(), chars.next()) {
                (Some(c), None) => c,
                _ => {
                    return Err(self.error(
                        self.span(),
                        "the escape is one character, as in `escape '#'`",
                    ));
                }
            };
            self.step();
        }
        Ok(Some(Node::Like {
            operator,
            value: value(),
            patterns,
            all,
            escape,
            negated,
        }))
    }
}
