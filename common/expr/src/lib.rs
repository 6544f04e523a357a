//! Spark SQL expressions over JSON rows: parse, type, evaluate.
//!
//! A tool parses its options once ([`parse_list`], [`parse_assignments`], …), compiles them against one [`Columns`], then for
//! each row finds the fields that all of them need in one scan, and evaluates.
//!
//! ```
//! use st_expr::{Columns, Compiler, Env, Schema, Slots, parse_assignments, parse_expr};
//! use st_time::Zone;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schema = Schema::parse("ts TIMESTAMP, price DECIMAL(10,2)")?;
//! let mut compiler = Compiler::new(Columns::new(schema), Zone::UTC);
//! let text = "kind = 'purchase' and ts >= '2025-01-01'";
//! let keep = compiler.condition(&parse_expr(text)?, text)?;
//! let mut set = Vec::new();
//! for item in parse_assignments("total = price * qty, half = total / 2")? {
//!     let expr = compiler.compile(&item.expr, &item.text)?;
//!     // What follows may use it: it is the next computed value.
//!     compiler.columns.bind(&item.name, expr.kind().clone());
//!     set.push((item.name, expr));
//! }
//!
//! let env = Env::new(Zone::UTC);
//! let mut spans = st_row::Spans::default();
//! let row = br#"{"kind": "purchase", "ts": "2025-01-15T10:30:00Z", "price": 1.25, "qty": 3}"#;
//! compiler.columns.fields().locate(row, &mut spans)?;
//! let mut values = Vec::new();
//! assert!(keep.test(&env, &Slots::new(row, &spans, &values)));
//! for (_, expr) in &set {
//!     let value = expr.eval(&env, &Slots::new(row, &spans, &values));
//!     values.push(value);
//! }
//! let mut out = Vec::new();
//! values.iter().for_each(|value| st_expr::write_json(&mut out, value, Zone::UTC));
//! assert_eq!(out, b"3.751.875000");
//! # Ok(()) }
//! ```

pub mod ast;
pub mod cast;
pub mod coercion;
mod columns;
pub mod compare;
pub mod compile;
pub mod decimal;
pub mod error;
mod eval;
mod event_time;
pub mod function;
pub mod functions;
pub mod json;
mod naming;
pub mod number;
pub mod parse;
pub mod regex;
mod row_key;
mod schema;
pub mod suggest;
pub mod text;
mod tidy;
pub mod types;
pub mod value;
mod wide;

pub use ast::{Assignment, Ast, Item, Node, Order};
pub use columns::{Columns, Place, Slots};
pub use compile::{Compiled, Compiler, Cut, Generator};
pub use error::{Span, SyntaxError};
pub use event_time::{event_time, window_end};
pub use function::{Env, Failure, Failures};
pub use json::{read_json, write_json};
pub use parse::{parse_assignments, parse_expr, parse_list, parse_names, parse_order};
pub use row_key::KeyColumn;
pub use schema::Schema;
pub use suggest::suggest;
pub use text::write_text;
pub use tidy::tidy;
pub use types::{Field, Type};
pub use value::{Decimal, Interval, Value};
