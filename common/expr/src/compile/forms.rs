//! The functions that the evaluator knows itself: they do not evaluate what they do not need, or read the environment. And
//! the names that are no scalar functions, for messages.

use super::calls::FUNCTIONS;
use super::{Compiler, Part};
use crate::ast::{Ast, Binary, Call};
use crate::error::{Span, SyntaxError};
use crate::eval::arithmetic::Flavour;
use crate::eval::{Op, Random};
use crate::{Type, Value};

/// The functions known here rather than in the table, with their usage.
pub(super) const FORMS: [(&str, usize, usize, &str); 24] = [
    ("coalesce", 1, usize::MAX, "coalesce(value, …)"),
    ("nvl", 2, 2, "nvl(value, otherwise)"),
    ("ifnull", 2, 2, "ifnull(value, otherwise)"),
    ("nvl2", 3, 3, "nvl2(value, if_not_null, if_null)"),
    ("if", 3, 3, "if(condition, then, else)"),
    ("iff", 3, 3, "iff(condition, then, else)"),
    ("when", 2, usize::MAX, "when(condition, then, …, else)"),
    ("mod", 2, 2, "mod(number, divisor)"),
    ("pmod", 2, 2, "pmod(number, divisor)"),
    ("try_add", 2, 2, "try_add(a, b)"),
    ("try_subtract", 2, 2, "try_subtract(a, b)"),
    ("try_multiply", 2, 2, "try_multiply(a, b)"),
    ("try_divide", 2, 2, "try_divide(a, b)"),
    ("try_mod", 2, 2, "try_mod(a, b)"),
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

pub(super) const LAMBDAS: [&str; 12] = [
    "transform",
    "filter",
    "exists",
    "forall",
    "aggregate",
    "reduce",
    "zip_with",
    "array_sort",
    "map_filter",
    "map_zip_with",
    "transform_keys",
    "transform_values",
];

pub(super) const GENERATORS: [&str; 7] = [
    "explode",
    "explode_outer",
    "posexplode",
    "posexplode_outer",
    "inline",
    "inline_outer",
    "stack",
];

pub(super) const AGGREGATES: [&str; 57] = [
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

/// All names of aggregates and of functions that make rows, in no order.
pub fn others() -> impl Iterator<Item = &'static str> {
    AGGREGATES.into_iter().chain(GENERATORS)
}

impl Compiler {
    /// A form the evaluator knows: it does not evaluate what it does not need, or reads the environment.
    pub(super) fn form(&mut self, call: &Call, span: Span) -> Result<Part, SyntaxError> {
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
            (
                "mod" | "pmod" | "try_add" | "try_subtract" | "try_multiply" | "try_divide"
                | "try_mod",
                [a, b],
            ) => {
                let (a, b) = (self.part(a)?, self.part(b)?);
                let operator = match call.name.as_str() {
                    "try_add" => Binary::Add,
                    "try_subtract" => Binary::Subtract,
                    "try_multiply" => Binary::Multiply,
                    "try_divide" => Binary::Divide,
                    _ => Binary::Remainder,
                };
                let flavour = match call.name.as_str() {
                    "mod" => Flavour::Operator,
                    "pmod" => Flavour::Positive,
                    _ => Flavour::Quiet,
                };
                self.arithmetic(operator, flavour, a, b, span)
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
}
