//! Why a line is not a row: one short reason, fit for a rejects file.

use std::fmt;

/// The reason a line was refused. `at` counts bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRow {
    /// Bytes that are no UTF-8.
    NotUtf8 {
        /// The first such byte.
        at: usize,
    },
    /// JSON, but no object.
    NotObject,
    /// No JSON.
    NotJson {
        /// Where the text stops being JSON.
        at: usize,
        /// What was expected or found there.
        what: &'static str,
    },
    /// A top-level key that decodes to `$st`, the name of the markers.
    Reserved,
    /// Objects and arrays nested deeper than [`crate::MAX_DEPTH`].
    TooDeep,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadRow::NotUtf8 { at } => write!(f, "not UTF-8 at byte {at}"),
            BadRow::NotObject => f.write_str("not an object"),
            BadRow::NotJson { at, what } => write!(f, "not JSON at byte {at}: {what}"),
            BadRow::Reserved => f.write_str("has the reserved key $st"),
            BadRow::TooDeep => write!(f, "nested deeper than {}", crate::MAX_DEPTH),
        }
    }
}

impl std::error::Error for BadRow {}

/// Shorthand of the scanners.
pub(crate) fn not_json<T>(at: usize, what: &'static str) -> Result<T, BadRow> {
    Err(BadRow::NotJson { at, what })
}
