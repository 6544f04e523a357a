//! From the parser's tree to what is evaluated: columns become places, types are found and coerced as Spark does it,
//! constants are computed once, and what cannot work is refused with its place in the text.

mod arithmetic;
mod calls;
mod cut;
mod forms;
mod generator;
mod lambdas;
mod operators;
mod paths;

pub use cut::Cut;
pub use forms::{names as function_names, others as aggregate_and_generator_names};
pub use generator::{Generator, Made};

use crate::ast::{Ast, IntervalUnit, Item, Node};
use crate::columns::Place;
use crate::error::{Span, SyntaxError};
use crate::eval::{Op, Scope};
use crate::function::Env;
use crate::json::{read_json, write_json};
use crate::{Columns, Slots, Type, Value, parse_expr};
use st_time::Zone;
use std::cell::RefCell;

/// Compiles the expressions of one stage, all against the same [`Columns`].
pub struct Compiler {
    /// The columns expressions may read.
    pub columns: Columns,
    /// The session time zone.
    pub zone: Zone,
    /// How many calls of `rand()` and its kin there are so far: each gets a seed of its own.
    sites: u64,
    /// The lambdas' parameters in scope, the innermost last.
    variables: Vec<(String, Type)>,
    /// The text being compiled.
    text: String,
}

/// An expression ready to be evaluated.
pub struct Compiled {
    op: Op,
    kind: Type,
}

/// A part being compiled: its code, its type, its place in the text.
struct Part {
    op: Op,
    kind: Type,
    span: Span,
}

impl Compiled {
    /// The static type; `Any` if each row's values decide.
    pub fn kind(&self) -> &Type {
        &self.kind
    }

    /// Evaluates on a row. What cannot be computed is null and counted in the environment's failures.
    #[inline]
    pub fn eval<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>) -> Value<'r> {
        // Most are a column as it stands, which needs no scope.
        if let Op::Field(field, kind) = &self.op {
            let raw = slots.raw(*field);
            return raw.map_or(Value::Null, |raw| read_json(raw, kind, env.zone));
        }
        self.eval_in_scope(env, slots)
    }

    fn eval_in_scope<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>) -> Value<'r> {
        self.op.eval(&Scope {
            env,
            slots,
            variables: RefCell::default(),
        })
    }

    /// Appends the value as JSON: its bytes as they stand, if [`Compiled::raw`] has them; all else is in UTC.
    #[inline]
    pub fn write<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>, out: &mut Vec<u8>) {
        if let Some(raw) = self.raw(slots) {
            return out.extend_from_slice(raw);
        }
        let scope = Scope {
            env,
            slots,
            variables: RefCell::default(),
        };
        match self.op.number(&scope) {
            Some(number) => number.write(out),
            None => write_json(out, &self.op.eval(&scope), Zone::UTC),
        }
    }

    /// Evaluates a condition: true only if it is true, neither false nor null.
    pub fn test<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>) -> bool {
        self.op.truth(&Scope {
            env,
            slots,
            variables: RefCell::default(),
        }) == Some(true)
    }

    /// The raw JSON of the value, if the expression is an undeclared column or a path into one: its bytes may be copied
    /// as they stand. `None` if it has to be evaluated, or is not there.
    pub fn raw<'r>(&self, slots: &Slots<'_, 'r>) -> Option<&'r [u8]> {
        match &self.op {
            Op::Field(field, Type::Any) => slots.raw(*field),
            Op::Path(field, steps, Type::Any) => {
                st_row::path(slots.raw(*field)?, steps).ok().flatten()
            }
            _ => None,
        }
    }

    /// The text of the value, if the expression is a column, undeclared or STRING, that holds text without escapes here.
    /// `None` if it has to be evaluated.
    #[inline]
    pub fn text<'r>(&self, slots: &Slots<'_, 'r>) -> Option<&'r [u8]> {
        self.plain_text(slots, |kind| matches!(kind, Type::Any | Type::String))
    }

    /// The same for a column that is undeclared, STRING or TIMESTAMP: text to be read as a timestamp, if it is one.
    #[inline]
    pub fn instant_text<'r>(&self, slots: &Slots<'_, 'r>) -> Option<&'r [u8]> {
        let fits = |kind: &Type| matches!(kind, Type::Any | Type::String | Type::Timestamp);
        self.plain_text(slots, fits)
    }

    #[inline]
    fn plain_text<'r>(
        &self,
        slots: &Slots<'_, 'r>,
        fits: impl Fn(&Type) -> bool,
    ) -> Option<&'r [u8]> {
        let raw = match &self.op {
            Op::Field(field, kind) if fits(kind) => slots.raw(*field)?,
            Op::Path(field, steps, kind) if fits(kind) => {
                st_row::path(slots.raw(*field)?, steps).ok()??
            }
            _ => return None,
        };
        st_row::plain_text(raw)
    }

    /// The value, if it is the same for all rows.
    pub fn constant(&self) -> Option<&Value<'static>> {
        self.op.constant()
    }

    /// The field and the text, if the expression is that an undeclared column equals a constant text.
    pub fn is_text(&self) -> Option<(usize, &str)> {
        match &self.op {
            Op::FieldIs(field, text, false) => Some((*field, text)),
            _ => None,
        }
    }

    /// The row's field, if the expression is just that.
    pub fn field(&self) -> Option<usize> {
        match self.op {
            Op::Field(field, _) => Some(field),
            _ => None,
        }
    }
}

impl Compiler {
    /// A compiler for rows with these columns.
    pub fn new(columns: Columns, zone: Zone) -> Self {
        Compiler {
            columns,
            zone,
            sites: 0,
            variables: Vec::new(),
            text: String::new(),
        }
    }

