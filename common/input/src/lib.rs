//! Foreign bytes become rows: records are found in blocks, checked once, and handed on as lines of JSON.
//!
//! Every source that reads something other than our own wire comes through here, so that what a bad row is, how long a line
//! may be and where a batch can be cut are the same for a file, standard input and a socket. A [`Decoder`] takes a block and
//! says how much of it it has used; what is left is given again with more behind it. Offsets are always those of records,
//! so a range of a file can be decoded again to the same bytes.

mod advice;
mod blocks;
mod conform;
mod csv;
mod decoder;
mod documents;
mod format;
mod json;
mod lines;
mod logs;
mod malformed;
mod rows;
mod spooled;
mod text;
mod times;

pub use advice::Advice;
pub use blocks::Blocks;
pub use csv::{Dialect, Escape};
pub use decoder::{Decoder, Place};
pub use format::{Format, LINE_LIMIT, Reading};
pub use malformed::{Malformed, Mode};
pub use rows::{Direct, Room, Rows};
pub use spooled::{RowSpool, Spooled};
pub use times::Times;

#[cfg(test)]
mod testing;
