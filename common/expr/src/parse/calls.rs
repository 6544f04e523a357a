//! Words: constants, names, calls, and the forms that only look like calls.

use super::Parser;
use super::lexer::Kind;
use crate::ast::{Ast, Call, Node};
use crate::error::{Span, SyntaxError};
use crate::{Type, Value};
use std::borrow::Cow;

/// Types that are called like functions: `int(x)`.
const CASTS: [(&str, Type); 13] = [
    ("boolean", Type::Boolean),
    ("tinyint", Type::TinyInt),
    ("smallint", Type::SmallInt),
    ("int", Type::Int),
    ("bigint", Type::BigInt),
    ("float", Type::Float),
    ("double", Type::Double),
    (
        "decimal",
        Type::Decimal {
            precision: 10,
            scale: 0,
        },
    ),
    ("string", Type::String),
    ("binary", Type::Binary),
    ("date", Type::Date),
    ("timestamp", Type::Timestamp),
    ("timestamp_ltz", Type::Timestamp),
];

/// Functions that may be written without brackets.
const BARE: [&str; 5] = [
    "current_date",
    "current_timestamp",
    "localtimestamp",
    "current_time",
    "current_user",
];

fn text(text: &str, span: Span) -> Ast {
    Ast {
        node: Node::Literal(Value::String(Cow::Owned(text.to_owned())), Type::String),
        span,
    }
}

