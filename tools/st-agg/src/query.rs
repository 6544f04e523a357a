//! What the user asked for: the lists of `--by`, `--agg` and `--order-by`, taken apart before a row is seen.
//!
//! Aggregate calls are cut out of the output expressions and numbered; what is left of each expression reads their results
//! and the keys by name.

use anyhow::Result;
use st_expr::ast::{Binary, Call, Node};
use st_expr::error::Span;
use st_expr::{
    Ast, Interval, Item, Order, SyntaxError, Type, Value, functions, parse_list, parse_order,
    suggest,
};
use st_stream::{Mode, cli};
use st_time::Duration;

use crate::aggregates;
use crate::args::Arguments;
use crate::event_time::Windows;

/// The query of one `st-agg`.
pub struct Query {
    /// What rows are grouped by.
    pub keys: Vec<Key>,
    /// Every aggregate call, once.
    pub aggregates: Vec<Aggregate>,
    /// The columns behind the keys.
    pub outputs: Vec<Output>,
    /// `--order-by`, and its text.
    pub order: Vec<Order>,
    /// The text of `--order-by`.
    pub order_text: String,
    /// `--limit`
    pub limit: Option<usize>,
    /// `--mode`
    pub mode: Mode,
}

/// One key column.
pub struct Key {
    /// Its name in the output.
    pub name: String,
    /// What it is.
    pub form: Form,
    /// The expression; of a window, its event time.
    pub expr: Ast,
    /// The column whose time that expression is, if it is as simple as that: only such a key can be bounded.
    pub column: Option<Time>,
    /// The expression as written.
    pub source: String,
    /// The whole list, for messages.
    pub text: String,
}

/// A column, or the last moment of the window in it.
pub enum Time {
    /// `column`
    Column(String),
    /// `window_time(column)`
    Last(String),
}

/// The forms a key has.
pub enum Form {
    /// The value of the expression.
    Value,
    /// `window(…)`
    Window(Windows),
    /// `session_window(time, gap)`
    Session(Ast),
}

/// One aggregate call.
pub struct Aggregate {
    /// The call.
    pub call: Call,
    /// As written.
    pub source: String,
    /// The list it was written in, for messages.
    pub text: String,
}

/// One output column.
pub struct Output {
    /// Its name.
    pub name: String,
    /// What is left when aggregates are numbered: [`slot`] columns and keys.
    pub expr: Ast,
    /// The whole list, for messages.
    pub text: String,
}

/// The column by which an output expression reads the result of an aggregate. No user can write this name by accident.
pub fn slot(aggregate: usize) -> String {
    format!("\u{1}{aggregate}")
}

/// The number of the aggregate that a column stands for.
pub fn slot_of(column: &str) -> Option<usize> {
    column.strip_prefix('\u{1}')?.parse().ok()
}

impl Query {
    /// Takes the lists apart. Errors are of the command line: a syntax error, an unknown aggregate, a column that is neither
    /// a key nor aggregated.
    pub fn parse(arguments: &Arguments) -> Result<Query> {
        let mode = arguments.mode();
        if mode != Mode::Complete {
            // Before anything else of them is wrong.
            let given = if arguments.order_by.is_some() {
                Some("--order-by")
            } else {
                arguments.limit.map(|_| "--limit")
            };
            if let Some(option) = given {
                return Err(cli::usage(format!(
                    "{option}: the rows of {mode} mode are never all there to be sorted or cut: use --mode complete"
                )));
            }
        }
        let wrong = |option: &'static str| {
            move |error: SyntaxError| cli::usage(format!("{option}: {error}"))
        };
        let keys = match &arguments.by {
            Some(by) => parse_keys(by).map_err(wrong("--by"))?,
            None => Vec::new(),
        };
        let (aggregates, outputs) = parse_outputs(&arguments.agg, &keys).map_err(wrong("--agg"))?;
        let mut names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        for output in &outputs {
            if names.contains(&output.name.as_str()) {
                return Err(cli::usage(format!(
                    "--agg: two columns are called `{}`: name one of them otherwise, as in `… as {}_2`",
                    output.name, output.name
                )));
            }
            names.push(&output.name);
        }
        let order_text = arguments.order_by.clone().unwrap_or_default();
        let order = if order_text.is_empty() {
            Vec::new()
        } else {
            parse_order(&order_text).map_err(wrong("--order-by"))?
        };
        Ok(Query {
            keys,
            aggregates,
            outputs,
            order,
            order_text,
            limit: arguments.limit,
            mode,
        })
    }

    /// The columns of the output, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys
            .iter()
            .map(|key| key.name.as_str())
            .chain(self.outputs.iter().map(|output| output.name.as_str()))
    }
}