    /// Compiles an expression; `text` is what it was parsed from, for messages.
    pub fn compile(&mut self, ast: &Ast, text: &str) -> Result<Compiled, SyntaxError> {
        self.start(text);
        let part = self.part(ast)?;
        Ok(Compiled {
            op: part.op,
            kind: part.kind,
        })
    }

    /// Compiles a condition: as [`Compiler::compile`], refusing what is not BOOLEAN.
    pub fn condition(&mut self, ast: &Ast, text: &str) -> Result<Compiled, SyntaxError> {
        self.start(text);
        let part = self.part(ast)?;
        self.boolean(&part, "a condition")?;
        Ok(Compiled {
            op: part.op,
            kind: Type::Boolean,
        })
    }

    /// Compiles an item of a list.
    pub fn item(&mut self, item: &Item) -> Result<Compiled, SyntaxError> {
        self.compile(&item.expr, &item.text)
    }

    /// Parses and compiles an expression.
    pub fn expression(&mut self, text: &str) -> Result<Compiled, SyntaxError> {
        let ast = parse_expr(text)?;
        self.compile(&ast, text)
    }

    fn start(&mut self, text: &str) {
        self.text = text.to_owned();
        self.variables.clear();
    }

    fn error(&self, span: Span, message: impl Into<String>) -> SyntaxError {
        SyntaxError::at(&self.text, span, message)
    }

    /// Gives an error without a place the place of a part.
    fn placed(&self, span: Span, error: SyntaxError) -> SyntaxError {
        match error.place {
            None => self.error(span, error.message),
            Some(_) => error,
        }
    }

    /// A part that is computed now if all that it is made of is constant, and can be computed.
    fn folded(&self, op: Op, kind: Type, span: Span, constant: bool) -> Part {
        if !constant {
            return Part { op, kind, span };
        }
        let env = Env::new(self.zone);
        let slots = Slots::of_values(&[]);
        let value = op
            .eval(&Scope {
                env: &env,
                slots: &slots,
                variables: RefCell::default(),
            })
            .into_owned();
        // One that fails is left to fail on each row, where it is counted.
        let op = if env.failures.count() == 0 {
            Op::Constant(value)
        } else {
            op
        };
        Part { op, kind, span }
    }

    fn part(&mut self, ast: &Ast) -> Result<Part, SyntaxError> {
        let span = ast.span;
        match &ast.node {
            Node::Literal(value, kind) => Ok(Part { op: Op::Constant(value.clone()), kind: kind.clone(), span }),
            Node::Star => Err(self.error(span, "`*` stands in `count(*)` only: name the columns")),
            Node::Column(name) => self.column(name, span),
            Node::Field(..) | Node::Index(..) => self.path(ast),
            Node::Unary(operator, x) => self.unary(*operator, x, span),
            Node::Binary(..) => self.chain(ast),
            Node::Call(call) => self.call(call, span),
            Node::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), span)
            }
            Node::Cast { value, kind, quiet } => {
                let value = self.part(value)?;
                self.explicit_cast(value, kind, *quiet, span)
            }
            Node::In { value, list, negated } => self.list(value, list, *negated, span),
            Node::Between { value, low, high, negated } => self.between(value, [low, high], *negated, span),
            Node::Like { .. } => self.like(ast),
            Node::Is { value, truth, negated } => {
                let value = self.part(value)?;
                let constant = value.op.constant().is_some();
                let op = match truth {
                    None => Op::IsNull(Box::new(value.op), *negated),
                    Some(truth) if value.kind.is_open() || value.kind == Type::Boolean => {
                        Op::IsTruth(Box::new(value.op), *truth, *negated)
                    }
                    // Of a number or a text: as Spark, `x <=> true`.
                    Some(truth) => {
                        let truth = Part { op: Op::Constant(Value::Boolean(*truth)), kind: Type::Boolean, span };
                        let (value, truth) = self.comparable(value, truth, span)?;
                        let same = Op::NullSafeEqual(Box::new(value.op), Box::new(truth.op));
                        if *negated { Op::Not(Box::new(same)) } else { same }
                    }
                };
                Ok(self.folded(op, Type::Boolean, span, constant))
            }
            Node::Interval(value, unit) => self.interval(value, *unit, span),
            Node::Lambda { .. } => {
                Err(self.error(span, "a lambda is an argument, as in `transform(array, x -> x + 1)`; it cannot stand here"))
            }
        }
    }

    fn column(&mut self, name: &str, span: Span) -> Result<Part, SyntaxError> {
        if let Some(index) = self
            .variables
            .iter()
            .rposition(|(variable, _)| variable == name)
        {
            return Ok(Part {
                op: Op::Variable(index),
                kind: self.variables[index].1.clone(),
                span,
            });
        }
        let (place, kind) = self
            .columns
            .find(name)
            .map_err(|error| self.placed(span, error))?;
        let op = match place {
            Place::Field(field) => Op::Field(field, kind.clone()),
            Place::Computed(index) => Op::Computed(index),
        };
        Ok(Part { op, kind, span })
    }

    fn interval(
        &mut self,
        value: &Ast,
        unit: IntervalUnit,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        let value = self.part(value)?;
        if !(value.kind.is_open() || value.kind.is_numeric() || value.kind == Type::String) {
            return Err(self.error(
                value.span,
                format!("an interval wants a number, not {}", value.kind),
            ));
        }
        let constant = value.op.constant().is_some();
        Ok(self.folded(
            Op::Interval(Box::new(value.op), unit),
            Type::Interval,
            span,
            constant,
        ))
    }
}
