//! The query compiled against the columns of a stream: what is read from each row, and what each group gives.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, anyhow};
use st_expr::ast::{self, Node};
use st_expr::{Ast, Columns, Compiled, Compiler, Field, Order, Schema, SyntaxError, Type, Value};
use st_row::Fields;
use st_stream::{Bound, Start, cli};
use st_time::Zone;

use crate::aggregates::{self, State};
use crate::event_time::{EventTime, Windows};
use crate::query::{Aggregate, Form, Key, Query, Time, last_moment, slot, slot_of};

/// What is done with rows and groups.
pub struct Plan {
    /// The fields that a row is scanned for.
    pub fields: Fields,
    /// The key columns.
    pub keys: Vec<KeyColumn>,
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

/// How groups stand in time.
pub enum Timing {
    /// A group may always get more rows.
    Untimed,
    /// The key column of that number is an event time.
    Time(usize),
    /// Windows that a moment falls into.
    Windows(EventTime, Windows),
    /// The field holds a window made upstream.
    Given(usize),
    /// Sessions: of the event time, and the gap after it.
    Sessions(EventTime, Compiled),
    /// The field holds the row's own session, made upstream, to be merged.
    GivenSessions(usize),
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

/// The type of a window column.
pub fn window_type() -> Type {
    let part = |name: &str| Field {
        name: name.to_string(),
        kind: Type::Timestamp,
    };
    Type::Struct(vec![part("start"), part("end")])
}

fn is_window(kind: &Type) -> bool {
    matches!(kind, Type::Struct(parts) if matches!(parts.as_slice(), [a, b] if a.name == "start" && b.name == "end"))
}

/// Which key is the group's window or time.
struct Timed {
    key: usize,
    timing: Timing,
    bounded: bool,
}

impl Plan {
    /// Compiles the query for the stream that `start` announces.
    pub fn new(query: &Query, start: &Start, zone: Zone) -> Result<Plan> {
        let schema = Schema::parse(&start.schema)
            .map_err(|error| anyhow!("start marker: schema: {error}"))?;
        let sessions: Vec<&str> = match start
            .rest
            .get("sessions")
            .and_then(|columns| columns.as_array())
        {
            Some(columns) => columns
                .iter()
                .filter_map(|column| column.as_str())
                .collect(),
            None => Vec::new(),
        };
        let mut columns = RowColumns {
            compiler: Compiler::new(Columns::new(schema.clone()), zone),
            start,
            schema,
            sessions,
        };
        let by = |error: SyntaxError| cli::usage(format!("--by: {error}"));
        let agg = |error: SyntaxError| cli::usage(format!("--agg: {error}"));
        let order_by = |error: SyntaxError| cli::usage(format!("--order-by: {error}"));

        let mut plan = Plan {
            fields: Fields::default(),
            keys: Vec::new(),
            timing: Timing::Untimed,
            bounded: false,
            inputs: Vec::new(),
            aggregates: Vec::new(),
            empty: Vec::new(),
            outputs: Vec::new(),
            order: Vec::new(),
            schema: Schema::default(),
        };
        plan.keys(query, &mut columns).map_err(by)?;
        let results = plan.aggregates(query, &mut columns.compiler).map_err(agg)?;
        plan.fields = columns.compiler.columns.fields().clone();
        let kinds = plan.outputs(query, results, zone).map_err(agg)?;
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
        // One key at most stands for the group's place in time: a window if there is one, else the first bounded time.
        let mut timed: Option<Timed> = None;
        for (number, key) in query.keys.iter().enumerate() {
            if let Some(found) = columns.window(key)? {
                timed = Some(Timed {
                    key: number,
                    ..found
                });
                break;
            }
        }
        if timed.is_none() {
            let time = query.keys.iter().position(|key| columns.bounded_time(key));
            timed = time.map(|key| Timed {
                key,
                timing: Timing::Time(key),
                bounded: true,
            });
        }
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
        if let Some(timed) = timed {
            self.timing = timed.timing;
            self.bounded = timed.bounded;
        }
        Ok(())
    }

