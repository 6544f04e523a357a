//! What the parser makes of a text. Names and places are kept, so that tools can look for calls and quote the source.

use crate::error::Span;
use crate::{Type, Value};

/// One expression and its place in the text.
#[derive(Clone, Debug)]
pub struct Ast {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// A constant with its type: a number, a text, `true`, `null`, `date '…'`, `interval …`.
    Literal(Value<'static>, Type),
    /// `*`, as in `count(*)`.
    Star,
    /// A column (or a lambda's parameter) by its bare name.
    Column(String),
    /// `base.name`
    Field(Box<Ast>, String),
    /// `base[index]`
    Index(Box<Ast>, Box<Ast>),
    /// `- x`, `+ x`, `~ x`, `not x`
    Unary(Unary, Box<Ast>),
    /// `a + b` and the like.
    Binary(Binary, Box<Ast>, Box<Ast>),
    /// `name(args)`
    Call(Call),
    /// `case [operand] when … then … [else …] end`
    Case {
        /// What the `when`s are compared with.
        operand: Option<Box<Ast>>,
        /// Conditions and results.
        branches: Vec<(Ast, Ast)>,
        /// `else`.
        otherwise: Option<Box<Ast>>,
    },
    /// `cast(x as T)`, `try_cast(x as T)`, `x :: T`
    Cast {
        /// What is cast.
        value: Box<Ast>,
        /// To which type.
        kind: Type,
        /// `try_cast`: a value that does not fit is not a failure.
        quiet: bool,
    },
    /// `x [not] in (…)`
    In {
        /// What is looked for.
        value: Box<Ast>,
        /// Among these.
        list: Vec<Ast>,
        /// `not`.
        negated: bool,
    },
    /// `x [not] between a and b`
    Between {
        /// What is compared.
        value: Box<Ast>,
        /// Least value.
        low: Box<Ast>,
        /// Greatest value.
        high: Box<Ast>,
        /// `not`.
        negated: bool,
    },
    /// `x [not] like pattern [escape c]`, `like any (…)`, `rlike`
    Like {
        /// Which of them.
        operator: Like,
        /// What is matched.
        value: Box<Ast>,
        /// One pattern, or several after `any` or `all`.
        patterns: Vec<Ast>,
        /// `all`: every pattern has to match.
        all: bool,
        /// The escape character.
        escape: char,
        /// `not`.
        negated: bool,
    },
    /// `x is [not] null | true | false | unknown`
    Is {
        /// What is tested.
        value: Box<Ast>,
        /// `None` for null and unknown.
        truth: Option<bool>,
        /// `not`.
        negated: bool,
    },
    /// `interval x minutes`, where `x` is not a constant.
    Interval(Box<Ast>, IntervalUnit),
    /// `x -> body`, `(x, y) -> body`
    Lambda {
        /// The parameters' names.
        params: Vec<String>,
        /// The body.
        body: Box<Ast>,
    },
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unary {
    Not,
    Minus,
    Plus,
    BitNot,
}

/// Infix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Or,
    And,
    Equal,
    NullSafeEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Remainder,
    Concat,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
}

impl Binary {
    /// As Spark writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Or => "OR",
            Binary::And => "AND",
            Binary::Equal => "=",
            Binary::NullSafeEqual => "<=>",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::IntegerDivide => "div",
            Binary::Remainder => "%",
            Binary::Concat => "||",
            Binary::BitAnd => "&",
            Binary::BitOr => "|",
            Binary::BitXor => "^",
            Binary::ShiftLeft => "<<",
            Binary::ShiftRight => ">>",
            Binary::ShiftRightUnsigned => ">>>",
        }
    }
}

/// Pattern operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Like {
    Like,
    Ilike,
    Rlike,
}

/// Units of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IntervalUnit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

/// A function call, scalar or aggregate.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function's name in lower case.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// The arguments; `count(*)` has one, [`Node::Star`].
    pub args: Vec<Ast>,
    /// `count(distinct x)`
    pub distinct: bool,
    /// `filter (where …)`
    pub filter: Option<Box<Ast>>,
    /// `within group (order by …)`
    pub order: Vec<Order>,
    /// `ignore nulls`, `respect nulls`
    pub ignore_nulls: Option<bool>,
}

