//! A row as bytes: one line, one JSON object, UTF-8, no newline.
//!
//! Every stage keeps rows as the bytes they came in: it checks them once ([`validate`]), finds the few fields it needs by
//! one scan ([`Fields`]), and cuts and pastes what it changes ([`Splice`]). What a stage does not touch keeps its bytes,
//! integers of any size stay exact, and no row is parsed into a tree and printed again.

mod bad;
mod fields;
mod form;
mod gate;
mod kind;
mod members;
mod memory;
mod number;
mod path;
mod places;
mod scan;
mod shape;
mod small;
mod splice;
mod stretch;
mod text;
mod validate;
mod within;

pub use bad::BadRow;
pub use fields::{Fields, Span, Spans};
pub use form::{Forms, Near, shared};
pub use gate::Gate;
pub use kind::Kind;
pub use members::{Elements, Members, elements_of, fields_of};
pub use memory::{huge_pages, prefetch};
pub use number::{Short, parse_f64, parse_i64, short_number, write_f64, write_i64};
pub use path::{Step, path};
pub use places::Places;
pub use shape::Shape;
pub use small::Small;
pub use splice::{Edit, Splice, append_member};
pub use text::{plain_text, unescape, write_string};
pub use validate::{MAX_DEPTH, trim, validate};
pub use within::place_in;
