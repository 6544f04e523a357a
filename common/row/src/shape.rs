//! What the rows of a stream have in common: their keys and all that stands between their values.
//!
//! Rows that one program wrote differ in their values only. So the bytes between the values of the last row are compared with those of
//! the next, and where they are the same, so are its keys, and which of them are wanted need not be found out again.

use crate::fields::Span;
use crate::scan::{Prefix, delimiters, value_end};
use crate::stretch::{Count, Length, Stretch};

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
    length: Length,
}

/// Several values of unchanging length, what stands between them, and one of another length.
#[derive(Debug, Clone, Default)]
struct Leg {
    stretch: Stretch,
    /// The wanted fields in the stretch, and where they stand in it.
    within: Vec<(u32, Span)>,
    /// The field behind it, if it is wanted, and how far before the value its key begins.
    behind: Option<(u32, usize)>,
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
    /// The same by stretches, if enough rows came to know them; behind the last is the end.
    legs: Vec<Leg>,
    slow: Count,
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
        if self.by_stretches(row, &mut hit).is_none() && self.by_values(row, hit).is_none() {
            return self.missed();
        }
        self.others = 0;
        Some(self.repeated)
    }

    #[inline]
    fn by_stretches(&self, row: &[u8], mut hit: impl FnMut(usize, Span)) -> Option<()> {
        let (last, legs) = self.legs.split_last()?;
        let mut at = 0;
        for leg in legs {
            let start = leg.stands(row, at, &mut hit)?;
            let end = value_end(row, start).ok()?;
            if let Some((field, before)) = leg.behind {
                let key = start - before;
                hit(field as usize, Span { key, start, end });
            }
            at = end;
        }
        (last.stands(row, at, hit)? == row.len()).then_some(())
    }

    #[inline(never)]
    fn by_values(&mut self, row: &[u8], mut hit: impl FnMut(usize, Span)) -> Option<()> {
        let (mut at, mut from) = (0, 0);
        for part in &mut self.parts {
            if !part.bytes.stands(row, at, &self.bytes[from..part.end]) {
                return None;
            }
            let start = at + (part.end - from);
            let end = value_end(row, start).ok()?;
            part.length.note(row.get(start..end)?);
            if let Some(field) = part.field {
                let key = at + part.key;
                hit(field as usize, Span { key, start, end });
            }
            (at, from) = (end, part.end);
        }
        if row.get(at..) != Some(b"}") {
            return None;
        }
        if self.slow.enough() {
            self.stretch();
        }
        Some(())
    }

    #[cold]
    fn stretch(&mut self) {
        self.legs.clear();
        let (mut leg, mut from) = (Leg::default(), 0);
        for part in &self.parts {
            let key = leg.stretch.length() + part.key;
            leg.stretch.text(&self.bytes[from..part.end]);
            let start = leg.stretch.length();
            if leg.stretch.string(part.length) {
                let end = leg.stretch.length();
                let field = part.field.map(|field| (field, Span { key, start, end }));
                leg.within.extend(field);
            } else {
                leg.behind = part.field.map(|field| (field, start - key));
                self.legs.push(std::mem::take(&mut leg));
            }
            from = part.end;
        }
        leg.stretch.text(b"}");
        self.legs.push(leg);
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
            self.forget();
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
            length: Length::default(),
        });
        self.value_end = span.end;
    }

    /// Forgets what was noted.
    pub(crate) fn forget(&mut self) {
        self.parts.clear();
        self.legs.clear();
    }
}

impl Leg {
    /// The position after the stretch, if it stands at `at`; then `hit` is told of what is wanted in it.
    #[inline(always)]
    fn stands(&self, row: &[u8], at: usize, mut hit: impl FnMut(usize, Span)) -> Option<usize> {
        let end = self.stretch.stands(row, at, delimiters)?;
        for (field, span) in &self.within {
            let [key, start, end] = [span.key, span.start, span.end].map(|offset| at + offset);
            hit(*field as usize, Span { key, start, end });
        }
        Some(end)
    }
}