/// One key of a sort order.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is sorted by.
    pub expr: Ast,
    /// `desc`
    pub descending: bool,
    /// Where nulls go; Spark's default is first if ascending, last if descending.
    pub nulls_first: bool,
}

/// One item of a list: an expression and the name its value gets.
#[derive(Clone, Debug)]
pub struct Item {
    /// The expression.
    pub expr: Ast,
    /// The names given after it: one, or several for a generator (`posexplode(a) as (i, x)`).
    pub aliases: Vec<String>,
    /// The whole list's text, for messages: spans count in it.
    pub text: String,
}

impl Item {
    /// The column's name: the alias, or as Spark names it.
    pub fn name(&self) -> String {
        self.aliases
            .first()
            .cloned()
            .unwrap_or_else(|| self.expr.name())
    }

    /// The expression's own text as it was written.
    pub fn source(&self) -> &str {
        self.text
            .get(self.expr.span.start..self.expr.span.end)
            .unwrap_or(&self.text)
    }
}

/// `name = expr`
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The column that is set.
    pub name: String,
    /// Its value.
    pub expr: Ast,
    /// The whole text, for messages: spans count in it.
    pub text: String,
}

impl Ast {
    /// The call, if this is one.
    pub fn call(&self) -> Option<&Call> {
        match &self.node {
            Node::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The text of a literal string, if this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Literal(Value::String(text), _) => Some(text),
            _ => None,
        }
    }

    /// The column's name, if this is a bare column.
    pub fn column(&self) -> Option<&str> {
        match &self.node {
            Node::Column(name) => Some(name),
            _ => None,
        }
    }

    /// All direct parts of this expression, in the order of the text.
    pub fn parts(&self) -> Vec<&Ast> {
        match &self.node {
            Node::Literal(..) | Node::Star | Node::Column(_) => Vec::new(),
            Node::Field(base, _) => vec![base],
            Node::Unary(_, x)
            | Node::Cast { value: x, .. }
            | Node::Is { value: x, .. }
            | Node::Interval(x, _) => vec![x],
            Node::Lambda { body, .. } => vec![body],
            Node::Index(a, b) | Node::Binary(_, a, b) => vec![a, b],
            Node::Between {
                value, low, high, ..
            } => vec![value, low, high],
            Node::In { value, list, .. }
            | Node::Like {
                value,
                patterns: list,
                ..
            } => std::iter::once(&**value).chain(list).collect(),
            Node::Call(call) => {
                let order = call.order.iter().map(|key| &key.expr);
                call.args
                    .iter()
                    .chain(order)
                    .chain(call.filter.as_deref())
                    .collect()
            }
            Node::Case {
                operand,
                branches,
                otherwise,
            } => {
                let branches = branches.iter().flat_map(|(when, then)| [when, then]);
                operand
                    .as_deref()
                    .into_iter()
                    .chain(branches)
                    .chain(otherwise.as_deref())
                    .collect()
            }
        }
    }

    /// The same, to change them.
    pub fn parts_mut(&mut self) -> Vec<&mut Ast> {
        match &mut self.node {
            Node::Literal(..) | Node::Star | Node::Column(_) => Vec::new(),
            Node::Field(base, _) => vec![base],
            Node::Unary(_, x)
            | Node::Cast { value: x, .. }
            | Node::Is { value: x, .. }
            | Node::Interval(x, _) => vec![x],
            Node::Lambda { body, .. } => vec![body],
            Node::Index(a, b) | Node::Binary(_, a, b) => vec![a, b],
            Node::Between {
                value, low, high, ..
            } => vec![value, low, high],
            Node::In { value, list, .. }
            | Node::Like {
                value,
                patterns: list,
                ..
            } => std::iter::once(&mut **value).chain(list).collect(),
            Node::Call(call) => {
                let order = call.order.iter_mut().map(|key| &mut key.expr);
                call.args
                    .iter_mut()
                    .chain(order)
                    .chain(call.filter.as_deref_mut())
                    .collect()
            }
            Node::Case {
                operand,
                branches,
                otherwise,
            } => {
                let branches = branches.iter_mut().flat_map(|(when, then)| [when, then]);
                operand
                    .as_deref_mut()
                    .into_iter()
                    .chain(branches)
                    .chain(otherwise.as_deref_mut())
                    .collect()
            }
        }
    }
}
