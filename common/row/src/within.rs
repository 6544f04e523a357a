//! Where a slice stands in the bytes that it is a part of.

use std::ops::Range;

/// The place of `part` in `whole` ([`slice::as_ptr_range`]); none if it stands elsewhere.
#[inline]
pub fn place_in(part: &[u8], whole: &Range<*const u8>) -> Option<usize> {
    let part = part.as_ptr_range();
    (whole.start <= part.start && part.end <= whole.end)
        .then(|| part.start.addr() - whole.start.addr())
}