    /// Compiles the aggregates; returns the types of their results.
    fn aggregates(
        &mut self,
        query: &Query,
        compiler: &mut Compiler,
    ) -> Result<Vec<Type>, SyntaxError> {
        let mut shared: HashMap<String, Range<usize>> = HashMap::new();
        let mut results = Vec::new();
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
            results.push(bound.kind);
        }
        Ok(results)
    }

    /// Compiles the output columns; returns the types of all columns, keys first.
    fn outputs(
        &mut self,
        query: &Query,
        results: Vec<Type>,
        zone: Zone,
    ) -> Result<Vec<Type>, SyntaxError> {
        let keys = self
            .keys
            .iter()
            .map(|key| (key.name.clone(), key.kind.clone()));
        let slots = results
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
                Some(number) => (OutputValue::Result(number), results[number].clone()),
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

/// The columns of the rows, and what is known of them in time.
struct RowColumns<'s> {
    compiler: Compiler,
    start: &'s Start,
    schema: Schema,
    /// Columns that hold sessions to be merged.
    sessions: Vec<&'s str>,
}

impl RowColumns<'_> {
    fn bound(&self, column: &str) -> Option<Bound> {
        self.start.bound(column).map(|(_, bound)| bound)
    }

    fn field(&mut self, column: &str) -> Result<usize, SyntaxError> {
        self.compiler.columns.find(column)?;
        self.compiler
            .columns
            .fields()
            .position(column)
            .ok_or_else(|| SyntaxError::plain("no such field"))
    }

    /// The timing that a key gives its groups, if it is a window.
    fn window(&mut self, key: &Key) -> Result<Option<Timed>, SyntaxError> {
        let (timing, bounded) = match (&key.form, &key.column) {
            (Form::Value, Some(Time::Column(column))) => {
                let bounded = self.bound(column) == Some(Bound::Window);
                if self.sessions.contains(&column.as_str()) {
                    (Timing::GivenSessions(self.field(column)?), bounded)
                } else if bounded {
                    (Timing::Given(self.field(column)?), bounded)
                } else {
                    return Ok(None);
                }
            }
            (Form::Value, _) => return Ok(None),
            (Form::Window(windows), _) => (
                Timing::Windows(self.event_time(key)?, *windows),
                self.bounded_time(key),
            ),
            (Form::Session(gap), _) => {
                let time = self.event_time(key)?;
                (
                    Timing::Sessions(time, self.compiler.compile(gap, &key.text)?),
                    self.bounded_time(key),
                )
            }
        };
        Ok(Some(Timed {
            key: 0,
            timing,
            bounded,
        }))
    }

    /// True if the time that a key is, or that its windows are of, is bounded by a watermark.
    fn bounded_time(&self, key: &Key) -> bool {
        match &key.column {
            Some(Time::Column(column)) => match self.bound(column) {
                Some(Bound::Time) => true,
                // The windows of windows.
                Some(Bound::Window) => !matches!(key.form, Form::Value),
                None => false,
            },
            Some(Time::Last(column)) => self.bound(column) == Some(Bound::Window),
            None => false,
        }
    }

