//! The key of a row: the values of its key columns, encoded one behind the other.

use st_expr::{Env, Slots, Value};

use crate::encode;
use crate::plan::KeyColumn;

/// Appends the encoded key of a row; the window is not part of it.
#[inline]
pub fn encode_row(columns: &[KeyColumn], env: &Env, slots: &Slots<'_, '_>, out: &mut Vec<u8>) {
    for column in columns {
        let Some(expr) = &column.expr else { continue };
        // A column of plain text, the common case, is taken as it stands.
        if let Some(text) = expr.text(slots) {
            encode::clean_text(out, text);
            continue;
        }
        encode::encode(out, &expr.eval(env, slots));
    }
}

/// Reads the values of an encoded key back, in the order of their columns; the window's is not among them.
pub fn decode<'k>(columns: &'k [KeyColumn], mut key: &'k [u8]) -> impl Iterator<Item = Value<'k>> {
    let valued = columns.iter().filter(|column| column.expr.is_some());
    valued.map(move |column| {
        encode::restore(
            encode::decode(&mut key).unwrap_or(Value::Null),
            &column.kind,
        )
    })
}