impl Parser<'_> {
    /// A word where an operand is expected.
    pub(super) fn word(&mut self, word: String) -> Result<Node, SyntaxError> {
        let lower = word.to_ascii_lowercase();
        let start = self.span();
        let constant = |value, kind| Ok(Node::Literal(value, kind));
        match lower.as_str() {
            "case" => return self.case(),
            "interval" => {
                if let Some(node) = self.interval()? {
                    return Ok(node);
                }
            }
            "date" | "timestamp" | "timestamp_ltz" | "timestamp_ntz" | "x" => {
                if let Some(node) = self.typed_literal(&lower)? {
                    return Ok(node);
                }
            }
            _ => {}
        }
        self.step();
        match lower.as_str() {
            "true" => constant(Value::Boolean(true), Type::Boolean),
            "false" => constant(Value::Boolean(false), Type::Boolean),
            "null" => constant(Value::Null, Type::Null),
            _ if self.is("(") => self.call(word, start),
            bare if BARE.contains(&bare) => Ok(Node::Call(self.plain(&lower, start, Vec::new()))),
            "and" | "or" | "like" | "between" | "then" | "when" | "else" => {
                self.at -= 1;
                Err(self.expected("an expression"))
            }
            _ => Ok(Node::Column(word)),
        }
    }

    fn plain(&self, name: &str, name_span: Span, args: Vec<Ast>) -> Call {
        Call {
            name: name.to_owned(),
            name_span,
            args,
            distinct: false,
            filter: None,
            order: Vec::new(),
            ignore_nulls: None,
        }
    }

    fn case(&mut self) -> Result<Node, SyntaxError> {
        self.step();
        let operand = match self.is_word("when") {
            true => None,
            false => Some(Box::new(self.expr()?)),
        };
        let mut branches = Vec::new();
        while self.take_word("when") {
            let when = self.expr()?;
            self.need_word("then")?;
            branches.push((when, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.expected("`when`, as in `case when a > 1 then 'x' else 'y' end`"));
        }
        let otherwise = match self.take_word("else") {
            true => Some(Box::new(self.expr()?)),
            false => None,
        };
        self.need_word("end")?;
        Ok(Node::Case {
            operand,
            branches,
            otherwise,
        })
    }

    /// A call; its name is read, the bracket is ahead.
    pub(super) fn call(&mut self, name: String, span: Span) -> Result<Node, SyntaxError> {
        let lower = name.to_ascii_lowercase();
        self.need("(")?;
        match lower.as_str() {
            "cast" | "try_cast" => {
                let value = Box::new(self.expr()?);
                self.need_word("as")?;
                let kind = self.data_type()?;
                self.need(")")?;
                return Ok(Node::Cast {
                    value,
                    kind,
                    quiet: lower == "try_cast",
                });
            }
            "extract" => {
                let unit_span = self.span();
                let unit = self.name("a unit, as in `extract(hour from ts)`")?;
                self.need_word("from")?;
                let source = self.expr()?;
                self.need(")")?;
                return Ok(Node::Call(self.plain(
                    "date_part",
                    span,
                    vec![text(&unit, unit_span), source],
                )));
            }
            "trim" => {
                if let Some(call) = self.trim(span)? {
                    return Ok(Node::Call(call));
                }
            }
            "position" => {
                let start = self.at;
                // Bound tightly, so that `in` is left for us.
                let sought = self.binding(super::PREDICATE)?;
                if self.take_word("in") {
                    let args = vec![sought, self.expr()?];
                    self.need(")")?;
                    return Ok(Node::Call(self.plain("position", span, args)));
                }
                self.at = start;
            }
            "struct" => {
                let mut members = Vec::new();
                if !self.is(")") {
                    members = self.separated(|parser| {
                        let expr = parser.expr()?;
                        let alias = match parser.take_word("as")
                            || matches!(parser.peek(), Kind::Word(_) | Kind::Quoted(_))
                        {
                            true => Some(parser.name("a name")?),
                            false => None,
                        };
                        Ok((expr, alias))
                    })?;
                }
                self.need(")")?;
                return Ok(self.structure(members));
            }
            // Their first argument is a unit, written bare: `timestampdiff(minute, a, b)`.
            "timestampadd" | "timestampdiff" | "date_add" | "dateadd" | "date_diff"
            | "datediff"
                if matches!(self.peek(), Kind::Word(_)) && self.ahead(1) == &Kind::Symbol(",") =>
            {
                let unit_span = self.span();
                let start = self.at;
                let unit = self.name("a unit")?;
                self.need(",")?;
                let mut args = vec![text(&unit, unit_span)];
                args.extend(self.separated(Parser::expr)?);
                if args.len() == 3 {
                    self.need(")")?;
                    let name = if lower.ends_with("diff") {
                        "timestampdiff"
                    } else {
                        "timestampadd"
                    };
                    return Ok(Node::Call(self.plain(name, span, args)));
                }
                self.at = start;
            }
            _ => {}
        }
        let mut call = self.plain(&lower, span, Vec::new());
        if self.take_word("distinct") {
            call.distinct = true;
        } else if self.is_word("all") && !matches!(self.ahead(1), Kind::Symbol(_)) {
            self.step();
        }
        if !self.is(")") {
            call.args = self.separated(Parser::argument)?;
            self.infix_arguments(&mut call)?;
            if self.take_words(&["ignore", "nulls"]) {
                call.ignore_nulls = Some(true);
            } else if self.take_words(&["respect", "nulls"]) {
                call.ignore_nulls = Some(false);
            }
        }
        self.need(")")?;
        self.call_suffix(&mut call)?;
        if let ([_], Some((_, kind))) = (
            call.args.as_slice(),
            CASTS.iter().find(|(cast, _)| *cast == lower),
        ) {
            let value = Box::new(call.args.swap_remove(0));
            return Ok(Node::Cast {
                value,
                kind: kind.clone(),
                quiet: false,
            });
        }
        Ok(Node::Call(call))
    }

    /// `substring(s from 2 for 3)`, `position(a in b)`, `overlay(a placing b from 1 for 2)`: words for commas.
    fn infix_arguments(&mut self, call: &mut Call) -> Result<(), SyntaxError> {
        let words: &[&str] = match call.name.as_str() {
            "substring" | "substr" => &["from", "for"],
            "overlay" => &["placing", "from", "for"],
            _ => return Ok(()),
        };
        for word in words {
            if self.take_word(word) {
                call.args.push(self.expr()?);
            }
        }
        Ok(())
    }

    /// What may follow a call's brackets.
    fn call_suffix(&mut self, call: &mut Call) -> Result<(), SyntaxError> {
        if self.take_words(&["within", "group"]) {
            self.need("(")?;
            self.need_word("order")?;
            self.need_word("by")?;
            call.order = self.separated(Parser::order_key)?;
            self.need(")")?;
        }
        if self.is_word("filter")
            && self.ahead(1) == &Kind::Symbol("(")
            && self.word_ahead(2, "where")
        {
            (0..3).for_each(|_| drop(self.step()));
            call.filter = Some(Box::new(self.expr()?));
            self.need(")")?;
        }
        for (word, ignore) in [("ignore", true), ("respect", false)] {
            if self.take_words(&[word, "nulls"]) {
                call.ignore_nulls = Some(ignore);
            }
        }
        if self.is_word("over") && self.ahead(1) == &Kind::Symbol("(") {
            let message = "`over` does not work on a stream: group with st-agg, or query the table that st-sink writes";
            return Err(self.error(self.span(), message));
        }
        Ok(())
    }

    /// `trim([both | leading | trailing] [chars] from s)`; `None` if it is the plain call, nothing read.
    fn trim(&mut self, span: Span) -> Result<Option<Call>, SyntaxError> {
        let start = self.at;
        let name = match () {
            () if self.take_word("both") => "trim",
            () if self.take_word("leading") => "ltrim",
            () if self.take_word("trailing") => "rtrim",
            () => "trim",
        };
        let chars = match self.is_word("from") {
            true => None,
            false => Some(self.expr()?),
        };
        if !self.take_word("from") {
            self.at = start;
            return Ok(None);
        }
        let source = self.expr()?;
        self.need(")")?;
        // As Spark's two-argument functions have them: the characters first.
        let args = chars.into_iter().chain([source]).collect();
        Ok(Some(self.plain(name, span, args)))
    }

    /// One argument: an expression or a lambda.
    fn argument(&mut self) -> Result<Ast, SyntaxError> {
        let start = self.span();
        let mut params = Vec::new();
        let mut at = self.at;
        let kind = |at: usize| self.tokens.get(at).map_or(&Kind::End, |token| &token.kind);
        match kind(at) {
            Kind::Word(name) | Kind::Quoted(name) => {
                params.push(name.clone());
                at += 1;
            }
            Kind::Symbol("(") => loop {
                match (kind(at + 1), kind(at + 2)) {
                    (Kind::Word(name) | Kind::Quoted(name), Kind::Symbol(",")) => {
                        params.push(name.clone());
                        at += 2;
                    }
                    (Kind::Word(name) | Kind::Quoted(name), Kind::Symbol(")")) => {
                        params.push(name.clone());
                        at += 3;
                        break;
                    }
                    _ => return self.expr(),
                }
            },
            _ => return self.expr(),
        }
        if kind(at) != &Kind::Symbol("->") {
            return self.expr();
        }
        self.at = at + 1;
        let body = Box::new(self.expr()?);
        Ok(self.spanned(start, Node::Lambda { params, body }))
    }

    /// A struct of these members; those without a name get Spark's: a column's own, else `col1`, `col2`, …
    pub(super) fn structure(&self, members: Vec<(Ast, Option<String>)>) -> Node {
        let mut args = Vec::new();
        for (i, (expr, alias)) in members.into_iter().enumerate() {
            let name = alias.unwrap_or_else(|| match &expr.node {
                Node::Column(name) | Node::Field(_, name) => name.clone(),
                _ => format!("col{}", i + 1),
            });
            args.push(text(&name, expr.span));
            args.push(expr);
        }
        Node::Call(self.plain("named_struct", self.behind(), args))
    }
}