    fn event_time(&mut self, key: &Key) -> Result<EventTime, SyntaxError> {
        let mut time = key.expr.clone();
        let window = time.column().is_some_and(|column| {
            self.bound(column) == Some(Bound::Window)
                || self.schema.kind(column).is_some_and(is_window)
        });
        if window {
            time.node = last_moment(&key.expr, key.expr.span);
        }
        let text = key
            .text
            .get(key.expr.span.start..key.expr.span.end)
            .unwrap_or_default()
            .to_string();
        let expr = self.compiler.compile(&time, &key.text)?;
        let fits = |kind: &Type| {
            kind.is_open() || matches!(kind, Type::Timestamp | Type::Date | Type::String)
        };
        if !fits(expr.kind()) {
            let message = format!(
                "an event time is a TIMESTAMP, not {}: timestamp_millis({text}) makes it one",
                expr.kind()
            );
            return Err(SyntaxError::at(&key.text, key.expr.span, message));
        }
        Ok(EventTime::new(expr, text))
    }
}

/// A bound aggregate, and the expressions whose values it takes, with the types they are cast to.
struct BoundAggregate {
    inputs: Vec<(Ast, Option<Type>)>,
    hashed: bool,
    kind: Type,
    empty: State,
}

fn bind(aggregate: &Aggregate, compiler: &mut Compiler) -> Result<BoundAggregate, SyntaxError> {
    let call = &aggregate.call;
    let at = |message: String| SyntaxError::at(&aggregate.text, call.name_span, message);
    let Some(function) = aggregates::find(&call.name) else {
        return Err(at(format!("no aggregate {}", call.name)));
    };
    let star = matches!(
        call.args.as_slice(),
        [Ast {
            node: Node::Star,
            ..
        }]
    );
    if star && call.name != "count" {
        return Err(at(format!(
            "{}(*) means nothing: {}",
            call.name, function.usage
        )));
    }
    let given = call.args.len();
    let (fewest, most) = function.arity;
    if given < fewest || given > most || given == 0 && call.name == "count" {
        return Err(at(format!(
            "{} is called so: {}",
            call.name, function.usage
        )));
    }
    let args: &[Ast] = if star { &[] } else { &call.args };
    let (types, constants) = compile_all(args.iter(), compiler, &aggregate.text)?;
    let order: &[Order] = &call.order;
    if !order.is_empty()
        && !function.usage.contains("within group")
        && function.names[0] != "listagg"
    {
        return Err(at(format!(
            "{} has no order: drop `within group (…)`",
            call.name
        )));
    }
    let (order_types, _) =
        compile_all(order.iter().map(|key| &key.expr), compiler, &aggregate.text)?;
    let bound = (function.bind)(&aggregates::Call {
        types: &types,
        constants: &constants,
        ignore_nulls: call.ignore_nulls.unwrap_or(false),
        order,
        order_types: &order_types,
    })
    .map_err(|message| at(format!("{} {message}: {}", call.name, function.usage)))?;
    let mut inputs: Vec<(Ast, Option<Type>)> = Vec::new();
    for (index, arg) in args.iter().take(bound.args).enumerate() {
        let cast = bound
            .casts
            .get(index)
            .cloned()
            .flatten()
            .filter(|kind| *kind != types[index]);
        inputs.push((arg.clone(), cast));
    }
    inputs.extend(order.iter().map(|key| (key.expr.clone(), None)));
    Ok(BoundAggregate {
        inputs,
        hashed: bound.hashed,
        kind: bound.kind,
        empty: bound.empty,
    })
}

type Compilation = (Vec<Type>, Vec<Option<Value<'static>>>);

/// The types of some expressions, and the values of those that are constants.
fn compile_all<'a>(
    asts: impl Iterator<Item = &'a Ast>,
    compiler: &mut Compiler,
    text: &str,
) -> Result<Compilation, SyntaxError> {
    let compiled = asts
        .map(|ast| compiler.compile(ast, text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(compiled
        .iter()
        .map(|expr| (expr.kind().clone(), expr.constant().cloned()))
        .unzip())
}

/// The expression whose value an aggregate takes.
fn cast_to(ast: &Ast, kind: Option<&Type>, hashed: bool) -> Ast {
    let span = ast.span;
    let part = |node| Ast { node, span };
    let call = |name: &str, args| {
        let name = name.to_string();
        let call = ast::Call {
            name,
            name_span: span,
            args,
            distinct: false,
            filter: None,
            order: vec![],
            ignore_nulls: None,
        };
        part(Node::Call(call))
    };
    match kind {
        _ if hashed => {
            // The hash of null is a number too, and null is not to be counted.
            let null = part(Node::Literal(Value::Null, Type::Null));
            let is_null = part(Node::Is {
                value: Box::new(ast.clone()),
                truth: None,
                negated: false,
            });
            call(
                "if",
                vec![is_null, null, call("xxhash64", vec![ast.clone()])],
            )
        }
        Some(kind) => part(Node::Cast {
            value: Box::new(ast.clone()),
            kind: kind.clone(),
            quiet: false,
        }),
        None => ast.clone(),
    }
}
