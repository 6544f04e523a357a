//! Calls: the forms the evaluator knows itself, functions with a lambda, and the table of scalar functions.

use super::{Compiler, Part};
use crate::ast::{Ast, Call, Node};
use crate::error::{Span, SyntaxError};
use crate::eval::higher::{self, Higher, Kind};
use crate::eval::{self, Adapt, Op, Random};
use crate::function::{self, Function, Param};
use crate::{Type, Value, functions, suggest};
use std::collections::HashMap;
use std::sync::LazyLock;

static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    functions::all()
        .flat_map(|f| f.names.iter().map(move |name| (*name, f)))
        .collect()
});

/// The functions known here rather than in the table, with their usage.
const FORMS: [(&str, usize, usize, &str); 17] = [
    ("coalesce", 1, usize::MAX, "coalesce(value, …)"),
    ("nvl", 2, 2, "nvl(value, otherwise)"),
    ("ifnull", 2, 2, "ifnull(value, otherwise)"),
    ("nvl2", 3, 3, "nvl2(value, if_not_null, if_null)"),
    ("if", 3, 3, "if(condition, then, else)"),
    ("iff", 3, 3, "iff(condition, then, else)"),
    ("when", 2, usize::MAX, "when(condition, then, …, else)"),
    ("current_timestamp", 0, 0, "current_timestamp()"),
    ("now", 0, 0, "now()"),
    ("localtimestamp", 0, 0, "localtimestamp()"),
    ("current_date", 0, 0, "current_date()"),
    ("curdate", 0, 0, "curdate()"),
    ("rand", 0, 1, "rand([seed])"),
    ("random", 0, 1, "random([seed])"),
    ("randn", 0, 1, "randn([seed])"),
    ("uuid", 0, 1, "uuid()"),
    ("current_timezone", 0, 0, "current_timezone()"),
];

const LAMBDAS: [&str; 11] = [
    "transform",
    "filter",
    "exists",
    "forall",
    "aggregate",
    "reduce",
    "zip_with",
    "array_sort",
    "map_filter",
    "transform_keys",
    "transform_values",
];

const GENERATORS: [&str; 7] = [
    "explode",
    "explode_outer",
    "posexplode",
    "posexplode_outer",
    "inline",
    "inline_outer",
    "stack",
];

const AGGREGATES: [&str; 58] = [
    "count",
    "count_if",
    "sum",
    "try_sum",
    "avg",
    "mean",
    "try_avg",
    "min",
    "max",
    "min_by",
    "max_by",
    "first",
    "first_value",
    "last",
    "last_value",
    "any_value",
    "collect_list",
    "array_agg",
    "collect_set",
    "listagg",
    "string_agg",
    "approx_count_distinct",
    "stddev",
    "std",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "skewness",
    "kurtosis",
    "corr",
    "covar_pop",
    "covar_samp",
    "percentile",
    "percentile_approx",
    "approx_percentile",
    "percentile_cont",
    "percentile_disc",
    "median",
    "mode",
    "bool_and",
    "every",
    "bool_or",
    "some",
    "any",
    "bit_and",
    "bit_or",
    "bit_xor",
    "histogram_numeric",
    "regr_count",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "regr_slope",
    "regr_intercept",
];

/// All names of scalar functions, in no order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS
        .keys()
        .copied()
        .chain(FORMS.iter().map(|form| form.0))
        .chain(LAMBDAS)
}

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
        self.function(name, args, call.name_span, span)
    }

    /// Refuses a name that is no scalar function.
    fn known(&self, name: &str, span: Span) -> Result<(), SyntaxError> {
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

    /// A form the evaluator knows: it does not evaluate what it does not need, or reads the environment.
    fn form(&mut self, call: &Call, span: Span) -> Result<Part, SyntaxError> {
        let part = |op: Op, kind: Type| Ok(Part { op, kind, span });
        let args = call.args.as_slice();
        match (call.name.as_str(), args) {
            ("coalesce" | "nvl" | "ifnull", args) => {
                let mut parts = Vec::new();
                for arg in args {
                    parts.push(self.part(arg)?);
                }
                let (parts, kind) = self.unified(parts)?;
                part(
                    Op::Coalesce(parts.into_iter().map(|part| part.op).collect()),
                    kind,
                )
            }
            ("nvl2", [value, then, otherwise]) => {
                let value = self.part(value)?;
                let results = vec![self.part(then)?, self.part(otherwise)?];
                let (results, kind) = self.unified(results)?;
                let mut results = results.into_iter().map(|part| part.op);
                let branch = results
                    .next()
                    .map(|then| (Op::IsNull(Box::new(value.op), true), then));
                part(
                    Op::Case(branch.into_iter().collect(), results.next().map(Box::new)),
                    kind,
                )
            }
            ("if" | "iff", [when, then, otherwise]) => {
                self.case(None, &[(when.clone(), then.clone())], Some(otherwise), span)
            }
            ("when", args) => {
                let branches: Vec<(Ast, Ast)> = args
                    .chunks_exact(2)
                    .map(|pair| (pair[0].clone(), pair[1].clone()))
                    .collect();
                let otherwise = if args.len() % 2 == 1 {
                    args.last()
                } else {
                    None
                };
                self.case(None, &branches, otherwise, span)
            }
            ("current_date" | "curdate", _) => part(Op::Today, Type::Date),
            ("current_timezone", _) => part(
                Op::Constant(Value::String(self.zone.to_string().into())),
                Type::String,
            ),
            ("rand" | "random", args) => {
                let site = self.site(args.first())?;
                part(Op::Random(Random::Uniform, site), Type::Double)
            }
            ("randn", args) => {
                let site = self.site(args.first())?;
                part(Op::Random(Random::Normal, site), Type::Double)
            }
            ("uuid", args) => {
                let site = self.site(args.first())?;
                part(Op::Random(Random::Uuid, site), Type::String)
            }
            _ => part(Op::Now, Type::Timestamp),
        }
    }

    /// The number of a call of chance, with its seed.
    fn site(&mut self, seed: Option<&Ast>) -> Result<u64, SyntaxError> {
        self.sites += 1;
        let Some(seed) = seed else {
            return Ok(self.sites << 32);
        };
        let part = self.part(seed)?;
        match part.op.constant() {
            // The same seed gives the same numbers, wherever the call stands.
            Some(Value::Integer(seed)) => Ok((*seed as u64) ^ 0x5eed),
            _ => Err(self.error(
                part.span,
                "the seed is a whole number, the same for all rows",
            )),
        }
    }

    /// A call with a lambda.
    fn higher(&mut self, call: &Call, span: Span) -> Result<Part, SyntaxError> {
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
            Kind::MapFilter | Kind::TransformKeys | Kind::TransformValues
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
                let (finish, _) = self.lambda(finish, &[body.kind.clone()], 1..=1, usage)?;
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
