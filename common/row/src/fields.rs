//! The wanted fields of a row, found in one scan without allocation. The hot path of every stage.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bad::not_json;
use crate::scan::{skip_space, string_end, value_end};
use crate::shape::Shape;
use crate::text::key_is;
use crate::{BadRow, Kind};

/// How many sets there were; the empty default is the first.
static SETS: AtomicU64 = AtomicU64::new(1);

/// A compiled set of top-level names. Names are told apart by length first, then by bytes; a key written with escapes is
/// compared decoded. Of a key that occurs twice the last one counts, as in Spark.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    names: Vec<String>,
    /// Indices into `names`, by length of the name.
    by_length: Vec<u32>,
    /// `starts[n]..starts[n + 1]` are the entries of `by_length` whose names have n bytes.
    starts: Vec<u32>,
    /// Tells this set from others with other names.
    id: u64,
}

/// Where one member stands in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Position of the key's opening quote.
    pub key: usize,
    /// First byte of the value.
    pub start: usize,
    /// Position after the value.
    pub end: usize,
}

/// Where the wanted fields of one row stand; reused from row to row.
#[derive(Debug, Clone, Default)]
pub struct Spans {
    found: Found,
    shape: Shape,
}

/// Of each wanted field where it stands, if the row has it.
#[derive(Debug, Clone, Default)]
struct Found {
    spans: Vec<Option<Span>>,
    /// Some field was met twice.
    repeated: bool,
}

impl Found {
    #[inline]
    fn reset(&mut self, fields: usize) {
        self.repeated = false;
        self.spans.clear();
        self.spans.resize(fields, None);
    }

    #[inline(always)]
    fn hit(&mut self, index: usize, span: Span) {
        self.repeated |= self.spans[index].replace(span).is_some();
    }
}

impl Spans {
    /// Where field `index` stands, if the row has it.
    #[inline]
    pub fn span(&self, index: usize) -> Option<Span> {
        self.found.spans.get(index).copied().flatten()
    }

    /// The raw value of field `index` in `row`, the row these spans were located in.
    #[inline]
    pub fn get<'r>(&self, row: &'r [u8], index: usize) -> Option<&'r [u8]> {
        let span = self.span(index)?;
        row.get(span.start..span.end)
    }

    /// As [`Spans::get`], but a JSON null counts as absent.
    #[inline]
    pub fn present<'r>(&self, row: &'r [u8], index: usize) -> Option<&'r [u8]> {
        self.get(row, index)
            .filter(|raw| Kind::of(raw) != Some(Kind::Null))
    }

    /// True if the row has one of the wanted names more than once.
    pub fn repeated(&self) -> bool {
        self.found.repeated
    }
}

