//! Calls of the scalar functions: found by name, counted, cast to what they want, bound.

use super::forms::{AGGREGATES, FORMS, GENERATORS, LAMBDAS, names};
use super::{Compiler, Part};
use crate::ast::{Call, Node};
use crate::error::{Span, SyntaxError};
use crate::eval::{self, Adapt, Op};
use crate::function::{self, Function, Param};
use crate::{Type, Value, functions, suggest};
use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| {
        functions::all()
            .flat_map(|f| f.names.iter().map(move |name| (*name, f)))
            .collect()
    });

impl Compiler {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Result<Part, SyntaxError> {
        let name = call.name.as_str();
        if call.distinct
            || call.filter.is_some()
            || !call.order.is_empty()
            || call.ignore_nulls.is_some()
        {
            return Err(self.error(
                call.name_span,
                format!("{name} is no aggregate: leave out what only aggregates take"),
            ));
        }
        let lambda = call
            .args
            .iter()
            .any(|arg| matches!(arg.node, Node::Lambda { .. }));
        if lambda || (LAMBDAS.contains(&name) && !FUNCTIONS.contains_key(name)) {
            return self.higher(call, span);
        }
        if let Some((_, least, most, usage)) = FORMS.iter().find(|form| form.0 == name) {
            self.count(call.args.len(), (*least, *most), usage, call.name_span)?;
            return self.form(call, span);
        }
        self.known(name, call.name_span)?;
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(self.part(arg)?);
        }
        let names = call.args.iter().map(|arg| match &arg.node {
            Node::Column(name) | Node::Field(_, name) => Some(name.clone()),
            _ => None,
        });
        let names: Vec<Option<String>> = names.collect();
        self.function_of(name, args, &names, call.name_span, span)
    }

    /// Refuses a name that is no scalar function.
    pub(super) fn known(&self, name: &str, span: Span) -> Result<(), SyntaxError> {
        if FUNCTIONS.contains_key(name) {
            return Ok(());
        }
        let message = match name {
            "window" => "window(…) groups rows: use it in `st-agg --by`, or put st-window before".to_owned(),
            "session_window" => "session_window(…) groups rows: use it in `st-agg --by`, or put st-window --session before".to_owned(),
            _ if GENERATORS.contains(&name) => format!("{name} makes rows, so it stands alone: `{name}(…) as name` in --select or --set"),
            _ if AGGREGATES.contains(&name) => format!("{name} is an aggregate, which needs groups: use it in `st-agg --agg`"),
            _ => match suggest(name, names().chain(AGGREGATES).chain(GENERATORS)) {
                Some(near) => format!("no function {name}: did you mean {near}?"),
                None => format!("no function {name}"),
            },
        };
        Err(self.error(span, message))
    }

    /// Refuses a wrong number of arguments.
    pub(super) fn count(
        &self,
        count: usize,
        (least, most): (usize, usize),
        usage: &str,
        span: Span,
    ) -> Result<(), SyntaxError> {
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let wanted = match (least, most) {
            (0, 0) => "no argument".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(self.error(span, format!("it takes {wanted}, not {count}: {usage}")))
    }

    /// A call of a function of the table.
    pub(super) fn function(
        &mut self,
        name: &str,
        args: Vec<Part>,
        name_span: Span,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        self.function_of(name, args, &[], name_span, span)
    }

    /// The same; `names` are those of arguments that are columns or members.
    fn function_of(
        &mut self,
        name: &str,
        args: Vec<Part>,
        names: &[Option<String>],
        name_span: Span,
        span: Span,
    ) -> Result<Part, SyntaxError> {
        self.known(name, name_span)?;
        let Some(function) = FUNCTIONS.get(name).copied() else {
            return Err(self.error(name_span, format!("no function {name}")));
        };
        self.count(args.len(), function.arity, function.usage, name_span)?;
        let args = self.arguments(function, args)?;
        let constant = !args.is_empty() && args.iter().all(|arg| arg.op.constant().is_some());
        let types: Vec<Type> = args.iter().map(|arg| arg.kind.clone()).collect();
        let constants: Vec<Option<Value<'static>>> =
            args.iter().map(|arg| arg.op.constant().cloned()).collect();
        let bound = function.bind(&function::Call {
            types: &types,
            constants: &constants,
            names,
            zone: self.zone,
        });
        let (kind, body) =
            bound.map_err(|message| self.error(span, format!("{name}: {message}")))?;
        let args = args.into_iter().map(|arg| arg.op).collect();
        let call = eval::Call {
            name: name.to_owned(),
            body,
            args,
            takes_null: function.takes_null,
        };
        Ok(self.folded(Op::Call(Box::new(call)), kind, span, constant))
    }

    /// Makes the arguments what the parameters want.
    fn arguments(&self, function: &Function, args: Vec<Part>) -> Result<Vec<Part>, SyntaxError> {
        let shared: Vec<&Type> = args
            .iter()
            .enumerate()
            .filter(|(i, _)| matches!(function.param(*i), Param::Common))
            .map(|(_, arg)| &arg.kind)
            .collect();
        let common = crate::coercion::common_of(shared.iter().copied());
        let mut fit = Vec::new();
        for (i, arg) in args.into_iter().enumerate() {
            let unfit = |wanted: &str| {
                let message = format!(
                    "{wanted} is wanted here, not {}: {}",
                    arg.kind, function.usage
                );
                Err(self.error(arg.span, message))
            };
            let adapt = |arg: Part, how: Adapt| Part {
                op: Op::Adapt(Box::new(arg.op), how),
                ..arg
            };
            let part = match (function.param(i), &arg.kind) {
                (Param::Any, _) | (_, Type::Null) => arg,
                (Param::To(kind), have) if have == kind => arg,
                (Param::To(kind), have) => {
                    match have.is_nested() || !crate::cast::castable(have, kind) {
                        true => return unfit(&kind.to_string()),
                        false => self.cast(arg, kind),
                    }
                }
                (Param::Bytes, Type::String | Type::Binary) => arg,
                (Param::Bytes, Type::Any) => adapt(arg, Adapt::Bytes),
                (Param::Bytes, have) if have.is_nested() => return unfit("text or binary"),
                (Param::Bytes, _) => self.cast(arg, &Type::String),
                (Param::Number, have) if have.is_numeric() => arg,
                (Param::Number, Type::Any) => adapt(arg, Adapt::Number),
                (Param::Number, Type::String) => self.cast(arg, &Type::Double),
                (Param::Number, _) => return unfit("a number"),
                (Param::Common, _) => match &common {
                    Some(kind) => self.cast(arg, kind),
                    None => return unfit("the type of the other arguments"),
                },
                (Param::Array, Type::Array(_) | Type::Any) => arg,
                (Param::Array, _) => return unfit("an array"),
                (Param::Map, Type::Map(..)) => arg,
                (Param::Map, Type::Any) => adapt(arg, Adapt::Map),
                (Param::Map, _) => return unfit("a map"),
                (Param::Struct, Type::Struct(_) | Type::Any) => arg,
                (Param::Struct, _) => return unfit("a struct"),
            };
            fit.push(part);
        }
        Ok(fit)
    }
}