fn parse_keys(by: &str) -> Result<Vec<Key>, SyntaxError> {
    let mut keys: Vec<Key> = Vec::new();
    for item in parse_list(by)? {
        let key = parse_key(item)?;
        let timed = |key: &Key| !matches!(key.form, Form::Value);
        if timed(&key) && keys.iter().any(timed) {
            let message =
                "a row can be grouped by one window: put the other into an st-agg of its own";
            return Err(SyntaxError::at(by, key.expr.span, message));
        }
        if keys.iter().any(|other| other.name == key.name) {
            let message = format!(
                "two keys are called `{}`: name one of them otherwise: `… as name`",
                key.name
            );
            return Err(SyntaxError::at(by, key.expr.span, message));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse_key(item: Item) -> Result<Key, SyntaxError> {
    let at = |span: Span, message: String| SyntaxError::at(&item.text, span, message);
    let (name, source) = (item.name(), item.source().to_string());
    if name == "$st" {
        return Err(at(
            item.expr.span,
            "no column may be called `$st`".to_string(),
        ));
    }
    let mut expr = item.expr.clone();
    let mut form = Form::Value;
    if let Some(call) = item.expr.call() {
        let usage = |wanted: &str| {
            at(
                call.name_span,
                format!("{} is called so: {wanted}", call.name),
            )
        };
        match call.name.as_str() {
            "window" => {
                let (time, sizes) = match call.args.as_slice() {
                    [time, sizes @ ..] if (1..=3).contains(&sizes.len()) => (time, sizes),
                    _ => return Err(usage("window(time, size[, slide[, offset]])")),
                };
                let sizes = sizes
                    .iter()
                    .map(|size| fixed(size, &item.text))
                    .collect::<Result<Vec<_>, _>>()?;
                let size = sizes[0];
                let slide = sizes.get(1).copied().unwrap_or(size);
                let windows = Windows {
                    size,
                    slide,
                    offset: sizes.get(2).copied().unwrap_or(0),
                };
                if let Err(message) = check(windows) {
                    return Err(at(call.name_span, message));
                }
                form = Form::Window(windows);
                expr = time.clone();
            }
            "session_window" => {
                let [time, gap] = call.args.as_slice() else {
                    return Err(usage("session_window(time, gap)"));
                };
                let mut gap = gap.clone();
                if gap.text().is_some() || matches!(gap.node, Node::Literal(Value::Interval(_), _))
                {
                    let micros = fixed(&gap, &item.text)?;
                    if micros <= 0 {
                        return Err(at(
                            gap.span,
                            "a session's gap must be longer than nothing".to_string(),
                        ));
                    }
                    gap.node = Node::Literal(
                        Value::Interval(Interval {
                            micros,
                            ..Default::default()
                        }),
                        Type::Interval,
                    );
                }
                form = Form::Session(gap);
                expr = time.clone();
            }
            name if aggregates::find(name).is_some() => {
                let message = format!(
                    "{name} is an aggregate: rows are grouped by what they hold; put it into --agg"
                );
                return Err(at(call.name_span, message));
            }
            _ => {}
        }
    }
    let column = match (expr.column(), expr.call()) {
        (Some(column), _) => Some(Time::Column(column.to_string())),
        (None, Some(call)) if call.name == "window_time" => call
            .args
            .first()
            .and_then(Ast::column)
            .map(|column| Time::Last(column.to_string())),
        _ => None,
    };
    window_times(&mut expr);
    Ok(Key {
        name,
        form,
        expr,
        column,
        source,
        text: item.text,
    })
}

/// A duration of fixed length that is written as a constant.
fn fixed(ast: &Ast, text: &str) -> Result<i64, SyntaxError> {
    let duration = match &ast.node {
        Node::Literal(Value::String(written), _) => written
            .parse::<Duration>()
            .map_err(|error| SyntaxError::at(text, ast.span, error.to_string()))?,
        Node::Literal(Value::Interval(interval), _) => Duration::from(*interval),
        _ => {
            return Err(SyntaxError::at(
                text,
                ast.span,
                "wants a duration, such as '5 minutes'",
            ));
        }
    };
    duration
        .as_micros()
        .ok_or_else(|| SyntaxError::at(text, ast.span, "months differ in length: give days"))
}

/// Spark's conditions (`TimeWindow.checkInputDataTypes`).
fn check(windows: Windows) -> Result<(), String> {
    let Windows {
        size,
        slide,
        offset,
    } = windows;
    let shown = Duration::from_micros;
    if size <= 0 || slide <= 0 {
        Err("the size and the slide of a window must be longer than nothing".to_string())
    } else if slide > size {
        Err(format!(
            "the slide ({}) must not be longer than the window ({})",
            shown(slide),
            shown(size)
        ))
    } else if offset.abs() >= slide {
        Err(format!(
            "the offset ({}) must be shorter than the slide ({})",
            shown(offset),
            shown(slide)
        ))
    } else {
        Ok(())
    }
}

/// Replaces `window_time(w)` by what it means: the last microsecond of the window.
fn window_times(ast: &mut Ast) {
    ast.parts_mut().into_iter().for_each(window_times);
    let span = ast.span;
    if let Node::Call(call) = &ast.node
        && call.name == "window_time"
        && let [window] = call.args.as_slice()
    {
        ast.node = last_moment(window, span);
    }
}

/// `cast(window.end as timestamp) - interval 1 microsecond`
pub fn last_moment(window: &Ast, span: Span) -> Node {
    let part = |node| Box::new(Ast { node, span });
    let end = part(Node::Field(Box::new(window.clone()), "end".to_string()));
    let end = part(Node::Cast {
        value: end,
        kind: Type::Timestamp,
        quiet: false,
    });
    let micro = Value::Interval(Interval {
        micros: 1,
        ..Default::default()
    });
    Node::Binary(
        Binary::Subtract,
        end,
        part(Node::Literal(micro, Type::Interval)),
    )
}

fn parse_outputs(agg: &str, keys: &[Key]) -> Result<(Vec<Aggregate>, Vec<Output>), SyntaxError> {
    let mut cut = Cut {
        aggregates: Vec::new(),
        keys,
        text: agg,
    };
    let mut outputs = Vec::new();
    for item in parse_list(agg)? {
        let name = item.name();
        if name == "$st" {
            return Err(SyntaxError::at(
                agg,
                item.expr.span,
                "no column may be called `$st`",
            ));
        }
        let mut expr = item.expr;
        window_times(&mut expr);
        cut.expr(&mut expr, &mut Vec::new(), None)?;
        outputs.push(Output {
            name,
            expr,
            text: item.text,
        });
    }
    Ok((cut.aggregates, outputs))
}

/// Cuts aggregate calls out of expressions.
struct Cut<'q> {
    aggregates: Vec<Aggregate>,
    keys: &'q [Key],
    text: &'q str,
}

impl Cut<'_> {
    fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// `variables` are the parameters of the lambdas around this, `within` is the innermost call around it.
    fn expr(
        &mut self,
        ast: &mut Ast,
        variables: &mut Vec<String>,
        within: Option<&Call>,
    ) -> Result<(), SyntaxError> {
        let span = ast.span;
        if let Some(key) = self.keys.iter().find(|key| key.source == self.source(span)) {
            ast.node = Node::Column(key.name.clone());
            return Ok(());
        }
        match &mut ast.node {
            Node::Call(call) if aggregates::find(&call.name).is_some() => {
                let column = slot(self.aggregate(call, span)?);
                ast.node = Node::Column(column);
                Ok(())
            }
            Node::Column(name) => {
                if variables.contains(name) || self.keys.iter().any(|key| key.name == *name) {
                    return Ok(());
                }
                Err(self.stray(name, span, within))
            }
            Node::Lambda { params, body } => {
                let outer = variables.len();
                variables.extend(params.iter().cloned());
                self.expr(body, variables, within)?;
                variables.truncate(outer);
                Ok(())
            }
            _ => {
                let call = ast.call().cloned();
                let within = call.as_ref().or(within);
                ast.parts_mut()
                    .into_iter()
                    .try_for_each(|part| self.expr(part, variables, within))
            }
        }
    }

    /// The number of an aggregate call; the same call has one number.
    fn aggregate(&mut self, call: &Call, span: Span) -> Result<usize, SyntaxError> {
        let source = self.source(span).to_string();
        if let Some(known) = self
            .aggregates
            .iter()
            .position(|aggregate| aggregate.source == source)
        {
            return Ok(known);
        }
        let at = |span, message: String| Err(SyntaxError::at(self.text, span, message));
        if let Some(inner) = call
            .args
            .iter()
            .chain(call.filter.as_deref())
            .find_map(inner_aggregate)
        {
            return at(inner, "an aggregate within an aggregate: give the inner one an st-agg --mode append of its own".to_string());
        }
        if call.distinct {
            let args: Vec<&str> = call.args.iter().map(|arg| self.source(arg.span)).collect();
            let args = args.join(", ");
            let mend = match call.name.as_str() {
                "count" => format!(
                    "approx_count_distinct({args}), or exactly, keeping every value, size(collect_set({args}))"
                ),
                "collect_list" => format!("collect_set({args})"),
                name => format!(
                    "collect_set({args}), or {name} in a second st-agg behind one that groups by {args}"
                ),
            };
            return at(
                call.name_span,
                format!("a stream has no distinct aggregates: use {mend}"),
            );
        }
        self.aggregates.push(Aggregate {
            call: call.clone(),
            source,
            text: self.text.to_string(),
        });
        Ok(self.aggregates.len() - 1)
    }

    fn stray(&self, column: &str, span: Span, within: Option<&Call>) -> SyntaxError {
        if let Some(call) = within
            && !functions::all().any(|function| function.names.contains(&call.name.as_str()))
            && let Some(near) = suggest(
                &call.name,
                aggregates::all().flat_map(|function| function.names.iter().copied()),
            )
        {
            return SyntaxError::at(
                self.text,
                call.name_span,
                format!("no aggregate {}: did you mean {near}?", call.name),
            );
        }
        let message = format!(
            "column `{column}` is neither in --by nor within an aggregate: any_value({column}) takes one of the group's values"
        );
        SyntaxError::at(self.text, span, message)
    }
}

fn inner_aggregate(ast: &Ast) -> Option<Span> {
    match ast.call() {
        Some(call) if aggregates::find(&call.name).is_some() => Some(call.name_span),
        _ => ast.parts().into_iter().find_map(inner_aggregate),
    }
}
