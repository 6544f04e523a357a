//! Java's regular expressions, which Spark's functions take.
//!
//! A pattern is translated to the syntax of the `regex` crate, which matches in linear time; what that crate leaves out
//! (look-around, back-references, possessive quantifiers) goes to `fancy-regex`, which backtracks. The two flavours differ in
//! small things that decide results: `\d` and `\w` are ASCII in Java, `.` stops at five line terminators, `$` also stands
//! before a last one. The translation writes these out, so no flag of Java's remains in it.

mod class;
mod engine;
mod replacement;
mod translate;

pub use engine::{Groups, Pattern};
pub use replacement::Replacement;
