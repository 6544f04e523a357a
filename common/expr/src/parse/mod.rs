//! The grammar of Spark SQL's expressions: a Pratt parser, one method per form.
//!
//! Written by hand rather than taken from a SQL crate, because the place of every part is kept for messages and for naming
//! columns, and because Spark's lexical rules (two string quotes, almost no reserved words) differ from other dialects'.

mod calls;
mod cursor;
mod interval;
mod lexer;
mod literals;
mod predicates;
mod types;

use crate::Type;
use crate::ast::{Assignment, Ast, Binary, Item, Node, Order, Unary};
use crate::error::{Span, SyntaxError};
use lexer::{Kind, Token};

/// Deepest nesting of brackets accepted, and the most operators in a row: far beyond what people write, far within the stack.
const DEPTH: usize = 128;
const HEIGHT: usize = 256;

/// Reads one expression.
pub fn parse_expr(text: &str) -> Result<Ast, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expr()?;
    parser.finish()?;
    Ok(expr)
}

/// Reads `expr [as] [name], …`: `--by`, `--agg`, `--select`.
pub fn parse_list(text: &str) -> Result<Vec<Item>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let items = parser.separated(Parser::item)?;
    parser.finish()?;
    Ok(items)
}

/// Reads `name = expr, …`: `--set`.
pub fn parse_assignments(text: &str) -> Result<Vec<Assignment>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let items = parser.separated(|parser| {
        let name = parser.name("a column's name, as in `total = price * qty`")?;
        if !parser.take("=") && !parser.take("==") {
            return Err(
                parser.expected(&format!("`=` after `{name}`, as in `{name} = price * qty`"))
            );
        }
        Ok(Assignment {
            name,
            expr: parser.expr()?,
            text: parser.text.to_owned(),
        })
    })?;
    parser.finish()?;
    Ok(items)
}

/// Reads `expr [asc | desc] [nulls first | nulls last], …`: `--order-by`.
pub fn parse_order(text: &str) -> Result<Vec<Order>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let keys = parser.separated(Parser::order_key)?;
    parser.finish()?;
    Ok(keys)
}

/// Reads names, in backticks where need be, separated by commas: `--drop`.
pub fn parse_names(text: &str) -> Result<Vec<String>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let names = parser.separated(|parser| parser.name("a column's name"))?;
    parser.finish()?;
    Ok(names)
}

pub(crate) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    /// How many expressions are being read, one inside another.
    depth: usize,
    /// The height of the tallest tree read so far within the innermost of them.
    height: usize,
}

