//! `a.b[0]`: a path into a field is found in the row's bytes, without reading what lies around it.

use super::{Compiler, Part};
use crate::ast::{Ast, Node};
use crate::error::{Span, SyntaxError};
use crate::eval::Op;
use crate::types::Quoted;
use crate::{Type, Value, suggest};
use st_row::Step;

impl Compiler {
    /// A member or an element.
    pub(super) fn path(&mut self, ast: &Ast) -> Result<Part, SyntaxError> {
        match &ast.node {
            Node::Field(base, name) => {
                let base = self.part(base)?;
                let kind = self.member_type(&base.kind, name, ast.span)?;
                Ok(self.step(base, Step::Name(name.clone()), kind, ast.span))
            }
            Node::Index(base, index) => {
                let base = self.part(base)?;
                let index = self.part(index)?;
                self.element(base, index, ast.span)
            }
            _ => self.part(ast),
        }
    }

    /// The type of a member.
    fn member_type(&self, base: &Type, name: &str, span: Span) -> Result<Type, SyntaxError> {
        Ok(match base {
            Type::Any | Type::Null => Type::Any,
            Type::Map(_, value) => (**value).clone(),
            Type::Struct(fields) => match fields.iter().find(|field| field.name == name) {
                Some(field) => field.kind.clone(),
                None => {
                    let names = || fields.iter().map(|field| field.name.as_str());
                    let mend = match suggest(name, names()) {
                        Some(near) => format!("did you mean {}?", Quoted(near)),
                        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                    };
                    return Err(self.error(span, format!("no member `{name}` here: {mend}")));
                }
            },
            Type::Array(element) => Type::Array(Box::new(self.member_type(element, name, span)?)),
            other => return Err(self.error(span, format!("{other} has no members"))),
        })
    }

    fn element(&mut self, base: Part, index: Part, span: Span) -> Result<Part, SyntaxError> {
        let unfit = |what: &str| {
            let message = format!("the index is {what}, not {}", index.kind);
            Err(self.error(index.span, message))
        };
        let kind = match &base.kind {
            Type::Any | Type::Null => Type::Any,
            Type::Array(element) => match index.kind {
                ref kind if kind.is_integer() || kind.is_open() => (**element).clone(),
                _ => return unfit("a whole number"),
            },
            Type::Map(key, value) => match crate::coercion::comparison(key, &index.kind) {
                Some(_) => (**value).clone(),
                None => return unfit(&key.to_string()),
            },
            Type::Struct(_) => match index.op.constant() {
                Some(Value::String(name)) => {
                    let name = name.to_string();
                    let kind = self.member_type(&base.kind, &name, span)?;
                    return Ok(self.step(base, Step::Name(name), kind, span));
                }
                _ => return unfit("a member's name"),
            },
            other => return Err(self.error(span, format!("{other} has no elements"))),
        };
        let step = match (index.op.constant(), &base.kind) {
            (Some(Value::Integer(i)), Type::Any | Type::Array(_)) => {
                usize::try_from(*i).ok().map(Step::Index)
            }
            (Some(Value::String(name)), Type::Any) => Some(Step::Name(name.to_string())),
            _ => None,
        };
        match step {
            Some(step @ Step::Index(_)) if matches!(base.op, Op::Field(..) | Op::Path(..)) => {
                Ok(self.step(base, step, kind, span))
            }
            Some(step @ Step::Name(_)) => Ok(self.step(base, step, kind, span)),
            _ => {
                let constant = base.op.constant().is_some() && index.op.constant().is_some();
                Ok(self.folded(
                    Op::Item(Box::new(base.op), Box::new(index.op)),
                    kind,
                    span,
                    constant,
                ))
            }
        }
    }

    /// One step from a base: in the row's bytes if the base is there, else in its value.
    fn step(&self, base: Part, step: Step, kind: Type, span: Span) -> Part {
        // A name into a declared array is looked up in each element, which is done on the value.
        let each = matches!((&base.kind, &step), (Type::Array(_), Step::Name(_)));
        let op = match (base.op, step) {
            (op, Step::Name(name)) if each => Op::Member(Box::new(op), name),
            (Op::Field(field, _), step) => Op::Path(field, vec![step], kind.clone()),
            (Op::Path(field, mut steps, _), step) => {
                steps.push(step);
                Op::Path(field, steps, kind.clone())
            }
            (op, Step::Name(name)) => Op::Member(Box::new(op), name),
            (op, Step::Index(i)) => Op::Item(
                Box::new(op),
                Box::new(Op::Constant(Value::Integer(i as i64))),
            ),
        };
        Part { op, kind, span }
    }
}
