//! The query compiled against the columns of a stream: what is read from each row, and what each group gives.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, anyhow};
use st_expr::{Ast, Columns, Compiled, Compiler, Order, Schema, SyntaxError, Type};
use st_row::Fields;
use st_stream::{Start, cli};
use st_time::Zone;

use crate::aggregates::State;
use crate::bind::{bind, cast_to};
use crate::query::{Query, slot, slot_of};
use crate::timing::{RowColumns, Timed, Timing, window_type};

/// What is done with rows and groups.
pub struct Plan {
    /// The fields that a row is scanned for.
    pub fields: Fields,
    /// The key columns.
    pub keys: Vec<KeyColumn>,
    /// The keys are columns as they stand: reading them fails nowhere and depends on nothing but the row.
    pub plain_keys: bool,
    /// A group only counts its rows, and equal rows belong to one group, whatever the time.
    pub only_counts: bool,
    /// Rows belong to several windows each, and may be aggregated apart and then merged into them in any order.
    pub gathers: bool,
    /// How groups stand in time.
    pub timing: Timing,
    /// The watermark closes groups; only where it bounds a key.
    pub bounded: bool,
    /// What is evaluated for each row, for all aggregates without a filter.
    pub inputs: Vec<Compiled>,
    /// What each aggregate takes.
    pub aggregates: Vec<Input>,
    /// The state of each aggregate in a new group.
    pub empty: Vec<State>,
    /// The type of each aggregate's result.
    pub results: Vec<Type>,
    /// The output columns behind the keys.
    pub outputs: Vec<OutputColumn>,
    /// The keys of `--order-by`, over the output columns.
    pub order: Vec<(Order, Compiled)>,
    /// The types of the output columns, where they are known.
    pub schema: Schema,
}

/// One key column.
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Its value; none for the window, which is not part of the encoded key.
    pub expr: Option<Compiled>,
}

/// What an aggregate takes from a row.
pub enum Input {
    /// These of the plan's inputs.
    Shared(Range<usize>),
    /// Where the condition is true, the values of these.
    Filtered(Compiled, Vec<Compiled>),
}

/// What an output column shows.
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: OutputValue,
}

/// Where an output column's value comes from.
pub enum OutputValue {
    /// The result of an aggregate.
    Result(usize),
    /// An expression over the keys and all results.
    Computed(Compiled),
}

impl Plan {
    /// Compiles the query for the stream that `start` announces.
    pub fn new(query: &Query, start: &Start, zone: Zone) -> Result<Plan> {
        let schema = Schema::parse(&start.schema)
            .map_err(|error| anyhow!("start marker: schema: {error}"))?;
        let mut columns = RowColumns::new(start, schema, zone);
        let by = |error: SyntaxError| cli::usage(format!("--by: {error}"));
        let agg = |error: SyntaxError| cli::usage(format!("--agg: {error}"));
        let order_by = |error: SyntaxError| cli::usage(format!("--order-by: {error}"));

        let mut plan = Plan {
            fields: Fields::default(),
            keys: Vec::new(),
            plain_keys: false,
            only_counts: false,
            gathers: false,
            timing: Timing::Untimed,
            bounded: false,
            inputs: Vec::new(),
            aggregates: Vec::new(),
            empty: Vec::new(),
            results: Vec::new(),
            outputs: Vec::new(),
            order: Vec::new(),
            schema: Schema::default(),
        };
        plan.keys(query, &mut columns).map_err(by)?;
        plan.aggregates(query, &mut columns.compiler).map_err(agg)?;
        plan.fields = columns.compiler.columns.fields().clone();
        plan.only_counts = plan.plain_keys
            && matches!(plan.timing, Timing::Untimed)
            && plan.empty.iter().all(State::is_count)
            && plan
                .aggregates
                .iter()
                .all(|input| matches!(input, Input::Shared(args) if args.is_empty()));
        plan.gathers = matches!(plan.timing, Timing::Windows(_, windows) if windows.slide < windows.size)
            && plan.empty.iter().all(State::merges_in_any_order);
        let kinds = plan.outputs(query, zone).map_err(agg)?;
        for (name, kind) in query
            .names()
            .zip(&kinds)
            .filter(|(_, kind)| !kind.is_open())
        {
            plan.schema.set(name, kind.clone());
        }
        let mut compiler = Compiler::new(Columns::of_values(query.names().zip(kinds)), zone);
        for key in &query.order {
            let expr = compiler
                .compile(&key.expr, &query.order_text)
                .map_err(order_by)?;
            plan.order.push((key.clone(), expr));
        }
        Ok(plan)
    }