impl Fields {
    /// The set of `names`; a field's index is its place in this list. A name given twice is found under its first index.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fields {
        let names: Vec<String> = names
            .into_iter()
            .map(|name| name.as_ref().to_string())
            .collect();
        let longest = names.iter().map(String::len).max().unwrap_or(0);
        let mut by_length: Vec<u32> = (0..names.len() as u32).collect();
        by_length.sort_by_key(|&i| names[i as usize].len());
        let starts = (0..=longest + 1)
            .map(|n| {
                by_length
                    .iter()
                    .filter(|&&i| names[i as usize].len() < n)
                    .count() as u32
            })
            .collect();
        Fields {
            names,
            by_length,
            starts,
            id: SETS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The index of `name`, added at the end if it is not there yet.
    pub fn add(&mut self, name: &str) -> usize {
        if let Some(index) = self.position(name) {
            return index;
        }
        let names = std::mem::take(&mut self.names);
        *self = Fields::new(names.iter().map(String::as_str).chain([name]));
        self.names.len() - 1
    }

    /// The names, in the order given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True if no name is wanted.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The index of `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// Index of the field a key (raw, without quotes) names.
    #[inline(always)]
    pub(crate) fn lookup(&self, key: &[u8], escaped: bool) -> Option<usize> {
        if escaped {
            return self
                .names
                .iter()
                .position(|name| key_is(key, name.as_bytes()));
        }
        let from = *self.starts.get(key.len())? as usize;
        let to = *self.starts.get(key.len() + 1)? as usize;
        for &index in &self.by_length[from..to] {
            if self.names[index as usize].as_bytes() == key {
                return Some(index as usize);
            }
        }
        None
    }

    /// Finds where the wanted fields stand in `row`. The row is taken to be validated; on other bytes this returns an error
    /// or odd spans, but never panics. After an error the spans are those found so far.
    pub fn locate(&self, row: &[u8], spans: &mut Spans) -> Result<(), BadRow> {
        self.locate_into(row, &mut spans.found, &mut spans.shape)
    }

    /// As [`Fields::locate`], for rows of which several are looked at before the first one's spans are done with: `shape` is
    /// what they all have in common.
    #[inline]
    pub fn locate_like(
        &self,
        row: &[u8],
        spans: &mut Spans,
        shape: &mut Shape,
    ) -> Result<(), BadRow> {
        self.locate_into(row, &mut spans.found, shape)
    }

    #[inline]
    fn locate_into(&self, row: &[u8], found: &mut Found, shape: &mut Shape) -> Result<(), BadRow> {
        found.reset(self.names.len());
        let Found { spans, repeated } = found;
        if let Some(again) = shape.locate(self.id, row, |index, span| spans[index] = Some(span)) {
            *repeated = again;
            return Ok(());
        }
        self.locate_new(row, found, shape)
    }

    /// The same for a row of another shape than the last one.
    fn locate_new(&self, row: &[u8], found: &mut Found, shape: &mut Shape) -> Result<(), BadRow> {
        found.reset(self.names.len());
        let notes = shape.begin(self.id);
        let scanned = self.scan(row, |index, span| {
            if notes {
                shape.note(row, span, index);
            }
            if let Some(index) = index {
                found.hit(index, span);
            }
        });
        if scanned.is_err() {
            shape.forget();
        }
        scanned
    }

    /// Finds the raw values of the wanted fields in `row`: `values[i]` is the text of field i as it stands, `None` if
    /// absent. As [`Fields::locate`], for callers that need slices rather than places.
    pub fn find<'r>(
        &self,
        row: &'r [u8],
        values: &mut Vec<Option<&'r [u8]>>,
    ) -> Result<(), BadRow> {
        values.clear();
        values.resize(self.names.len(), None);
        self.scan(row, |index, span| {
            if let Some(index) = index {
                values[index] = row.get(span.start..span.end)
            }
        })
    }

    /// Calls `hit` for each member, with the index of its name if that is a wanted one.
    #[inline(always)]
    pub(crate) fn scan(
        &self,
        row: &[u8],
        mut hit: impl FnMut(Option<usize>, Span),
    ) -> Result<(), BadRow> {
        let mut at = skip_space(row, 0);
        if row.get(at) != Some(&b'{') {
            return Err(BadRow::NotObject);
        }
        at = skip_space(row, at + 1);
        if row.get(at) != Some(&b'}') {
            loop {
                let key = at;
                if row.get(at) != Some(&b'"') {
                    return not_json(at, "expected a key");
                }
                let (close, escaped) = string_end(row, at + 1)?;
                at = skip_space(row, close + 1);
                if row.get(at) != Some(&b':') {
                    return not_json(at, "expected ':'");
                }
                let start = skip_space(row, at + 1);
                let end = value_end(row, start)?;
                let index = self.lookup(&row[key + 1..close], escaped);
                hit(index, Span { key, start, end });
                at = skip_space(row, end);
                match row.get(at) {
                    Some(b',') => at = skip_space(row, at + 1),
                    Some(b'}') => break,
                    _ => return not_json(at, "expected ',' or '}'"),
                }
            }
        }
        match skip_space(row, at + 1) {
            end if end == row.len() => Ok(()),
            more => not_json(more, "text after the object"),
        }
    }
}
