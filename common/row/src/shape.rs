//! What the rows of a stream have in common: their keys and all that stands between their values.
//!
//! Rows that one program wrote differ in their values only. So the bytes between the values of the last row are compared with those of
//! the next, and where they are the same, so are its keys, and which of them are wanted need not be found out again.

use crate::fields::Span;
use crate::scan::{Prefix, Stops, string_end, value_end};

/// What stands before one value.
#[derive(Debug, Clone, Copy)]
struct Part {
    bytes: Prefix,
    /// Where it ends in the shape's bytes; it begins where the one before ends.
    end: usize,
    /// Where in it the key begins.
    key: usize,
    /// Which field the key names, if it is a wanted one.
    field: Option<u32>,
}

/// The bytes between the values of one row; [`crate::Fields`] keeps it from row to row.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    /// Where the last row's last value that was noted ended.
    value_end: usize,
    /// It has a wanted field twice.
    repeated: bool,
    /// The set of wanted fields it was noted for.
    of: u64,
    /// Rows of other shapes since the last of this one.
    others: u32,
}

impl Shape {
    /// Calls `hit` for each wanted field of a row of this shape, and says whether one comes twice. `None` if the row has another
    /// shape; then `hit` may have been called.
    #[inline]
    pub(crate) fn locate(
        &mut self,
        fields: u64,
        row: &[u8],
        mut hit: impl FnMut(usize, Span),
    ) -> Option<bool> {
        if self.of != fields || self.parts.is_empty() {
            return self.missed();
        }
        let mut stops = Stops::new(row);
        let (mut at, mut from) = (0, 0);
        for part in &self.parts {
            if !part.bytes.stands(row, at, &self.bytes[from..part.end]) {
                return self.missed();
            }
            let start = at + (part.end - from);
            let end = match (row.get(start), &mut stops) {
                (Some(b'"'), Some(stops)) => match stops.next(start + 1) {
                    at if row.get(at) == Some(&b'"') => Ok(at + 1),
                    at => string_end(row, at).map(|(at, _)| at + 1),
                },
                _ => value_end(row, start),
            };
            let Ok(end) = end else {
                return self.missed();
            };
            if let Some(field) = part.field {
                let key = at + part.key;
                hit(field as usize, Span { key, start, end });
            }
            (at, from) = (end, part.end);
        }
        if row.get(at..) != Some(b"}") {
            return self.missed();
        }
        self.others = 0;
        Some(self.repeated)
    }

    #[cold]
    fn missed(&mut self) -> Option<bool> {
        self.others = self.others.saturating_add(1);
        None
    }

    /// Begins to note the shape of another row. False if that is not worth it: rows have all kinds of shapes.
    pub(crate) fn begin(&mut self, fields: u64) -> bool {
        let notes = self.of != fields || self.others.is_power_of_two();
        if notes {
            self.bytes.clear();
            self.parts.clear();
            self.value_end = 0;
            self.repeated = false;
            self.of = fields;
        }
        notes
    }

    /// Notes the next value of the row.
    pub(crate) fn note(&mut self, row: &[u8], span: Span, field: Option<usize>) {
        let Some(between) = row.get(self.value_end..span.start) else {
            return;
        };
        let key = span.key - self.value_end;
        let field = field.and_then(|field| u32::try_from(field).ok());
        let before = |part: &Part| field.is_some() && part.field == field;
        self.repeated |= self.parts.iter().any(before);
        self.bytes.extend_from_slice(between);
        self.parts.push(Part {
            bytes: Prefix::of(between),
            end: self.bytes.len(),
            key,
            field,
        });
        self.value_end = span.end;
    }

    /// Forgets what was noted.
    pub(crate) fn forget(&mut self) {
        self.parts.clear();
    }
}
