//! Spark SQL expressions over JSON rows: parse, type, evaluate.

pub mod ast;
pub mod cast;
pub mod coercion;
mod columns;
pub mod compare;
pub mod compile;
pub mod decimal;
pub mod error;
mod eval;
pub mod function;
pub mod functions;
pub mod json;
mod naming;
pub mod number;
pub mod parse;
pub mod regex;
mod schema;
pub mod suggest;
pub mod text;
pub mod types;
pub mod value;
mod wide;

pub use ast::{Assignment, Ast, Item, Node, Order};
pub use columns::{Columns, Place, Slots};
pub use compile::{Compiled, Compiler, Generator};
pub use error::{Span, SyntaxError};
pub use function::{Env, Failure, Failures};
pub use json::{read_json, write_json};
pub use parse::{parse_assignments, parse_expr, parse_list, parse_names, parse_order};
pub use schema::Schema;
pub use suggest::suggest;
pub use text::write_text;
pub use types::{Field, Type};
pub use value::{Decimal, Interval, Value};
