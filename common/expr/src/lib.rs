//! Spark SQL expressions over JSON rows: parse, type, evaluate.

pub mod function;
pub mod functions;
pub mod types;
pub mod value;

pub use types::{Field, Type};
pub use value::{Decimal, Interval, Value};