/// How tightly an infix operator binds; Spark's grammar (`SqlBaseParser.g4`), loosest first.
const PREDICATE: u8 = 4;
const COMPARISON: u8 = 5;
const PREFIX_NOT: u8 = 3;
const PREFIX_SIGN: u8 = 12;

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str) -> Result<Self, SyntaxError> {
        Ok(Parser {
            text,
            tokens: lexer::tokens(text)?,
            at: 0,
            depth: 0,
            height: 0,
        })
    }

    fn item(&mut self) -> Result<Item, SyntaxError> {
        let expr = self.expr()?;
        let mut aliases = Vec::new();
        if self.take_word("as") {
            if self.take("(") {
                aliases = self.separated(|parser| parser.name("a name"))?;
                self.need(")")?;
            } else {
                aliases.push(self.name("a name after `as`")?);
            }
        } else if matches!(self.peek(), Kind::Word(_) | Kind::Quoted(_)) {
            aliases.push(self.name("a name")?);
        }
        Ok(Item {
            expr,
            aliases,
            text: self.text.to_owned(),
        })
    }

    fn order_key(&mut self) -> Result<Order, SyntaxError> {
        let expr = self.expr()?;
        let descending = self.take_word("desc");
        if !descending {
            self.take_word("asc");
        }
        let nulls_first = match self.take_word("nulls") {
            true if self.take_word("first") => true,
            true if self.take_word("last") => false,
            true => return Err(self.expected("`first` or `last`")),
            false => !descending,
        };
        Ok(Order {
            expr,
            descending,
            nulls_first,
        })
    }

    /// One expression of any kind.
    fn expr(&mut self) -> Result<Ast, SyntaxError> {
        self.binding(0)
    }

    /// An expression whose operators bind more tightly than `least`.
    fn binding(&mut self, least: u8) -> Result<Ast, SyntaxError> {
        if self.depth == DEPTH {
            let message = format!("this is nested too deeply: at most {DEPTH} levels");
            return Err(self.error(self.span(), message));
        }
        self.depth += 1;
        let around = std::mem::take(&mut self.height);
        // From the first token on: an operand in brackets has the place of what they hold.
        let start = self.span();
        let mut left = self.prefix()?;
        loop {
            if least < PREDICATE
                && let Some(node) = self.predicate(&left)?
            {
                left = self.spanned(start, node);
                self.grow()?;
                continue;
            }
            let Some((operator, power, tokens)) = self.infix() else {
                break;
            };
            if power <= least {
                break;
            }
            (0..tokens).for_each(|_| drop(self.step()));
            let right = self.binding(power)?;
            left = self.spanned(
                start,
                Node::Binary(operator, Box::new(left), Box::new(right)),
            );
            self.grow()?;
        }
        self.grow()?;
        self.height = self.height.max(around);
        self.depth -= 1;
        Ok(left)
    }

    /// One level more above what was read in the innermost expression.
    fn grow(&mut self) -> Result<(), SyntaxError> {
        self.height += 1;
        if self.height > HEIGHT {
            let message = format!(
                "more than {HEIGHT} operators build on each other here: use brackets, or `in`"
            );
            return Err(self.error(self.span(), message));
        }
        Ok(())
    }

    fn spanned(&self, start: Span, node: Node) -> Ast {
        Ast {
            node,
            span: start.to(self.behind()),
        }
    }

    /// The infix operator that stands here, its power and how many tokens it is made of.
    fn infix(&self) -> Option<(Binary, u8, usize)> {
        Some(match self.peek() {
            Kind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "or" => (Binary::Or, 1, 1),
                "and" => (Binary::And, 2, 1),
                "div" => (Binary::IntegerDivide, 11, 1),
                _ => return None,
            },
            Kind::Symbol(symbol) => match *symbol {
                ">" if self.touching(">", 2) => (Binary::ShiftRightUnsigned, 9, 3),
                ">" if self.touching(">", 1) => (Binary::ShiftRight, 9, 2),
                "=" | "==" => (Binary::Equal, COMPARISON, 1),
                "<=>" => (Binary::NullSafeEqual, COMPARISON, 1),
                "<>" | "!=" => (Binary::NotEqual, COMPARISON, 1),
                "<" => (Binary::Less, COMPARISON, 1),
                "<=" => (Binary::LessEqual, COMPARISON, 1),
                ">" => (Binary::Greater, COMPARISON, 1),
                ">=" => (Binary::GreaterEqual, COMPARISON, 1),
                "|" => (Binary::BitOr, 6, 1),
                "^" => (Binary::BitXor, 7, 1),
                "&" => (Binary::BitAnd, 8, 1),
                "<<" => (Binary::ShiftLeft, 9, 1),
                "+" => (Binary::Add, 10, 1),
                "-" => (Binary::Subtract, 10, 1),
                "||" => (Binary::Concat, 10, 1),
                "*" => (Binary::Multiply, 11, 1),
                "/" => (Binary::Divide, 11, 1),
                "%" => (Binary::Remainder, 11, 1),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// True if the next `n` tokens are this symbol too, without a gap.
    fn touching(&self, symbol: &'static str, n: usize) -> bool {
        (1..=n).all(|i| {
            self.ahead(i) == &Kind::Symbol(symbol)
                && self.tokens[self.at + i].span.start == self.tokens[self.at + i - 1].span.end
        })
    }

    /// An operand with its signs, and what is attached to it: `.name`, `[index]`, `::type`.
    fn prefix(&mut self) -> Result<Ast, SyntaxError> {
        let start = self.span();
        if self.is("!") || self.is_word("not") {
            self.step();
            let value = self.binding(PREFIX_NOT)?;
            return Ok(self.spanned(start, Node::Unary(Unary::Not, Box::new(value))));
        }
        for (symbol, operator) in [
            ("-", Unary::Minus),
            ("+", Unary::Plus),
            ("~", Unary::BitNot),
        ] {
            if self.take(symbol) {
                if operator == Unary::Minus
                    && let Kind::Number(number) = self.peek().clone()
                {
                    // Read with its sign, so that the least integer is not out of range.
                    self.step();
                    let node = self.number(&format!("-{number}"), start.to(self.behind()))?;
                    let literal = self.spanned(start, node);
                    return self.postfix(start, literal);
                }
                let value = self.binding(PREFIX_SIGN)?;
                return Ok(self.spanned(start, Node::Unary(operator, Box::new(value))));
            }
        }
        let base = self.primary()?;
        self.postfix(start, base)
    }

    fn postfix(&mut self, start: Span, mut base: Ast) -> Result<Ast, SyntaxError> {
        loop {
            let node = if self.is(".") && base.node_is_number() {
                return Err(self.expected("an operator"));
            } else if self.take(".") {
                if self.take("*") {
                    return Err(
                        self.error(self.behind(), "`.*` does not work here: name the members")
                    );
                }
                Node::Field(Box::new(base), self.name("a member's name after `.`")?)
            } else if self.take("[") {
                let index = self.expr()?;
                self.need("]")?;
                Node::Index(Box::new(base), Box::new(index))
            } else if self.take("::") {
                Node::Cast {
                    value: Box::new(base),
                    kind: self.data_type()?,
                    quiet: false,
                }
            } else {
                return Ok(base);
            };
            base = self.spanned(start, node);
            self.grow()?;
        }
    }

    fn primary(&mut self) -> Result<Ast, SyntaxError> {
        let start = self.span();
        let node = match self.peek().clone() {
            Kind::Number(number) => {
                self.step();
                self.number(&number, start)?
            }
            Kind::Text(text) => {
                self.step();
                self.text_literal(text)
            }
            Kind::Quoted(name) => {
                self.step();
                if self.is("(") {
                    self.call(name, start)?
                } else {
                    Node::Column(name)
                }
            }
            Kind::Word(word) => self.word(word)?,
            Kind::Symbol("*") => {
                self.step();
                Node::Star
            }
            Kind::Symbol("(") => return self.parenthesised(),
            _ => return Err(self.expected("an expression")),
        };
        Ok(self.spanned(start, node))
    }

    /// `(expr)`, or `(a, b)`, which is a struct.
    fn parenthesised(&mut self) -> Result<Ast, SyntaxError> {
        let start = self.span();
        self.need("(")?;
        let mut all = self.separated(Parser::expr)?;
        self.need(")")?;
        match all.len() {
            1 => Ok(all.swap_remove(0)),
            _ => {
                let node = self.structure(all.into_iter().map(|expr| (expr, None)).collect());
                Ok(self.spanned(start, node))
            }
        }
    }

    /// A type after `cast(… as` or `::`.
    pub(crate) fn data_type(&mut self) -> Result<Type, SyntaxError> {
        types::data_type(self)
    }
}

impl Ast {
    fn node_is_number(&self) -> bool {
        matches!(&self.node, Node::Literal(_, kind) if kind.is_numeric())
    }
}
