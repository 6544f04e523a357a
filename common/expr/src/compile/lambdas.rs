//! Calls with a lambda: `transform(array, x -> x + 1)`.

use super::{Compiler, Part};
use crate::ast::{Ast, Call, Node};
use crate::error::{Span, SyntaxError};
use crate::eval::higher::{self, Higher, Kind};
use crate::eval::{Adapt, Op};
use crate::{Type, Value};

impl Compiler {
    /// A call with a lambda.
    pub(super) fn higher(&mut self, call: &Call, span: Span) -> Result<Part, SyntaxError> {
        let Some((kind, params, plain, usage)) = higher::find(&call.name) else {
            self.known(&call.name, call.name_span)?;
            return Err(self.error(call.name_span, format!("{} takes no lambda", call.name)));
        };
        let most = plain + 1 + usize::from(kind == Kind::Aggregate);
        self.count(call.args.len(), (plain + 1, most), usage, call.name_span)?;
        let mut args = Vec::new();
        for arg in &call.args[..plain] {
            args.push(self.part(arg)?);
        }
        let maps = matches!(
            kind,
            Kind::MapFilter | Kind::MapZipWith | Kind::TransformKeys | Kind::TransformValues
        );
        for (i, arg) in args.iter_mut().enumerate() {
            let fits = match (&arg.kind, maps) {
                (Type::Any | Type::Null, _) | (Type::Array(_), false) | (Type::Map(..), true) => {
                    true
                }
                _ => kind == Kind::Aggregate && i == 1,
            };
            if !fits {
                let wanted = if maps { "a map" } else { "an array" };
                return Err(self.error(
                    arg.span,
                    format!("{wanted} is wanted here, not {}: {usage}", arg.kind),
                ));
            }
            if maps && arg.kind == Type::Any {
                let op = std::mem::replace(&mut arg.op, Op::Constant(Value::Null));
                arg.op = Op::Adapt(Box::new(op), Adapt::Map);
            }
        }
        let types: Vec<Type> = args.iter().map(|arg| arg.kind.clone()).collect();
        let depth = self.variables.len();
        let given = higher::parameter_types(kind, &types);
        let (body, count) = self.lambda(&call.args[plain], &given, params, usage)?;
        let (finish, done) = match call.args.get(plain + 1) {
            Some(finish) => {
                let (finish, _) =
                    self.lambda(finish, std::slice::from_ref(&body.kind), 1..=1, usage)?;
                (Some(finish.op), finish.kind)
            }
            None => (None, body.kind.clone()),
        };
        if matches!(
            kind,
            Kind::Filter | Kind::Exists | Kind::ForAll | Kind::MapFilter
        ) {
            self.boolean(&body, &call.name)?;
        }
        let map = |key: Type, value: Type| Type::Map(Box::new(key), Box::new(value));
        let result = match (kind, types.first()) {
            (Kind::Transform | Kind::ZipWith, _) => Type::Array(Box::new(body.kind.clone())),
            (Kind::Exists | Kind::ForAll, _) => Type::Boolean,
            (Kind::Aggregate, _) => done,
            (Kind::TransformKeys, Some(Type::Map(_, value))) => {
                map(body.kind.clone(), (**value).clone())
            }
            (Kind::TransformValues, Some(Type::Map(key, _))) => {
                map((**key).clone(), body.kind.clone())
            }
            (Kind::MapZipWith, Some(Type::Map(key, _))) => map((**key).clone(), body.kind.clone()),
            (Kind::MapZipWith, _) => map(Type::Any, body.kind.clone()),
            (Kind::TransformKeys | Kind::TransformValues | Kind::MapFilter, Some(Type::Any)) => {
                map(Type::String, Type::Any)
            }
            (_, first) => first.cloned().unwrap_or(Type::Any),
        };
        let args = args.into_iter().map(|arg| arg.op).collect();
        let higher = Higher {
            kind,
            args,
            body: body.op,
            params: count,
            finish,
            depth,
        };
        Ok(Part {
            op: Op::Higher(Box::new(higher)),
            kind: result,
            span,
        })
    }

    /// A lambda whose parameters have these types.
    fn lambda(
        &mut self,
        ast: &Ast,
        types: &[Type],
        wanted: std::ops::RangeInclusive<usize>,
        usage: &str,
    ) -> Result<(Part, usize), SyntaxError> {
        let Node::Lambda { params, body } = &ast.node else {
            return Err(self.error(ast.span, format!("a lambda is wanted here: {usage}")));
        };
        if !wanted.contains(&params.len()) {
            return Err(self.error(
                ast.span,
                format!("a lambda of {} is wanted here: {usage}", wanted.end()),
            ));
        }
        let depth = self.variables.len();
        let kind = |i: usize| types.get(i).cloned().unwrap_or(Type::Any);
        self.variables.extend(
            params
                .iter()
                .enumerate()
                .map(|(i, name)| (name.clone(), kind(i))),
        );
        let body = self.part(body);
        self.variables.truncate(depth);
        Ok((body?, params.len()))
    }
}