    /// The number of the key column that is the groups' event time.
    pub fn time_key(&self) -> Option<usize> {
        match self.timing {
            Timing::Time(key) => Some(key),
            _ => None,
        }
    }

    fn keys(&mut self, query: &Query, columns: &mut RowColumns<'_>) -> Result<(), SyntaxError> {
        let timed = columns.timed(&query.keys)?;
        let window = timed
            .as_ref()
            .filter(|timed| !matches!(timed.timing, Timing::Time(_)))
            .map(|timed| timed.key);
        for (number, key) in query.keys.iter().enumerate() {
            let (kind, expr) = if window == Some(number) {
                (window_type(), None)
            } else {
                let time = matches!(&timed, Some(Timed { key, timing: Timing::Time(_), .. }) if *key == number);
                let mut ast = key.expr.clone();
                if time && columns.compiler.compile(&ast, &key.text)?.kind() != &Type::Timestamp {
                    // Two spellings of an instant are one group.
                    ast = cast_to(&ast, Some(&Type::Timestamp), false);
                }
                let expr = columns.compiler.compile(&ast, &key.text)?;
                if let Type::Map(..) = expr.kind() {
                    let message = format!(
                        "`{}` is a map, and maps are not grouped by: map_entries(…) gives an array",
                        key.source
                    );
                    return Err(SyntaxError::at(&key.text, key.expr.span, message));
                }
                (expr.kind().clone(), Some(expr))
            };
            self.keys.push(KeyColumn {
                name: key.name.clone(),
                kind,
                expr,
            });
        }
        let mut valued = self.keys.iter().filter_map(|key| key.expr.as_ref());
        self.plain_keys = valued.all(|expr| expr.field().is_some());
        if let Some(timed) = timed {
            self.timing = timed.timing;
            self.bounded = timed.bounded;
        }
        Ok(())
    }

    /// Compiles the aggregates.
    fn aggregates(&mut self, query: &Query, compiler: &mut Compiler) -> Result<(), SyntaxError> {
        let mut shared: HashMap<String, Range<usize>> = HashMap::new();
        for aggregate in &query.aggregates {
            let bound = bind(aggregate, compiler)?;
            let mut exprs = Vec::new();
            for (ast, cast) in &bound.inputs {
                let ast = cast_to(ast, cast.as_ref(), bound.hashed);
                exprs.push(compiler.compile(&ast, &aggregate.text)?);
            }
            let input = match &aggregate.call.filter {
                Some(filter) => {
                    Input::Filtered(compiler.condition(filter, &aggregate.text)?, exprs)
                }
                None => {
                    // The same arguments are evaluated once for all who take them.
                    let text = |(ast, cast): &(Ast, Option<Type>)| {
                        format!(
                            "{}\0{cast:?}\0{}",
                            &aggregate.text[ast.span.start..ast.span.end],
                            bound.hashed
                        )
                    };
                    let texts: Vec<String> = bound.inputs.iter().map(text).collect();
                    let range = shared.entry(texts.join("\0")).or_insert_with(|| {
                        let first = self.inputs.len();
                        self.inputs.extend(exprs);
                        first..self.inputs.len()
                    });
                    Input::Shared(range.clone())
                }
            };
            self.aggregates.push(input);
            self.empty.push(bound.empty);
            self.results.push(bound.kind);
        }
        Ok(())
    }

    /// Compiles the output columns; returns the types of all columns, keys first.
    fn outputs(&mut self, query: &Query, zone: Zone) -> Result<Vec<Type>, SyntaxError> {
        let keys = self
            .keys
            .iter()
            .map(|key| (key.name.clone(), key.kind.clone()));
        let slots = self
            .results
            .iter()
            .enumerate()
            .map(|(number, kind)| (slot(number), kind.clone()));
        let values: Vec<(String, Type)> = keys.chain(slots).collect();
        let columns = Columns::of_values(
            values
                .iter()
                .map(|(name, kind)| (name.as_str(), kind.clone())),
        );
        let mut compiler = Compiler::new(columns, zone);
        let mut kinds: Vec<Type> = self.keys.iter().map(|key| key.kind.clone()).collect();
        for output in &query.outputs {
            let (value, kind) = match output.expr.column().and_then(slot_of) {
                Some(number) => (OutputValue::Result(number), self.results[number].clone()),
                None => {
                    let expr = compiler.compile(&output.expr, &output.text)?;
                    let kind = expr.kind().clone();
                    (OutputValue::Computed(expr), kind)
                }
            };
            kinds.push(kind);
            self.outputs.push(OutputColumn {
                name: output.name.clone(),
                value,
            });
        }
        Ok(kinds)
    }
}
