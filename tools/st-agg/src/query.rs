//! What the user asked for: the lists of `--by`, `--agg` and `--order-by`, taken apart before a row is seen.
//!
//! Aggregate calls are cut out of the output expressions and numbered; what is left of each expression reads their results
//! and the keys by name.

use anyhow::Result;
use st_expr::ast::Call;
use st_expr::{Ast, Order, SyntaxError, parse_order};
use st_stream::{Mode, cli};

use crate::args::Arguments;
use crate::by::parse_keys;
use crate::event_time::Windows;
use crate::outputs::parse_outputs;

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
    /// The expression as written, in normal form.
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
    /// As written, in normal form.
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
