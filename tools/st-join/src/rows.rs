//! A row whose fields were located, and a pair of rows of which one may be missing.

use st_row::Spans;

/// A row and where its fields stand.
#[derive(Clone, Copy)]
pub struct RowAt<'r> {
    pub bytes: &'r [u8],
    pub spans: &'r Spans,
    /// Which columns it has, where that has to be told.
    pub shape: u32,
}

/// A row of each side, as far as there is one.
pub type Pair<'r> = [Option<RowAt<'r>>; 2];

/// What stands between the braces of a row.
pub fn inside(row: &[u8]) -> &[u8] {
    let row = st_row::trim(row);
    match row {
        [b'{', inside @ .., b'}'] => st_row::trim(inside),
        _ => row,
    }
}
